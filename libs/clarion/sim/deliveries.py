"""What a period delivers of the customers of a block."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clarion.sim import answers, people, records, social
from clarion.sim.course import World
from clarion.sim.dirt import damage_records
from clarion.sim.draws import Ints
from clarion.sim.records import Course
from clarion.sim.visitors import events_before_registering
from clarion.sim.walk import Sends

LIVE = "live_"  # prefix of the folders that streams read
_SINCE_EVER = -(10**6)


@dataclass(frozen=True, slots=True)
class Period:
    """What is delivered at once.

    Args:
        first: first day of the period, since the shop's start.
        last: day after the period.
        live_from: first day whose events, orders and market prices go to the live folders instead.
        everyone: whether all customers and products are new; else those of the period are.
        sends: all messages so far; the answers to those of the period are delivered.
    """

    first: int
    last: int
    live_from: int
    everyone: bool
    sends: Sends


def period_records(
    world: World, course: Course, period: Period
) -> tuple[dict[str, pd.DataFrame], dict[tuple[str, str], int]]:
    """The records that a period delivers, by folder, and how many are damaged, by damage."""
    frames = people_records(course, period) | {
        "reviews": _since(world, period, _reviews(world, course, period)),
        "social": _since(world, period, _social(world, course, period)),
        "touches": _of_days(records.touch_records(course), period.first),
        "exposures": _of_days(records.exposure_records(course), period.first),
    }
    orders = records.order_records(course, until=world.clock.instants(period.last))
    orders = _since(world, period, orders)
    # An order stays whole: its lines have one time.
    starts = world.clock.instants(period.live_from)
    orders = orders.assign(_is_live=orders["happened_at"] >= starts)
    damaged, in_orders = damage_records(orders, world.shop.dirt)
    is_live = damaged.pop("_is_live").to_numpy()
    frames["orders"] = damaged[~is_live]
    if is_live.any():
        frames[f"{LIVE}orders"] = damaged[is_live].sort_values(["happened_at", "order_ref"])
    events = events_of(course)
    events = events[(events["_day"] >= period.first) & (events["_day"] < period.last)]
    damaged, in_events = damage_records(events, world.shop.dirt)
    is_live = (damaged.pop("_day") >= period.live_from).to_numpy()
    frames["events"] = damaged[~is_live]
    if is_live.any():
        frames[f"{LIVE}events"] = damaged[is_live].sort_values(["happened_at", "event_ref"])
    if not period.everyone:
        frames |= _answers(course, period, frames["consents"])
    counts = {("orders", name): number for name, number in in_orders.items()}
    return frames, counts | {("events", name): number for name, number in in_events.items()}


def events_of(course: Course) -> pd.DataFrame:
    """Events of customers, those before their registration included."""
    unknown = events_before_registering(
        course.surroundings, course.draws, course.clock, course.traits
    )
    known = records.event_records(course)
    return known if unknown.empty else pd.concat([unknown, known], ignore_index=True)


def people_records(course: Course, period: Period) -> dict[str, pd.DataFrame]:
    """What is stated about the customers who registered in a period, by folder."""
    joined = _in_period(course.traits.joined, period)
    opened = _in_period(course.accounts.opened, period)
    frames = {
        "registrations": people.registration_records(course, joined),
        "consents": people.consent_records(course, joined),
        "traits": people.trait_records(course, joined),
        "ties": people.tie_records(course, joined),
    }
    if len(opened):
        second = {
            "registrations": people.registration_records(course, opened, second=True),
            "consents": people.consent_records(course, opened, second=True),
        }
        for kind, frame in second.items():
            frames[kind] = pd.concat([frames[kind], frame], ignore_index=True)
    return frames


def _in_period(day: Ints, period: Period) -> Ints:
    """Rows of the customers whose day is in the period."""
    since = _SINCE_EVER if period.everyone else period.first
    return np.flatnonzero((day >= since) & (day < period.last))


def _reviews(world: World, course: Course, period: Period) -> pd.DataFrame:
    return social.review_records(course, until=world.clock.instants(period.last))


def _social(world: World, course: Course, period: Period) -> pd.DataFrame:
    """What streams and networks report until the end of the period."""
    until = world.clock.instants(period.last)
    frame = social.social_records(course, until=until)
    return frame[(frame["happened_at"] < until).to_numpy()]


def _since(world: World, period: Period, frame: pd.DataFrame) -> pd.DataFrame:
    """Records of the period; returns and reviews of earlier orders are among them."""
    return frame[(frame["happened_at"] >= world.clock.instants(period.first)).to_numpy()]


def _of_days(frame: pd.DataFrame, first: int) -> pd.DataFrame:
    return frame[(frame["_day"] >= first).to_numpy()].drop(columns="_day")


def _answers(course: Course, period: Period, consents: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What comes back from the messages of the period, and the consents with those withdrawn."""
    day = course.sends.day
    chosen = np.flatnonzero((day >= period.first) & (day < period.last))
    withdrawn = answers.withdrawal_records(course, chosen)
    return {
        "responses": answers.response_records(course, chosen),
        "redemptions": answers.redemption_records(course, period.first),
        "consents": pd.concat([consents, withdrawn], ignore_index=True),
    }
