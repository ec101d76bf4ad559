"""Deliveries, returns and service contacts of a simulated shop: gold features equal a count over the delivered files."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yaml
from delivered import record_files
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import Desk, small_shop

from clarion.config import Config
from clarion.customers.features import views
from clarion.customers.features.deliveries import deliveries
from clarion.customers.features.transforms import unpack_features
from clarion.customers.tags.transforms import assign_tags
from clarion.declarations import shop as declarations
from clarion.explore.customer_360 import customer_view
from clarion.sim import course as sim
from clarion.sim import files, records, store

pytestmark = pytest.mark.deep  # files through ingest, clean, profiles and features

WINDOW = 365
SIM_KINDS = ("registrations", "consents", "products", "orders")
STORE_KINDS = ("orders.returns", "contacts")


class ServedShop:
    """A small shop on the web and on the street, up to the features of its customers."""

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        shop = small_shop(config, 300)
        none = shop.dirt.model_copy(update=dict.fromkeys(type(shop.dirt).model_fields, 0.0))
        self.world = sim.build_world(shop.model_copy(update={"dirt": none}), seed=5)
        self.zone, self.inbox = ZoneInfo(shop.time_zone), folder / "inbox"
        self.as_of = shop.starts_on + timedelta(days=shop.history_days)
        files.deliver_history(self.world, str(self.inbox), last=self.as_of, live_from=self.as_of)
        store.deliver_store(self.world, str(self.inbox), last=self.as_of)
        mappings = {
            name: {kind: body for kind, body in self._mapping(config, name).items() if kind in kinds}
            for name, kinds in (("sim", SIM_KINDS), ("sim_store", STORE_KINDS))
        }  # fmt: skip
        own = {"shop.currency": shop.currency, "shop.time_zone": shop.time_zone}
        self.desk = Desk(spark, folder, mappings, data=str(self.inbox), **own)
        self.desk.run("ingest", "clean", "profiles", "features", as_of=self.as_of)
        declared = declarations.features(self.desk.config)
        self.wide = unpack_features(self.desk.read("gold.customer_features"), declared)
        wide = self.wide.toPandas()
        names = self.desk.read("silver.identities").select("customer_id", "ref").toPandas()
        self.refs = names.set_index("customer_id")["ref"]
        self.features = wide.assign(ref=wide["customer_id"].map(self.refs)).set_index("ref")

    def _mapping(self, config: Config, name: str) -> dict[str, dict[str, object]]:
        content: dict[str, dict[str, object]] = yaml.safe_load(config.text(f"sources/{name}.yml"))
        return content

    def delivered(self, kind: str) -> pd.DataFrame:
        """The delivered records of a kind; times in UTC."""
        paths = record_files(self.inbox / kind)
        read = _json_lines if paths[0].suffix == ".json" else pd.read_csv
        frame = pd.concat([read(path) for path in paths], ignore_index=True)
        times = [str(name) for name in frame if str(name).endswith("_at")]
        return frame.assign(**{name: pd.to_datetime(frame[name], utc=True) for name in times})

    def days(self, times: pd.Series) -> pd.Series:
        """Days by the shop's calendar."""
        local: pd.Series = times.dt.tz_convert(self.zone).dt.tz_localize(None).dt.normalize()
        return local

    def age(self, times: pd.Series) -> pd.Series:
        """Days before the as-of day, by the shop's calendar."""
        ages: pd.Series = (pd.Timestamp(self.as_of) - self.days(times)).dt.days
        return ages

    def of_known(self, counted: pd.Series, *, empty: float) -> pd.Series:
        """Counts of the customers who have features."""
        return counted.reindex(self.features.index, fill_value=empty).astype(float)


def _json_lines(path: Path) -> pd.DataFrame:
    return pd.read_json(path, lines=True, convert_dates=False)


@pytest.fixture(scope="module")
def served(
    spark: SparkSession, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> ServedShop:
    return ServedShop(spark, config, tmp_path_factory.mktemp("served"))


def _parcels(served: ServedShop) -> pd.DataFrame:
    """Deliveries of the web shop that had arrived before the as-of day."""
    lines = served.delivered("orders")
    lines = lines[(lines["quantity"] > 0) & lines["delivered_at"].notna()]
    parcels = lines.groupby(["customer_ref", "order_ref", "delivered_at"], as_index=False).agg(
        happened_at=("happened_at", "min"),
        promised_at=("promised_at", "min"),
        channel=("channel", "min"),
    )
    parcels["age"] = served.age(parcels["delivered_at"])
    parcels["days"] = (parcels["delivered_at"] - parcels["happened_at"]).dt.total_seconds() / 86400
    parcels["is_late"] = parcels["delivered_at"] > parcels["promised_at"]
    return parcels[(parcels["age"] >= 1) & (parcels["age"] <= WINDOW)]


def _assert_equal(served: ServedShop, name: str, counted: pd.Series, *, empty: float) -> None:
    expected = served.of_known(counted, empty=empty)
    found = served.features[name].astype(float)
    np.testing.assert_allclose(found, expected, atol=1e-6, err_msg=name)
    assert expected.dropna().gt(0).any(), f"nobody has any {name}"


@pytest.mark.covers("V3")
def test_deliveries_and_late_ones_equal_a_count_over_the_files(served: ServedShop) -> None:
    parcels = _parcels(served)
    by_customer = parcels.groupby("customer_ref")
    unknown = float("nan")
    _assert_equal(served, "deliveries_365d", by_customer.size(), empty=0.0)
    _assert_equal(served, "late_deliveries_365d", by_customer["is_late"].sum(), empty=0.0)
    _assert_equal(served, "delivery_days", by_customer["days"].median(), empty=unknown)
    _assert_equal(served, "late_share", by_customer["is_late"].mean(), empty=unknown)


def test_the_late_deliveries_are_those_that_the_shop_planted(served: ServedShop) -> None:
    world = served.world
    course = sim.follow(world, world.ids, last=world.day_number(served.as_of))
    orders = records.order_refs(course.lines.customer, course.lines.day)
    after = course.aftermath
    planted = set(orders[after.delivery_days > after.promised_days])
    parcels = _parcels(served)
    assert set(parcels["order_ref"][parcels["is_late"]]) == planted & set(parcels["order_ref"])
    assert parcels["is_late"].sum() > 10


@pytest.mark.covers("V3")
def test_without_promises_the_slow_deliveries_equal_a_count_over_the_files(
    served: ServedShop,
) -> None:
    lines = served.desk.read("silver.order_lines").withColumn(
        "promised_at", F.lit(None).cast("timestamp")
    )
    found = deliveries(lines, as_of=served.as_of, time_zone=str(served.zone)).toPandas()
    parcels = _parcels(served)
    # The files have all customers; those who refuse that their data is collected are nobody's here.
    parcels = parcels[parcels["customer_ref"].isin(set(served.refs[found["customer_id"]]))]
    by_channel = parcels.groupby("channel")["days"]
    enough = parcels["channel"].map(by_channel.size()) >= 20
    usual = parcels["channel"].map(by_channel.quantile(0.9))
    slow = (parcels["days"] > usual) & enough
    expected = slow.groupby(parcels["customer_ref"]).sum()
    counted = found.groupby(found["customer_id"].map(served.refs))["is_late"].sum()
    pd.testing.assert_series_equal(
        counted.astype(int), expected.astype(int), check_names=False, check_index_type=False
    )
    assert found["is_late"].notna().sum() == enough.sum()
    assert not enough.all()
    assert 0.08 < slow[enough].mean() < 0.12


@pytest.mark.covers("V3")
def test_returns_equal_a_count_over_the_files(served: ServedShop) -> None:
    web, street = served.delivered("orders"), served.delivered("returns")
    lines = pd.concat(
        [web.assign(discount=web["discount"].fillna(0.0)), street.assign(discount=0.0)]
    )
    lines = lines[served.age(lines["happened_at"]).between(1, WINDOW)]
    paid = (lines["quantity"].abs() * lines["unit_price"] - lines["discount"]).round(4)
    is_return = lines["quantity"] < 0
    customer = lines["customer_ref"]

    def total(values: pd.Series, rows: pd.Series) -> pd.Series:
        return values[rows].groupby(customer[rows]).sum()

    orders_back = lines[is_return].groupby("customer_ref")["order_ref"].nunique()
    units_back = total(-lines["quantity"], is_return)
    units = total(lines["quantity"], ~is_return)
    value_back, spent = total(paid, is_return), total(paid, ~is_return)
    nothing = float("nan")
    _assert_equal(served, "returns_365d", orders_back, empty=0.0)
    _assert_equal(served, "returned_units_365d", units_back, empty=0.0)
    _assert_equal(served, "returned_value_365d", value_back, empty=0.0)
    shares = units_back.reindex(units.index, fill_value=0.0) / units
    _assert_equal(served, "return_share_units", shares, empty=nothing)
    _assert_equal(
        served,
        "return_share",
        value_back.reindex(spent.index, fill_value=0.0) / spent,
        empty=nothing,
    )
    assert len(street) > 10
    assert (web["quantity"] < 0).sum() > 5


@pytest.mark.covers("V3")
def test_service_contacts_equal_a_count_over_the_files(served: ServedShop) -> None:
    calls = served.delivered("contacts")
    calls = calls.assign(age=served.age(calls["happened_at"]))
    calls = calls[calls["age"] >= 1]
    is_complaint = calls["topic"] == "complaint"
    customer = calls["customer_ref"]
    assert calls["age"].max() <= WINDOW
    _assert_equal(served, "service_contacts_365d", calls.groupby("customer_ref").size(), empty=0.0)
    recent = calls[calls["age"] <= 90].groupby("customer_ref").size()
    _assert_equal(served, "service_contacts_90d", recent, empty=0.0)
    last = calls.groupby("customer_ref")["age"].min()
    _assert_equal(served, "last_contact", last, empty=float("nan"))
    _assert_equal(served, "complaints_365d", is_complaint.groupby(customer).sum(), empty=0.0)


@pytest.mark.covers("V3")
def test_open_complaints_of_a_past_day_equal_a_count_over_the_files(served: ServedShop) -> None:
    calls = served.delivered("contacts")
    complaints = calls[calls["topic"] == "complaint"]
    day = served.days(complaints["happened_at"]).max() + pd.Timedelta(days=1)
    is_open = (served.days(complaints["happened_at"]) < day) & ~(
        served.days(complaints["resolved_at"]) < day
    )
    expected = set(complaints["customer_ref"][is_open])
    view = views.contacts(
        served.desk.read("silver.service_contacts"), as_of=day.date(), time_zone=str(served.zone)
    )
    unsettled = view.where("topic = 'complaint' AND NOT is_settled").select("customer_id").collect()
    found = {served.refs[row["customer_id"]] for row in unsettled}
    assert found == expected & set(served.refs)
    assert found


@pytest.mark.covers("V3")
def test_tags_and_the_page_of_a_customer_say_the_same(served: ServedShop) -> None:
    features = served.features
    expected = {
        "in_touch": features["last_contact"] <= 30,
        "late_deliveries": (features["late_share"] >= 0.3) & (features["late_deliveries_365d"] >= 2),
        "returner": (features["return_share"] >= 0.3) & (features["returns_365d"] >= 2),
        "late once": features["late_deliveries_365d"] >= 1,
    }  # fmt: skip
    rules = {tag.name: tag.when for tag in declarations.tags(served.desk.config)}
    rules["late once"] = "late_deliveries_365d >= 1"
    tagged = assign_tags(served.wide, {name: rules[name] for name in expected}).collect()
    for tag, is_tagged in expected.items():
        members = {served.refs[row["customer_id"]] for row in tagged if tag in row["tags"]}
        assert members == set(features.index[is_tagged]), tag
        # Few customers of so small a shop send much back or wait too long twice.
        assert members or tag in ("returner", "late_deliveries"), f"nobody has the tag {tag}"

    called = features["last_contact"].notna() & (features["late_deliveries_365d"] > 0)
    ref = str(features.index[called][0])
    view = customer_view(served.desk.lake, served.desk.config, ref, as_of=served.as_of, show=500)
    shown = {row["feature"]: row["value"] for row in view.service}
    own = features.loc[ref]
    assert {name: own[name] for name in shown} == shown
    assert {"delivery_days", "late_deliveries_365d", "returns_365d", "last_contact"} <= set(shown)
    kinds = [row["type"] for row in view.activity]
    assert kinds.count("delivery") == own["deliveries_365d"]
    calls = sum(kind.startswith("service: ") for kind in kinds)
    assert calls == own["service_contacts_365d"]
