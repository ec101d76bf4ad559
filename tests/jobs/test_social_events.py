"""What streams and networks report is cleaned, whatever the spelling of a channel; nothing is lost."""

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk, small_shop

from clarion.config import Config
from clarion.customers.features import views
from clarion.customers.features.transforms import compute_features
from clarion.declarations import shop
from clarion.sim import files
from clarion.sim.course import build_world

pytestmark = pytest.mark.deep  # a shop from its files to what is flagged

KINDS = ("registrations", "consents", "products", "reviews", "market", "orders", "events")
SPELLINGS = {
    "mini-program": "mini-program",
    "mini_program": "mini-program",
    "MiniProgram": "mini-program",
    " 小程序 ": "mini-program",
    "live_stream": "live-stream",
    "Kiosk 7": "Kiosk 7",
}


class SocialShop:
    """A small shop with what streams and networks report of it, ingested and cleaned."""

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        busy = {"accidental_clicks": 0.1, "bots": 3, "rings": 20, "hard_rings": 0.5}
        small = small_shop(config, 150)
        small = small.model_copy(
            update={
                "products": 400,  # enough for programs that go from page to page
                "invalid_activity": small.invalid_activity.model_copy(update=busy),
                "second_accounts": small.second_accounts.model_copy(update={"share": 0.2}),
                "personas": tuple(
                    persona.model_copy(update={"live": 0.5}) for persona in small.personas
                ),
            }
        )
        world = build_world(small, seed=7)
        last = small.starts_on + timedelta(days=80)
        inbox = folder / "inbox"
        self.delivered = files.deliver_history(world, str(inbox), last=last, live_from=last).records
        sim = yaml.safe_load(config.text("sources/sim.yml"))
        (inbox / "own").mkdir()
        own = [
            {"ref": f"E{number}", "at": "2026-02-01 10:00:00", "type": "view", "where": channel}
            for number, channel in enumerate(SPELLINGS)
        ]
        (inbox / "own" / "own.json").write_text("\n".join(map(json.dumps, own)))
        body = {
            "where": "${data}/own/*.json", "format": "json", "time_zone": "UTC",
            "consent": {"basis": "declared", "purposes": [], "note": "events of nobody"},
            "columns": {"event_ref": "ref", "happened_at": "at", "type": "type", "channel": "where"},
        }  # fmt: skip
        mappings = {
            "sim": {kind: sim[kind] for kind in KINDS},
            "sim_social": yaml.safe_load(config.text("sources/sim_social.yml")),
            "own": {"events": body},
        }
        settings = {"shop.currency": small.currency, "shop.time_zone": small.time_zone}
        self.desk = Desk(spark, folder, mappings, data=str(inbox), **settings)
        self.last = last
        self.desk.run("ingest", "clean", "invalid_activity", as_of=last)
        truth = (folder / "truth" / "invalid_records").rglob("*.parquet")
        self.invalid = pd.concat(map(pd.read_parquet, truth))


@pytest.fixture(scope="module")
def social_shop(
    spark: SparkSession, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> SocialShop:
    return SocialShop(spark, config, tmp_path_factory.mktemp("social"))


def test_every_report_is_accepted_and_keeps_what_the_kind_has_no_column_for(
    social_shop: SocialShop,
) -> None:
    read = social_shop.desk.read
    events = read("silver.events").where("_source = 'sim_social.events'")
    types = {row["type"]: row["count"] for row in events.groupBy("type").count().collect()}
    assert set(types) == {"live_view", "live_order", "follow", "share", "mention"}
    assert sum(types.values()) == social_shop.delivered["social"]
    channels = {row["channel"] for row in events.select("channel").distinct().collect()}
    assert channels == {"live-stream", "social"}
    raw = read("bronze.events").where("_source = 'sim_social.events'")
    assert raw.where("raw['source_name'] IS NULL").isEmpty()
    assert raw.where("raw['type'] = 'mention'").where("raw['text'] IS NULL").isEmpty()
    reviews = read("bronze.reviews")
    assert reviews.count() == social_shop.delivered["reviews"]
    assert reviews.where("raw['origin'] IS NULL").isEmpty()


@pytest.mark.covers("X5")
def test_mentions_and_reviews_of_social_channels_become_features(
    social_shop: SocialShop, config: Config
) -> None:
    read = social_shop.desk.read
    named = ("mentions", "mention_rating", "social_rating")
    declared = tuple(
        item for item in shop.features(config) if item.name.removesuffix("_365d") in named
    )
    assert len(declared) == len(named)
    day, zone = social_shop.last, str(social_shop.desk.config.get("shop.time_zone"))
    facts = {
        "events": views.events(read("silver.events"), as_of=day, time_zone=zone),
        "reviews": views.facts(read("silver.reviews"), as_of=day, time_zone=zone),
    }
    everyone = read("silver.customers").select("customer_id").distinct()
    found = compute_features(everyone, facts, declared).toPandas().set_index("customer_id")

    names = read("silver.identities").select("ref", "customer_id").toPandas()
    person = dict(zip(names["ref"], names["customer_id"], strict=True))
    inbox = social_shop.desk.folder / "inbox"
    lines = [
        json.loads(line)
        for file in sorted((inbox / "social").rglob("*.json"))
        for line in file.read_text().splitlines()
    ]
    said = pd.DataFrame(line for line in lines if line["type"] == "mention")
    reviews = pd.concat(map(pd.read_parquet, (inbox / "reviews").rglob("*.parquet")))
    social = reviews[reviews["origin"].isin(["social", "live stream"])]
    for name, frame, sums in (
        ("mentions_365d", said, "count"),
        ("mention_rating", said, "mean"),
        ("social_rating", social, "mean"),
    ):
        kept = frame.assign(customer_id=frame["customer_ref"].map(person))
        expected = kept.groupby("customer_id")["rating"].agg(sums).reindex(found.index)
        expected = expected.fillna(0) if sums == "count" else expected
        assert (expected > 0).sum() > 2
        pd.testing.assert_series_equal(
            found[name].astype(float), expected.astype(float), check_names=False, atol=0.005
        )


def test_listings_are_accepted_with_their_brand_and_keep_size_and_colour(
    social_shop: SocialShop,
) -> None:
    prices = social_shop.desk.read("silver.market_prices")
    assert prices.count() == social_shop.delivered["market"]
    assert prices.where("brand IS NULL").isEmpty()
    raw = social_shop.desk.read("bronze.market")
    assert 0 < raw.where("raw['size'] IS NOT NULL").count() < raw.count()


def test_accounts_of_rings_and_second_accounts_are_customers_with_orders(
    social_shop: SocialShop,
) -> None:
    read = social_shop.desk.read
    refused = (
        read("bronze.consents")
        .where("raw['purpose'] = 'collection'")
        .where("raw['granted'] = 'false'")
        .count()
    )
    assert refused > 0
    assert read("silver.customers").count() == social_shop.delivered["registrations"] - refused
    names = read("silver.identities").select("customer_id", "ref")
    orders = read("silver.order_lines").join(names, "customer_id")
    assert not orders.where("ref LIKE 'C9%'").isEmpty()
    assert not orders.where("ref LIKE '%-2'").isEmpty()


def test_accidental_clicks_and_rings_of_the_shop_files_are_found(social_shop: SocialShop) -> None:
    """Bots that do not log in lose their device, and are not found: they agreed to nothing."""
    read, invalid = social_shop.desk.read, social_shop.invalid
    flagged = read("silver.invalid_activity").select("detector", "record_id")
    events = read("silver.events").select("record_id", "event_ref", "device_ref").toPandas()
    of_kind = invalid[invalid["kind"] == "events"].groupby("invalid_activity")["ref"].agg(set)
    bots = events[events["event_ref"].isin(of_kind["bot"])]
    assert len(bots) == len(of_kind["bot"])
    has_device = bots["device_ref"].notna()
    assert 0 < has_device.mean() < 1
    programs = set(flagged.where("detector = 'bot'").toPandas()["record_id"])
    assert programs <= set(bots["record_id"])
    assert bots.loc[has_device, "record_id"].isin(programs).mean() > 0.5
    found = flagged.where("detector = 'accidental_click'").toPandas().merge(events, on="record_id")
    refs, true = set(found["event_ref"]), of_kind["accidental_click"]
    assert len(refs & true) / len(refs) > 0.9
    assert len(refs & true) / len(true) > 0.5
    lines = read("silver.order_lines").select(
        F.col("order_line_id").alias("record_id"), "customer_id"
    )
    names = read("silver.identities").select("customer_id", "ref")
    buyers = (
        flagged.where("detector = 'fake_order'").join(lines, "record_id").join(names, "customer_id")
    )
    accounts = {row["ref"] for row in buyers.select("ref").collect()}
    orders = invalid[invalid["kind"] == "orders"]
    fake = {
        level: {f"C{ref[1:].partition('-')[0]}" for ref in refs}
        for level, refs in orders.groupby("difficulty")["ref"]
    }
    assert len(accounts & fake["default"]) / len(fake["default"]) > 0.8
    assert len(accounts & (fake["default"] | fake["hard"])) / len(accounts) > 0.9


def test_a_channel_is_one_value_whatever_its_spelling(social_shop: SocialShop) -> None:
    own = social_shop.desk.read("silver.events").where("_source = 'own.events'")
    found = {
        row["event_ref"]: row["channel"] for row in own.select("event_ref", "channel").collect()
    }
    assert [found[f"E{number}"] for number in range(len(SPELLINGS))] == list(SPELLINGS.values())
    orders = social_shop.desk.read("silver.order_lines")
    channels = {row[0] for row in orders.select("channel").distinct().collect()}
    assert {"app", "web", "mini-program", "live-stream", "social"} == channels
    share = F.avg(F.expr("cast(channel = 'mini-program' AS int)"))
    assert 0 < orders.select(share).collect()[0][0] < 0.2
