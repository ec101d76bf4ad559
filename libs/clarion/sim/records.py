"""Records of a simulated shop, one frame per source kind; times are UTC."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clarion.sim import catalogue, visits
from clarion.sim.catalogue import Texts, only, product_refs
from clarion.sim.clock import Clock, Instants
from clarion.sim.draws import Draws, Ints
from clarion.sim.exposures import ARMS, EXPERIMENT, Exposures
from clarion.sim.kernel import Outcome
from clarion.sim.purchases import Aftermath, Lines
from clarion.sim.second_accounts import Accounts, account_refs
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import Traits
from clarion.sim.visits import Steps
from clarion.sim.walk import Sends

_CLICKED_TOUCHES = 0.2
_RETURN_LINES = 100  # added to the number of a line that comes back: it is a line of its own
END_OF_TIME = np.array("9999-12-31", dtype="datetime64[s]")


@dataclass(frozen=True, slots=True)
class Course:
    """What customers of a block did, in full.

    Args:
        surroundings: what surrounds them.
        draws: random draws.
        clock: the shop's calendar.
        traits: who they are.
        outcome: their visits, orders and answers, from the shop's start on.
        exposures: what was recommended to them.
        lines: the lines of their orders.
        aftermath: what became of those.
        channel: index of the channel of each visit.
        accounts: the second accounts of some customers.
        device: which of the customer's devices each visit uses.
        steps: what they did in their visits.
        started: UTC instants at which their visits began.
        sends: the messages that were sent.
    """

    surroundings: Surroundings
    draws: Draws
    clock: Clock
    traits: Traits
    outcome: Outcome
    exposures: Exposures
    lines: Lines
    aftermath: Aftermath
    channel: Ints
    accounts: Accounts
    device: Ints
    steps: Steps
    started: Instants
    sends: Sends

    @property
    def ordered_at(self) -> Instants:
        """When each order line was paid: a quarter of an hour after the visit began."""
        visit = self.outcome.visit_of(self.lines.customer, self.lines.day)
        return np.asarray(self.started[visit] + np.timedelta64(15 * 60, "s"))

    def refs(self, customer: Ints, day: Ints) -> Texts:
        """The shop's names of the accounts that customers use on days."""
        return account_refs(customer, self.accounts.is_second(customer, day))


def customer_refs(ids: Ints) -> Texts:
    """The shop's names of customers."""
    return account_refs(ids, second=False)


def customer_number(ref: str) -> int:
    """The number of the customer whom the shop calls so, by either of two accounts."""
    return int(ref.removeprefix("C").partition("-")[0])


def order_refs(customer: Ints, day: Ints) -> Texts:
    """The shop's names of orders."""
    return np.array(
        [f"O{number:06d}-{on:05d}" for number, on in zip(customer, day, strict=True)], dtype=object
    )


def session_refs(customer: Ints, day: Ints) -> Texts:
    """The clients' names of the visits of customers on days."""
    return np.array(
        [f"S{number:06d}-{on:05d}" for number, on in zip(customer, day, strict=True)], dtype=object
    )


def product_records(surroundings: Surroundings, *, first: int | None, last: int) -> pd.DataFrame:
    """Records of the kind 'products' that appear in a period.

    Args:
        surroundings: what surrounds the customers.
        first: first day of the period; None for all that appeared before `last`.
        last: day after the period.
    """
    shop, goods = surroundings.shop, surroundings.catalogue
    titles, descriptions = catalogue.texts(goods)
    sizes, colours = catalogue.variants(goods)
    numbers = goods.numbers
    departments = [shop.local(item.department) for item in shop.categories]
    categories = [shop.local(item.category) for item in shop.categories]
    paths = [f"{one} > {two}" for one, two in zip(departments, categories, strict=True)]
    frame = pd.DataFrame(
        {
            "product_ref": product_refs(numbers),
            "title": titles,
            "description": descriptions,
            "brand": [f"B{brand:02d}" for brand in goods.brand],
            "category_path": [paths[index] for index in goods.category],
            "attributes": [
                {"origin": "imported" if number % 2 else "domestic"} for number in numbers
            ],
            "list_price": [f"{price:.2f}" for price in goods.prices(numbers, last)],
            "cost": [f"{cost:.2f}" for cost in goods.cost],
            "stock": goods.draws.index("product/stock", 500, numbers),
            "language": shop.language,
            "currency": shop.currency,
            "size": sizes,
            "colour": colours,
        }
    )
    appears = goods.launched < last
    return frame[appears if first is None else appears & (goods.launched >= first)]


def order_records(course: Course, *, until: Instants) -> pd.DataFrame:
    """Records of the kind 'orders': sales, and returns with a negative quantity.

    `_dirt` is the number that decides on the damage of each record.

    Args:
        course: what the customers of a block did.
        until: the instant after which nothing has happened yet.
    """
    lines, after = course.lines, course.aftermath
    at = course.ordered_at
    visit = course.outcome.visit_of(lines.customer, lines.day)
    coupons = [f"K-{course.sends.offer[send]}" if send >= 0 else None for send in lines.send]
    sales = pd.DataFrame(
        {
            "order_ref": order_refs(lines.customer, lines.day),
            "line_no": lines.number,
            "happened_at": at,
            "customer_ref": course.refs(lines.customer, lines.day),
            "product_ref": product_refs(lines.product),
            "quantity": lines.quantity,
            "unit_price": lines.price,
            "discount": np.round(lines.reduction + lines.coupon, 2),
            "coupon_ref": coupons,
            "channel": np.array(visits.CHANNELS, dtype=object)[course.channel[visit]],
            "currency": course.surroundings.shop.currency,
            "promised_at": later(at, after.promised_days, END_OF_TIME),
            "delivered_at": later(at, after.delivery_days, until),
            "_dirt": course.draws.uniform("dirt/orders", lines.customer, lines.day, lines.number),
        }
    )
    paid = (lines.price * lines.quantity - lines.reduction - lines.coupon) / lines.quantity
    returns = sales.drop(columns=["promised_at", "delivered_at"]).assign(
        line_no=sales["line_no"] + _RETURN_LINES,
        happened_at=later(at, after.return_days, until),
        quantity=-sales["quantity"],
        unit_price=np.maximum(np.round(paid, 2), 0.01),
        discount=0.0,
        coupon_ref=None,
        _dirt=1.0,
    )[after.returned]
    returns = returns[returns["happened_at"].notna()]
    if returns.empty:
        return sales
    coupon = pd.concat([sales["coupon_ref"].astype(object), returns["coupon_ref"]])
    both = pd.concat(
        [frame.drop(columns="coupon_ref") for frame in (sales, returns)], ignore_index=True
    )
    return both.assign(coupon_ref=coupon.to_numpy())


def later(at: Instants, days: object, until: Instants) -> Instants:
    """Instants so many days later; not a time where that is after `until`."""
    later = at + (np.asarray(days, dtype=float) * 86400).astype("timedelta64[s]")
    return np.where(later < until, later, np.datetime64("NaT", "s"))


def event_records(course: Course) -> pd.DataFrame:
    """Records of the kind 'events': the steps that landed.

    `_day` is the day of each, and `_dirt` the number that decides on its damage.
    """
    outcome, steps, shop = course.outcome, course.steps, course.surroundings.shop
    customer, day = outcome.visit_customer[steps.visit], outcome.visit_day[steps.visit]
    accounts = course.refs(outcome.visit_customer, outcome.visit_day)
    devices = visits.devices(outcome.visit_customer, course.device)
    words = np.array([shop.local(item.category) for item in shop.categories]
                     + [shop.local(shop.name), None], dtype=object)  # fmt: skip
    session = session_refs(outcome.visit_customer, outcome.visit_day)[steps.visit]
    frame = pd.DataFrame(
        {
            "event_ref": [
                f"{name}-{number:02d}" for name, number in zip(session, steps.key, strict=True)
            ],
            "happened_at": course.started[steps.visit] + steps.seconds.astype("timedelta64[s]"),
            "type": np.array(visits.TYPES, dtype=object)[steps.type],
            "customer_ref": accounts[steps.visit],
            "device_ref": devices[steps.visit],
            "product_ref": only(product_refs(np.maximum(steps.product, 0)), steps.product >= 0),
            # -1 is no search: the last word; -2 a search for the shop: the word before.
            "query": words[np.where(steps.category == -2, -2, steps.category)],
            "dwell_ms": np.where(steps.product >= 0, np.floor(steps.dwell * 1000), np.nan),
            "channel": np.array(visits.CHANNELS, dtype=object)[course.channel[steps.visit]],
            "session_ref": session,
            "sequence_no": steps.number + 1,
            "device_sequence_no": steps.sequence,
            "_day": day,
            "_dirt": course.draws.uniform("dirt/events", customer, day, steps.key),
        }
    ).astype({"dwell_ms": "Int64"})
    return frame[~steps.lost]


def touch_records(course: Course) -> pd.DataFrame:
    """Records of the kind 'touches': contacts with channels; `_day` is the day of each."""
    outcome, draws = course.outcome, course.draws
    keys = (outcome.touch_customer, outcome.touch_day, outcome.touch_channel)
    shop = course.surroundings.shop
    names = np.array([channel.name for channel in shop.channels], dtype=object)
    channel = names[outcome.touch_channel]
    seconds = 8 * 3600 + draws.index("touch/second", 12 * 3600, *keys)
    dates = course.clock.dates(outcome.touch_day).astype("datetime64[M]").astype(str)
    costs = np.array([item.cost for item in shop.channels])
    clicked = draws.uniform("touch/click", *keys) < _CLICKED_TOUCHES
    refs = zip(*keys, strict=True)
    return pd.DataFrame(
        {
            "touch_ref": [f"T{customer:06d}-{day:05d}-{number}" for customer, day, number in refs],
            "happened_at": course.clock.instants(outcome.touch_day, seconds),
            "customer_ref": customer_refs(outcome.touch_customer),
            "channel": channel,
            "campaign_ref": [f"{name}-{month}" for name, month in zip(channel, dates, strict=True)],
            "type": np.where(clicked, "click", "view"),
            "cost": np.round(costs[outcome.touch_channel], 4),
            "currency": shop.currency,
            "_day": outcome.touch_day,
        }
    )


def exposure_records(course: Course) -> pd.DataFrame:
    """Records of the kind 'exposures': what the home slot showed; `_day` is the day of each."""
    shown, outcome = course.exposures, course.outcome
    customer, day = outcome.visit_customer[shown.visit], outcome.visit_day[shown.visit]
    at = course.started[shown.visit] + np.timedelta64(2, "s")
    seconds = 1 + course.draws.index("slot/second", 20, customer, day, shown.rank)
    clicked_at = np.where(
        shown.clicked, at + seconds.astype("timedelta64[s]"), np.datetime64("NaT", "s")
    )
    refs = zip(customer, day, shown.rank, strict=True)
    return pd.DataFrame(
        {
            "exposure_ref": [f"X{number:06d}-{on:05d}-{rank}" for number, on, rank in refs],
            "happened_at": at,
            "customer_ref": course.refs(customer, day),
            "slot": "home",
            "rank": shown.rank,
            "item_type": "product",
            "item_ref": product_refs(shown.product),
            "model_version": "popular-1",
            "probability": np.round(shown.probability, 8),
            "experiment": EXPERIMENT,
            "arm": np.array(ARMS, dtype=object)[shown.arm],
            "clicked_at": clicked_at,
            "_day": day,
        }
    )
