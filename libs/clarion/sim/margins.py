"""The margins by which a simulated shop is compared with real ones.

A margin is a share or a rate of the whole shop: how many buyers came once, how much the products
that sell best sell. `conf/margins.yml` states each with the range that real shops have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.sim import visits
from clarion.sim.course import World, follow
from clarion.sim.draws import Bools, Floats, Ints
from clarion.sim.kernel import person_days
from clarion.sim.records import Course
from clarion.sim.walk import Sends

_LARGEST = 0.1  # share of buyers, and of products, that counts as the top
_MESSAGE_EVERY = 14
_CLICK_WINDOW = 7


class MarginRange(BaseModel):
    """What real shops have of a margin.

    Attributes:
        meaning: what is divided by what.
        low: lower end of the range.
        high: upper end.
        source: where the range comes from.
        real: the margin of real data sets, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    meaning: str
    low: float
    high: float
    source: str
    real: Mapping[str, float] = {}

    def holds(self, value: float) -> bool:
        """Whether a value lies in the range."""
        return self.low <= value <= self.high


def parse_ranges(content: Mapping[str, Any], *, where: str) -> dict[str, MarginRange]:
    """The ranges that a YAML file declares, by margin.

    Raises:
        ConfigError: a key is unknown or missing, or a value is not a number.
    """
    return {
        name: parse_model(MarginRange, written, where=f"{where}: {name}")
        for name, written in content.items()
    }


@dataclass(frozen=True, slots=True)
class Baskets:
    """Order lines of any shop, simulated or real.

    Args:
        lines: buyer, order, product, units, amount, day (a date or a number); returns have
            negative units. Lines without a buyer are left out.
        days: length of the window in days.
    """

    lines: pd.DataFrame
    days: int


def of_baskets(baskets: Baskets) -> dict[str, float]:
    """The margins that order lines alone tell: buyers, products, gaps, weekdays, returns."""
    sales = baskets.lines[baskets.lines["units"] > 0]
    orders = sales.groupby("order").agg(
        buyer=("buyer", "first"), amount=("amount", "sum"), day=("day", "min"),
        lines=("product", "nunique"),
    )  # fmt: skip
    per_buyer = orders.groupby("buyer").size()
    units = sales.groupby("product")["units"].sum().sort_values(ascending=False)
    returned = -baskets.lines.loc[baskets.lines["units"] < 0, "units"].sum()
    return {
        "one_time_buyers": float((per_buyer == 1).mean()),
        "orders_per_buyer_28_days": len(orders) / len(per_buyer) / (baskets.days / 28.0),
        "top_decile_spend": _top_share(sales.groupby("buyer")["amount"].sum()),
        "top_products_units": _top_share(units),
        "popularity_slope": _slope(units.to_numpy(dtype=float)),
        "median_gap_days": _median_gap(orders),
        "lines_per_order": float(orders["lines"].mean()),
        "weekday_ratio": _weekday_ratio(sales),
        "return_share": float(returned / sales["units"].sum()),
        "order_value_variation": float(orders["amount"].std() / orders["amount"].mean()),
    }


def _top_share(totals: pd.Series) -> float:
    """Share of the total that the largest tenth has."""
    ordered = np.sort(totals.to_numpy(dtype=float))[::-1]
    return float(ordered[: int(np.ceil(_LARGEST * len(ordered)))].sum() / ordered.sum())


def _slope(units: Floats) -> float:
    """Slope of log units on log rank, over the ranks 10 to 1,000."""
    ranks = np.arange(1, len(units) + 1)
    rows = (ranks >= 10) & (ranks <= 1000) & (units > 0)
    return float(np.polyfit(np.log(ranks[rows]), np.log(units[rows]), 1)[0])


def _median_gap(orders: pd.DataFrame) -> float:
    days = orders.drop_duplicates(["buyer", "day"]).sort_values(["buyer", "day"])
    gaps = days["day"].diff()[days["buyer"].eq(days["buyer"].shift())]
    return float(_in_days(gaps).median())


def _in_days(gaps: "pd.Series[Any]") -> "pd.Series[Any]":
    return gaps.dt.days if hasattr(gaps, "dt") else gaps


def _weekday_ratio(sales: pd.DataFrame) -> float:
    day = sales["day"]
    weekday = day.dt.weekday if hasattr(day, "dt") else day % 7
    units = sales.groupby(weekday)["units"].sum()
    return float(units.max() / units.min())


def of_shop(world: World, *, last: int) -> dict[str, float]:
    """The margins of a simulated shop until a day.

    For the rates of messages, all customers who consent get one every 14 days, with the shop's
    usual benefit.
    """
    ids = world.ids
    course = follow(world, ids, last=last)
    messages = follow(world, ids, last=last, sends=_usual_sends(world, course, last))
    return {**of_baskets(baskets_of(course, last)), **_of_visits(course), **_of_messages(messages)}


def baskets_of(course: Course, last: int) -> Baskets:
    """The order lines of a simulated shop until a day, returns included."""
    lines, after = course.lines, course.aftermath
    sales = pd.DataFrame(
        {
            "buyer": lines.customer,
            "order": person_days(lines.customer, lines.day),
            "product": lines.product,
            "units": lines.quantity,
            "amount": lines.price * lines.quantity - lines.reduction - lines.coupon,
            "day": lines.day,
        }
    )
    came_back = after.returned & (lines.day + after.return_days < last)
    returns = sales[came_back].assign(units=lambda frame: -frame["units"])
    return Baskets(pd.concat([sales, returns], ignore_index=True), last)


def recent_orders(world: World, *, last: int, days: int = 28) -> pd.DataFrame:
    """Buyer and amount of each order in the days before a day."""
    lines = baskets_of(follow(world, world.ids, last=last), last).lines
    sales = lines[(lines["units"] > 0) & (lines["day"] >= last - days)]
    return sales.groupby("order").agg(buyer=("buyer", "first"), amount=("amount", "sum"))


def _usual_sends(world: World, course: Course, last: int) -> Sends:
    traits = course.traits
    days = np.arange(0, last - _MESSAGE_EVERY, _MESSAGE_EVERY, dtype=np.int64)
    allowed = traits.collection & traits.marketing
    customer = np.repeat(traits.ids[allowed], len(days))
    day = np.tile(days, int(allowed.sum()))
    here = traits.joined[np.searchsorted(traits.ids, customer)] <= day
    number = int(here.sum())
    benefit = np.full(number, world.shop.benefit)
    return Sends(customer[here], day[here], ["spend_and_save"] * number, benefit)


def _of_visits(course: Course) -> dict[str, float]:
    outcome, steps = course.outcome, course.steps
    in_cart = np.zeros(len(outcome.visit_day), bool)
    in_cart[steps.visit[steps.type == visits.CART_ADD]] = True
    failed = int((steps.type == visits.FAILED).sum())
    return {
        "visit_conversion": float(outcome.visit_ordered.mean()),
        "cart_abandonment": float(1.0 - outcome.visit_ordered[in_cart].mean()),
        "payment_failures": failed / (failed + int(outcome.visit_ordered.sum())),
        "reviewed_lines": float(course.aftermath.reviewed.mean()),
    }


def _of_messages(course: Course) -> dict[str, float]:
    outcome, sends = course.outcome, course.sends
    clicks = np.flatnonzero(outcome.clicked)
    bought = _orders_soon(course, sends.customer[clicks], sends.day[clicks])
    delivered = outcome.delivered.sum()
    return {
        "message_click_rate": float(outcome.clicked.sum() / delivered),
        "clicker_conversion": float(bought.mean()),
        "unsubscribed_per_message": float(outcome.unsubscribes.sum() / delivered),
    }


def _orders_soon(course: Course, customer: Ints, day: Ints) -> Bools:
    """Whether customers order within seven days from a day on."""
    outcome = course.outcome
    ordered = outcome.visit_ordered
    keys = np.sort(person_days(outcome.visit_customer[ordered], outcome.visit_day[ordered]))
    start = np.searchsorted(keys, person_days(customer, day))
    stop = np.searchsorted(keys, person_days(customer, day + _CLICK_WINDOW))
    return np.asarray(stop > start)
