"""Paths of sessions and their drop-off, against a count in plain Python."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
from lake_rows import append_rows, consent
from pyspark.sql import DataFrame, SparkSession

from clarion.config import Config
from clarion.contracts.gold.paths import PATH_STEPS, PATHS
from clarion.customers.paths.paths import common_paths, path_steps, sessions
from clarion.customers.paths.settings import PathSettings
from clarion.jobs.customers import paths as job
from clarion.lake import Lake
from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking

Rows = Callable[..., DataFrame]
AS_OF = date(2026, 6, 1)
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)
EVENT = (
    "_source string, event_ref string, customer_id string, device_ref string, session_ref string, "
    "channel string, happened_at timestamp, sequence_no bigint, type string"
)
LINE = "customer_id string, order_id string, kind string, happened_at timestamp"
SETTINGS = PathSettings(window_days=28, gap_minutes=30, max_steps=6, paths_kept=5)


def _events(rows: Rows, *values: tuple[Any, ...]) -> DataFrame:
    """Events of (customer, device, session, channel, minutes after noon, type), numbered in turn."""
    return rows(
        EVENT,
        *(
            ("shop", f"{place:04}", *who, NOON + timedelta(minutes=minute), place, type_)
            for place, (*who, minute, type_) in enumerate(values)
        ),
    )


def _lines(rows: Rows, *values: tuple[str | None, str | None, str, float]) -> DataFrame:
    """Order lines of (customer, order, kind, minutes after noon)."""
    return rows(
        LINE, *((*value[:3], NOON + timedelta(minutes=value[3])) for value in values)
    )  # fmt: skip


def _steps(events: DataFrame, lines: DataFrame) -> list[tuple[str, str, list[str]]]:
    found = sessions(events, lines, settings=SETTINGS).collect()
    return sorted((row["visitor"], row["channel"], row["steps"]) for row in found)


@pytest.mark.covers("X11")
def test_a_session_is_what_the_client_names_one_or_ends_after_half_an_hour(rows: Rows) -> None:
    events = _events(
        rows,
        # Named sessions: a long silence does not end one, and two may have one name on two devices.
        ("ann", "a", "s", "web", 0, "view"), ("ann", "a", "s", "web", 500, "search"),
        ("ben", "b", "s", "app", 1, "view"),
        # Without a name: thirty minutes are no gap, a second more is one.
        (None, "c", None, None, 0, "view"), (None, "c", None, "app", 30, "search"),
        (None, "c", None, "app", 60 + 1 / 60, "view"),
        # A login does not end the session of a device; without a device the customer counts.
        (None, "d", None, "app", 0, "view"), ("dan", "d", None, "app", 1, "login"),
        ("eva", None, None, "web", 0, "view"), ("eva", None, None, "web", 1, "click"),
        # Nobody's event.
        (None, None, None, "web", 0, "view"),
    )  # fmt: skip
    assert _steps(events, _lines(rows)) == [
        ("a", "web", ["view", "search"]),
        ("b", "app", ["view"]),
        ("c", "app", ["view"]),
        ("c", "app", ["view", "search"]),
        ("d", "app", ["view", "login"]),
        ("eva", "web", ["view", "click"]),
    ]


def test_equal_neighbours_are_one_step_and_numbers_decide_at_one_moment(rows: Rows) -> None:
    events = _events(
        rows,
        *(("ann", "a", "s", None, 0, type_) for type_ in ("view", "view", "search", "view")),
        ("ann", "a", "s", None, -1, "login"),
    )
    assert _steps(events, _lines(rows)) == [
        ("a", "(none)", ["login", "view", "search", "view"]),
    ]


def test_an_order_ends_the_customers_last_session_before_it(rows: Rows) -> None:
    events = _events(
        rows,
        ("ann", "a", "1", "web", 0, "view"), ("ann", "a", "1", "web", 9, "checkout"),
        ("ann", "a", "2", "web", 20, "view"),
        ("ben", "b", "3", "web", 0, "checkout"),
        ("eva", "e", "4", "web", 0, "checkout"), (None, "f", "5", "web", 0, "checkout"),
    )  # fmt: skip
    lines = _lines(
        rows,
        # At the moment of the checkout, and two lines of one order.
        ("ann", "A", "sale", 9), ("ann", "A", "sale", 10),
        ("ben", "B", "sale", 31),  # a gap after the session
        ("ben", "C", "return", 1), (None, "D", "sale", 1), ("eva", "E", "sale", -1),
        ("zoe", "F", "sale", 1),
    )  # fmt: skip
    assert _steps(events, lines) == [
        ("a", "web", ["view"]),
        ("a", "web", ["view", "checkout", "order"]),
        ("b", "web", ["checkout"]),
        ("e", "web", ["checkout"]),
        ("f", "web", ["checkout"]),
    ]


def _paths(found: DataFrame, **changed: int) -> list[tuple[Any, ...]]:
    names = ("window_days", "gap_minutes", "max_steps", "paths_kept")
    settings = PathSettings(**({name: getattr(SETTINGS, name) for name in names} | changed))
    paths = common_paths(found, as_of=AS_OF, settings=settings)
    assert paths.columns == list(PATHS.column_names)
    return [tuple(row)[1:] for row in paths.orderBy("rank").collect()]


def test_the_commonest_paths_are_kept_and_the_others_are_one_row(rows: Rows) -> None:
    taken = [["view"]] * 4 + [["view", "search"]] * 2 + [["login"]] * 2
    taken += [["click"], ["view", "click", "view", "click"]]
    found = rows("steps array<string>", *((steps,) for steps in taken))
    assert _paths(found, paths_kept=2) == [
        (1, "view", 4, 0.4, 0),
        (2, "login", 2, 0.2, 0),  # as common as the next one, and before it in the alphabet
        (3, "other", 4, 0.4, 0),
    ]
    every_path = _paths(found, paths_kept=5)
    assert [row[1] for row in every_path] == [
        "view",
        "login",
        "view > search",
        "click",
        "view > click > view > click",
    ]
    cut = _paths(found, paths_kept=9, max_steps=2)
    assert (5, "view > click", 1, 0.1, 1) in cut
    assert _paths(rows("steps array<string>")) == []


def test_drop_off_is_counted_between_the_steps_of_each_channel(rows: Rows) -> None:
    web = [
        ["view"], ["view", "cart_add"], ["cart_add", "view"], ["search"],
        ["view", "cart_add", "checkout", "order"],
        ["view", "cart_add", "checkout", "payment_failed", "payment_given_up"],
        ["view", "cart_add", "payment_failed", "checkout", "order"],
        ["view", "cart_add", "order", "checkout"],  # the order's clock is behind
        ["view", "checkout", "order"],  # no cart
    ]  # fmt: skip
    found = rows(
        "channel string, steps array<string>", *(("web", steps) for steps in web), ("app", ["view"])
    )
    steps = path_steps(found, as_of=AS_OF)
    assert steps.columns == list(PATH_STEPS.column_names)
    by_channel = {
        name: [tuple(row)[2:] for row in steps.where(f"channel = '{name}'").orderBy("step_no").collect()]
        for name in ("web", "app", "all")
    }  # fmt: skip
    assert by_channel["web"] == [
        (1, "view", "cart_add", 8, 5, pytest.approx(3 / 8)),
        (2, "cart_add", "checkout", 5, 4, pytest.approx(1 / 5)),
        (3, "checkout", "order", 4, 3, pytest.approx(1 / 4)),
        (4, "payment_failed", "order", 2, 1, pytest.approx(1 / 2)),
        (5, "payment_given_up", "order", 1, 0, 1.0),
        (6, "order", None, 3, None, None),
    ]
    assert by_channel["app"][:2] == [
        (1, "view", "cart_add", 1, 0, 1.0),
        (2, "cart_add", "checkout", 0, 0, None),
    ]
    assert by_channel["all"][0] == (1, "view", "cart_add", 9, 5, pytest.approx(4 / 9))
    assert path_steps(found.where("false"), as_of=AS_OF).isEmpty()


Event = tuple[str | None, str | None, str | None, str, int, str]
TYPES = ("view", "view", "search", "cart_add", "checkout", "payment_failed", "payment_given_up")


def _random_events(draw: random.Random) -> list[Event]:
    """Events of eight visitors, some of whom the client names sessions for, some unknown."""
    made: list[Event] = []
    for number in range(8):
        customer = f"c{number}" if number % 3 else None
        device = None if number == 4 else f"d{number}"
        minute = 0
        for _ in range(60):
            minute += draw.choice((1, 2, 5, 30, 31, 200))
            name = f"s{minute // 240}" if number % 2 else None
            channel = draw.choice(("web", "app"))
            made.append((customer, device, name, channel, minute, draw.choice(TYPES)))
    return made


def _counted_in_python(
    events: list[Event], orders: list[tuple[str, str, str, float]]
) -> list[tuple[str, list[str]]]:
    """Channel and steps of each session, in the plainest way."""
    found: list[dict[str, Any]] = []
    for customer, device, name, channel, minute, type_ in sorted(
        events, key=lambda event: event[4]
    ):
        who = device or customer
        open_ = [
            session
            for session in found
            if session["who"] == who and session["name"] == name
            and (name is not None or minute - session["end"] <= 30)
        ]  # fmt: skip
        if not open_:
            open_ = [{"who": who, "name": name, "customer": customer, "channel": channel,
                      "start": minute, "steps": []}]  # fmt: skip
            found += open_
        open_[-1]["end"] = minute
        open_[-1]["steps"].append((minute, 0, type_))
    for customer, _, _, at in orders:
        own = [item for item in found if item["customer"] == customer and item["start"] <= at]
        if own and at - max(own, key=lambda item: item["start"])["end"] <= 30:
            max(own, key=lambda item: item["start"])["steps"].append((at, 1, "order"))
    return [
        (item["channel"], [type_ for type_, _ in groupby(step[2] for step in
                                                          sorted(item["steps"], key=lambda s: s[:2]))])
        for item in found
    ]  # fmt: skip


@pytest.mark.covers("X11")
def test_paths_and_steps_equal_a_count_in_plain_python(rows: Rows) -> None:
    draw = random.Random(11)
    events = _random_events(draw)
    orders = [
        (f"c{draw.randrange(8)}", f"o{number}", "sale", draw.randrange(2000) + 0.5)
        for number in range(60)
    ]
    found = sessions(_events(rows, *events), _lines(rows, *orders), settings=SETTINGS).persist()
    expected = _counted_in_python(events, orders)
    assert sorted((row["channel"], row["steps"]) for row in found.collect()) == sorted(expected)
    assert sum("order" in steps for _, steps in expected) > 10
    counts = Counter(" > ".join(steps[: SETTINGS.max_steps]) for _, steps in expected)
    commonest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: SETTINGS.paths_kept]
    kept = _paths(found)
    assert [(row[1], row[2]) for row in kept[:-1]] == commonest
    assert kept[-1][1:3] == ("other", len(expected) - sum(number for _, number in commonest))
    assert sum(row[3] for row in kept) == pytest.approx(1.0)
    assert sum(row[4] for row in kept) == sum(
        len(steps) > SETTINGS.max_steps for _, steps in expected
    )
    for row in path_steps(found, as_of=AS_OF).where("step = 'view'").collect():
        own = [steps for channel, steps in expected if row["channel"] in ("all", channel)]
        viewed = [steps[steps.index("view") :] for steps in own if "view" in steps]
        assert row["sessions"] == len(viewed)
        assert row["continued"] == sum("cart_add" in steps for steps in viewed)
    found.unpersist()


def test_the_plan_has_no_python(rows: Rows) -> None:
    events = _events(rows, ("ann", "a", "s", "web", 0, "view"))
    found = sessions(events, _lines(rows), settings=SETTINGS)
    for frame in (
        common_paths(found, as_of=AS_OF, settings=SETTINGS),
        path_steps(found, as_of=AS_OF),
    ):
        plan = frame._jdf.queryExecution().executedPlan().toString()
        assert "Window" in plan
        assert "Python" not in plan


def _run(lake: Lake, config: Config) -> None:
    declared = {
        name: getattr(job.JOB, name) for name in ("name", "summary", "reads", "writes", "settings")
    }
    spec = JobSpec(purpose="analytics", **declared)
    scope = Scope(
        job=spec,
        params=Params(AS_OF),
        lake=lake,
        config=config,
        say=lambda _: None,
        tracking=Tracking("sqlite:///none", "none"),
    )
    job.run(scope)
    scope.unpersist()


@pytest.mark.covers("X11")
def test_the_job_counts_what_the_policy_permits_before_the_day_and_twice_the_same(
    spark: SparkSession, lake: Lake, config: Config
) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    window = config.section(PathSettings).window_days
    at = {
        "in": start - timedelta(days=1),
        "first": start - timedelta(days=window),
        "before": start - timedelta(days=window, seconds=1),
        "after": start,
    }
    values: list[dict[str, Any]] = [
        {"customer_id": "ann", "device_ref": "a", "happened_at": at["in"], "type": "view"},
        {"customer_id": "eva", "device_ref": "e", "happened_at": at["in"], "type": "login"},
        {"customer_id": "ann", "device_ref": "a", "happened_at": at["first"], "type": "search"},
        {"customer_id": "ann", "device_ref": "a", "happened_at": at["before"], "type": "click"},
        {"customer_id": "ann", "device_ref": "a", "happened_at": at["after"], "type": "share"},
        {"customer_id": "ann", "device_ref": "x", "happened_at": at["in"], "type": "follow",
         "arrived_at": at["after"]},
    ]  # fmt: skip
    append_rows(
        lake,
        "silver.events",
        *(
            {"record_id": str(place), "arrived_at": value["happened_at"], **value}
            for place, value in enumerate(values)
        ),
    )
    line = {"record_id": "l", "order_line_id": "l", "customer_id": "ann", "order_id": "o",
            "kind": "sale", "happened_at": at["in"], "arrived_at": at["in"], "currency": "EUR"}  # fmt: skip
    append_rows(lake, "silver.order_lines", line)
    people = {"ann": True, "eva": False}
    append_rows(
        lake,
        "silver.consents",
        *(consent(who, "analytics", granted=granted) for who, granted in people.items()),
    )
    tables = []
    for _ in range(2):
        _run(lake, config)
        paths = [tuple(row) for row in lake.read(PATHS).orderBy("rank").collect()]
        steps = lake.read(PATH_STEPS).orderBy("channel", "step_no").collect()
        tables.append((paths, steps))
    assert tables[0] == tables[1]
    assert [row[2:5] for row in tables[0][0]] == [("search", 1, 0.5), ("view > order", 1, 0.5)]
    assert [(row["step"], row["sessions"]) for row in tables[0][1]][:2] == [
        ("view", 1),
        ("cart_add", 0),
    ]
