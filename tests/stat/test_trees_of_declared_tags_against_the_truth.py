"""Trees of declared tags in simulated shops: who is price-sensitive, and who prefers which category, beside what was planted."""

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.customers.profiles.settings import ProfileSettings
from clarion.sim import visits
from clarion.sim.course import World, build_world, follow
from clarion.sim.shop import Shop, parse_shop
from clarion.sim.traits import draw_members

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Customers:
    """Customers of a shop who have done anything, in order of their numbers.

    Args:
        features: the features that define the tags or that their trees may know.
        bought: share of each customer's purchases, by category.
        looked_at: share of the interest in what was looked at and not bought, by category.
        elasticity: the planted elasticity of each.
        favourite: the category that each has most taste for, as planted.
    """

    features: pd.DataFrame
    bought: pd.DataFrame
    looked_at: pd.DataFrame
    elasticity: npt.NDArray[np.float64]
    favourite: npt.NDArray[np.object_]


def _shop(name: str, customers: int) -> Shop:
    text = Config.load().text(f"shops/{name}.yml")
    shop = parse_shop(parse_yaml(text, where=name), where=name)
    return shop.model_copy(update={"customers": customers})


def _customers(world: World) -> Customers:
    """What the suite knows of the customers after the shop's history, computed in memory."""
    shop = world.shop
    last = shop.history_days
    course = follow(world, world.ids, last=last)
    goods = world.surroundings.catalogue
    categories = np.array([item.category.en for item in shop.categories], dtype=object)
    lines = _lines(course, goods)
    seen = _seen(course)
    interest = _interest(lines, seen, last)
    prices = pd.DataFrame({"category": goods.category, "price": goods.prices(goods.numbers, last)})
    rank = prices.groupby("category")["price"].rank(method="min") - 1
    position = (rank / (prices.groupby("category")["price"].transform("size") - 1)).to_numpy()
    interest["category"] = categories[goods.category[interest["product"]]]
    interest["position"] = position[interest["product"]]
    features = _features(lines, seen, interest, last)
    index = features.index
    is_bought = interest["orders"] > 0
    members = draw_members(shop, world.draws, world.ids)
    persona = members.persona(index.to_numpy(), np.full(len(index), last))
    elasticity = np.array([item.elasticity for item in shop.personas])[persona]
    favourite = categories[
        members.taste(index.to_numpy(), np.full(len(index), last)).argmax(axis=1)
    ]
    bought = _shares(interest[is_bought], "orders").reindex(index)
    looked_at = _shares(interest[~is_bought], "interest").reindex(index)
    purchases = interest[is_bought].groupby("customer")["orders"].sum().reindex(index).fillna(0)
    return Customers(features.assign(purchases=purchases), bought, looked_at, elasticity, favourite)


def _lines(course, goods) -> pd.DataFrame:
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


def _seen(course) -> pd.DataFrame:
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


def _interest(lines: pd.DataFrame, seen: pd.DataFrame, last: int) -> pd.DataFrame:
    """customer, product, orders, interest of the products of most interest."""
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
    sums = both.groupby(["customer", "product"], as_index=False)[["orders", "interest"]].sum()
    sums = sums.sort_values(["customer", "interest", "product"], ascending=[True, False, True])
    return sums.groupby("customer").head(settings.interactions_kept).reset_index(drop=True)


def _shares(interest: pd.DataFrame, value: str) -> pd.DataFrame:
    sums = interest.pivot_table(index="customer", columns="category", values=value, aggfunc="sum")
    return sums.div(sums.sum(axis=1), axis=0)


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
            ("searches", visits.SEARCH),
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
            "active_days": days.groupby("customer").size(),
            **counts,
        },
        index=customers,
    )
    zero = ["orders_365d", "order_days_365d", "views_365d", "carts", "searches"]
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
    return frame
