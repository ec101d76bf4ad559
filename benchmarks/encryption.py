"""What encryption at rest costs: order lines written and read with and without it, by turns in one session.

python benchmarks/encryption.py 1000000 3
"""

import secrets
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import functions as F

from clarion.config import Config
from clarion.runtime.session import start

rows, turns = (int(value) for value in (sys.argv[1:] or ("1000000", "3")))
root = Path(tempfile.mkdtemp(prefix="encryption-"))
(root / "master").write_text(secrets.token_hex(32))
config = Config.load(overrides=(f"encryption.key=file:{root / 'master'}",))
spark = start(config)
lines = spark.range(rows).select(
    F.sha2(F.col("id").cast("string"), 256).alias("order_line_id"),
    F.concat(F.lit("O"), F.floor(F.col("id") / 3)).alias("order_id"),
    F.concat(F.lit("C"), F.pmod(F.xxhash64("id"), F.lit(rows // 20))).alias("customer_id"),
    F.timestamp_seconds(F.pmod(F.xxhash64("id"), F.lit(15_000_000))).alias("happened_at"),
    (F.pmod(F.xxhash64("id"), F.lit(20_000)) / 100).cast("decimal(18,4)").alias("amount"),
)
places = {"open": "silver/somewhere", "encrypted": "silver/order_lines"}
seconds: dict[tuple[str, str], list[float]] = {
    (name, what): [] for name in places for what in ("write", "read")
}
try:
    for turn in range(turns + 1):  # the first warms up
        for name, place in places.items():
            path = str(root / f"lake-{turn}" / place)
            began = time.monotonic()
            lines.write.format("delta").save(path)
            written = time.monotonic()
            spark.read.format("delta").load(path).write.format("noop").mode("overwrite").save()
            if turn:
                seconds[name, "write"].append(written - began)
                seconds[name, "read"].append(time.monotonic() - written)
    for what in ("write", "read"):
        plain, safe = (statistics.median(seconds[name, what]) for name in places)
        print(
            f"{what} {rows:,} order lines: open {plain:.2f} s, encrypted {safe:.2f} s, {safe / plain:.2f} times, median of {turns}"
        )
finally:
    shutil.rmtree(root)
