"""Which decisions become messages, which messages are withheld, and what lies in the outbox."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from frames import first_row
from lake_rows import append_rows, consent
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from worlds import Desk

from clarion.campaigns.delivery.transforms import messages

DAY = date(2026, 6, 1)
DECISIONS = "decision_id string, as_of date, customer_id string, strategy_id string, action string, channel string, products array<string>"
CONSENTS = "customer_id string, channels map<string,boolean>"
Rows = Callable[..., DataFrame]


@pytest.mark.covers("S1")
def test_a_message_is_withheld_without_consent_to_its_channel_and_nothing_makes_none(
    rows: Rows,
) -> None:
    decisions = rows(
        DECISIONS,
        ("d1", DAY, "any", "g1", "coupon", "mail", ["p1", "p2"]),
        ("d2", DAY, "this", "g1", "coupon", "mail", []),
        ("d3", DAY, "other", "g2", "coupon", "mail", []),
        ("d4", DAY, "none", "g2", "coupon", "mail", []),
        ("d5", DAY, "unknown", "g2", "coupon", "mail", []),
        ("d6", DAY, "any", "g1", "nothing", None, []),
        ("d7", DAY, "all but this", "g1", "coupon", "mail", []),
        ("d8", DAY, "this alone", "g1", "coupon", "Mail", []),
    )
    consents = rows(
        CONSENTS,
        ("any", {"*": True}), ("this", {"mail": True, "sms": True}), ("other", {"sms": True}), ("none", {}), ("stranger", {"*": True}),
        ("all but this", {"*": True, "mail": False}), ("this alone", {"*": False, "mail": True}),
    )  # fmt: skip
    found = messages(decisions, consents)
    states = {row["customer_id"]: row["state"] for row in found.collect()}
    assert states == {
        "any": "reserved",
        "this": "reserved",
        "other": "withheld",
        "none": "withheld",
        "unknown": "withheld",
        "all but this": "withheld",
        "this alone": "reserved",
    }
    expected = rows(
        "as_of date, decision_id string, customer_id string, campaign_id string, offer_id string, channel string, products array<string>, state string, file string",
        (
            DAY,
            "d1",
            "any",
            "2026-06-01/g1/coupon",
            "coupon",
            "mail",
            ["p1", "p2"],
            "reserved",
            None,
        ),
    )
    assert_df_equality(
        found.where("decision_id = 'd1'").drop("message_id"), expected, ignore_nullable=True
    )


def test_a_decision_always_makes_the_same_message_and_two_make_two(rows: Rows) -> None:
    both: list[tuple[Any, ...]] = [
        ("d1", DAY, "ann", "g1", "coupon", "mail", []),
        ("d2", DAY, "ann", "g1", "coupon", "mail", []),
    ]
    names = [
        row["message_id"]
        for row in messages(rows(DECISIONS, *both), rows(CONSENTS)).orderBy("decision_id").collect()
    ]
    again = first_row(messages(rows(DECISIONS, *both[:1]), rows(CONSENTS, ("ann", {"*": True}))))[
        "message_id"
    ]
    assert again == names[0] != names[1]
    assert messages(rows(DECISIONS), rows(CONSENTS)).isEmpty()


def decision(customer: str, action: str = "coupon") -> dict[str, Any]:
    return {
        "decision_id": f"d-{customer}", "as_of": DAY, "customer_id": customer, "strategy_id": "g1", "action": action, "is_holdout": False,
        "channel": None if action == "nothing" else "mail", "expected_cost": Decimal(0), "consent_basis": "recorded",
    }  # fmt: skip


def outbox(desk: Desk) -> dict[str, list[str]]:
    """Customers by file of the outbox."""
    folder = Path(desk.lake.root, "outbox", str(DAY))
    return {
        file.name: sorted(json.loads(line)["customer_id"] for line in file.read_text().splitlines())
        for file in sorted(folder.iterdir())
    }


def states(desk: Desk) -> dict[str, str]:
    return {row["customer_id"]: row["state"] for row in desk.read("gold.messages").collect()}


def states_of_day(desk: Desk) -> dict[str, str]:
    of_day = desk.read("gold.messages").where(F.col("as_of") == F.lit(DAY))
    return {row["customer_id"]: row["state"] for row in of_day.collect()}


@pytest.mark.covers("S1")
def test_who_withdrew_since_the_decision_is_sent_nothing_and_the_outbox_says_so(
    spark: SparkSession, tmp_path: Path
) -> None:
    desk = Desk(spark, tmp_path, {})
    before, after = datetime(2026, 5, 31, 23, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    append_rows(
        desk.lake,
        "gold.decisions",
        *(decision(name) for name in ("ann", "bob", "eve", "tom")),
        decision("kim", "nothing"),
    )
    append_rows(
        desk.lake,
        "silver.consents",
        *(consent(name, "marketing") for name in ("ann", "eve", "tom", "kim")),
        consent("bob", "marketing", channel="sms"),  # never to a channel of the offer
        consent("eve", "marketing", granted=False, at=before),
        consent("tom", "marketing", granted=False, at=after),  # not before the as-of day
    )
    desk.run("deliver", as_of=DAY)
    assert states(desk) == {"ann": "sent", "bob": "withheld", "eve": "withheld", "tom": "sent"}
    assert outbox(desk) == {"message-001.jsonl": ["ann", "tom"]}

    # A withdrawal that becomes known late unsends nothing; whoever is decided on later is sent a file of their own.
    append_rows(
        desk.lake,
        "silver.consents",
        consent("ann", "marketing", granted=False, at=before),
        consent("zoe", "marketing"),
    )
    append_rows(desk.lake, "gold.decisions", decision("zoe"))
    desk.run("deliver", as_of=DAY)
    assert states(desk) == {
        "ann": "sent",
        "bob": "withheld",
        "eve": "withheld",
        "tom": "sent",
        "zoe": "sent",
    }
    assert outbox(desk) == {"message-001.jsonl": ["ann", "tom"], "message-002.jsonl": ["zoe"]}


def test_messages_that_a_dead_run_reserved_are_sent_once_before_anything_new(
    spark: SparkSession, tmp_path: Path
) -> None:
    desk = Desk(spark, tmp_path, {})
    append_rows(
        desk.lake, "silver.consents", consent("ann", "marketing"), consent("bob", "marketing")
    )
    append_rows(desk.lake, "gold.decisions", decision("ann"), decision("bob"))
    append_rows(
        desk.lake,
        "gold.messages",
        {
            "message_id": "m1",
            "as_of": DAY,
            "decision_id": "d-0",
            "customer_id": "ann",
            "state": "reserved",
        },
    )
    desk.run("deliver", as_of=DAY)
    assert outbox(desk) == {"message-001.jsonl": ["ann"]}
    assert states(desk) == {"ann": "sent"}


def answer(kind: str, message: str, at: datetime, *, customer: str | None = None) -> dict[str, Any]:
    """A row of silver.responses."""
    return {
        "record_id": f"{message}/{kind}", "message_ref": message, "type": kind, "happened_at": at,
        "arrived_at": at, "customer_id": customer, "channel": None,
    }  # fmt: skip


@pytest.mark.deep  # decided and sent; the rule itself is in test_consent
@pytest.mark.covers("C10", "S1")
def test_who_unsubscribed_or_complained_gets_no_message_on_any_of_their_accounts(
    spark: SparkSession, tmp_path: Path
) -> None:
    desk = Desk(spark, tmp_path, {})
    before, after = datetime(2026, 5, 20, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    later = datetime(2026, 5, 25, tzinfo=UTC)
    names = ("ann", "bob", "eve", "tom", "kim", "zoe", "dan")
    sent = {"as_of": date(2026, 5, 18), "channel": "mail", "state": "sent"}
    append_rows(desk.lake, "gold.decisions", *(decision(name) for name in names))
    append_rows(
        desk.lake, "silver.consents", *(consent(name, "marketing") for name in names),
        consent("eve", "marketing", at=later),
    )  # fmt: skip
    append_rows(
        desk.lake,
        "gold.messages",
        *(sent | {"message_id": f"m-{name}", "customer_id": name} for name in names),
        sent | {"message_id": "m-sms", "customer_id": "dan", "channel": "sms"},
        # A run that was killed had reserved these on the day itself.
        {"as_of": DAY, "channel": "mail", "state": "reserved", "message_id": "r-bob", "customer_id": "bob"},
    )  # fmt: skip
    append_rows(
        desk.lake,
        "silver.responses",
        answer("unsubscribed", "m-ann", before),
        answer("complained", "m-bob", before),
        answer("unsubscribed", "m-eve", before),  # and agreed again afterwards
        answer("unsubscribed", "m-tom", after),  # not known before the as-of day
        answer("unsubscribed", "lost", before, customer="kim-2"),  # another account of kim
        answer("clicked", "m-zoe", before),
        answer("unsubscribed", "m-sms", before),  # of another channel
        answer("unsubscribed", "of another tool", before),
    )
    day = {"as_of": date(2026, 5, 31)}
    append_rows(
        desk.lake, "silver.identity_models", day | {"linked_accounts": 1, "owned_identifiers": 0}
    )
    append_rows(desk.lake, "silver.resolutions", day | {"kind": "customer", "ref": "kim-2", "customer_id": "kim"})  # fmt: skip

    # First what the killed run left: withheld, so that nothing is sent.
    desk.run("deliver", as_of=DAY)
    assert states_of_day(desk) == {"bob": "withheld"}
    desk.run("deliver", as_of=DAY)
    assert states_of_day(desk) == {
        "ann": "withheld", "bob": "withheld", "eve": "sent", "tom": "sent", "kim": "withheld",
        "zoe": "sent", "dan": "sent",
    }  # fmt: skip
    assert outbox(desk) == {"message-001.jsonl": ["dan", "eve", "tom", "zoe"]}
    assert any(text.startswith("1 answers withdraw a consent") for text in desk.said)
