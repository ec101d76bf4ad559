"""Who consents to what, on which channel: every order of statements, answers and arrivals."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain, product
from types import SimpleNamespace
from typing import cast

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.identity.consent import (
    consenting_customers,
    known_statements,
    withdrawals_by_response,
)
from clarion.collect.identity.settings import ConsentSettings
from clarion.config import Config
from clarion.contracts.silver import CONSENTS
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.consents import consents_to_channel, consents_to_every_channel
from clarion.measures.columns.frames import local_frame
from clarion.runtime.scope import Scope
from clarion.workflows import silver_facts

AS_OF = date(2026, 6, 1)
LATE = datetime(2026, 6, 1, tzinfo=UTC)
STATEMENTS = "customer_id string, purpose string, channel string, granted boolean, basis string, at timestamp, arrived_at timestamp"
RESPONSES = "customer_id string, message_ref string, type string, channel string, happened_at timestamp, arrived_at timestamp"
MESSAGES = "message_id string, customer_id string, channel string"
ASKED = ("message", "mail", "sms")  # nobody ever names the last one


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a consent: who said what, when, and whether it was known in time."""

    source: str  # recorded, declared, message (an answer to one), nobody's message
    channel: str
    granted: bool
    day: int = 0
    is_late: bool = False


SAID = [Event("recorded", *one) for one in product(("*", "message", "mail"), (True, False))]
EVENTS = {
    "analytics": [*SAID, Event("declared", "*", True)],
    "marketing": [
        *SAID,
        Event("declared", "*", True),
        Event("message", "message", False),
        Event("nobody's message", "*", False),
    ],
}
# Days of three events, and which of them arrives too late.
TIMES = [
    *(((1, 2, 3), late) for late in (None, 0, 2)),
    *((days, None) for days in ((1, 1, 2), (1, 2, 2))),
]


def histories(purpose: str) -> Iterator[list[Event]]:
    """Three events in every order, at different and equal instants, and one of them late."""
    for events in product(EVENTS[purpose], repeat=3):
        for days, late in TIMES:
            yield [
                Event(one.source, one.channel, one.granted, day, index == late)
                for index, (one, day) in enumerate(zip(events, days, strict=True))
            ]


def verdict(history: list[Event], channel: str) -> bool | None:
    """The answer for a channel, by walking through a history; None where nothing is said."""
    declared = None
    stated = None
    for day in (1, 2, 3):
        known = [one for one in history if one.day == day and not one.is_late]
        about = [one for one in known if one.channel in ("*", channel)]
        if any(one.source == "declared" for one in about):
            declared = True
        said = [one.granted for one in about if one.source != "declared"]
        if said:
            stated = all(said)
    return declared if stated is None else stated


def expected(purpose: str, history: list[Event]) -> tuple[bool, ...]:
    """The answers for each asked channel, and for a use that belongs to no channel."""
    by_channel = [verdict(history, name) for name in ("message", "mail", "*")]
    if purpose == "marketing":
        return (
            *(verdict(history, name) is True for name in ASKED),
            by_channel == [True, True, True],
        )
    is_allowed = True in by_channel and False not in by_channel
    return (is_allowed,) * 4


def frames(
    spark: SparkSession, people: dict[str, tuple[str, list[Event]]]
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Statements, responses and messages, in no order."""
    statements: list[tuple[object, ...]] = []
    responses: list[tuple[object, ...]] = []
    messages: list[tuple[object, ...]] = []
    for name, (purpose, history) in people.items():
        for number, one in enumerate(history):
            at = datetime(2026, 5, one.day, 12, tzinfo=UTC)
            arrived_at = LATE if one.is_late else at
            sent = f"{name}/{number}"
            if one.source == "message":
                messages.append((sent, name, "message"))
                responses.append((None, sent, "unsubscribed", None, at, arrived_at))
            elif one.source == "nobody's message":
                responses.append((name, sent, "complained", None, at, arrived_at))
            else:
                row = (name, purpose, one.channel, one.granted, one.source, at, arrived_at)
                statements.append(row)
    random.Random(7).shuffle(statements)
    return (
        local_frame(spark, statements, STATEMENTS),
        local_frame(spark, responses, RESPONSES),
        local_frame(spark, messages, MESSAGES),
    )


@pytest.mark.covers("C10", "S1")
def test_the_last_word_of_a_person_counts_in_every_order_of_events(
    spark: SparkSession, config: Config
) -> None:
    cases = chain.from_iterable(
        ((purpose, history) for history in histories(purpose)) for purpose in EVENTS
    )
    people = {f"c{number}": case for number, case in enumerate(cases)}
    settings = config.section(ConsentSettings)
    known = known_statements(
        withdrawals_by_response(*frames(spark, people), settings), as_of=AS_OF, time_zone="UTC"
    )
    answers = [consents_to_channel(F.lit(name)) for name in ASKED]
    consenting = [
        consenting_customers(known, purpose=purpose).select(
            "customer_id", F.array(*answers, consents_to_every_channel()).alias("answers")
        )
        for purpose in EVENTS
    ]
    rows = consenting[0].unionByName(consenting[1]).collect()
    found = {row["customer_id"]: tuple(row["answers"]) for row in rows}
    nothing = (False,) * 4
    wrong = {
        name: (case, found.get(name, nothing))
        for name, case in people.items()
        if found.get(name, nothing) != expected(*case)
    }
    assert not wrong, next(iter(wrong.items()))
    assert len(rows) == len(found) > 1000


def test_names_of_channels_are_compared_in_standard_form_and_answers_withdraw_as_declared(
    spark: SparkSession,
) -> None:
    day = [datetime(2026, 5, number, 12, tzinfo=UTC) for number in range(1, 5)]
    ahead = datetime(2027, 1, 1, tzinfo=UTC)

    def said(name: str, channel: str, granted: bool, at: datetime) -> tuple[object, ...]:
        return (name, "marketing", channel, granted, "recorded", at, min(at, day[3]))

    statements = local_frame(spark,
        [
            *(said(name, "*", True, day[0]) for name in ("word", "case", "spam", "link", "both", "me", "soon")),
            said("word", "ALL", False, day[1]),
            said("case", " Message", False, day[1]),
            said("again", "message", False, day[0]), said("again", "全部", True, day[1]),
            # A clock that is ahead: the refusal counts, the grant does not yet.
            said("soon", "*", False, ahead),
            said("too soon", "*", False, day[1]), said("too soon", "*", True, ahead),
        ],
        STATEMENTS,
    )  # fmt: skip
    responses = local_frame(
        spark,
        [
            ("spam", "m1", "complained", "mail", day[1], day[1]),
            ("link", "m2", "clicked", "message", day[1], day[1]),
            ("me", "m3", "unsubscribed", None, day[1], day[1]),  # a message for another person
            (None, "m9", "unsubscribed", None, day[1], day[1]),  # no message of ours: of nobody
        ],
        RESPONSES,
    )
    messages = local_frame(spark, [("m2", "link", "message"), ("m3", "both", "mail")], MESSAGES)
    settings = ConsentSettings(unsubscribed="channel", complained="all")
    known = known_statements(
        withdrawals_by_response(statements, responses, messages, settings),
        as_of=AS_OF, time_zone="UTC",
    )  # fmt: skip
    rows = consenting_customers(known, purpose="marketing").collect()
    assert {row["customer_id"]: row["channels"] for row in rows} == {
        "case": {"*": True, "message": False},
        "again": {"*": True, "message": True},
        "link": {"*": True},
        "both": {"*": True, "mail": False},
        "me": {"*": True, "mail": False},
    }


def test_a_declared_consent_is_written_once_and_again_only_if_it_is_older(
    spark: SparkSession,
) -> None:
    def consents(batch: str, **days: int) -> DataFrame:
        rows = [
            {
                "record_id": f"{batch}/{name}", "customer_id": name, "purpose": "analytics",
                "channel": "*", "granted": True, "basis": "declared", "_batch": batch,
                "at": datetime(2026, 5, day, tzinfo=UTC), "arrived_at": LATE,
                "_source": "shop.orders", "_file": "a.csv", "_row": day,
            }
            for name, day in days.items()
        ]  # fmt: skip
        return rows_as_frame(spark, CONSENTS, rows)

    stored = consents("b1", older=5, same=5, younger=5).unionByName(
        consents("b2", anew=1)  # of a batch that is cleaned again
    )
    scope = cast(Scope, SimpleNamespace(own=lambda table: stored))
    arriving = [
        consents("b2", older=3, same=5, younger=7, anew=9, unknown=9),
        consents("b2", unknown=8),
    ]
    (new,) = silver_facts._new_declared_consents(scope, arriving, in_batches="_batch = 'b2'")
    found = {(row["customer_id"], row["at"].day) for row in new.collect()}
    assert found == {("older", 3), ("anew", 9), ("unknown", 8)}
