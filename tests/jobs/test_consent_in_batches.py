"""Consent does not depend on which file came first."""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from typing import Any

import pytest
from worlds import Desk

from clarion.access.policy import AccessPolicy

AS_OF = date(2026, 6, 1)
# Statements and an order in a shop whose terms declare consent. The day is part of the event.
EVENTS = {
    "order": ("orders", "{name},o-{name},2026-05-01 09:00:00"),
    "older order": ("orders", "{name},p-{name},2026-03-01 09:00:00"),
    "no mail": ("consents", "{name},Marketing,mail,no,2026-05-10 09:00:00"),
    "yes all": ("consents", "{name},marketing,all,yes,2026-05-15 09:00:00"),
    "no all": ("consents", "{name},marketing,*,no,2026-05-20 09:00:00"),
    "unsubscribed": ("responses", "{name},m-{name},Unsubscribed,message,2026-05-12 09:00:00"),
}
# What a shop knows of a customer, and the channels of which it follows that they are consented to.
CASES: dict[tuple[str, ...], dict[str, bool]] = {
    ("order",): {"*": True},
    ("order", "older order"): {"*": True},
    ("order", "no mail"): {"*": True, "mail": False},
    ("order", "no all"): {},
    ("order", "unsubscribed"): {"*": True, "message": False},
    ("order", "no mail", "yes all"): {"*": True, "mail": True},
    ("order", "yes all", "unsubscribed"): {"*": True, "message": True},
    ("order", "no all", "unsubscribed"): {},
    ("yes all", "no all"): {},
    ("no mail", "yes all"): {"*": True, "mail": True},
}
HEADERS = {
    "orders": "member,receipt,at",
    "consents": "member,purpose,channel,granted,at",
    "responses": "member,message,type,channel,at",
}


def _kind(name: str, columns: dict[str, str], *purposes: str) -> dict[str, Any]:
    return {
        "where": f"${{data}}/{name}/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR",
        "consent": {"basis": "declared", "purposes": list(purposes), "note": "terms of the shop"}, "columns": columns,
    }  # fmt: skip


SHOP = {
    "orders": _kind(
        "orders",
        {
            "customer_ref": "member",
            "order_ref": "receipt",
            "happened_at": "at",
            "product_ref": "'p1'",
            "quantity": "1",
            "unit_price": "5",
        },
        "analytics",
        "marketing",
    ),
    "consents": _kind(
        "consents",
        {
            "customer_ref": "member",
            "purpose": "purpose",
            "channel": "channel",
            "granted": "granted = 'yes'",
            "at": "at",
        },
    ),
    "responses": _kind(
        "responses",
        {
            "customer_ref": "member",
            "message_ref": "message",
            "type": "type",
            "channel": "channel",
            "happened_at": "at",
        },
    ),
}


def _deliveries() -> Iterator[tuple[str, dict[str, bool], tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Each case, with its events in two deliveries in every way."""
    for number, (events, expected) in enumerate(CASES.items()):
        ways = {
            tuple(tuple(one for one, half in zip(events, halves, strict=True) if half == batch) for batch in (0, 1))
            for halves in product((0, 1), repeat=len(events))
        }  # fmt: skip
        for way, (first, second) in enumerate(sorted(ways)):
            yield f"c{number}-{way}", expected, (first, second)


@pytest.mark.deep  # two deliveries through ingest and clean
@pytest.mark.covers("C10", "S1")
def test_who_consents_does_not_depend_on_the_deliveries(desk: Callable[..., Desk]) -> None:
    shop = desk({"shop": SHOP})
    people = list(_deliveries())
    assert len(people) > 30
    for batch in (0, 1):
        lines: dict[str, list[str]] = {kind: [header] for kind, header in HEADERS.items()}
        for name, _, halves in people:
            for event in halves[batch]:
                kind, line = EVENTS[event]
                lines[kind].append(line.format(name=name))
        for kind, rows in lines.items():
            (shop.folder / kind).mkdir(exist_ok=True)
            (shop.folder / kind / f"{batch}.csv").write_text("\n".join(rows) + "\n")
        shop.run("ingest", "clean", as_of=AS_OF)
    assert shop.read("silver.quarantine").isEmpty()

    names = {row["customer_id"]: row["ref"] for row in shop.read("silver.identities").collect()}

    def channels(as_of: date) -> dict[str, dict[str, bool]]:
        policy = AccessPolicy(shop.lake, shop.config, as_of, "UTC", lambda frame: frame)
        rows = policy.consenting_customers("marketing").collect()
        return {names[row["customer_id"]]: row["channels"] for row in rows}

    assert channels(AS_OF) == {name: expected for name, expected, _ in people if expected}
    # On an earlier day only what had arrived counts: the older order, in whichever delivery it was.
    older = {name for name, _, halves in people if "older order" in {*halves[0], *halves[1]}}
    assert channels(date(2026, 4, 1)) == {name: {"*": True} for name in older}
