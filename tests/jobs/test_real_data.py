"""Online Retail and The Complete Journey through their mappings, to the row and the penny."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.lake import Lake

ORDER_LINES = TABLES["silver.order_lines"]


def _totals(lake: Lake) -> tuple[int, int, int, Decimal]:
    sums = (F.count("*"), F.count_distinct("customer_id"), F.count_distinct("order_id"), F.sum("amount"))
    row = lake.read(ORDER_LINES).agg(*sums).first()
    return tuple(row)  # type: ignore[return-value]


@pytest.mark.real_data
def test_online_retail_reconciles_with_its_published_figures(clarion: Callable[..., int], spark: SparkSession, real_data: Path, tmp_path: Path) -> None:
    flags = [
        "--set",
        "shop.sources=[online_retail]",
        "--set",
        "shop.currency=GBP",
        "--set",
        f"data={real_data}",
        "--lake",
        str(tmp_path),
        "--as-of",
        "2011-12-10",
        "--quiet",
    ]
    assert clarion("run", "all", "--from", "ingest", "--to", "clean", *flags) == 0
    lake = Lake(spark, str(tmp_path))
    assert _totals(lake) == (397_884, 4_338, 18_532, Decimal("8911407.9040"))
    assert lake.read(TABLES["silver.quarantine"]).count() == 144_025


@pytest.mark.slow
@pytest.mark.real_data
def test_online_retail_without_duplicates(clarion: Callable[..., int], spark: SparkSession, real_data: Path, tmp_path: Path, config: Config) -> None:
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    text = config.text("sources/online_retail.yml").replace("duplicates: keep", "duplicates: drop")
    (tmp_path / "conf" / "sources" / "online_retail.yml").write_text(text)
    flags = ["--conf-dir", str(tmp_path / "conf"), "--set", "shop.sources=[online_retail]", "--set", "shop.currency=GBP", "--set", f"data={real_data}"]
    assert clarion("run", "all", "--to", "clean", *flags, "--lake", str(tmp_path / "lake"), "--as-of", "2011-12-10", "--quiet") == 0
    found = _totals(Lake(spark, str(tmp_path / "lake")))
    assert (found[0], found[3]) == (392_692, Decimal("8887208.8940"))


@pytest.mark.slow
def test_the_complete_journey_reconciles(clarion: Callable[..., int], spark: SparkSession, tmp_path: Path) -> None:
    flags = ["--set", "shop.sources=[complete_journey]", "--set", "shop.currency=USD", "--lake", str(tmp_path), "--as-of", "2018-01-01", "--quiet"]
    assert clarion("run", "all", "--from", "ingest", "--to", "clean", *flags) == 0
    lake = Lake(spark, str(tmp_path))
    batch = lake.read(TABLES["ops.batches"]).where("kind = 'orders'").first()
    assert (batch["rows_in"], batch["duplicates"]) == (1_469_307, 0)
    assert batch["accepted"] / batch["rows_in"] >= 0.9
    quarantine = lake.read(TABLES["silver.quarantine"]).where("kind = 'orders'")
    counts = {row["rule"]: row["count"] for row in quarantine.select(F.explode("reasons.rule").alias("rule")).groupBy("rule").count().collect()}
    bronze = lake.read(TABLES["bronze.orders"]).select("_file", "_row", F.col("raw")["sales_value"].cast("decimal(18,4)").alias("sales"), "raw")
    refused = bronze.join(quarantine.select("_file", "_row"), ["_file", "_row"]).agg(F.sum("sales")).first()[0]
    assert round(_totals(lake)[3] + refused, 2) == Decimal("4596039.58")
    assert counts["quantity_not_positive"] == 8_869 == bronze.where("cast(raw['quantity'] AS int) = 0").count()
    # A row of quantity 0 is refused for that; of the rows without sales the others are refused for their amount.
    assert counts["amount_not_positive"] == bronze.where("sales = 0 AND cast(raw['quantity'] AS int) > 0").count()
    # 20 further rows hold a trace below 1e-4 that binary fractions left, and are refused alike.
    unsold = bronze.where("cast(raw['sales_value'] AS double) = 0")
    assert unsold.count() == 11_226 == unsold.join(quarantine.select("_file", "_row"), ["_file", "_row"]).count()
    warned = lake.read(ORDER_LINES).where("array_contains(warnings, 'unknown_product')").count()
    warned_refused = quarantine.where("array_contains(warnings, 'unknown_product')").count()
    assert warned + warned_refused == 4_836
