"""A standalone cluster with two workers gives the tables that local mode gives."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyspark
import pytest
from pyspark.sql import SparkSession
from worlds import World

from clarion.contracts import TABLES
from clarion.lake import Lake
from clarion.runtime.jars import delta_jars

pytestmark = pytest.mark.deep  # JVMs of their own

SPARK = Path(pyspark.__file__).parent
ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """A master and two workers of one core each, on loopback; gives the master's address."""
    port, home = (
        _free_port(),
        {
            **os.environ,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_HOME": str(SPARK),
            "PYSPARK_PYTHON": sys.executable,
        },
    )
    address = f"spark://127.0.0.1:{port}"
    deploy = [str(SPARK / "bin" / "spark-class"), "org.apache.spark.deploy"]
    master = [
        deploy[0],
        f"{deploy[1]}.master.Master",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--webui-port",
        str(_free_port()),
    ]
    worker = [
        deploy[0],
        f"{deploy[1]}.worker.Worker",
        "--host",
        "127.0.0.1",
        "--cores",
        "1",
        "--memory",
        "1500m",
        "--work-dir",
        str(folder),
        address,
    ]
    with (folder / "cluster.log").open("w") as log:
        processes = [subprocess.Popen(master, env=home, stdout=log, stderr=log)]
        try:
            _await(
                lambda: "Starting Spark master" in (folder / "cluster.log").read_text(),
                "the master",
            )
            processes += [
                subprocess.Popen(worker, env=home, stdout=log, stderr=log) for _ in range(2)
            ]
            _await(
                lambda: (
                    (folder / "cluster.log")
                    .read_text()
                    .count("Successfully registered with master")
                    == 2
                ),
                "both workers",
            )
            yield address
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(timeout=30)


def _await(reached: object, what: str) -> None:
    assert callable(reached)
    until = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < until, f"{what} did not start"
        time.sleep(0.3)


def _rows(lake: Lake, name: str) -> pd.DataFrame:
    """All rows by key, columns with _ aside."""
    table = TABLES[name]
    # A message's file stands in the outbox of its own lake.
    names = [
        column.name
        for column in table.columns
        if not column.name.startswith("_") and (name, column.name) != ("gold.messages", "file")
    ]
    return lake.read(table).select(*names).orderBy(*table.key).toPandas()


@pytest.mark.slow
@pytest.mark.process
def test_a_cluster_gives_the_tables_of_local_mode(
    world: World, spark: SparkSession, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    quick = {
        "spark.jars": ",".join(str(jar) for jar in delta_jars()),
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.executor.memory": "1g",
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
    }
    conf = [part for key, value in quick.items() for part in ("--conf", f"{key}={value}")]
    settings = [
        part for key, value in world.settings.items() for part in ("--set", f"{key}={value}")
    ]
    job = [
        str(ROOT / "bin" / "clarion-submit.py"),
        "run",
        "all",
        "--env",
        "cluster",
        "--lake",
        str(lake),
        "--as-of",
        str(world.as_of),
        *settings,
        "--quiet",
    ]
    with _cluster(tmp_path) as master:
        submit = [
            str(SPARK / "bin" / "spark-submit"),
            "--master",
            master,
            "--driver-memory",
            "2g",
            *conf,
            *job,
        ]
        environment = {
            **os.environ,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }
        done = subprocess.run(submit, env=environment, capture_output=True, text=True, timeout=900)
        log = (tmp_path / "cluster.log").read_text()
    assert done.returncode == 0, done.stderr[-3000:]
    assert log.count("Launching executor") >= 2
    there = Lake(spark, str(lake))
    compared = 0
    for name, table in TABLES.items():
        if table.layer in ("silver", "gold", "live") and world.lake.exists(table):
            here, elsewhere = _rows(world.lake, name), _rows(there, name)
            pd.testing.assert_frame_equal(here, elsewhere, rtol=1e-9, check_exact=False, obj=name)
            compared += len(here)
    assert compared > 0
