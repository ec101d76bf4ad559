"""A run reads and writes what its job declares, and people's facts only by the policy."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from lake_rows import append_rows, consent

from clarion.config import Config
from clarion.contracts.gold import CUSTOMER_PROFILES, SEGMENTS
from clarion.contracts.live import CUSTOMER_STATE
from clarion.contracts.silver import CONSENTS, ORDER_LINES, RESPONSES, TIES
from clarion.kernel.errors import ContractError
from clarion.lake import Lake
from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params
from clarion.runtime.tracking import Tracking


@pytest.fixture
def scope(lake: Lake, config: Config) -> Callable[..., Scope]:
    def make(**declared: Any) -> Scope:
        defaults: dict[str, Any] = {"reads": (), "writes": (), "purpose": "analytics"}
        job = JobSpec(name="test", summary="A test.", **(defaults | declared))
        return Scope(
            job=job,
            params=Params(date(2025, 7, 1)),
            lake=lake,
            config=config,
            say=lambda _: None,
            tracking=Tracking("sqlite:///none", "none"),
        )

    return make


def test_a_table_that_is_not_declared_is_not_read(scope: Callable[..., Scope]) -> None:
    one = scope(reads=(SEGMENTS,), writes=(CUSTOMER_PROFILES,))
    for read in (one.facts, one.current, one.earlier, one.latest_earlier):
        with pytest.raises(
            ContractError, match=r"reads gold\.customer_profiles, which it does not"
        ):
            read(CUSTOMER_PROFILES)
    with pytest.raises(ContractError, match=r"writes gold\.segments, which it does not"):
        one.own(SEGMENTS)
    with pytest.raises(ContractError, match=r"reads silver\.consents, which it does not"):
        one.consenting_customers("analytics")
    with pytest.raises(ContractError, match=r"reads silver\.responses, which it does not"):
        scope(reads=(CONSENTS,)).consenting_customers("marketing")
    with pytest.raises(ContractError, match="does not declare"):
        one.exists(CONSENTS)


def test_a_job_reads_its_own_table_as_it_is_stored(scope: Callable[..., Scope]) -> None:
    assert scope(writes=(SEGMENTS,)).own(SEGMENTS).columns == list(SEGMENTS.column_names)


@pytest.mark.parametrize("purpose", ["analytics", "marketing"])
def test_facts_of_people_are_not_read_around_the_policy(
    scope: Callable[..., Scope], purpose: str
) -> None:
    one = scope(reads=(ORDER_LINES,), reads_earlier=(CUSTOMER_STATE,), purpose=purpose)
    with pytest.raises(ContractError, match="without the access policy"):
        one.raw(ORDER_LINES)
    assert one.raw(CUSTOMER_STATE).columns == list(CUSTOMER_STATE.column_names)


@pytest.mark.parametrize("purpose", ["analytics", "marketing"])
def test_a_tie_counts_where_both_of_its_people_consent(
    scope: Callable[..., Scope], lake: Lake, purpose: str
) -> None:
    granted = {"ann": True, "ben": True, "eva": False}
    append_rows(
        lake,
        "silver.consents",
        *(consent(who, purpose, granted=yes) for who, yes in granted.items()),
    )
    ends = (("ann", "ben"), ("ann", "eva"), ("eva", "ben"), ("zoe", "ann"), ("ben", "ann"))
    append_rows(
        lake,
        "silver.ties",
        *({"record_id": f"{one}{two}", "from_id": one, "to_id": two} for one, two in ends),
    )
    job = scope(reads=(TIES, CONSENTS, RESPONSES), purpose=purpose)
    found = {(row["from_id"], row["to_id"]) for row in job.facts(TIES).collect()}
    assert found == {("ann", "ben"), ("ben", "ann")}


def test_collection_sees_rows_as_they_are_stored(scope: Callable[..., Scope]) -> None:
    one = scope(reads=(ORDER_LINES,), purpose="collection")
    assert one.raw(ORDER_LINES).columns == one.facts(ORDER_LINES).columns


@pytest.mark.parametrize("verb", ["replace", "append", "merge"])
def test_a_table_that_is_not_declared_is_not_written(
    scope: Callable[..., Scope], verb: str
) -> None:
    one = scope(reads=(SEGMENTS,))
    with pytest.raises(ContractError, match=r"writes gold\.segments, which it does not"):
        getattr(one, verb)(SEGMENTS, one.facts(SEGMENTS))
    with pytest.raises(ContractError, match=r"writes gold\.segments, which it does not"):
        one.delete(SEGMENTS, where="true")


def test_only_upkeep_works_on_whatever_tables_there_are(scope: Callable[..., Scope]) -> None:
    with pytest.raises(ContractError, match="maintenance"):
        scope().maintenance  # noqa: B018  (the property itself refuses)
    assert scope(part="upkeep").maintenance.existing((SEGMENTS,)) == []


def test_a_run_says_which_rows_it_leaves_out_for_lack_of_a_rate(
    scope: Callable[..., Scope], lake: Lake
) -> None:
    paid = datetime(2025, 6, 1, tzinfo=UTC)
    day_after = datetime(2025, 7, 2, tzinfo=UTC)  # the as-of day does not know of it
    lines = {"happened_at": paid, "arrived_at": paid, "kind": "sale"}
    append_rows(
        lake,
        "silver.order_lines",
        {**lines, "record_id": "1", "currency": "EUR"},
        {**lines, "record_id": "2", "currency": "USD"},
        {**lines, "record_id": "3", "currency": "USD"},
        {**lines, "record_id": "4", "currency": "CHF"},
        {**lines, "record_id": "5", "currency": "GBP"},
        {
            **lines,
            "happened_at": day_after,
            "arrived_at": day_after,
            "record_id": "6",
            "currency": "USD",
        },
    )
    rate = {"currency": "GBP", "at": paid, "arrived_at": paid, "rate": Decimal("1.2")}
    append_rows(lake, "silver.rates", {**rate, "record_id": "r"})
    one = scope(reads=(ORDER_LINES, CUSTOMER_PROFILES))
    one.note_rows_without_rate()
    assert one.notes == [], "a run that has read no amount leaves none out"
    one.facts(ORDER_LINES)
    one.facts(CUSTOMER_PROFILES)
    one.note_rows_without_rate()
    assert one.rows_without_rate == {"silver.order_lines": 3}
    assert one.notes == [
        "3 rows of silver.order_lines are left out: no exchange rate of their day for USD (2), "
        "CHF (1); deliver the rates through a source of the kind 'rates'"
    ]
