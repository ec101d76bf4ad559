"""Alerts on figures outside of their usual range: each rule by hand."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.streaming.anomalies import KpiAlert, evaluate
from clarion.streaming.baselines import AlertRules, Baseline, baseline_of

Floats = npt.NDArray[np.float64]
MINUTE = timedelta(minutes=1)
DAY = 24 * 60
WEEK = 7 * DAY
NOW = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
ONE_WINDOW = AlertRules(windows=(5,), open_at=4.0, open_for=1, close_at=2.0, close_for=3)


def _series(values: Floats, *, until: datetime = NOW, metric: str = "orders") -> pd.DataFrame:
    """Minutes that end with the one before `until`."""
    index = pd.date_range(end=until - MINUTE, periods=values.size, freq="1min")
    return pd.DataFrame({metric: values}, index=index)


def _baseline(
    minutes: pd.DataFrame,
    *,
    zone: str = "UTC",
    rules: AlertRules = ONE_WINDOW,
    now: datetime = NOW,
) -> Baseline:
    baseline = baseline_of(minutes, zone=zone, rules=rules, now=now)
    assert baseline is not None
    return baseline


def _alerts(
    values: list[float], *, per_minute: float = 5.0, rules: AlertRules = ONE_WINDOW
) -> list[KpiAlert]:
    """Alerts of the minutes from NOW on, after eight weeks with the same count in every minute."""
    history = np.full(8 * WEEK, per_minute)
    minutes = _series(np.append(history, values), until=NOW + len(values) * MINUTE)
    baseline = _baseline(minutes, rules=rules)
    last = NOW + (len(values) - 1) * MINUTE
    return evaluate(minutes, baseline, [], after=NOW - MINUTE, until=last)


def test_six_days_of_history_give_no_baseline_and_seven_give_one() -> None:
    rules = AlertRules()
    for minutes, is_enough in ((6 * DAY, False), (7 * DAY - 1, False), (7 * DAY, True)):
        found = baseline_of(_series(np.full(minutes, 3.0)), zone="UTC", rules=rules, now=NOW)
        assert (found is not None) == is_enough
    empty = _series(np.empty(0))
    assert baseline_of(empty, zone="UTC", rules=rules, now=NOW) is None


def test_three_weeks_are_compared_by_hour_of_the_day_and_four_by_hour_of_the_week() -> None:
    is_sunday = np.arange(4 * WEEK) % WEEK >= 6 * DAY
    values = np.where(is_sunday, 40.0, 8.0)
    three = _baseline(_series(values[WEEK:]))
    assert (three.kind, three.history_weeks, three.usual.shape) == ("hour_of_day", 3.0, (1, 1, 24))
    assert three.usual[0, 0, 12] == 5 * 8
    four = _baseline(_series(values))
    assert (four.kind, four.history_weeks, four.usual.shape) == ("hour_of_week", 4.0, (1, 1, 168))
    assert four.usual[0, 0, 12] == 5 * 8
    assert four.usual[0, 0, 6 * 24 + 12] == 5 * 40
    silent = np.append(values, np.append(np.full(10, 8.0), np.zeros(30)))
    minutes = _series(silent, until=NOW + 40 * MINUTE)
    (drop,) = evaluate(minutes, three, [], after=NOW + 9 * MINUTE, until=NOW + 39 * MINUTE)
    assert (drop.baseline, drop.history_weeks) == ("hour_of_day", 3.0)
    (weekly,) = evaluate(minutes, four, [], after=NOW + 9 * MINUTE, until=NOW + 39 * MINUTE)
    assert (weekly.baseline, weekly.history_weeks) == ("hour_of_week", 4.0)


def test_history_older_than_the_rules_allow_does_not_count() -> None:
    values = np.append(np.full(20 * WEEK, 99.0), np.full(8 * WEEK, 5.0))
    baseline = _baseline(_series(values))
    assert baseline.history_weeks == 8.0
    assert set(baseline.usual.ravel()) == {25.0}


def test_minutes_without_a_row_are_zeros() -> None:
    sparse = _series(np.full(8 * WEEK, 5.0)).iloc[::5]
    assert np.unique(_baseline(sparse).usual).tolist() == [5.0]


def test_the_local_hour_decides_on_both_sides_of_a_clock_change() -> None:
    """Berlin put its clocks forward on 29 March 2026; the shop is open from 9 to 10 local time."""
    now = datetime(2026, 4, 13, tzinfo=UTC)
    index = pd.date_range(end=now + timedelta(days=1), periods=9 * WEEK, freq="1min")
    local = index.tz_convert("Europe/Berlin")
    minutes = pd.DataFrame({"orders": np.where(local.hour == 9, 6.0, 0.0)}, index=index)
    until = now + timedelta(days=1) - MINUTE
    rules = AlertRules(windows=(5,))
    berlin = _baseline(minutes, zone="Europe/Berlin", rules=rules, now=now)
    assert berlin.usual[0, 0, 9] == 30.0
    assert berlin.usual[0, 0, [8, 10]].tolist() == [0.0, 0.0]
    assert evaluate(minutes, berlin, [], after=now, until=until) == []
    utc = _baseline(minutes, zone="UTC", rules=rules, now=now)
    assert [alert.direction for alert in evaluate(minutes, utc, [], after=now, until=until)]


def test_an_alert_says_what_it_saw() -> None:
    (alert,) = _alerts([5.0] * 10 + [0.0] * 20)
    # Of 25 the sums are 20, 15, 10, 5, 0. At 5: σ = 5·√(15/25), z = −20/σ = −5.16; at 10: −3.59.
    assert alert.opened_at == NOW + 13 * MINUTE
    assert (alert.direction, alert.value, alert.usual) == ("drop", 5.0, 25.0)
    assert alert.z == pytest.approx(-20 / (5 * np.sqrt(15 / 25)), abs=1e-6)
    assert alert.peak_z == pytest.approx(-np.sqrt(2 * 25), abs=1e-6)
    assert (alert.window_minutes, alert.closed_at) == (5, None)
    assert (alert.baseline, alert.history_weeks) == ("hour_of_week", 8.0)
    assert alert.alert_id == "orders/shop/2026-03-02T00:13:00+00:00"


def test_a_surge_is_compared_at_the_level_that_it_reached() -> None:
    # 25 → 65: σ = 5·√(65/25), z = 40/σ = 4.96; 25 → 57 has 32/7.55 = 4.24; 49 has 3.43.
    (alert,) = _alerts([5.0] * 5 + [13.0] * 8)
    assert alert.direction == "surge"
    assert (alert.value, alert.opened_at) == (57.0, NOW + 8 * MINUTE)
    assert alert.z == pytest.approx(32 / (5 * np.sqrt(57 / 25)), abs=1e-6)


def test_an_alert_opens_only_after_enough_minutes_in_a_row() -> None:
    patient = AlertRules(windows=(5,), open_at=4.0, open_for=3, close_at=2.0, close_for=3)
    (alert,) = _alerts([5.0] * 10 + [0.0] * 20, rules=patient)
    assert alert.opened_at == NOW + 15 * MINUTE
    assert _alerts([5.0] * 10 + [0.0] * 5 + [5.0] * 20, rules=patient)
    assert _alerts([5.0] * 10 + [0.0] * 4 + [5.0] * 20, rules=patient) == []


def test_an_alert_stays_open_between_the_two_thresholds_and_closes_after_a_while() -> None:
    # Sums of 16 deviate by 9/(5·√(20.5/25)) = 1.99 and 15 by 2.24: below 4 and not below 2.
    between = [0.0] * 6 + [3.0] * 60
    (alert,) = _alerts(between)
    assert alert.closed_at is None
    (closed,) = _alerts(between + [5.0] * 20)
    # The sums are 17 in the first minute of 5, so the third minute in a row closes it.
    assert closed.closed_at == NOW + (len(between) + 2) * MINUTE
    assert closed.opened_at == alert.opened_at
    (interrupted,) = _alerts(between + [5.0, 5.0, -6.0] + [3.0] * 30)
    assert interrupted.closed_at is None


def test_a_second_fault_opens_a_second_alert_and_the_end_of_the_first_does_not() -> None:
    rules = AlertRules(open_for=1, close_for=3)
    once = _alerts([0.0] * 40 + [5.0] * 200, rules=rules)
    assert len(once) == 1
    assert once[0].closed_at is not None
    twice = _alerts([0.0] * 40 + [5.0] * 200 + [0.0] * 20, rules=rules)
    assert [alert.opened_at > NOW + 200 * MINUTE for alert in twice] == [False, True]
    assert len({alert.alert_id for alert in twice}) == 2


def test_small_numbers_raise_no_alert() -> None:
    rules = AlertRules(windows=(5,), open_at=1.0, open_for=1, close_at=0.5, min_count=10.0)
    assert _alerts([0.0] * 30, per_minute=1.8, rules=rules) == []  # 9 are usual
    assert len(_alerts([0.0] * 30, per_minute=2.0, rules=rules)) == 1  # 10 are usual
    assert _alerts([1.8] * 30, per_minute=0.2, rules=rules) == []  # 9 instead of 1
    assert len(_alerts([2.0] * 30, per_minute=0.2, rules=rules)) == 1  # 10 instead of 1


def test_long_windows_see_what_short_ones_cannot_where_there_is_little_traffic() -> None:
    rules = AlertRules(open_for=1)
    high = _alerts([0.0] * 60, per_minute=50.0, rules=rules)
    low = _alerts([0.0] * 60, per_minute=1.0, rules=rules)
    assert [(alert.window_minutes, alert.opened_at - NOW < 5 * MINUTE) for alert in high] == [
        (5, True)
    ]
    assert [alert.window_minutes for alert in low] == [15]


def test_revenue_varies_with_the_orders_and_with_their_values() -> None:
    """Its unit is E[V²]/E[V], so that its variance in units is its mean."""
    rng = np.random.default_rng(5)
    orders = rng.poisson(2.0, 8 * WEEK)
    values = rng.lognormal(3.0, 0.8, orders.sum())
    revenue = np.bincount(np.repeat(np.arange(orders.size), orders), values, orders.size)
    minutes = _series(orders.astype(float))
    minutes["revenue"] = revenue
    baseline = _baseline(minutes, rules=AlertRules(windows=(15,)))
    assert baseline.units[0] == 1.0
    assert baseline.units[1] == pytest.approx((values**2).mean() / values.mean(), rel=0.02)
    sums = revenue.reshape(-1, 15).sum(axis=1)
    assert np.median(baseline.spread[1]) * baseline.units[1] == pytest.approx(sums.std(), rel=0.1)


def test_counts_that_vary_more_than_poisson_widen_the_usual_range() -> None:
    rng = np.random.default_rng(6)
    plain = _baseline(_series(rng.poisson(20.0, 8 * WEEK).astype(float)))
    bursts = rng.poisson(20.0 * rng.gamma(2.0, 0.5, 8 * WEEK)).astype(float)
    wide = _baseline(_series(bursts))
    assert plain.spread.min() >= np.sqrt(plain.usual.min())
    true = np.sqrt(5 * (20 + 400 / 2))
    assert 0.95 * true <= np.median(wide.spread) <= 1.15 * true


def test_rules_that_contradict_each_other_and_minutes_without_a_zone_are_refused() -> None:
    for wrong in ({"windows": (15, 5)}, {"windows": ()}, {"close_at": 9.0}, {"open_for": 0}):
        with pytest.raises(ValueError, match="windows|close_at|open_for"):
            AlertRules(**wrong)  # type: ignore[arg-type]
    naive = pd.DataFrame({"orders": [1.0]}, index=pd.DatetimeIndex(["2026-01-01"]))
    with pytest.raises(ValueError, match="time zone"):
        baseline_of(naive, zone="UTC", rules=AlertRules(), now=NOW)


def test_eight_weeks_of_five_metrics_and_a_day_are_computed_at_once() -> None:
    rng = np.random.default_rng(7)
    minutes = _series(rng.poisson(5.0, 9 * WEEK).astype(float), until=NOW + timedelta(days=7))
    for name in ("views", "visitors", "cart_adds", "payment_failures"):
        minutes[name] = rng.poisson(5.0, 9 * WEEK)
    began = time.process_time()
    baseline = _baseline(minutes, rules=AlertRules())
    took = time.process_time() - began
    assert took < 1.0
    part = minutes.iloc[8 * WEEK - 100 :]
    began = time.process_time()
    evaluate(part, baseline, [], after=NOW, until=NOW + timedelta(days=1))
    assert time.process_time() - began < 0.1


def _with_faults() -> tuple[pd.DataFrame, Baseline]:
    """Two days with five faults of both kinds, after eight weeks."""
    rng = np.random.default_rng(8)
    counts = rng.poisson(6.0, 8 * WEEK + 2 * DAY).astype(float)
    for start, length, factor in ((100, 30, 0.0), (160, 9, 3.0), (900, 80, 0.4), (1500, 25, 0.0),
                                  (1530, 200, 2.0)):  # fmt: skip
        counts[8 * WEEK + start : 8 * WEEK + start + length] *= factor
    minutes = _series(counts, until=NOW + timedelta(days=2))
    minutes["revenue"] = minutes["orders"] * 31.7
    return minutes, _baseline(minutes, rules=AlertRules())


WITH_FAULTS = _with_faults()


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 2 * DAY - 2), max_size=25))
def test_evaluation_in_pieces_gives_the_alerts_of_one_go(cuts: set[int]) -> None:
    minutes, baseline = WITH_FAULTS
    last = NOW + timedelta(days=2) - MINUTE
    whole = evaluate(minutes, baseline, [], after=NOW - MINUTE, until=last)
    assert len(whole) >= 8
    bounds = [NOW - MINUTE, *(NOW + cut * MINUTE for cut in sorted(cuts)), last]
    stored: dict[str, KpiAlert] = {}
    for after, until in pairwise(bounds):
        latest = {alert.metric: alert for alert in stored.values()}  # what the rule asks for
        since = minutes.loc[after - baseline.rules.reach : until]
        for alert in evaluate(since, baseline, list(latest.values()), after=after, until=until):
            stored[alert.alert_id] = alert
    assert sorted(stored.values(), key=lambda alert: alert.alert_id) == sorted(
        whole, key=lambda alert: alert.alert_id
    )


def test_evaluation_of_each_minute_alone_gives_the_alerts_of_one_go() -> None:
    """With little traffic the longest window decides, so that the series must reach far back."""
    rng = np.random.default_rng(9)
    size = 8 * WEEK + DAY
    counts = rng.poisson(0.7, size).astype(float)
    for start in range(8 * WEEK + 90, size - 110, 240):
        counts[start : start + 110] *= rng.choice([0.3, 2.3])
    minutes = _series(counts, until=NOW + timedelta(days=1))
    baseline = _baseline(minutes, rules=AlertRules(open_at=4.0))
    last = NOW + timedelta(days=1) - MINUTE
    whole = evaluate(minutes, baseline, [], after=NOW - MINUTE, until=last)
    assert sum(alert.window_minutes == 60 for alert in whole) >= 3
    stored: dict[str, KpiAlert] = {}
    for number in range(DAY):
        minute = NOW + number * MINUTE
        since = minutes.loc[minute - MINUTE - baseline.rules.reach : minute]
        latest = list(stored.values())[-1:]
        for alert in evaluate(since, baseline, latest, after=minute - MINUTE, until=minute):
            stored[alert.alert_id] = alert
    assert list(stored.values()) == whole
