"""What is true of a simulated shop; tests read it, and the shop's files do not hold it."""

import numpy as np
import pandas as pd

from clarion.sim import market, records
from clarion.sim.catalogue import product_refs
from clarion.sim.course import World
from clarion.sim.records import Course
from clarion.sim.traits import NEVER, time_zones


def customers(world: World, course: Course) -> pd.DataFrame:
    """Who the customers of a block are, and where they are at the end of the course.

    Returns:
        One row per customer: customer_ref, persona, later_persona (names), changed_day (null for
        no change), joined_day, orders_a_day, favourite (category), tier, response, time_zone,
        collection, marketing, orders, dropped, left, unsubscribed, arm.
    """
    from clarion.sim.exposures import ARMS, arms
    from clarion.sim.traits import later_traits

    traits, state, shop = course.traits, course.outcome.state, world.shop
    later = later_traits(shop, world.draws, traits).persona if shop.changes else traits.persona
    names = np.array([persona.name for persona in shop.personas], dtype=object)
    categories = np.array([item.category.en for item in shop.categories], dtype=object)
    changes = traits.changed < NEVER
    return pd.DataFrame(
        {
            "customer_ref": records.customer_refs(traits.ids),
            "persona": names[traits.persona],
            "later_persona": names[later],
            "changed_day": pd.array(np.where(changes, traits.changed, 0), dtype="Int64"),
            "joined_day": traits.joined,
            "orders_a_day": traits.rate,
            "favourite": categories[traits.taste.argmax(axis=1)],
            "tier": traits.tier,
            "response": traits.response,
            "time_zone": time_zones(shop, world.draws, traits.ids),
            "collection": traits.collection,
            "marketing": traits.marketing,
            "orders": state.orders,
            "dropped": state.dropped,
            "left": state.left,
            "unsubscribed": state.unsubscribed,
            "arm": np.array(ARMS, dtype=object)[arms(world.draws, traits.ids)],
        }
    ).assign(changed_day=lambda frame: frame["changed_day"].where(changes))


def surroundings(world: World, last: int) -> dict[str, pd.DataFrame]:
    """What surrounds the customers until a day, by table.

    Returns:
        products (product_ref, category, tier, rank, launched_day), listings (competitor, title,
        product_ref of the match or null for none, brand, category, since_day), wars (category,
        first_day), channels (channel, effect), offers (persona, offer, effect), payment_trouble
        (day).
    """
    from clarion.sim import visits

    shop, own = world.shop, world.surroundings
    goods = own.catalogue
    names = np.array([item.category.en for item in shop.categories], dtype=object)
    days = np.arange(last, dtype=np.int64)
    return {
        "products": pd.DataFrame(
            {
                "product_ref": product_refs(goods.numbers),
                "category": names[goods.category],
                "tier": goods.tier,
                "rank": goods.rank,
                "launched_day": goods.launched,
            }
        ),
        "listings": pd.concat(
            [_listings(own.listings, matches=True), _listings(own.others, matches=False)],
            ignore_index=True,
        ),
        "wars": _wars(world, last),
        "channels": pd.DataFrame(
            [(channel.name, channel.effect) for channel in shop.channels],
            columns=["channel", "effect"],
        ),
        "offers": pd.DataFrame(
            [
                (persona.name, offer, effect)
                for persona in shop.personas
                for offer, effect in {"": persona.effect, **persona.effects}.items()
            ],
            columns=["persona", "offer", "effect"],
        ),
        "payment_trouble": pd.DataFrame({"day": days[visits.trouble(world.draws, days)]}),
    }


def _listings(listings: market.Listings, *, matches: bool) -> pd.DataFrame:
    """One row per listing; the product is that of the shop, null where the shop has none."""
    goods, product = listings.goods, listings.product
    categories = np.array([item.category.en for item in goods.shop.categories], dtype=object)
    return pd.DataFrame(
        {
            "competitor": np.array(goods.shop.competitors, dtype=object)[listings.competitor],
            "title": market.listing_titles(listings),
            "product_ref": product_refs(product) if matches else None,
            "brand": [f"B{brand:02d}" for brand in goods.brand[product]],
            "category": categories[goods.category[product]],
            "since_day": listings.since,
        }
    ).astype({"product_ref": object})


def _wars(world: World, last: int) -> pd.DataFrame:
    """The first day of each price war that began before a day, by category."""
    goods, shop = world.surroundings.catalogue, world.shop
    categories = np.arange(len(shop.categories), dtype=np.int64)
    first = np.zeros(1, np.int64)
    rows = []
    for day in range(last):
        depth = market.war_depth(goods, first, categories, day)
        before = market.war_depth(goods, first, categories, day - 1)
        rows += [
            (shop.categories[index].category.en, day)
            for index in np.flatnonzero((depth > 0) & (before == 0))
        ]
    return pd.DataFrame(rows, columns=["category", "first_day"])
