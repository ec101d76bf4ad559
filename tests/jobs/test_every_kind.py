"""What happens beside the web shop lands, is cleaned and can be read back: nothing is lost on the way."""

import hashlib
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from delivered import (
    BESIDE_THE_WEB_SHOP,
    RECORD,
    WEB_SHOP,
    delivered_records,
    only_where,
    silver_rows,
    unequal,
)
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk, small_shop

from clarion.config import Config
from clarion.customers.features.visits import visits
from clarion.products.catalogue.current import current_products
from clarion.products.catalogue.stock import stock_and_prices
from clarion.sim import files, store
from clarion.sim.course import build_world

pytestmark = pytest.mark.deep  # every kind of source from file to silver

SECOND = timedelta(seconds=1)


class Street:
    """A small shop's people, products and everything beside the web shop, ingested and cleaned."""

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        shop = small_shop(config, 60)
        world = build_world(shop, seed=7)
        self.last = last = shop.starts_on + timedelta(days=shop.history_days)
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


@pytest.mark.covers("C1", "C2", "C4", "C5")
@pytest.mark.parametrize("kind", BESIDE_THE_WEB_SHOP)
def test_each_record_delivered_is_one_row_that_says_the_same(street: Street, kind: str) -> None:
    """All of these people consent; a device is kept only beside the person who uses it."""
    delivery = BESIDE_THE_WEB_SHOP[kind]
    delivered = delivered_records(street.inbox, delivery)
    if "device_ref" in delivered:
        delivered["device_ref"] = only_where(
            delivered["device_ref"], delivered["customer_id"].notna()
        )
    assert len(delivered) == street.delivered[kind] > 0
    rows = silver_rows(street.desk.lake.root, delivery)
    assert len(rows) == len(delivered)
    differs = unequal(rows, delivered, RECORD)
    assert differs.sum().sum() == 0, differs.sum()


def test_each_file_is_one_row(street: Street) -> None:
    assert street.silver("assets", "assets").count() == street.delivered["assets"] > 0


@pytest.mark.covers("C4")
def test_paths_time_categories_and_carts_of_app_and_mini_program_equal_a_hand_count(
    street: Street,
) -> None:
    zone = str(street.desk.config.get("shop.time_zone"))
    products = current_products(
        street.desk.read("silver.products"), as_of=street.last, time_zone=zone
    )
    found = visits(
        street.silver("events", "events.app"), products, as_of=street.last, time_zone=zone
    ).toPandas()
    found = found.set_index("session_ref").sort_index()

    records = delivered_records(street.inbox, BESIDE_THE_WEB_SHOP["app_events"])
    listed = delivered_records(street.inbox, WEB_SHOP["products"])
    prices = dict(zip(listed["product_id"], listed["list_price"], strict=True))
    in_cart = (records["type"] == "cart_add") * records["product_id"].map(prices).fillna(0.0)
    by_visit = records.assign(
        in_cart=in_cart,
        dwell_s=pd.to_numeric(records["dwell_ms"]).astype(float) / 1000,
        favourite=records["type"] == "favourite",
        review=records["type"] == "review_view",
    ).sort_values("sequence_no").groupby("session_ref")  # fmt: skip
    assert found["path"].map(tuple).to_dict() == by_visit["type"].agg(tuple).to_dict()
    for column, expected in (
        ("dwell_s", by_visit["dwell_s"].sum()),
        ("favourites", by_visit["favourite"].sum()),
        ("reviews_read", by_visit["review"].sum()),
        ("cart_value", by_visit["in_cart"].sum()),
    ):
        counted = found[column].fillna(0.0).astype(float)
        assert counted.to_dict() == pytest.approx(expected.astype(float).to_dict()), column
        assert counted.sum() > 0, column
    categories = by_visit["category"].agg(lambda names: sorted({name for name in names if name}))
    assert found["categories"].map(list).to_dict() == categories.to_dict()
    paths = Counter(found["path"].map(tuple))
    assert paths == Counter(by_visit["type"].agg(tuple))
    assert len(paths) > 8
    # In step: a person's visits are one chain, on one device and then on the other.
    chains = found.sort_values("visit_no").groupby("customer_id")
    assert set(chains["channel"].agg(tuple)) == {("app", "mini-program")}
    assert (chains["device_ref"].nunique() == 2).all()


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
    """At each time that the files name, and a second before it, the row before that counts."""
    records = delivered_records(street.inbox, BESIDE_THE_WEB_SHOP["stock"])
    product = records["product_id"].value_counts().index[0]
    own = records[records["product_id"] == product].sort_values("at")
    assert len(own) == 4
    states = [(row.stock, row.price) for row in own.itertuples()]
    for place, text in enumerate(own["at"]):
        at = datetime.fromisoformat(f"{text}+00:00")
        for time, expected in ((at, states[: place + 1]), (at - SECOND, states[:place])):
            rows = stock_and_prices(
                street.desk.read("silver.stock").where(F.col("product_id") == product),
                as_of=street.last,
                time_zone="UTC",
                at=time,
            ).collect()
            assert [(row["stock"], float(row["price"])) for row in rows] == expected[-1:]


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
