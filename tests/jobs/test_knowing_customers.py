"""What the loop knows of customers, and the commands that use it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from frames import first_row
from pyspark.sql import functions as F
from worlds import World

from clarion.collect.identity.consent import consenting_customers
from clarion.contracts import TABLES
from clarion.customers.features.transforms import unpack_features
from clarion.customers.tags.transforms import category_shares
from clarion.declarations import shop
from clarion.lake import Lake
from clarion.measures.columns.days import local_day

Command = Callable[..., int]


@pytest.fixture
def flags(world: World) -> list[str]:
    settings = [
        part for key, value in world.settings.items() for part in ("--set", f"{key}={value}")
    ]
    return ["--lake", world.lake.root, "--as-of", str(world.as_of), *settings]


@pytest.mark.covers("Q6", "P1")
def test_features_equal_a_count_over_the_facts(world: World) -> None:
    wide = unpack_features(world.read("gold.customer_features"), shop.features(world.config))
    zone = world.settings["shop.time_zone"]
    day = local_day("happened_at", zone)
    before = (day < F.lit(world.as_of)) & (local_day("arrived_at", zone) < F.lit(world.as_of))
    invalid_activity = world.read("silver.invalid_activity").select("record_id")
    events = (
        world.read("silver.events")
        .where(before)
        .join(invalid_activity, "record_id", "left_anti")
        .withColumn("age", F.datediff(F.lit(world.as_of), day))
    )
    lines = world.read("silver.order_lines").where(before & (F.col("kind") == "sale"))
    lines = lines.join(
        invalid_activity.withColumnRenamed("record_id", "order_line_id"),
        "order_line_id",
        "left_anti",
    )
    expected = {
        "views_30d": events.where("age <= 30 AND type IN ('view', 'review_view')")
        .groupBy("customer_id")
        .count(),
        "checkouts_90d": events.where("age <= 90 AND type = 'checkout'")
        .groupBy("customer_id")
        .count(),
        "orders_365d": lines.groupBy("customer_id").agg(
            F.count_distinct("order_id").alias("count")
        ),
        "largest_order": lines.groupBy("customer_id", "order_id")
        .agg(F.sum("amount").alias("paid"))
        .groupBy("customer_id")
        .agg(F.max("paid").alias("count")),
    }
    for name, counted in expected.items():
        features = {
            row[0]: row[1]
            for row in wide.where(f"{name} > 0").select("customer_id", name).collect()
        }
        counts = wide.select("customer_id").join(counted, "customer_id").collect()
        assert features == {row[0]: pytest.approx(float(row[1])) for row in counts if row[1]}, name
        assert features


@pytest.mark.covers("Q6")
def test_every_declared_feature_is_reported_with_its_spread(world: World) -> None:
    told = {row["feature"]: row for row in world.read("gold.features").collect()}
    assert set(told) == {feature.name for feature in shop.features(world.config)}
    assert 0 < told["orders_365d"]["mean"] <= told["orders_365d"]["highest"]
    assert told["orders_365d"]["share_known"] == 1.0
    assert told["satisfaction"]["customers"] == 0  # nobody called: unknown, not zero
    assert told["complaints_365d"]["share_known"] == 1.0  # and none complained
    assert told["favourite_category"]["mean"] is None


@pytest.mark.covers("P4", "P6")
def test_tags_are_what_their_rules_say(world: World) -> None:
    features = unpack_features(world.read("gold.customer_features"), shop.features(world.config))
    shares = category_shares(world.read("gold.interactions"))
    wide = features.join(shares, "customer_id", "left")
    customer_tags = world.read("gold.customer_tags").select(
        "customer_id", F.explode("tags.tag").alias("tag")
    )
    rules = world.read("gold.tags").collect()
    assert {row["kind"] for row in rules} == {"declared", "tree"}
    assert any(row["category"] for row in rules)
    for row in rules:
        expected = {item[0] for item in wide.where(row["rule"]).select("customer_id").collect()}
        assert {
            item[0]
            for item in customer_tags.where(F.col("tag") == row["tag"])
            .select("customer_id")
            .collect()
        } == expected
        assert row["customers"] == len(expected)
    fresh = {row["target"]: row for row in world.read("ops.targets").collect()}[
        "P6 tags of the day"
    ]
    assert (fresh["verdict"], fresh["numerator"]) == (
        "met",
        world.read("gold.customer_profiles").count(),
    )
    for row in rules:
        if row["kind"] == "tree":
            assert row["lift"] > 1
            assert 0 <= row["fidelity_low"] <= row["fidelity"] <= row["fidelity_high"] <= 1


@pytest.mark.covers("P8")
def test_an_audience_leaves_the_lake_only_with_consent(
    world: World,
    clarion: Command,
    flags: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expression, low = "orders_365d >= 1", ["--set", "audience.floor=3"]
    for ending in ("csv", "parquet"):
        assert (
            clarion("audience", expression, "--export", str(tmp_path / f"a.{ending}"), *low, *flags)
            == 0
        )
    output = capsys.readouterr().out
    wide = unpack_features(world.read("gold.customer_features"), shop.features(world.config))
    members = {row[0] for row in wide.where(expression).select("customer_id").collect()}
    consenting = {
        row[0]
        for row in consenting_customers(world.read("silver.consents"), purpose="marketing")
        .select("customer_id")
        .collect()
    }
    assert f"{len(members)} of {wide.count()} customers" in output
    assert f"{len(members & consenting)} of them consent" in output
    assert not [name for name in members if name in output]  # the preview is masked
    csv, parquet = (
        pyarrow.csv.read_csv(tmp_path / "a.csv"),
        pyarrow.parquet.read_table(tmp_path / "a.parquet"),
    )
    assert (
        set(csv["customer_id"].to_pylist())
        == set(parquet["customer_id"].to_pylist())
        == members & consenting
    )
    assert members - consenting


@pytest.mark.covers("P8")
def test_a_small_audience_and_one_that_is_none_are_refused(
    world: World,
    clarion: Command,
    flags: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = str(tmp_path / "a.csv")
    for expression, message in (
        ("orders_365d >= 100000", "too small to be handed out"),
        ("nothing > 1", "there is no column 'nothing'"),
        ("orders_365d", "'orders_365d' is no condition"),
        ("(select true)", "'select' is not allowed here"),
        ("reflect('java.lang.System', 'exit')", "'reflect' is not allowed here"),
    ):
        assert clarion("audience", expression, "--export", file, *flags) == 2
        assert message in capsys.readouterr().err
    assert clarion("audience", "true", "--export", str(tmp_path / "a.txt"), *flags) == 2
    assert "neither CSV nor Parquet" in capsys.readouterr().err
    assert list(tmp_path.glob("a.*")) == []


@pytest.mark.covers("P8")
def test_the_view_of_a_customer_says_what_the_tables_hold(
    world: World, clarion: Command, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    profile = first_row(
        world.read("gold.customer_profiles").where("orders > 1").orderBy("customer_id")
    )
    name = first_row(
        world.read("silver.identities").where(F.col("customer_id") == profile["customer_id"])
    )["ref"]
    for customer in (profile["customer_id"], name):
        assert clarion("customer", customer, *flags) == 0
        output = capsys.readouterr().out
        assert (
            f"{profile['life_cycle']}, known for {profile['tenure_days']:.0f} days, {profile['orders']} orders"
            in output
        )
        group = first_row(
            world.read("gold.segment_members").where(F.col("customer_id") == profile["customer_id"])
        )["segment_id"]
        assert f"{group} " in output
    assert clarion("customer", "nobody", *flags) == 2
    assert "no customer is known as 'nobody'" in capsys.readouterr().err


def test_a_feature_or_a_tag_of_an_unknown_column_stops_before_anything_is_written(
    world: World,
    clarion: Command,
    flags: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # On a copy: what fails leaves a row in the log of runs.
    shutil.copytree(world.lake.root, tmp_path / "lake")
    flags = ["--lake", str(tmp_path / "lake"), *flags[2:]]
    lake = Lake(world.lake.spark, str(tmp_path / "lake"))
    before = (
        lake.read(TABLES["gold.customer_features"]).count(),
        lake.read(TABLES["gold.customer_tags"]).count(),
    )
    text = world.config.text("features.yml")
    bad = "nonsense: {source: orders, value: sum(no_such_column), unit: u, meaning: m, en: e, zh: 词}\n"
    (tmp_path / "features.yml").write_text(text + bad, encoding="utf-8")
    assert clarion("run", "features", "--conf-dir", str(tmp_path), *flags) == 2
    message = capsys.readouterr().err
    assert "features.yml: nonsense: invalid expression: sum(no_such_column)" in message
    assert "the view 'orders'" in message
    (tmp_path / "features.yml").write_text(text, encoding="utf-8")
    (tmp_path / "tags.yml").write_text(
        "odd: {when: no_such_feature > 1, en: e, zh: 词, meaning: m}\n", encoding="utf-8"
    )
    assert clarion("run", "tags", "--conf-dir", str(tmp_path), *flags) == 2
    assert "tags.yml: odd: invalid expression: no_such_feature > 1" in capsys.readouterr().err
    assert (
        lake.read(TABLES["gold.customer_features"]).count(),
        lake.read(TABLES["gold.customer_tags"]).count(),
    ) == before
