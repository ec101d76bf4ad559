"""Time of describing customers (days, profiles, declared features), fifty events and two order lines each; one run over all sizes, in one session.

python benchmarks/features.py 20000 60000 200000
"""

import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts import TABLES, Table
from clarion.declarations.shop import features
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.measures.columns.buckets import uniform
from clarion.runtime.job import Params
from clarion.runtime.runlog import RunLog, run_job
from clarion.runtime.session import start
from clarion.runtime.tracking import Tracking

AS_OF = date(2026, 6, 1)
PRODUCTS = 20_000
TYPES = ("view", "view", "view", "view", "cart_add", "search", "favourite", "login")
config = Config.load(overrides=("shop.currency=EUR", "shop.time_zone=UTC"))
spark = start(config)


def _filled(frame: DataFrame, table: Table) -> DataFrame:
    """The frame in a table's shape: what it lacks is unknown, or empty where it may not be."""
    empty = {"string": F.lit(""), "bigint": F.lit(0).cast("bigint")}
    lacking = {
        column.name: F.lit(None).cast(column.type) if column.nullable else empty[column.type]
        for column in table.columns
        if column.name not in frame.columns
    }
    return frame.withColumns(lacking).select(
        *(F.col(column.name).cast(column.type) for column in table.columns)
    )


def _facts(rows: int, customers: int, name: str) -> DataFrame:
    """Facts of the year before, of customers who do more or less, and of products that are sought more or less."""
    at = F.timestamp_seconds(
        F.unix_timestamp(F.lit(str(AS_OF)).cast("timestamp"))
        - (uniform(f"{name}/at", "id") * 365 * 86_400).cast("bigint")
    )
    who = (F.pow(uniform(f"{name}/who", "id"), 1.5) * customers).cast("int")
    what = (F.pow(uniform(f"{name}/what", "id"), 3.0) * PRODUCTS).cast("int")
    return spark.range(rows).select(
        "id",
        at.alias("happened_at"),
        at.alias("arrived_at"),
        F.format_string("c%08d", who).alias("customer_id"),
        F.format_string("p%05d", what).alias("product_id"),
    )


def _make(lake: Lake, customers: int) -> None:
    name = F.get(
        F.array(*(F.lit(item) for item in TYPES)), (uniform("type", "id") * len(TYPES)).cast("int")
    )
    dwell, channel = (
        (uniform("dwell", "id") * 60_000).cast("bigint"),
        F.when(uniform("channel", "id") < 0.5, "app").otherwise("web"),
    )
    events = _facts(50 * customers, customers, "event").withColumns(
        {
            "event_id": F.format_string("e%012d", "id"),
            "type": name,
            "dwell_ms": dwell,
            "channel": channel,
        }
    )
    price = F.round(5 + uniform("price", "id") * 95, 2).cast("decimal(18,4)")
    lines = _facts(2 * customers, customers, "line").withColumns(
        {
            "order_line_id": F.format_string("l%012d", "id"), "order_id": F.format_string("o%012d", F.floor(F.col("id") / 2)), "kind": F.lit("sale"),
            "quantity": F.lit(1), "unit_price": price, "amount": price, "currency": F.lit("EUR"),
        }
    )  # fmt: skip
    since = F.lit("2020-01-01").cast("timestamp")
    number, brand = F.format_string("p%05d", "id"), F.format_string("b%03d", F.col("id") % 400)
    products = spark.range(PRODUCTS).select(
        F.concat(F.lit("r"), number).alias("record_id"), number.alias("product_id"), number.alias("title"), brand.alias("brand"),
        F.format_string("k%02d", F.col("id") % 60).alias("category_path"), (F.col("id") % 90 + 5).alias("list_price"), F.lit("EUR").alias("currency"),
        since.alias("at"), since.alias("arrived_at"),
    )  # fmt: skip
    consents = spark.range(customers).select(
        F.format_string("s%08d", "id").alias("record_id"), F.format_string("c%08d", "id").alias("customer_id"), F.lit("analytics").alias("purpose"),
        F.lit("*").alias("channel"), F.lit(True).alias("granted"), F.lit("declared").alias("basis"), since.alias("at"), since.alias("arrived_at"),
    )  # fmt: skip
    for table, frame in (
        ("events", events),
        ("order_lines", lines),
        ("products", products),
        ("consents", consents),
    ):
        lake.append(TABLES[f"silver.{table}"], _filled(frame, TABLES[f"silver.{table}"]))


for customers in [
    1_000,
    *(int(size) for size in sys.argv[1:] or ("20000", "60000", "200000")),
]:  # the first warms up
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(spark, str(Path(folder, "lake")))
        _make(lake, customers)
        seconds = {}
        with RunLog(lake) as log:
            for job in ("profiles", "features"):
                began = time.monotonic()
                quiet = lambda _: None  # noqa: E731
                run_job(
                    JOBS[job],
                    Params(AS_OF),
                    lake=lake,
                    config=config,
                    say=quiet,
                    tracking=Tracking.beside(lake.root, None),
                    log=log,
                )
                seconds[job] = time.monotonic() - began
        described = lake.read(TABLES["gold.customer_features"]).count()
        told = ", ".join(f"{job} {took:.1f} s" for job, took in seconds.items())
        print(
            f"{described:>9,} customers, {50 * customers:>11,} events, {len(features(config))} features: {told}; {sum(seconds.values()):.1f} s"
        )
