"""The life of the group model: when it continues, is challenged, is replaced, and what is recorded."""

import re
from dataclasses import asdict, replace
from datetime import date, timedelta

import numpy as np
import pytest

from clarion.config import Config
from clarion.contracts.gold import SEGMENT_GROUPS, SEGMENT_MODELS
from clarion.customers.segments import life
from clarion.customers.segments.gate import Verdict
from clarion.customers.segments.grouped_sample import GroupedSample
from clarion.customers.segments.life import (
    ActiveModel,
    Challenger,
    Continue,
    ModelDay,
    Train,
    Trial,
)
from clarion.customers.segments.rows import Group, ModelRow
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.errors import UsageError

DAY = date(2026, 6, 1)
INPUTS = ("unit", "discount")
CORNERS = ((0.0, 0.0), (9.0, 0.0), (0.0, 9.0), (9.0, 9.0))
STABLE = {"inertia": 1.0, "stability": 0.9, "variance_kept": 1.0}


@pytest.fixture
def settings(config: Config) -> SegmentSettings:
    return replace(config.section(SegmentSettings), k_min=2)


def _sample(*corners: int, order: tuple[int, ...] | None = None) -> GroupedSample:
    """Fifty customers near each of some corners; a group's number is its corner's place in order."""
    rng = np.random.default_rng(7)
    points = np.vstack([rng.normal(CORNERS[corner], 0.3, (50, 2)) for corner in corners])
    numbers = np.array([(order or corners).index(corner) for corner in corners])
    return GroupedSample(points, np.repeat(numbers, 50), INPUTS, len(set(corners)))


def _active(settings: SegmentSettings, *corners: int) -> ActiveModel:
    """The model of a first training on some corners, on the day after it."""
    trial = life.judge_challenger(
        None, Challenger("no model yet", "1", _sample(*corners), STABLE), settings=settings
    )
    day = life.promote(None, trial, settings=settings, as_of=DAY, highest_number=0)
    return ActiveModel.over(day.row, day.groups, _sample(*corners))


def test_the_first_model_takes_over_if_it_meets_the_limits(settings: SegmentSettings) -> None:
    assert life.next_step(None, settings=settings, as_of=DAY) == Train("no model yet")
    first = Challenger("no model yet", "1", _sample(0, 1), STABLE)
    trial = life.judge_challenger(None, first, settings=settings)
    day = life.promote(None, trial, settings=settings, as_of=DAY, highest_number=0)
    assert (day.row.promoted, day.row.model_version, day.row.retired) == (True, "1", ())
    assert [(group.segment_id, group.state) for group in day.groups] == [
        ("g1", "new"),
        ("g2", "new"),
    ]
    assert day.row.group_shares == {"g1": 0.5, "g2": 0.5}

    unstable = replace(first, fit_metrics=STABLE | {"stability": 0.1})
    trial = life.judge_challenger(None, unstable, settings=settings)
    assert not trial.verdict.is_promoted
    with pytest.raises(UsageError, match="misses the limits"):
        life.keep_champion(None, trial)


def test_fewer_groups_than_asked_for_serve_until_there_are_more(settings: SegmentSettings) -> None:
    wanted = replace(settings, k_min=3)
    active = _active(wanted, 0, 1)
    assert active.row.verdict[-1] == "2 of the 3 groups asked for: with more the limits are missed"
    tomorrow, later = (DAY + timedelta(days=days) for days in (1, wanted.retry_days))
    assert life.next_step(active, settings=wanted, as_of=tomorrow) == Continue(active)
    assert life.next_step(active, settings=wanted, as_of=later) == Train("fewer groups than 3: 2")
    again = Challenger("fewer groups", "2", _sample(0, 1), STABLE)
    verdict = life.judge_challenger(active, again, settings=wanted).verdict
    assert (verdict.is_promoted, verdict.reasons) == (
        False,
        ("it has no more groups than the champion",),
    )
    # Two corners far apart are clearer than four groups; that must not keep more groups out.
    four = GroupedSample(_sample(0, 1).points, np.repeat([0, 1, 2, 3], 25), INPUTS, 4)
    assert four.silhouette < active.sample.silhouette - wanted.silhouette_slack
    more = Challenger("fewer groups", "3", four, STABLE)
    assert life.judge_challenger(active, more, settings=wanted).verdict.is_promoted


def test_one_group_is_called_all_customers_and_no_part_of_them_continues_it(
    settings: SegmentSettings,
) -> None:
    wanted = replace(settings, k_min=2)
    alone = GroupedSample(np.zeros((100, 1)), np.zeros(100, dtype=np.int64), ("everybody",), 1)
    first = Challenger("no model yet", "1", alone, STABLE)
    trial = life.judge_challenger(None, first, settings=wanted)
    day = life.promote(None, trial, settings=wanted, as_of=DAY, highest_number=0)
    assert [(group.segment_id, group.name_en, group.traits) for group in day.groups] == [
        ("g1", "All customers", ())
    ]
    assert day.row.features == {"everybody": "0"}
    active = ActiveModel.over(day.row, day.groups, alone)
    assert max(active.feature_drift.values()) == active.group_drift == 0
    later = DAY + timedelta(days=wanted.retry_days)
    assert life.next_step(active, settings=wanted, as_of=later) == Train("fewer groups than 2: 1")
    trial = life.judge_challenger(
        active, Challenger("fewer groups", "2", _sample(0, 1), STABLE), settings=wanted
    )
    day = life.promote(active, trial, settings=wanted, as_of=later, highest_number=1)
    assert [(group.segment_id, group.state) for group in day.groups] == [
        ("g2", "new"),
        ("g3", "new"),
    ]
    assert day.row.retired == ("g1",)


def test_a_name_stays_with_its_group_until_a_word_of_it_is_false(
    settings: SegmentSettings,
) -> None:
    active = _active(settings, 0, 1, 2)
    names = {group.segment_id: group.name_en for group in active.groups}
    assert names["g2"] == "Dear-buying, full-price customers"

    def retrained(*, g2: tuple[float, float]) -> ModelDay:
        """The same groups after a retrain, but for where today's customers of g2 stand."""
        sample = _sample(0, 1, 2)
        sample.points[50:100] += np.array(g2) - CORNERS[1]
        before = ActiveModel.over(active.row, active.groups, sample)
        trial = Trial(Challenger("age", "2", sample, STABLE), Verdict(True, ()))
        return life.promote(before, trial, settings=settings, as_of=DAY, highest_number=3)

    # Discounts are what sets it apart now, yet it buys dear and takes less discount than most.
    moved = retrained(g2=(5.0, -9.0))
    assert {group.segment_id: group.name_en for group in moved.groups} == names
    assert moved.renamed == ()

    turned = retrained(g2=(9.0, 9.0))
    now = {group.segment_id: group.name_en for group in turned.groups}
    assert now["g2"] == "Dear-buying, deal-seeking customers"
    assert {name: now[name] for name in ("g1", "g3")} == {
        name: names[name] for name in ("g1", "g3")
    }
    (said,) = turned.renamed
    assert said.startswith(f"g2 is called '{now['g2']}' from today on, no longer '{names['g2']}'")
    assert re.search(r"discount is \d\.\d above the average", said)


def test_what_is_known_of_few_of_a_group_neither_names_nor_describes_it(
    settings: SegmentSettings,
) -> None:
    sample = _sample(0, 1)
    is_known = np.ones((100, 2), dtype=np.bool_)
    is_known[:30, 1] = False  # of the first group's fifty, discounts are known of twenty
    trial = Trial(
        Challenger("no model yet", "1", replace(sample, is_known=is_known), STABLE),
        Verdict(True, ()),
    )
    day = life.promote(None, trial, settings=settings, as_of=DAY, highest_number=0)
    assert [group.name_en.count("-") for group in day.groups] == [1, 2]
    assert [[trait.feature for trait in group.traits] for group in day.groups] == [
        ["unit"],
        ["unit", "discount"],
    ]


def test_a_model_that_fits_continues_and_records_no_trial(settings: SegmentSettings) -> None:
    active = _active(settings, 0, 1)
    tomorrow = DAY + timedelta(days=1)
    assert life.next_step(active, settings=settings, as_of=tomorrow) == Continue(active)
    day = life.continue_model(active)
    assert day.groups == active.groups
    assert (day.row.model_version, day.row.trained_on) == ("1", DAY)
    assert (day.row.retrained_because, day.row.challenger_version, day.row.verdict) == (
        None,
        None,
        (),
    )
    assert not day.row.promoted
    assert day.row.feature_drift == pytest.approx({"unit": 0.0, "discount": 0.0})


def test_other_settings_age_and_drift_call_for_a_challenger(settings: SegmentSettings) -> None:
    active = _active(settings, 0, 1)
    assert life.next_step(active, settings=replace(settings, k=2), as_of=DAY) == Train(
        "other settings"
    )
    old = DAY + timedelta(days=settings.retrain_days)
    assert life.next_step(active, settings=settings, as_of=old) == Train("age: 84 days")
    moved = ActiveModel.over(active.row, active.groups, _sample(2, 1, order=(2, 1)))
    step = life.next_step(moved, settings=settings, as_of=DAY)
    assert isinstance(step, Train)
    assert step.reason.startswith("drift of discount: ")


def test_settings_that_only_decide_about_the_replacement_are_not_other_settings(
    settings: SegmentSettings,
) -> None:
    patient = replace(settings, retrain_days=1000, retry_days=99, drift_limit=9.0, match_within=0.1)
    assert life.settings_hash(patient) == life.settings_hash(settings)
    assert life.settings_hash(replace(settings, seeds=3)) != life.settings_hash(settings)


def test_a_rejected_challenger_is_recorded_and_the_champion_continues(
    settings: SegmentSettings,
) -> None:
    active = _active(settings, 0, 1)
    unstable = Challenger("age: 84 days", "2", _sample(0, 1), STABLE | {"stability": 0.1})
    trial = life.judge_challenger(active, unstable, settings=settings)
    assert not trial.verdict.is_promoted
    day = life.keep_champion(active, trial)
    assert day.groups == active.groups
    assert (day.row.model_version, day.row.challenger_version, day.row.promoted) == (
        "1",
        "2",
        False,
    )
    assert day.row.retrained_because == "age: 84 days"
    assert day.row.verdict == trial.verdict.reasons
    assert day.row.challenger_metrics is not None
    assert day.row.challenger_metrics["stability"] == 0.1


def test_a_model_of_other_inputs_cannot_be_compared_but_meets_the_limits(
    settings: SegmentSettings,
) -> None:
    active = _active(settings, 0, 1)
    other = replace(active, row=replace(active.row, features={"unit": "another expression"}))
    blurred = GroupedSample(active.sample.points, np.tile([0, 1], 50), INPUTS, 2)
    assert blurred.silhouette < active.sample.silhouette - settings.silhouette_slack
    worse = Challenger("other settings", "2", blurred, STABLE)
    verdict = life.judge_challenger(other, worse, settings=settings).verdict
    assert verdict.is_promoted
    assert verdict.reasons == ("there is none to compare with",)
    assert not life.judge_challenger(active, worse, settings=settings).verdict.is_promoted
    unstable = replace(worse, fit_metrics=STABLE | {"stability": 0.1})
    assert not life.judge_challenger(other, unstable, settings=settings).verdict.is_promoted


def test_groups_keep_their_ids_new_ones_get_a_number_never_used_and_lost_ones_retire(
    settings: SegmentSettings,
) -> None:
    trained = _active(settings, 0, 1, 2)
    # Today nobody stands in corner 1 any more, half of those of corner 2 stand in corner 3.
    today = _sample(0, 2, 3, order=(3, 2, 0))
    by_old_model = GroupedSample(today.points, np.repeat([0, 2, 2], 50), INPUTS, 3)
    active = ActiveModel.over(trained.row, trained.groups, by_old_model)
    challenger = Challenger("age: 84 days", "2", today, STABLE)
    trial = life.judge_challenger(active, challenger, settings=settings)
    day = life.promote(
        active,
        trial,
        settings=replace(settings, match_within=1.2),
        as_of=DAY,
        highest_number=7,
    )
    ids = {group.segment_id: group.state for group in day.groups}
    assert ids.pop("g8") == "new"
    assert ids == {"g1": "kept", "g3": "kept"}
    assert day.row.retired == ("g2",)
    assert all(
        (group.distance is None) == (group.state == "new") and len(group.traits) == 2
        for group in day.groups
    )
    assert len({group.name_en for group in day.groups}) == 3


def test_rows_have_the_columns_of_their_tables_and_survive_a_round_trip(
    settings: SegmentSettings,
) -> None:
    active = _active(settings, 0, 1)
    row = asdict(active.row)
    assert set(row) | {"as_of"} == set(SEGMENT_MODELS.column_names)
    assert ModelRow.from_row({**row, "as_of": DAY}) == active.row
    group = asdict(active.groups[0])
    assert set(group) | {"as_of"} == set(SEGMENT_GROUPS.column_names)
    assert Group.from_row({**group, "as_of": DAY}) == active.groups[0]
