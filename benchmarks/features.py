"""Time of computing features of customers: days, profiles, declared features.

There are fifty events and two order lines per customer. One run covers all sizes in one session:

    python benchmarks/features.py 20000 60000 200000
"""

import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
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
WARM_UP = 1_000
SIZES = (20_000, 60_000, 200_000)


def in_shape_of(table: Table, frame: DataFrame) -> DataFrame:
    """The frame with all columns of a table; those it lacks are unknown, or empty."""
    empty = {"string": F.lit(""), "bigint": F.lit(0).cast("bigint")}
    missing = {
        column.name: F.lit(None).cast(column.type) if column.nullable else empty[column.type]
        for column in table.columns
        if column.name not in frame.columns
    }
    return frame.withColumns(missing).select(
        *(F.col(column.name).cast(column.type) for column in table.columns)
    )


def facts(spark: SparkSession, rows: int, customers: int, name: str) -> DataFrame:
    """Facts of the year before; some customers and some products have more than others."""
    age = (uniform(f"{name}/at", "id") * 365 * 86_400).cast("bigint")
    until = F.unix_timestamp(F.lit(str(AS_OF)).cast("timestamp"))
    at = F.timestamp_seconds(until - age)
    customer = (F.pow(uniform(f"{name}/who", "id"), 1.5) * customers).cast("int")
    product = (F.pow(uniform(f"{name}/what", "id"), 3.0) * PRODUCTS).cast("int")
    return spark.range(rows).select(
        "id",
        at.alias("happened_at"),
        at.alias("arrived_at"),
        F.format_string("c%08d", customer).alias("customer_id"),
        F.format_string("p%05d", product).alias("product_id"),
    )


def events(spark: SparkSession, customers: int) -> DataFrame:
    """Fifty events per customer."""
    index = (uniform("type", "id") * len(TYPES)).cast("int")
    return facts(spark, 50 * customers, customers, "event").withColumns(
        {
            "event_id": F.format_string("e%012d", "id"),
            "type": F.get(F.array(*(F.lit(item) for item in TYPES)), index),
            "dwell_ms": (uniform("dwell", "id") * 60_000).cast("bigint"),
            "channel": F.when(uniform("channel", "id") < 0.5, "app").otherwise("web"),
        }
    )


def order_lines(spark: SparkSession, customers: int) -> DataFrame:
    """Two order lines per customer."""
    price = F.round(5 + uniform("price", "id") * 95, 2).cast("decimal(18,4)")
    return facts(spark, 2 * customers, customers, "line").withColumns(
        {
            "order_line_id": F.format_string("l%012d", "id"),
            "order_id": F.format_string("o%012d", F.floor(F.col("id") / 2)),
            "kind": F.lit("sale"),
            "quantity": F.lit(1),
            "unit_price": price,
            "amount": price,
            "currency": F.lit("EUR"),
        }
    )


def _long_ago() -> Column:
    return F.lit("2020-01-01").cast("timestamp")


def products(spark: SparkSession) -> DataFrame:
    """The product list, of sixty categories and four hundred brands."""
    number = F.format_string("p%05d", "id")
    return spark.range(PRODUCTS).select(
        F.concat(F.lit("r"), number).alias("record_id"),
        number.alias("product_id"),
        number.alias("title"),
        F.format_string("b%03d", F.col("id") % 400).alias("brand"),
        F.format_string("k%02d", F.col("id") % 60).alias("category_path"),
        (F.col("id") % 90 + 5).alias("list_price"),
        F.lit("EUR").alias("currency"),
        _long_ago().alias("at"),
        _long_ago().alias("arrived_at"),
    )


def consents(spark: SparkSession, customers: int) -> DataFrame:
    """A consent to analytics of each customer."""
    return spark.range(customers).select(
        F.format_string("s%08d", "id").alias("record_id"),
        F.format_string("c%08d", "id").alias("customer_id"),
        F.lit("analytics").alias("purpose"),
        F.lit("*").alias("channel"),
        F.lit(True).alias("granted"),
        F.lit("declared").alias("basis"),
        _long_ago().alias("at"),
        _long_ago().alias("arrived_at"),
    )


def fill(lake: Lake, customers: int) -> None:
    """Write the silver tables of a shop."""
    frames = {
        "events": events(lake.spark, customers),
        "order_lines": order_lines(lake.spark, customers),
        "products": products(lake.spark),
        "consents": consents(lake.spark, customers),
    }
    for name, frame in frames.items():
        table = TABLES[f"silver.{name}"]
        lake.append(table, in_shape_of(table, frame))


def measure(lake: Lake, config: Config) -> dict[str, float]:
    """Seconds of each job."""
    seconds = {}
    with RunLog(lake) as log:
        for job in ("profiles", "features"):
            began = time.monotonic()
            run_job(
                JOBS[job],
                Params(AS_OF),
                lake=lake,
                config=config,
                say=lambda _: None,
                tracking=Tracking.beside(lake.root, None),
                log=log,
            )
            seconds[job] = time.monotonic() - began
    return seconds


def main() -> None:
    """Print a line per size; the first size only warms up."""
    config = Config.load(overrides=("shop.currency=EUR", "shop.time_zone=UTC"))
    spark = start(config)
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    for customers in (WARM_UP, *sizes):
        with tempfile.TemporaryDirectory() as folder:
            lake = Lake(spark, str(Path(folder, "lake")))
            fill(lake, customers)
            seconds = measure(lake, config)
            rows = lake.read(TABLES["gold.customer_features"]).count()
            by_job = ", ".join(f"{job} {took:.1f} s" for job, took in seconds.items())
            print(
                f"{rows:>9,} customers, {50 * customers:>11,} events, "
                f"{len(features(config))} features: {by_job}; {sum(seconds.values()):.1f} s"
            )


if __name__ == "__main__":
    main()
