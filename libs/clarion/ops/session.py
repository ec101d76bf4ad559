"""The Spark session: each setting with its reason."""

import logging
import os
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from clarion.config import Config
from clarion.kernel.errors import EnvironmentError

ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",  # instants are UTC; days are made in the shop's zone
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The call site of every column expression, kept for messages: building a cleaning plan took 2.1 s with it, 1.4 s without.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.csv.parser.columnPruning.enabled": "false",  # a cut record shows only when all its columns are parsed
}


def start(config: Config, *, extra: dict[str, str] | None = None) -> SparkSession:
    """The session of this process, made on first use.

    Raises:
        EnvironmentError: Spark does not start.
    """
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "1")
    # Errors come back as exceptions and are told by the command line; the logger would tell them a second time.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    builder: Any = SparkSession.builder.appName("clarion")
    master, memory = config.get("spark.master"), config.get("spark.memory")
    settings = {**ALWAYS, **{key: _text(value) for key, value in config.get("spark.conf").items()}, **(extra or {})}
    for key, value in settings.items():
        builder = builder.config(key, value)
    if master is None:
        return builder.getOrCreate()  # type: ignore[no-any-return]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = f"-Dlog4j2.configurationFile={files('clarion.conf') / 'log4j2.properties'}"
    quiet = builder.master(master).config("spark.driver.extraJavaOptions", f"{options} {settings.get('spark.driver.extraJavaOptions', '')}".strip())
    if memory:
        quiet = quiet.config("spark.driver.memory", memory)
    for key, value in delta_jars().items():
        quiet = quiet.config(key, value)
    try:
        return quiet.getOrCreate()  # type: ignore[no-any-return]
    except Exception as error:
        raise EnvironmentError("Spark does not start", found=str(error).splitlines()[0], fix="run 'clarion doctor'") from error


IVY = Path.home() / ".cache" / "clarion" / "ivy"
_DELTA_NEEDS = (
    "delta-spark_4.1_2.13",
    "delta-storage",
    "delta-kernel-api",
    "delta-kernel-defaults",
    "delta-kernel-unitycatalog",
    "unitycatalog-client",
)
# Spark brings these itself; a second copy on the class path costs a second of every start.
_SPARK_HAS = (
    "org.apache.hadoop:hadoop-client-api", "org.apache.hadoop:hadoop-client-runtime", "org.slf4j:slf4j-api", "org.apache.logging.log4j:log4j-slf4j2-impl",
    "org.apache.logging.log4j:log4j-api", "org.apache.logging.log4j:log4j-core", "org.apache.parquet:parquet-hadoop", "org.roaringbitmap:RoaringBitmap",
    "com.fasterxml.jackson.core:jackson-databind", "com.fasterxml.jackson.datatype:jackson-datatype-jdk8", "com.google.code.findbugs:jsr305",
    "io.unitycatalog:unitycatalog-hadoop",
)  # fmt: skip


def delta_jars() -> dict[str, str]:
    """Settings that put Delta on the class path: the jars where they were fetched before, else the line that fetches them."""
    present = [next(iter((IVY / "jars").glob(f"*_{name}-*.jar")), None) for name in _DELTA_NEEDS]
    if all(present):
        return {"spark.jars": ",".join(str(jar) for jar in present)}
    package = f"io.delta:delta-spark_4.1_2.13:{version('delta-spark')}"
    return {"spark.jars.packages": package, "spark.jars.excludes": ",".join(_SPARK_HAS), "spark.jars.ivy": str(IVY)}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
