"""Visits of people who have not said who they are: some register later, most never do."""

import numpy as np
import pandas as pd

from clarion.sim.catalogue import product_refs
from clarion.sim.clock import Clock
from clarion.sim.draws import Draws, Ints, numbered
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import Traits

_MAX_VIEWS = 4
_DAYS_BEFORE = 10  # a customer was seen at most so long before the registration
_SECONDS_A_VIEW = 25


def steps_before_registering(surroundings: Surroundings, draws: Draws, traits: Traits) -> Ints:
    """Views on each customer's phone before the registration; 0 for customers who came unseen."""
    share = surroundings.shop.visits.registers
    seen = (draws.uniform("visitor/registers", traits.ids) < share) & (traits.joined >= 0)
    return np.where(seen, 1 + draws.index("visitor/steps", _MAX_VIEWS, traits.ids), 0)


def events_before_registering(
    surroundings: Surroundings, draws: Draws, clock: Clock, traits: Traits
) -> pd.DataFrame:
    """Records of the kind 'events': one visit of customers before their registration.

    `_day` is the day of each, and `_dirt` the number that decides on its damage.
    """
    count = steps_before_registering(surroundings, draws, traits)
    rows = np.flatnonzero(count)
    day = traits.joined[rows] - draws.index("visitor/before", _DAYS_BEFORE, traits.ids[rows]) - 1
    devices = [f"D{number:06d}-0" for number in traits.ids[rows]]
    return _views(surroundings, draws, clock, traits.ids[rows], day, count[rows], devices, "B")


def events_of_strangers(
    surroundings: Surroundings, draws: Draws, clock: Clock, first: int, last: int
) -> pd.DataFrame:
    """Records of the kind 'events': visits of people who never register, between two days.

    `_day` is the day of each, and `_dirt` the number that decides on its damage.
    """
    shop = surroundings.shop
    a_day = max(1, round(shop.visits.visitors * shop.customers / 1000.0))
    day = np.repeat(np.arange(first, last, dtype=np.int64), a_day)
    # Numbers below zero: no customer has one.
    number = -1 - (day * a_day + np.tile(np.arange(a_day, dtype=np.int64), last - first))
    count = 1 + draws.index("visitor/steps", _MAX_VIEWS, number)
    devices = [f"N{-value:08d}" for value in number]
    return _views(surroundings, draws, clock, number, day, count, devices, "N")


def _views(
    surroundings: Surroundings,
    draws: Draws,
    clock: Clock,
    person: Ints,
    day: Ints,
    count: Ints,
    devices: list[str],
    prefix: str,
) -> pd.DataFrame:
    """Products looked at, one visit per person."""
    row, number = numbered(count)
    keys = (person[row], number)
    shares = [item.share for item in surroundings.shop.categories]
    category = draws.choice("visitor/category", shares, person)[row]
    product = surroundings.catalogue.at_rank(
        category, draws.uniform("visitor/product", *keys), day[row]
    )
    seconds = 7 * 3600 + draws.index("visitor/start", 16 * 3600, person)
    sessions = np.array(
        [f"{prefix}{abs(value):08d}-{on:05d}" for value, on in zip(person, day, strict=True)],
        dtype=object,
    )
    refs = zip(sessions[row], number, strict=True)
    return pd.DataFrame(
        {
            "event_ref": [f"{session}-{step:02d}" for session, step in refs],
            "happened_at": clock.instants(day[row], seconds[row] + _SECONDS_A_VIEW * number),
            "type": "view",
            "customer_ref": np.full(len(row), None, dtype=object),
            "device_ref": np.array(devices, dtype=object)[row],
            "product_ref": product_refs(product),
            "query": np.full(len(row), None, dtype=object),
            "dwell_ms": 2_000 + draws.index("visitor/dwell", 20_000, *keys),
            "channel": "app" if prefix == "B" else "web",
            "session_ref": sessions[row],
            "sequence_no": number + 1,
            "device_sequence_no": number + 1,
            "_day": day[row],
            "_dirt": draws.uniform("dirt/visitors", *keys),
        }
    ).astype({"dwell_ms": "Int64"})
