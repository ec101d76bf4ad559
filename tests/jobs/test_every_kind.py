"""What happens beside the web shop lands, is cleaned and can be read back: nothing is lost on the way."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk, small_shop

from clarion.config import Config
from clarion.sim import files, store
from clarion.sim.course import build_world

pytestmark = pytest.mark.deep  # every kind of source from file to silver


class Street:
    """A small shop's people, products and everything beside the web shop, ingested and cleaned."""

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        shop = small_shop(config, 60)
        world = build_world(shop, seed=7)
        last = shop.starts_on + timedelta(days=shop.history_days)
        self.inbox = folder / "inbox"
        files.deliver_people(world, str(self.inbox), last=last)
        self.delivered = store.deliver_store(world, str(self.inbox), last=last).records
        sim = yaml.safe_load(config.text("sources/sim.yml"))
        mappings = {
            "sim": {kind: sim[kind] for kind in ("registrations", "consents", "products")},
            "sim_store": yaml.safe_load(config.text("sources/sim_store.yml")),
        }
        self.desk = Desk(
            spark,
            folder,
            mappings,
            data=str(self.inbox),
            **{"shop.currency": shop.currency, "shop.time_zone": shop.time_zone},
        )
        self.desk.run("ingest", "clean", as_of=last)

    def silver(self, table: str, source: str) -> Any:
        return self.desk.read(f"silver.{table}").where(F.col("_source") == f"sim_store.{source}")


@pytest.fixture(scope="module")
def street(spark: SparkSession, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Street:
    return Street(spark, config, tmp_path_factory.mktemp("street"))


SILVER = {
    "store_events": ("events.store", "events"), "app_events": ("events.app", "events"), "tills": ("orders.tills", "order_lines"),
    "returns": ("orders.returns", "order_lines"), "surveys": ("traits", "traits"), "coupons": ("redemptions", "redemptions"),
    "contacts": ("contacts", "service_contacts"), "stock": ("stock", "stock"), "promotions": ("promotions", "market_promotions"), "assets": ("assets", "assets"),
    "rates": ("rates", "rates"),
}  # fmt: skip


@pytest.mark.covers(
    "C1", partly="registrations, products and competitors' prices are read back row by row"
)
@pytest.mark.covers("C2", partly="ties, reviews, search words and costs are read back row by row")
def test_every_record_delivered_arrives_and_is_read_back(street: Street) -> None:
    landed = {
        row["_source"]: row["n"]
        for row in street.desk.read("ops.batches")
        .groupBy("_source")
        .agg(F.sum("rows_in").alias("n"))
        .collect()
    }
    for name, count in street.delivered.items():
        source, table = SILVER[name]
        assert count > 0
        assert (name, landed[f"sim_store.{source}"], street.silver(table, source).count()) == (
            name,
            count,
            count,
        )


@pytest.mark.covers("C4", partly="favourites and the cart are typed")
def test_one_person_on_two_devices_is_one_customer_with_paths_as_long_as_a_hand_count(
    street: Street,
) -> None:
    paths = street.silver("events", "events.app").groupBy("customer_id").agg(
        F.countDistinct("device_ref").alias("devices"), F.count_if(F.expr("channel = 'app'")).alias("app"), F.count_if(F.expr("channel = 'mini-program'")).alias("mini"),
        F.count_if(F.expr("type = 'login'")).alias("logins"), F.countDistinct("session_ref").alias("sessions"),
    )  # fmt: skip
    people = paths.collect()
    assert len(people) * 8 == street.delivered["app_events"]
    assert {
        (row["devices"], row["app"], row["mini"], row["logins"], row["sessions"]) for row in people
    } == {(2, 5, 3, 2, 2)}
    pages = (
        street.silver("events", "events.app")
        .where("channel = 'app'")
        .groupBy("session_ref")
        .agg(F.sort_array(F.collect_list(F.struct("sequence_no", "page"))).alias("path"))
    )
    assert {tuple(step["page"] for step in row["path"]) for row in pages.collect()} == {
        ("start", "search", "detail", "detail", "detail")
    }
    # In step: by the clock a person's events are one chain of visits, on one device and then on the other.
    in_order = F.sort_array(F.collect_list(F.struct("happened_at", "sequence_no", "channel")))
    chains = (
        street.silver("events", "events.app")
        .groupBy("customer_id")
        .agg(F.transform(in_order, lambda event: event["channel"]).alias("chain"))
    )
    assert [tuple(row["chain"]) for row in chains.select("chain").distinct().collect()] == [
        ("app",) * 5 + ("mini-program",) * 3
    ]


@pytest.mark.covers("C4", "C5")
def test_a_visit_to_a_shop_on_the_street_is_recorded_step_by_step(street: Street) -> None:
    visits = (
        street.silver("events", "events.store")
        .groupBy("session_ref")
        .agg(F.sort_array(F.collect_list(F.struct("sequence_no", "type", "signal"))).alias("path"))
    )
    paths = {
        tuple((step["type"], step["signal"]) for step in row["path"]) for row in visits.collect()
    }
    middle = (("visit", "door"),)
    assert paths == {
        (("arrival", radio), *middle, ("dwell", radio), ("trial", "guide"))
        for radio in ("wifi", "bluetooth")
    }
    known = (
        street.silver("events", "events.store")
        .groupBy("type")
        .agg(F.count("customer_id").alias("known"), F.min("dwell_ms").alias("dwell"))
        .collect()
    )
    by_type = {row["type"]: row for row in known}
    assert by_type["arrival"]["known"] == 0
    assert by_type["trial"]["known"] > 0
    assert by_type["dwell"]["dwell"] >= 30_000


@pytest.mark.covers("C7")
def test_numbers_that_are_missing_in_a_session_are_events_that_did_not_arrive(
    street: Street,
) -> None:
    street.desk.run("scorecard")
    (row,) = street.desk.read("ops.targets").where("target = 'C7 collected paths'").collect()
    events = street.delivered["store_events"] + street.delivered["app_events"]
    assert (row["numerator"], row["denominator"], row["verdict"]) == (events, events, "met")


@pytest.mark.covers("V3")
def test_surveys_coupons_returns_and_service_are_facts_about_customers(street: Street) -> None:
    file_stats = (
        street.silver("traits", "traits").select("name", "method", "source").distinct().collect()
    )
    services = ("satisfaction", "satisfaction with advice", "satisfaction with store")
    assert sorted(tuple(row) for row in file_stats) == [
        (name, "survey", "autumn survey") for name in services
    ]
    back = (
        street.silver("order_lines", "orders.returns")
        .select("kind", F.col("reason").isNotNull().alias("why"))
        .distinct()
        .collect()
    )
    assert [tuple(row) for row in back] == [("return", True)]
    sold = street.silver("order_lines", "orders.tills").select("order_id").distinct()
    assert street.silver("redemptions", "redemptions").join(sold, "order_id", "left_anti").isEmpty()
    service = street.silver("service_contacts", "contacts")
    assert (
        service.where("customer_id IS NULL OR resolved_at <= happened_at OR topic IS NULL").count()
        == 0
    )


@pytest.mark.covers("C1")
def test_stock_and_price_are_read_as_of_a_time(street: Street) -> None:
    stock = street.silver("stock", "stock")
    product = stock.first()["product_id"]
    times = [
        row["at"] for row in stock.where(F.col("product_id") == product).orderBy("at").collect()
    ]
    assert len(times) == 4
    as_of = (
        stock.where((F.col("product_id") == product) & (F.col("at") <= F.lit(times[1])))
        .agg(F.max_by("stock", "at").alias("stock"))
        .first()["stock"]
    )
    assert (
        as_of
        == stock.where((F.col("product_id") == product) & (F.col("at") == F.lit(times[1]))).first()[
            "stock"
        ]
    )


@pytest.mark.covers("Q7")
def test_files_are_stored_under_their_content_with_what_was_recorded_of_them(
    street: Street,
) -> None:
    rows = street.silver("assets", "assets").collect()
    kinds = {row["media_type"] for row in rows}
    assert kinds == {"image/png", "text/plain"}
    for row in rows:
        content = Path(street.desk.lake.file(row["content_hash"])).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["content_hash"]
        assert len(content) == row["bytes"]
    picture = next(row for row in rows if row["media_type"] == "image/png")
    assert picture["product_id"] == Path(picture["path"]).stem
