"""C7 and C10: each planted loss lowers the rate, and a row kept after a withdrawal is told apart."""

from collections.abc import Callable, Iterable
from datetime import datetime
from types import SimpleNamespace
from typing import cast

import pytest
from frames import first_row
from pyspark.sql import DataFrame

from clarion.collect.identity.consent import consenting_when_kept
from clarion.runtime.scope import Scope
from clarion.workflows import target_sums
from clarion.workflows.collection_sums import count_numbers, landed_and_sent
from clarion.workflows.target_settings import ScorecardSettings
from clarion.workflows.targets import Target

Rows = Callable[..., DataFrame]
EVENT = "_source string, device_ref string, device_sequence_no bigint, session_ref string, sequence_no bigint"


def _visits(*visits: Iterable[int], device: str | None = "d1") -> list[tuple[object, ...]]:
    """Events of a device's visits: numbers of the device, and numbers of each visit from 1."""
    return [
        ("shop.events", device, number if device else None, f"{device}-{place}", own)
        for place, numbers in enumerate(visits)
        for own, number in enumerate(numbers, start=1)
    ]


@pytest.mark.covers("C7")
@pytest.mark.parametrize(
    ("loss", "visits", "landed", "sent"),
    [
        ("nothing", [range(1, 5), range(5, 8), range(8, 11)], 10, 10),
        ("an event", [range(1, 5), (5, 7), range(8, 11)], 9, 10),
        ("a visit, whole", [range(1, 5), range(8, 11)], 7, 10),
        ("the end of a visit", [range(1, 5), (5, 6), range(8, 11)], 9, 10),
        ("nothing, on a device that was there before", [range(101, 105), range(105, 108)], 7, 7),
        ("nothing, and one came twice", [range(1, 5), (4, 5, 6)], 6, 6),
    ],
)
def test_what_a_device_numbered_and_did_not_arrive_lowers_the_rate(
    rows: Rows, loss: str, visits: list[Iterable[int]], landed: int, sent: int
) -> None:
    events = rows(EVENT, *_visits(*visits), *_visits(range(1, 3), device="d2"))
    sums = first_row(count_numbers(events))["sums"]
    assert landed_and_sent(sums) == (landed + 2, sent + 2), loss


@pytest.mark.covers("C7")
def test_without_numbers_of_the_device_those_of_each_visit_count(rows: Rows) -> None:
    events = rows(
        EVENT,
        *(("shop.events", "d1", None, "v1", number) for number in (1, 3, 4)),
        *(("shop.events", None, None, "v2", number) for number in (2, 3)),
        ("shop.events", "d3", None, None, None),
    )
    assert landed_and_sent(first_row(count_numbers(events))["sums"]) == (5, 7)


@pytest.mark.parametrize(
    ("first_stage", "verdicts"),
    [(False, ["met", "missed", "missed"]), (True, ["met", "met", "missed"])],
)
def test_in_its_first_stage_a_shop_must_store_nine_tenths(
    first_stage: bool, verdicts: list[str]
) -> None:
    goal = ScorecardSettings(first_stage=first_stage).collected_goal  # type: ignore[call-arg]
    day = datetime(2026, 6, 1).date()
    found = [Target("C7", "", goal, share, 100).row(day)["verdict"] for share in (98, 90, 89)]
    assert found == verdicts


@pytest.mark.covers("C10")
def test_a_row_counts_as_authorised_by_the_consent_of_the_moment_when_it_was_kept(
    rows: Rows,
) -> None:
    def at(day: int) -> datetime:
        return datetime(2026, 5, day, 12)

    statements = rows(
        "customer_id string, purpose string, channel string, granted boolean, basis string, at timestamp, known_at timestamp",
        ("stays", "collection", "*", True, "recorded", at(1), at(2)),
        ("leaves", "collection", "*", True, "recorded", at(1), at(2)),
        ("leaves", "collection", None, False, "recorded", at(9), at(10)),
        ("returns", "collection", "*", False, "recorded", at(1), at(2)),
        ("returns", "collection", "*", True, "recorded", at(9), at(10)),
        ("mails", "collection", "*", True, "recorded", at(1), at(2)),
        ("mails", "collection", "mail", False, "recorded", at(1), at(2)),
        ("offers", "marketing", "*", True, "recorded", at(1), at(2)),
    )  # fmt: skip
    everyone = ("stays", "leaves", "returns", "mails", "offers", "silent")
    kept = rows(
        "customer_id string, kept_at timestamp, rows bigint",
        *((name, at(day), 1) for name in everyone for day in (1, 5, 20)),
    )
    authorised = {
        (row["customer_id"], row["kept_at"].day)
        for row in consenting_when_kept(kept, statements).collect()
    }
    assert authorised == {("stays", 5), ("stays", 20), ("leaves", 5), ("returns", 20)}


def test_values_in_standard_form_are_those_of_its_rule_and_of_the_mapping_in_use(
    rows: Rows,
) -> None:
    batches = rows(
        "_batch string, _source string, mapping_hash string, rows_in bigint, accepted bigint, "
        "quarantined bigint, duplicates bigint, warned bigint",
        ("b1", "shop.customers", "new", 10, 9, 1, 0, 2),
        ("b2", "shop.customers", "new", 5, 5, 0, 0, 0),
    )
    quality = rows(
        "_batch string, _source string, mapping_hash string, rule string, column string, "
        "checked bigint, failed bigint",
        ("b1", "shop.customers", "new", "standard_form", "phone", 8, 2),
        ("b2", "shop.customers", "new", "standard_form", "phone", 4, 1),
        ("b1", "shop.customers", "old", "standard_form", "phone", 8, 7),
        ("b1", "shop.customers", "new", "out_of_range", "phone", 10, 5),
        ("b1", "shop.customers", "new", "standard_form", "region", 0, 0),
    )
    frames = {"ops.batches": batches, "ops.quality": quality}
    scope = cast(Scope, SimpleNamespace(raw=lambda table: frames[table.name]))
    sums: dict[str, float] = {}
    for frame in target_sums._of_batches(scope):
        for row in frame.collect():
            sums |= row["sums"]
    assert (sums["rows_in"], sums["accepted"], sums["quarantined"]) == (15, 14, 1)
    assert target_sums.formed_and_stated(sums) == {"shop.customers.phone": (9, 12)}
