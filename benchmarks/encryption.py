"""Cost of encryption at rest: order lines are written and read with and without it, in turns.

One session; the first turn only warms up:

    python benchmarks/encryption.py 1000000 3
"""

import secrets
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.runtime.session import start

FOLDERS = {"open": "silver/somewhere", "encrypted": "silver/order_lines"}
ROWS = 1_000_000
TURNS = 3


def order_lines(spark: SparkSession, rows: int) -> DataFrame:
    """Order lines of as many customers as there are twenty lines."""
    return spark.range(rows).select(
        F.sha2(F.col("id").cast("string"), 256).alias("order_line_id"),
        F.concat(F.lit("O"), F.floor(F.col("id") / 3)).alias("order_id"),
        F.concat(F.lit("C"), F.pmod(F.xxhash64("id"), F.lit(rows // 20))).alias("customer_id"),
        F.timestamp_seconds(F.pmod(F.xxhash64("id"), F.lit(15_000_000))).alias("happened_at"),
        (F.pmod(F.xxhash64("id"), F.lit(20_000)) / 100).cast("decimal(18,4)").alias("amount"),
    )


def write_and_read(lines: DataFrame, path: Path) -> tuple[float, float]:
    """Seconds of writing the lines to a path, and of reading them."""
    began = time.monotonic()
    lines.write.format("delta").save(str(path))
    written = time.monotonic()
    stored = lines.sparkSession.read.format("delta").load(str(path))
    stored.write.format("noop").mode("overwrite").save()
    return written - began, time.monotonic() - written


def measure(root: Path, rows: int, turns: int) -> None:
    """Print the median seconds of writing and of reading."""
    spark = start(Config.load(overrides=(f"encryption.key=file:{root / 'master'}",)))
    lines = order_lines(spark, rows)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in FOLDERS}
    for turn in range(turns + 1):
        for name, folder in FOLDERS.items():
            both = write_and_read(lines, root / f"lake-{turn}" / folder)
            if turn:
                seconds[name].append(both)
    for index, action in enumerate(("write", "read")):
        plain, encrypted = (
            statistics.median(both[index] for both in seconds[name]) for name in FOLDERS
        )
        print(
            f"{action} {rows:,} order lines: open {plain:.2f} s, encrypted {encrypted:.2f} s, "
            f"{encrypted / plain:.2f} times, median of {turns}"
        )


def main() -> None:
    """Measure in a folder that is removed afterwards."""
    rows, turns = (int(value) for value in (sys.argv[1:] or (ROWS, TURNS)))
    root = Path(tempfile.mkdtemp(prefix="encryption-"))
    (root / "master").write_text(secrets.token_hex(32))
    try:
        measure(root, rows, turns)
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
