"""Ingest and clean from CSV, beside plain Spark and DuckDB doing the same by hand, in one run.

    python benchmarks/intake.py 1000000 3000000 10000000

There are a fifth as many order lines as events. For each number of events:

- Clarion: files to bronze to silver, with ledger, provenance, rules, quarantine, reconciliation;
- plain Spark in the same session: parse, write bronze, read it, drop duplicates and bad rows, write
  silver, all Delta;
- the same with bronze as Clarion has it;
- DuckDB: parse, filter, drop duplicates, write Parquet. It is not among the locked packages:
  pip install duckdb.

After the largest size, Clarion takes one per cent of new events. Plain Spark runs first and so
warms the session for Clarion; each number is one run.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import chain
from pathlib import Path

import duckdb
import yaml
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.runtime.job import Params
from clarion.runtime.runlog import RunReport, run_jobs
from clarion.runtime.session import start
from clarion.runtime.tracking import Tracking

WARM_UP = 20_000
CONSENT = {
    "basis": "declared",
    "purposes": ["analytics"],
    "note": "synthetic data of the benchmark",
}
CSV = {"format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": CONSENT}
TYPES = "['view','view','view','view','search','click','cart_add','favourite','checkout','login']"
# Each column as DuckDB computes it from the number n of the record.
NUMBER = "CASE WHEN n % 100 = 99 THEN n - 1 ELSE n END"
INSTANT = "TIMESTAMP '2026-01-01' + to_seconds((hash(n * 7 + 1) % 15000000)::BIGINT)"
HAPPENED_AT = f"""CASE WHEN hash(n * 11) % 200 = 0 THEN '2026-13-01 00:00:00'
    ELSE strftime({INSTANT}, '%Y-%m-%d %H:%M:%S') END"""
EVENT_COLUMNS = {
    "event_ref": "'E' || md5(n::VARCHAR)",
    "happened_at": HAPPENED_AT,
    "type": f"{TYPES}[(1 + hash(n * 3) % 10)::INT]",
    "customer_ref": "'C' || hash(n * 5) % 200000",
    "device_ref": "'D' || hash(n * 5) % 300000",
    "product_ref": "'P' || hash(n * 13) % 20000",
    "dwell_ms": "500 + hash(n * 17) % 60000",
    "session_ref": "'S' || n // 12",
    "sequence_no": "n % 12",
}
ORDER_COLUMNS = {
    "order_ref": "'O' || n // 3",
    "line_no": "n % 3",
    "happened_at": HAPPENED_AT,
    "customer_ref": "'C' || hash(n // 3) % 200000",
    "product_ref": "'P' || hash(n * 13) % 20000",
    "quantity": "1 + hash(n) % 4",
    "unit_price": "(100 + hash(n * 19) % 20000) / 100.0",
    "discount": "0",
}
MAPPING = {
    "events": {
        "where": "${data}/events/*.csv",
        **CSV,
        "duplicates": {"key": ["event_ref"]},
        "columns": {name: name for name in EVENT_COLUMNS},
    },
    "orders": {
        "where": "${data}/orders/*.csv",
        **CSV,
        "currency": "EUR",
        "columns": {name: name for name in ORDER_COLUMNS},
    },
}


def write_csv(folder: Path, events: int, *, first: int = 0, name: str = "1") -> int:
    """Write CSV files of events and order lines; returns their bytes.

    One record in a hundred is a duplicate, and one in two hundred has a bad date.

    Args:
        folder: folder of the files.
        events: number of events; there are a fifth as many order lines.
        first: number of the first record.
        name: name of the files.
    """
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    for kind, columns, records in (
        ("events", EVENT_COLUMNS, events),
        ("orders", ORDER_COLUMNS, events // 5),
    ):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        selected = ", ".join(f"{value} AS {column}" for column, value in columns.items())
        numbers = f"SELECT {NUMBER} AS n FROM range({first}, {first + records}) r(n)"
        target = f"{folder}/{kind}/{name}.csv"
        connection.execute(f"COPY (SELECT {selected} FROM ({numbers})) TO '{target}' (HEADER)")
    return sum(file.stat().st_size for file in folder.rglob(f"{name}.csv"))


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Record the seconds of a block under a name."""
    began = time.monotonic()
    yield
    seconds[name] = time.monotonic() - began


def happened_at() -> Column:
    """The time of a record; null where it is not valid."""
    return F.try_to_timestamp("happened_at", F.lit("yyyy-MM-dd HH:mm:ss"))


def plain_spark(spark: SparkSession, data: Path, target: Path) -> None:
    """What a data engineer would write in an afternoon."""
    event_types = {"dwell_ms": "bigint", "sequence_no": "bigint"}
    order_types = dict.fromkeys(("quantity", "unit_price", "discount"), "decimal(18,4)")
    for kind, types, key in (("events", event_types, ["event_ref"]), ("orders", order_types, None)):
        bronze = str(target / "bronze" / kind)
        raw = spark.read.option("header", True).csv(str(data / kind))
        raw.write.format("delta").save(bronze)
        typed = {column: F.col(column).cast(type_) for column, type_ in types.items()}
        records = (
            spark.read.format("delta")
            .load(bronze)
            .dropDuplicates(key)
            .withColumns({"happened_at": happened_at(), **typed})
            .where("happened_at IS NOT NULL")
        )
        records.write.format("delta").save(str(target / "silver" / kind))


def spark_with_maps(spark: SparkSession, data: Path, target: Path) -> None:
    """The same with bronze as Clarion has it: a map of the record, its hash and its provenance."""
    for kind, names, key in (
        ("events", tuple(EVENT_COLUMNS), ["event_ref"]),
        ("orders", tuple(ORDER_COLUMNS), list(ORDER_COLUMNS)),
    ):
        bronze = str(target / "bronze" / kind)
        entries = ((F.lit(name), F.col(name)) for name in names)
        raw = F.create_map(*chain.from_iterable(entries))
        values = (F.coalesce(F.col(name), F.lit("\x1d")) for name in names)
        records = spark.read.option("header", True).csv(str(data / kind))
        records.select(
            raw.alias("raw"),
            F.md5(F.concat_ws("\x1f", *values)).alias("_hash"),
            F.col("_metadata.file_path").alias("_file"),
            F.monotonically_increasing_id().alias("_row"),
            F.lit("b").alias("_batch"),
        ).write.format("delta").save(bronze)
        columns = (F.col("raw")[name].alias(name) for name in names)
        stored = spark.read.format("delta").load(bronze)
        (
            stored.select(*columns, "_file", "_row", "_batch")
            .dropDuplicates(key)
            .withColumn("happened_at", happened_at())
            .where("happened_at IS NOT NULL")
            .write.format("delta")
            .save(str(target / "silver" / kind))
        )


def by_duckdb(data: Path, target: Path) -> None:
    """The same in DuckDB, without bronze."""
    target.mkdir()
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    at = "try_strptime(happened_at, '%Y-%m-%d %H:%M:%S')"
    for kind, distinct in (("events", "DISTINCT ON (event_ref)"), ("orders", "DISTINCT")):
        files = f"read_csv('{data}/{kind}/*.csv', types = {{'happened_at': 'VARCHAR'}})"
        valid = f"SELECT {distinct} * REPLACE ({at} AS happened_at) FROM {files}"
        connection.execute(f"COPY ({valid} WHERE {at} IS NOT NULL) TO '{target}/{kind}.parquet'")


def clarion(lake: Lake, config: Config) -> dict[str, float]:
    """Run ingest and clean; returns the seconds of each job."""
    seconds: dict[str, float] = {}

    def record(report: RunReport) -> None:
        seconds[report.job] = report.seconds

    run_jobs(
        tuple(JOBS[name] for name in ("ingest", "clean")),
        Params(date(2026, 12, 1)),
        lake=lake,
        config=config,
        tracking=Tracking.beside(lake.root, None),
        at_once=1,
        say=lambda _, __: None,
        done=record,
    )
    return seconds


def assert_equal_counts(spark: SparkSession, lake: Lake, by_hand: Path) -> None:
    """Clarion has as many rows in silver as plain Spark."""
    for table, kind in (("silver.events", "events"), ("silver.order_lines", "orders")):
        stored = spark.read.format("delta").load(str(by_hand / "silver" / kind))
        assert lake.read(TABLES[table]).count() == stored.count(), table


def measure(root: Path, size: int) -> tuple[Lake, Config, float]:
    """Print a line for a number of events; returns the lake and the seconds of Clarion."""
    data = root / f"data-{size}"
    megabytes = write_csv(data, size) / 1e6
    overrides = ("shop.sources=[bench]", f"data={data}")
    config = Config.load(conf_dir=root / "conf", overrides=overrides)
    spark = start(config)
    lake = Lake(spark, str(root / f"lake-{size}"))
    seconds: dict[str, float] = {}
    with timed(seconds, "plain"):
        plain_spark(spark, data, root / f"plain-{size}")
    with timed(seconds, "maps"):
        spark_with_maps(spark, data, root / f"maps-{size}")
    with timed(seconds, "duckdb"):
        by_duckdb(data, root / f"duckdb-{size}")
    with timed(seconds, "clarion"):
        jobs = clarion(lake, config)
    assert_equal_counts(spark, lake, root / f"plain-{size}")
    print(
        f"{size:>11,} events, {megabytes:,.0f} MB: clarion {seconds['clarion']:.1f} s "
        f"(ingest {jobs['ingest']:.1f}, clean {jobs['clean']:.1f}), "
        f"plain Spark {seconds['plain']:.1f} s, the same with maps {seconds['maps']:.1f} s, "
        f"DuckDB {seconds['duckdb']:.1f} s; "
        f"clarion / plain = {seconds['clarion'] / seconds['plain']:.2f}",
        flush=True,
    )
    return lake, config, seconds["clarion"]


def main() -> None:
    """Print a line per size, and one for new events; the first size only warms up."""
    sizes = [int(size) for size in sys.argv[1:]] or [1_000_000, 3_000_000, 10_000_000]
    root = Path(tempfile.mkdtemp(prefix="intake-"))
    try:
        (root / "conf" / "sources").mkdir(parents=True)
        (root / "conf" / "sources" / "bench.yml").write_text(yaml.safe_dump(MAPPING))
        for size in [WARM_UP, *sizes]:
            lake, config, whole = measure(root, size)
        write_csv(root / f"data-{size}", size // 100, first=2 * size, name="2")
        more: dict[str, float] = {}
        with timed(more, "clarion"):
            clarion(lake, config)
        share = more["clarion"] / whole
        print(f"1 % more: {more['clarion']:.1f} s, {share:.1%} of the whole", flush=True)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
