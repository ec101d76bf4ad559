"""Alerts on simulated traffic: false alarms of quiet weeks, and how fast planted faults are found."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.streaming.anomalies import KpiAlert, evaluate
from clarion.streaming.baselines import AlertRules, baseline_of

Floats = npt.NDArray[np.float64]
MINUTE = timedelta(minutes=1)
DAY = 24 * 60
WEEK = 7 * DAY

# Simulated shops. A day has a trough at night and peaks at midday and in the evening, a week a busy
# weekend; days and half hours are better or worse than others, and counts vary more than Poisson.
METRICS = ("visitors", "views", "cart_adds", "orders", "revenue", "payment_failures")
ZONE = "Asia/Shanghai"
LEVELS = (2, 5, 10, 20, 50, 100, 200)  # events a minute
WEEKS = 12
HISTORY = 8
FAULTS = ("outage", "no_orders", "failing_payments")


@dataclass(frozen=True, slots=True)
class Fault:
    kind: str
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Shop:
    minutes: pd.DataFrame
    events: Floats  # expected per minute


def _expected_events(index: pd.DatetimeIndex, level: float, rng: np.random.Generator) -> Floats:
    local = index.tz_convert(ZONE)
    hour = np.asarray(local.hour) + np.asarray(local.minute) / 60
    of_day = (
        0.12
        + 0.9 * np.exp(-(((hour - 13) / 4.5) ** 2))
        + 1.1 * np.exp(-(((hour - 20.5) / 2.2) ** 2))
    )
    of_week = np.array([1, 0.97, 0.95, 1, 1.05, 1.25, 1.2])[np.asarray(local.dayofweek)]
    minute = np.arange(len(index))
    days = np.exp(rng.normal(0, 0.08, len(index) // DAY + 1))[minute // DAY]
    shocks = rng.normal(0, 0.1 * np.sqrt(1 - 0.7**2), len(index) // 30 + 2)
    mood = np.zeros(shocks.size)
    for place in range(1, shocks.size):
        mood[place] = 0.7 * mood[place - 1] + shocks[place]
    half_hours = np.exp(np.interp(minute, np.arange(mood.size) * 30, mood))
    growth = 1.01 ** (minute / WEEK)
    curve = of_day * of_week
    result: Floats = level * curve / curve.mean() * days * half_hours * growth
    return result


def _shop(level: float, *, seed: int, faults: tuple[Fault, ...] = ()) -> Shop:
    rng = np.random.default_rng(seed)
    size = WEEKS * WEEK
    start = pd.Timestamp("2026-01-05", tz=ZONE)
    index = pd.date_range(start, periods=size, freq="1min").tz_convert("UTC")
    expected = _expected_events(index, level, rng)
    factors = {kind: np.ones(size) for kind in FAULTS}
    for fault in faults:
        changed = 8.0 if fault.kind == "failing_payments" else 0.0
        factors[fault.kind][fault.start : fault.start + fault.length] = changed
    happening = expected * factors["outage"]

    def bursts(share: float, shape: float) -> npt.NDArray[np.int64]:
        return rng.poisson(share * happening * rng.gamma(shape, 1 / shape, size))

    orders = rng.poisson(0.03 * happening * factors["no_orders"])
    paid = rng.lognormal(np.log(40), 0.8, orders.sum())
    counts = {
        "visitors": bursts(0.3, 12.0),
        "views": bursts(0.7, 8.0),
        "cart_adds": bursts(0.1, 12.0),
        "orders": orders,
        "revenue": np.bincount(np.repeat(np.arange(size), orders), paid, size),
        "payment_failures": rng.poisson(0.003 * happening * factors["failing_payments"]),
    }
    return Shop(pd.DataFrame(counts, index=index), expected)


def _alerts_of(shop: Shop) -> list[KpiAlert]:
    """Alerts of the four weeks after the history; the baseline is renewed each week."""
    minutes = shop.minutes
    alerts: dict[str, KpiAlert] = {}
    for week in range(HISTORY, WEEKS):
        now = minutes.index[week * WEEK].to_pydatetime()
        history = minutes.iloc[: week * WEEK]
        baseline = baseline_of(history, zone=ZONE, rules=AlertRules(), now=now)
        assert baseline is not None
        until = minutes.index[(week + 1) * WEEK - 1].to_pydatetime()
        part = minutes.iloc[week * WEEK - 200 : (week + 1) * WEEK]
        latest = list(alerts.values())
        for alert in evaluate(part, baseline, latest, after=now - MINUTE, until=until):
            alerts[alert.alert_id] = alert
    return list(alerts.values())


def test_a_quiet_week_has_at_most_one_false_alarm_for_each_metric() -> None:
    alarms = np.zeros((21, len(METRICS)))
    for seed in range(21):
        for alert in _alerts_of(_shop(LEVELS[seed % len(LEVELS)], seed=seed)):
            alarms[seed, METRICS.index(alert.metric)] += 1 / (WEEKS - HISTORY)
    assert alarms.mean() <= 0.2
    assert alarms.mean(axis=1).max() <= 0.5
    assert alarms.max() <= 1.0


def _faults(rng: np.random.Generator) -> tuple[Fault, ...]:
    """One a day of the four weeks, between 10 in the morning and 7 in the evening."""
    faults = []
    for day in range((WEEKS - HISTORY) * 7):
        kind = FAULTS[(day + day // 7) % len(FAULTS)]
        start = HISTORY * WEEK + day * DAY + 10 * 60 + int(rng.integers(0, 9 * 60))
        length = 120 if kind == "failing_payments" else int(rng.integers(10, 61))
        faults.append(Fault(kind, start, length))
    return tuple(faults)


_SEEN_IN = {
    "outage": (METRICS, "drop"),
    "no_orders": (("orders", "revenue"), "drop"),
    "failing_payments": (("payment_failures",), "surge"),
}
# Events that a fault takes away or adds, of all events.
_SHARES = {"outage": 1.0, "no_orders": 0.03, "failing_payments": 0.021}


def _delay(fault: Fault, shop: Shop, alerts: list[KpiAlert]) -> float:
    """Minutes from the start of a fault until the minute that raised its alert was complete."""
    metrics, direction = _SEEN_IN[fault.kind]
    start = shop.minutes.index[fault.start].to_pydatetime()
    opened = [
        alert.opened_at
        for alert in alerts
        if alert.metric in metrics
        and alert.direction == direction
        and start <= alert.opened_at < start + fault.length * MINUTE
    ]
    return (min(opened) + MINUTE - start) / MINUTE if opened else np.inf


def test_outages_and_failing_payments_are_found_and_fast_where_there_is_traffic() -> None:
    """Where a fault changes too few events, no method can tell it from chance.

    Of orders and payments those faults count that change at least 40 of them; of outages all.
    """
    found = []
    for seed in range(14):
        level = LEVELS[seed % len(LEVELS)]
        faults = _faults(np.random.default_rng(1000 + seed))
        shop = _shop(level, seed=seed, faults=faults)
        alerts = _alerts_of(shop)
        for fault in faults:
            changed = (
                shop.events[fault.start : fault.start + fault.length].sum() * _SHARES[fault.kind]
            )
            found.append((fault.kind, level, changed, _delay(fault, shop, alerts)))
    frame = pd.DataFrame(found, columns=["kind", "level", "changed", "delay"])
    frame["is_found"] = np.isfinite(frame["delay"])
    counted = frame[(frame["kind"] == "outage") | (frame["changed"] >= 40)]
    recall = counted.groupby("kind")["is_found"].mean()
    assert recall.min() >= 0.85, recall
    busy = frame[(frame["kind"] == "outage") & (frame["level"] >= 10)]["delay"]
    assert busy.quantile(0.5) <= 5
    assert busy.quantile(0.9) <= 6
    slow = frame[(frame["kind"] == "outage") & (frame["level"] == 2)]["delay"]
    assert slow.quantile(0.5) <= 16
