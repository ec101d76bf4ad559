"""What surrounds a simulated shop: competitors' own products, and what is said of the shop's."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts.sources import EVENT_TYPES
from clarion.sim import truth, visits
from clarion.sim.course import World, build_world, follow
from clarion.sim.environment_records import price_records
from clarion.sim.records import Course, order_records, product_records
from clarion.sim.shop import parse_shop
from clarion.sim.social import review_records, social_records

LAST = 150


@cache
def world(name: str = "fashion") -> World:
    content = parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name)
    return build_world(parse_shop(content | {"customers": 500}, where=name), seed=7)


@cache
def course() -> Course:
    return follow(world(), world().ids, last=LAST)


@cache
def prices() -> pd.DataFrame:
    return price_records(world().surroundings, world().clock, 0, 360)


@cache
def listings() -> pd.DataFrame:
    return truth.surroundings(world(), 360)["listings"]


def test_competitors_sell_products_that_the_shop_does_not_have() -> None:
    known = listings()
    own = known["product_ref"].isna()
    assert 0.2 < own.mean() < 0.4
    assert not known.duplicated(["competitor", "title"]).any()
    seen = prices().merge(known, on=["competitor", "title"], suffixes=("", "_true"), how="left")
    assert seen["category"].notna().all()
    others = seen["product_ref_true"].isna()
    assert 0.15 < others.mean() < 0.45
    # The shop's people match nothing with them, and most of the listings of their own products.
    assert seen.loc[others, "product_ref"].isna().all()
    matched = seen.loc[~others]
    stated = matched["product_ref"].notna()
    assert 0.5 < stated.mean() < 0.8
    assert (matched["product_ref"] == matched["product_ref_true"])[stated].all()
    # Some of their brands are the shop's, too: the brand alone tells nothing.
    shops = set(seen.loc[~others, "brand"])
    assert 0.3 < seen.loc[others, "brand"].isin(shops).mean() < 0.7
    assert set(known.loc[own, "category"]) == set(known.loc[~own, "category"])


def test_competitors_launch_products_in_the_course_of_the_year() -> None:
    known = listings()
    new = known[known["product_ref"].isna() & (known["since_day"] > 0)]
    assert len(new) > 20
    first = prices().groupby(["competitor", "title"])["_day"].min()
    seen = first[pd.MultiIndex.from_frame(new[["competitor", "title"]])].to_numpy()
    waits = seen - new["since_day"].to_numpy()
    assert (waits >= 0).all()
    assert (waits < 7).all()


def test_prices_of_their_own_products_follow_the_same_promotions_and_wars() -> None:
    own, listed = world().surroundings.others, world().surroundings.listings
    both = (set(map(tuple, np.c_[one.competitor, one.goods.category[one.product]].tolist()))
            for one in (own, listed))  # fmt: skip
    assert len(set.intersection(*both)) > 20
    frame = prices().merge(listings()[["competitor", "title", "category"]],
                           on=["competitor", "title"])  # fmt: skip
    others = frame["title"].isin(set(listings().loc[listings()["product_ref"].isna(), "title"]))
    groups = frame.assign(other=others, sale=frame["promotion"] == "sale")
    by_day = groups.groupby(["competitor", "category", "_day", "other"])["sale"].agg(["min", "max"])
    assert (by_day["min"] == by_day["max"]).all()
    pairs = by_day["max"].unstack("other").dropna()
    assert (pairs[True] == pairs[False]).all()
    assert 0 < pairs[True].mean() < 1


def test_a_listing_states_the_size_and_colour_of_the_product_it_matches() -> None:
    goods = product_records(world().surroundings, first=None, last=360).set_index("product_ref")
    matches = prices()[prices()["product_ref"].notna()]
    for name in ("size", "colour", "brand"):
        stated = goods.loc[matches["product_ref"], name].to_numpy()
        assert (pd.isna(stated) == matches[name].isna().to_numpy()).all()
        assert (stated == matches[name].to_numpy())[~pd.isna(stated)].all()
        assert (~pd.isna(stated)).mean() > 0.3
    assert (
        goods.groupby(goods["category_path"].str.split(" > ").str[0])["size"].nunique()["Shoes"]
        == 5
    )
    assert goods.loc[goods["category_path"].str.startswith("Accessories"), "size"].isna().all()


def test_reviews_say_where_the_order_came_from() -> None:
    until = world().clock.instants(LAST)
    reviews = review_records(course(), until=until)
    orders = order_records(course(), until=until)
    channel = orders[orders["quantity"] > 0].groupby("order_ref")["channel"].first()
    of_review = channel[reviews["review_ref"].str.extract(r"^V(O\d+-\d+)-")[0]].to_numpy()
    origin = {"live_stream": "live stream", "social": "social"}
    assert reviews["origin"].tolist() == [origin.get(name, "web shop") for name in of_review]
    named = reviews["source_name"].notna()
    assert (named == (reviews["origin"] != "web shop")).all()


def test_streams_and_networks_report_views_orders_follows_shares_and_mentions() -> None:
    until = world().clock.instants(LAST)
    social = social_records(course(), until=until)
    orders = order_records(course(), until=until)
    sales = orders[orders["quantity"] > 0]
    assert set(social["type"]) == {"live_view", "live_order", "share", "follow", "mention"}
    assert set(social["type"]) <= set(EVENT_TYPES)
    assert not social["event_ref"].duplicated().any()
    assert social["source_name"].notna().all()
    # Each order of a live stream is reported once, by the stream that was watched.
    live = social[social["type"] == "live_order"].set_index("order_ref")
    expected = set(sales.loc[sales["channel"] == "live_stream", "order_ref"])
    assert set(live.index) == expected
    assert len(live) == len(expected) > 3
    views = social[social["type"] == "live_view"].set_index("session_ref")
    assert (views.loc[live["session_ref"], "source_name"].to_numpy() == live["source_name"]).all()
    visited = course().outcome.visit_day[course().channel == visits.CHANNELS.index("live_stream")]
    assert len(views) == len(visited)
    # Buyers mention what they bought, after it was delivered.
    mentions = social[social["type"] == "mention"]
    assert len(mentions) > 10
    line = mentions["event_ref"].str.extract(r"^M(O\d+-\d+)-(\d+)$")
    lines = sales.set_index(["order_ref", "line_no"])
    bought = lines.loc[list(zip(line[0], line[1].astype(int), strict=True))]
    assert (bought["product_ref"].to_numpy() == mentions["product_ref"].to_numpy()).all()
    assert (bought["delivered_at"].to_numpy() < mentions["happened_at"].to_numpy()).all()
    good = mentions["rating"] >= 4
    assert (mentions.loc[good, "sentiment"] == "positive").all()
    assert (mentions.loc[~good, "sentiment"] != "positive").all()
    assert mentions["text"].notna().all()
    assert 0 < mentions["customer_ref"].isna().mean() < 1


@pytest.mark.parametrize(
    "name", ["beauty", "changing", "electronics", "fashion", "gifts", "grocery"]
)
def test_products_of_each_shop_come_in_sizes_or_colours(name: str) -> None:
    goods = product_records(world(name).surroundings, first=None, last=360)
    assert 0.2 < (goods["size"].notna() | goods["colour"].notna()).mean() <= 1
