"""Ingest and clean from CSV, beside plain Spark and DuckDB doing the same by hand, in one run.

python benchmarks/intake.py 1000000 3000000 10000000

For each number of events, and a fifth as many order lines: Clarion (files to bronze to silver, with ledger, provenance,
rules, quarantine and reconciliation), plain Spark in the same session (parse, write bronze, read it, drop duplicates and bad
rows, write silver, all Delta), the same with bronze kept as Clarion keeps it, DuckDB (parse, filter, drop duplicates, write
Parquet; it is not among the locked packages: pip install duckdb). After the largest, one per cent of new events for Clarion.
Plain Spark runs first and so warms the session for Clarion; each number is one run.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.runtime.job import Params
from clarion.runtime.runlog import RunReport, run_jobs
from clarion.runtime.session import start
from clarion.runtime.tracking import Tracking

CONSENT = {"basis": "declared", "purposes": ["analytics"], "note": "made for the benchmark"}
CSV = {"format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": CONSENT}
EVENT = (
    "event_ref",
    "happened_at",
    "type",
    "customer_ref",
    "device_ref",
    "product_ref",
    "dwell_ms",
    "session_ref",
    "sequence_no",
)
ORDER = (
    "order_ref",
    "line_no",
    "happened_at",
    "customer_ref",
    "product_ref",
    "quantity",
    "unit_price",
    "discount",
)
MAPPING = {
    "events": {
        "where": "${data}/events/*.csv",
        **CSV,
        "duplicates": {"key": ["event_ref"]},
        "columns": {name: name for name in EVENT},
    },
    "orders": {
        "where": "${data}/orders/*.csv",
        **CSV,
        "currency": "EUR",
        "columns": {name: name for name in ORDER},
    },
}
TYPES = "['view','view','view','view','search','click','cart_add','favourite','checkout','login']"


def make(folder: Path, events: int, *, first: int = 0, name: str = "1") -> int:
    """CSV files of events and order lines, one in a hundred a duplicate and one in two hundred with a bad date; returns bytes."""
    made = duckdb.connect()
    made.execute("SET threads = 2")
    for kind in ("events", "orders"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    at = "strftime(TIMESTAMP '2026-01-01' + to_seconds((hash(n * 7 + 1) % 15000000)::BIGINT), '%Y-%m-%d %H:%M:%S')"
    bad = f"CASE WHEN hash(n * 11) % 200 = 0 THEN '2026-13-01 00:00:00' ELSE {at} END"
    one = "CASE WHEN n % 100 = 99 THEN n - 1 ELSE n END"
    made.execute(
        f"COPY (SELECT 'E' || md5(n::VARCHAR) AS event_ref, {bad} AS happened_at, {TYPES}[(1 + hash(n * 3) % 10)::INT] AS type, "
        f"'C' || hash(n * 5) % 200000 AS customer_ref, "
        f"'D' || hash(n * 5) % 300000 AS device_ref, 'P' || hash(n * 13) % 20000 AS product_ref, 500 + hash(n * 17) % 60000 AS dwell_ms, "
        f"'S' || n // 12 AS session_ref, n % 12 AS sequence_no FROM (SELECT {one} AS n FROM range({first}, {first + events}) r(n))) "
        f"TO '{folder}/events/{name}.csv' (HEADER)"
    )
    made.execute(
        f"COPY (SELECT 'O' || n // 3 AS order_ref, n % 3 AS line_no, {bad} AS happened_at, 'C' || hash(n // 3) % 200000 AS customer_ref, "
        f"'P' || hash(n * 13) % 20000 AS product_ref, 1 + hash(n) % 4 AS quantity, (100 + hash(n * 19) % 20000) / 100.0 AS unit_price, 0 AS discount "
        f"FROM (SELECT {one} AS n FROM range({first}, {first + events // 5}) r(n))) TO '{folder}/orders/{name}.csv' (HEADER)"
    )
    return sum(file.stat().st_size for file in folder.rglob(f"{name}.csv"))


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[name] = time.monotonic() - began


def plain(spark: SparkSession, data: Path, target: Path) -> None:
    """What a data engineer would write in an afternoon."""
    at = F.try_to_timestamp("happened_at", F.lit("yyyy-MM-dd HH:mm:ss"))
    typed: dict[str, dict[str, Any]] = {
        "events": {
            "happened_at": at,
            "dwell_ms": F.col("dwell_ms").cast("bigint"),
            "sequence_no": F.col("sequence_no").cast("bigint"),
        },
        "orders": {
            "happened_at": at,
            **{
                name: F.col(name).cast("decimal(18,4)")
                for name in ("quantity", "unit_price", "discount")
            },
        },
    }
    for kind, key in (("events", ["event_ref"]), ("orders", None)):
        raw = spark.read.option("header", True).csv(str(data / kind))
        raw.write.format("delta").save(str(target / "bronze" / kind))
        rows = (
            spark.read.format("delta")
            .load(str(target / "bronze" / kind))
            .dropDuplicates(key)
            .withColumns(typed[kind])
        )
        rows.where("happened_at IS NOT NULL").write.format("delta").save(
            str(target / "silver" / kind)
        )


def with_maps(spark: SparkSession, data: Path, target: Path) -> None:
    """The same by hand with bronze as Clarion keeps it: a map of what stood there, a fingerprint, and where it stood."""
    at = F.try_to_timestamp("happened_at", F.lit("yyyy-MM-dd HH:mm:ss"))
    for kind, names, key in (("events", EVENT, ["event_ref"]), ("orders", ORDER, list(ORDER))):
        rows = spark.read.option("header", True).csv(str(data / kind))
        raw = F.create_map(*(part for name in names for part in (F.lit(name), F.col(name))))
        place = (
            F.col("_metadata.file_path").alias("_file"),
            F.monotonically_increasing_id().alias("_row"),
            F.lit("b").alias("_batch"),
        )
        hashed = F.md5(
            F.concat_ws("\x1f", *(F.coalesce(F.col(name), F.lit("\x1d")) for name in names))
        ).alias("_hash")
        rows.select(raw.alias("raw"), hashed, *place).write.format("delta").save(
            str(target / "bronze" / kind)
        )
        bronze = spark.read.format("delta").load(str(target / "bronze" / kind))
        found = bronze.select(
            *(F.col("raw")[name].alias(name) for name in names), "_file", "_row", "_batch"
        ).dropDuplicates(key)
        found.withColumn("happened_at", at).where("happened_at IS NOT NULL").write.format(
            "delta"
        ).save(str(target / "silver" / kind))


def by_duckdb(data: Path, target: Path) -> None:
    target.mkdir()
    work = duckdb.connect()
    work.execute("SET threads = 2")
    at = "try_strptime(happened_at, '%Y-%m-%d %H:%M:%S')"
    for kind, distinct in (("events", "DISTINCT ON (event_ref)"), ("orders", "DISTINCT")):
        read = f"read_csv('{data}/{kind}/*.csv', types = {{'happened_at': 'VARCHAR'}})"
        work.execute(
            f"COPY (SELECT {distinct} * REPLACE ({at} AS happened_at) FROM {read} WHERE {at} IS NOT NULL) TO '{target}/{kind}.parquet'"
        )


def clarion(lake: Lake, config: Config, told: Callable[[RunReport], None]) -> None:
    tracking = Tracking.beside(lake.root, None)
    jobs = tuple(JOBS[name] for name in ("ingest", "clean"))
    run_jobs(
        jobs,
        Params(date(2026, 12, 1)),
        lake=lake,
        config=config,
        tracking=tracking,
        at_once=1,
        say=lambda _, __: None,
        done=told,
    )


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [1_000_000, 3_000_000, 10_000_000]
    root = Path(tempfile.mkdtemp(prefix="intake-"))
    try:
        (root / "conf" / "sources").mkdir(parents=True)
        (root / "conf" / "sources" / "bench.yml").write_text(yaml.safe_dump(MAPPING))
        for size in [20_000, *sizes]:  # the first warms up
            data = root / f"data-{size}"
            megabytes = make(data, size) / 1e6
            config = Config.load(
                conf_dir=root / "conf", overrides=("shop.sources=[bench]", f"data={data}")
            )
            spark, seconds = start(config), dict[str, float]()
            with timed(seconds, "plain"):
                plain(spark, data, root / f"plain-{size}")
            with timed(seconds, "maps"):
                with_maps(spark, data, root / f"maps-{size}")
            with timed(seconds, "duckdb"):
                by_duckdb(data, root / f"duckdb-{size}")
            lake, steps = Lake(spark, str(root / f"lake-{size}")), dict[str, float]()
            with timed(seconds, "clarion"):
                clarion(
                    lake,
                    config,
                    lambda report, steps=steps: steps.update({report.job: report.seconds}),
                )  # type: ignore[misc]
            counts = {
                name: lake.read(TABLES[name]).count()
                for name in ("silver.events", "silver.order_lines", "silver.quarantine")
            }
            by_hand = [
                spark.read.format("delta")
                .load(str(root / f"plain-{size}" / "silver" / kind))
                .count()
                for kind in ("events", "orders")
            ]
            assert [counts["silver.events"], counts["silver.order_lines"]] == by_hand
            others = f"plain Spark {seconds['plain']:.1f} s, the same with maps {seconds['maps']:.1f} s, DuckDB {seconds['duckdb']:.1f} s"
            print(
                f"{size:>11,} events, {megabytes:,.0f} MB: clarion {seconds['clarion']:.1f} s (ingest {steps['ingest']:.1f}, clean {steps['clean']:.1f}), "
                f"{others}; clarion / plain = {seconds['clarion'] / seconds['plain']:.2f}",
                flush=True,
            )
        make(data, size // 100, first=2 * size, name="2")
        with timed(seconds, "more"):
            clarion(lake, config, lambda _: None)
        print(
            f"1 % more: {seconds['more']:.1f} s, {seconds['more'] / seconds['clarion']:.1%} of the whole",
            flush=True,
        )
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
