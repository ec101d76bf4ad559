"""What a run cost Spark is known by run, also while others run, and with its threads."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.util import inheritable_thread_target

from clarion.kernel.parallel import run_concurrently
from clarion.runtime.usage import read_usage, spark_jobs_of

ROWS = {"small": 1_000, "large": 3_000}


def _copy_twice(spark: SparkSession, folder: Path, name: str) -> None:
    """Two threads of a run each read the rows of a file, shuffle them and write them."""
    with spark_jobs_of(name, spark):
        calls = [
            partial(_copy, spark, str(folder / name), str(folder / f"{name}-{copy}"))
            for copy in range(2)
        ]
        run_concurrently(inheritable_thread_target(spark)(call) for call in calls)


def _copy(spark: SparkSession, source: str, target: str) -> None:
    spark.read.schema("id bigint").parquet(source).repartition(2, "id").write.parquet(target)


def test_each_run_has_its_own_cost(spark: SparkSession, tmp_path: Path) -> None:
    for name, rows in ROWS.items():
        spark.range(rows).coalesce(1).write.parquet(str(tmp_path / name))
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(_copy_twice, spark, tmp_path, name) for name in ROWS]
    for run in runs:
        run.result()

    usage = read_usage(spark, [*ROWS, "another"])

    for name, rows in ROWS.items():
        files = [
            file.stat().st_size
            for copy in range(2)
            for file in (tmp_path / f"{name}-{copy}").glob("*.parquet")
        ]
        assert usage[name].rows_read == 2 * rows
        assert usage[name].bytes_written == sum(files)
        assert usage[name].bytes_shuffled > 2 * rows
        assert usage[name].bytes_spilled == 0
        assert usage[name].processor_seconds > 0
    assert usage["another"].rows_read == 0
