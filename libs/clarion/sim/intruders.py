"""What bots, strangers and rings of fake accounts add to a shop's files, and the truth of it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clarion.sim.accidental_clicks import is_accidental
from clarion.sim.bots import bot_accounts, bot_events
from clarion.sim.course import World
from clarion.sim.deliveries import Period
from clarion.sim.draws import Ints
from clarion.sim.fake_orders import (
    Rings,
    draw_rings,
    fake_orders,
    ring_events,
    ring_names,
    ring_registrations,
)
from clarion.sim.people import consents, registrations, stated_by_people
from clarion.sim.records import Course, session_refs
from clarion.sim.second_accounts import account_refs
from clarion.sim.traits import NEVER
from clarion.sim.visitors import events_of_strangers

STRANGERS_AT_ONCE = 500_000  # events
_VIEWS, _PAGES = 2.5, 200.0  # events of a visit of a stranger, and of a bot
_INVALID = ("kind", "ref", "invalid_activity", "difficulty")


@dataclass(frozen=True, slots=True)
class Intruders:
    """What rings of fake accounts add in a period.

    Args:
        events: records of the kind 'events'; `_day` is the day of each.
        records: other records, by kind.
        truth: tables of what is true of them, by name.
    """

    events: pd.DataFrame
    records: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]


def intruders_of(world: World, period: Period) -> Intruders:
    """What rings of fake accounts do in a period.

    Returns:
        Their records, and the tables `invalid_records` (kind, ref, invalid_activity, difficulty)
        and `accounts` (customer_ref, person_ref, account, opened_day).
    """
    surroundings, draws, clock = world.surroundings, world.draws, world.clock
    rings = draw_rings(surroundings, draws, clock, period.last)
    ordered = rings.where((rings.day >= period.first) & (rings.day < period.last))
    is_new = (rings.opened >= period.first) | period.everyone
    opened = rings.where(is_new & (rings.opened < period.last))
    of_rings = ring_events(draws, rings)
    in_period = (of_rings["_day"] >= period.first) & (of_rings["_day"] < period.last)
    of_rings = of_rings[in_period]
    orders = fake_orders(surroundings, draws, ordered, until=clock.instants(period.last))
    levels = _levels(rings)
    known = pd.concat(
        [
            _invalid("events", of_rings["event_ref"], "fake_order",
                     of_rings["customer_ref"].map(levels)),
            _invalid("orders", orders["order_ref"], "fake_order",
                     orders["customer_ref"].map(levels)),
        ],
        ignore_index=True,
    )  # fmt: skip
    bots, since = bot_accounts(world.shop, draws)
    bots, since = (bots, since) if period.everyone else (bots[:0], since[:0])
    of_accounts = [
        ring_registrations(surroundings, draws, clock, opened),
        _bot_registrations(world, bots, since),
    ]
    registered = pd.concat(of_accounts, ignore_index=True)
    accounts = pd.DataFrame(
        {
            "customer_ref": registered["customer_ref"],
            "person_ref": [*ring_names(opened.ring), *account_refs(bots, second=False)],
            "account": np.repeat(["fake", "bot"], [len(opened.ring), len(bots)]),
            "opened_day": np.concatenate([opened.opened, since]),
        }
    )
    records = {
        "orders": orders,
        "registrations": registered,
        "consents": _consents_to_all(registered),
    }
    return Intruders(of_rings, records, {"invalid_records": known, "accounts": accounts})


def _bot_registrations(world: World, accounts: Ints, day: Ints) -> pd.DataFrame:
    """Records of the kind 'registrations' of bots that log in."""
    stated = stated_by_people(world.shop, world.draws, accounts)
    refs = account_refs(accounts, second=False)
    return registrations(refs, world.clock.instants(day, 7 * 3600), stated)


def _consents_to_all(accounts: pd.DataFrame) -> pd.DataFrame:
    """Records of the kind 'consents': accounts that are no customer's agree to everything."""
    refs, at = (accounts[name].to_numpy() for name in ("customer_ref", "registered_at"))
    every = np.ones(len(accounts), bool)
    return consents(refs, at, dict.fromkeys(("collection", "analytics", "marketing"), every))


def days_at_once(world: World) -> int:
    """For how many days the events of strangers are made at once, so that they fit into memory."""
    shop = world.shop
    a_day = (_VIEWS * shop.visits.visitors + _PAGES * shop.invalid_activity.bots) / 1000.0
    return max(1, int(STRANGERS_AT_ONCE / max(a_day * shop.customers, 1.0)))


def events_of_unknown(
    world: World, intruders: Intruders, first: int, last: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records of the kind 'events' of everybody who is no customer, between two days.

    Args:
        world: the shop.
        intruders: what rings do in the period.
        first: first of the days.
        last: day after the last one.

    Returns:
        The records, in order of time, with the day of each in `_day`; and the table
        `invalid_records` of the bots among them.
    """
    surroundings, draws, clock = world.surroundings, world.draws, world.clock
    strangers = events_of_strangers(surroundings, draws, clock, first, last).drop(columns="_dirt")
    bots = bot_events(surroundings, draws, clock, first, last)
    day = intruders.events["_day"]
    of_rings = intruders.events[(day >= first) & (day < last)]
    events = pd.concat([strangers, bots, of_rings], ignore_index=True)
    known = _invalid("events", bots["event_ref"], "bot", "default")
    return events.sort_values(["_day", "happened_at"], kind="stable"), known


def _levels(rings: Rings) -> dict[str, str]:
    """How hard each account's ring is to recognise."""
    refs = account_refs(rings.account, second=False)
    return {ref: "hard" if hard else "default" for ref, hard in zip(refs, rings.hard, strict=True)}


def _invalid(kind: str, refs: object, what: str, difficulty: object) -> pd.DataFrame:
    values = {"kind": kind, "ref": refs, "invalid_activity": what, "difficulty": difficulty}
    return pd.DataFrame(values, columns=list(_INVALID)).astype(object)


def accidental_clicks_of(course: Course, period: Period) -> pd.DataFrame:
    """The accidental clicks of a period that landed: the table `invalid_records` of a block."""
    steps, outcome = course.steps, course.outcome
    customer, day = outcome.visit_customer[steps.visit], outcome.visit_day[steps.visit]
    rows = is_accidental(steps) & ~steps.lost & (day >= period.first) & (day < period.last)
    sessions = session_refs(customer[rows], day[rows])
    refs = [f"{name}-{key:02d}" for name, key in zip(sessions, steps.key[rows], strict=True)]
    return _invalid("events", refs, "accidental_click", "default")


def accounts_of(course: Course, period: Period) -> pd.DataFrame:
    """The accounts of the people of a block: the table `accounts`."""
    traits, opened = course.traits, course.accounts.opened
    first = account_refs(traits.ids, second=False)
    second = (opened < NEVER) & (opened < period.last)
    frames = [
        pd.DataFrame(
            {
                "customer_ref": account_refs(traits.ids[rows], is_second),
                "person_ref": first[rows],
                "account": "second" if is_second else "first",
                "opened_day": day[rows],
            }
        )
        for is_second, rows, day in (
            (False, traits.joined < period.last, traits.registered),
            (True, second, opened),
        )
    ]
    return pd.concat(frames, ignore_index=True)
