"""The draws of a simulated shop are Spark's own hash, and Spark's workers write the same files."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from worlds import small_shop

from clarion.config import Config
from clarion.measures.columns.frames import local_frame
from clarion.sim import files
from clarion.sim.course import build_world
from clarion.sim.draws import Draws


def test_numbers_drawn_in_memory_are_those_that_spark_would_draw(spark: SparkSession) -> None:
    draws = Draws(7, replicate=2)
    ids = np.array([0, 1, -1, 12_345_678_901, -(2**63), 2**63 - 1], dtype=np.int64)
    days = np.array([-180, 0, 3, 400, 7, 9], dtype=np.int64)
    frame = local_frame(
        spark, list(zip(ids.tolist(), days.tolist(), strict=True)), "i long, d long"
    )
    hashed = F.xxhash64(F.lit(draws.salt("buy")).cast("long"), "i", "d")
    bits = F.shiftrightunsigned(hashed, 11).cast("double")
    rows = frame.select("i", "d", ((bits + 0.5) / F.lit(2.0**53)).alias("u")).collect()
    expected = {(row["i"], row["d"]): row["u"] for row in rows}
    drawn = draws.uniform("buy", ids, days)
    assert [
        expected[key] for key in zip(ids.tolist(), days.tolist(), strict=True)
    ] == drawn.tolist()


def test_files_written_by_workers_are_those_written_in_memory(
    spark: SparkSession, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BLOCK", 40)
    world = build_world(small_shop(config, 100), seed=5)
    last = world.shop.starts_on + timedelta(days=61)
    counts = [
        files.deliver_history(
            world, str(tmp_path / name / "inbox"), last=last, live_from=last, spark=session
        )
        for name, session in (("memory", None), ("workers", spark))
    ]
    assert counts[0] == counts[1]
    contents = [
        {path.relative_to(tmp_path / name): path.read_bytes()
         for path in (tmp_path / name).rglob("*-0????.*")}
        for name in ("memory", "workers")
    ]  # fmt: skip
    assert contents[0] == contents[1]
    orders = [path.suffix for path in contents[0] if path.parts[1] == "orders"]
    assert sorted(orders) == [".csv"] * 3 + [".manifest"] * 3
