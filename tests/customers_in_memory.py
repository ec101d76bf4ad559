"""Customers of a simulated shop as the suite would know them, computed in memory, and what was planted of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.customers.profiles.settings import ProfileSettings
from clarion.sim import visits
from clarion.sim.catalogue import Catalogue
from clarion.sim.course import World, build_world, follow
from clarion.sim.records import Course
from clarion.sim.shop import parse_shop
from clarion.sim.traits import draw_members


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers of a shop who have done anything, in order of their numbers.

    Args:
        features: the features that define the tags or that their trees may know, by number.
        interactions: as INTERACTIONS, with the customer's number.
        is_sensitive: whether the planted elasticity is above the shop's mean.
        favourite: the category for which each has most taste, as planted.
    """

    features: pd.DataFrame
    interactions: pd.DataFrame
    is_sensitive: npt.NDArray[np.bool_]
    favourite: npt.NDArray[np.object_]


def world_of(name: str, *, customers: int, seed: int) -> World:
    """A shop of the packaged files, with so many customers."""
    written = parse_shop(
        parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name), where=name
    )
    return build_world(written.model_copy(update={"customers": customers}), seed=seed)


def customers_of(world: World) -> Customers:
    """What the suite knows of the customers after the shop's history, and what was planted."""
    last, shop = world.shop.history_days, world.shop
    course, goods = follow(world, world.ids, last=last), world.surroundings.catalogue
    categories = np.array([item.category.en for item in shop.categories], dtype=object)
    lines, seen = lines_of(course), seen_of(course)
    interactions = _interactions(lines, seen, last)
    interactions["category"] = categories[goods.category[interactions["product"]]]
    interactions["position"] = _price_positions(goods, last)[interactions["product"]]
    features = _features(lines, seen, interactions, last)
    numbers = features.index.to_numpy()
    members, days = draw_members(shop, world.draws, world.ids), np.full(len(numbers), last)
    elasticity = np.array([item.elasticity for item in shop.personas])
    planted = elasticity[members.persona(numbers, days)]
    favourite = categories[members.taste(numbers, days).argmax(axis=1)]
    return Customers(features, interactions, planted > planted.mean(), favourite)


def _price_positions(goods: Catalogue, last: int) -> npt.NDArray[np.float64]:
    prices = pd.DataFrame({"category": goods.category, "price": goods.prices(goods.numbers, last)})
    of_category = prices.groupby("category")["price"]
    ranks = of_category.rank(method="min") - 1
    return (ranks / (of_category.transform("size") - 1)).to_numpy()


def lines_of(course: Course) -> pd.DataFrame:
    """One row per order line: customer, day, product, amount, discount."""
    lines = course.lines
    return pd.DataFrame(
        {
            "customer": lines.customer,
            "day": lines.day,
            "product": lines.product,
            "amount": lines.price * lines.quantity - lines.reduction - lines.coupon,
            "discount": lines.reduction + lines.coupon,
        }
    )


def seen_of(course: Course) -> pd.DataFrame:
    """One row per step of a visit that was recorded: customer, day, type, product."""
    steps, outcome = course.steps, course.outcome
    kept = ~steps.lost
    return pd.DataFrame(
        {
            "customer": outcome.visit_customer[steps.visit[kept]],
            "day": outcome.visit_day[steps.visit[kept]],
            "type": steps.type[kept],
            "product": steps.product[kept],
        }
    )


def _interactions(lines: pd.DataFrame, seen: pd.DataFrame, last: int) -> pd.DataFrame:
    """customer, product, orders, interest, recent_interest of the products of most interest."""
    settings = Config.load().section(ProfileSettings)
    weight = {
        visits.VIEW: 1.0,
        visits.FAVOURITE: settings.cart_interest,
        visits.CART_ADD: settings.cart_interest,
    }
    looks = seen[seen["type"].isin(weight) & (seen["product"] >= 0)]
    looks = looks.assign(weight=looks["type"].map(weight), orders=0)
    orders = lines.drop_duplicates(["customer", "day", "product"])
    orders = orders.assign(weight=settings.purchase_interest, orders=1)
    both = pd.concat(
        [frame[["customer", "product", "day", "weight", "orders"]] for frame in (looks, orders)]
    )
    both["interest"] = both["weight"] * 0.5 ** (
        (last - both["day"]) / settings.interest_half_life_days
    )
    is_recent = last - both["day"] <= settings.recent_interest_days
    both["recent_interest"] = both["interest"].where(is_recent, 0.0)
    sums = both.groupby(["customer", "product"], as_index=False)[
        ["orders", "interest", "recent_interest"]
    ].sum()
    sums = sums.sort_values(["customer", "interest", "product"], ascending=[True, False, True])
    return sums.groupby("customer").head(settings.interactions_kept).reset_index(drop=True)


def _features(
    lines: pd.DataFrame, seen: pd.DataFrame, interest: pd.DataFrame, last: int
) -> pd.DataFrame:
    customers = pd.Index(np.unique(np.concatenate([lines["customer"], seen["customer"]])))
    orders = lines.groupby(["customer", "day"]).agg(
        amount=("amount", "sum"), discount=("discount", "sum"), lines=("amount", "size")
    )
    orders = orders.reset_index()
    by = orders.groupby("customer")
    gaps = by["day"].diff()
    days = pd.concat([lines[["customer", "day"]], seen[["customer", "day"]]]).drop_duplicates()
    counts = {
        name: seen[seen["type"] == kind].groupby("customer").size()
        for name, kind in (
            ("views_365d", visits.VIEW),
            ("carts", visits.CART_ADD),
            ("searches_90d", visits.SEARCH),
        )
    }
    bought, looked = interest[interest["orders"] > 0], interest[interest["orders"] == 0]
    totals = interest.groupby("customer")["interest"].sum()
    frame = pd.DataFrame(
        {
            "orders_365d": by.size(),
            "order_days_365d": by.size(),
            "average_order": by["amount"].mean(),
            "lines_per_order": by["lines"].mean(),
            "mean_gap": gaps.groupby(orders["customer"]).mean(),
            "discounted_share": (orders["discount"] > 0).groupby(orders["customer"]).mean(),
            "discount_share": by["discount"].sum() / (by["amount"].sum() + by["discount"].sum()),
            "price_level_bought": bought.groupby("customer")["position"].mean(),
            "price_level_looked": looked.groupby("customer")["position"].mean(),
            "categories": interest.groupby("customer")["category"].nunique(),
            "category_focus": interest.groupby(["customer", "category"])["interest"]
            .sum()
            .groupby("customer")
            .max()
            / totals,
            "tenure": last - days.groupby("customer")["day"].min(),
            "active_days": days.groupby("customer").size(),
            **counts,
        },
        index=customers,
    )
    zero = ["orders_365d", "order_days_365d", "views_365d", "carts", "searches_90d"]
    frame[zero] = frame[zero].fillna(0)
    frame["views_per_active_day"] = frame["views_365d"] / frame["active_days"]
    frame["views_per_order"] = frame["views_365d"] / frame["orders_365d"].replace(0, np.nan)
    frame["carts_per_view"] = frame["carts"] / frame["views_365d"].replace(0, np.nan)
    frame["price_sensitivity"] = (
        frame["discounted_share"]
        + frame["discount_share"].fillna(0)
        + 1
        - frame["price_level_bought"].fillna(0.5)
    ) / 3
    return frame.astype(np.float64)
