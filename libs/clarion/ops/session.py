"""The Spark session: each setting with its reason."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyspark
from py4j.java_gateway import JavaClass
from pyspark.sql import SparkSession

from clarion.config import Config
from clarion.kernel.errors import EnvironmentError
from clarion.kernel.ids import digest

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
    options = f'-Dlog4j2.configurationFile="{files("clarion.conf") / "log4j2.properties"}"'
    quiet = builder.master(master).config("spark.driver.extraJavaOptions", f"{options} {settings.get('spark.driver.extraJavaOptions', '')}".strip())
    if memory:
        quiet = quiet.config("spark.driver.memory", memory)
    jars = [str(jar) for jar in delta_jars() or fetch_jars()]
    # Executors elsewhere must be sent the jars; here the class path does, and spares a copy of each at every start.
    quiet = quiet.config("spark.driver.extraClassPath", ":".join(jars)) if master.startswith("local") else quiet.config("spark.jars", ",".join(jars))
    try:
        spark: SparkSession = quiet.getOrCreate()
    except Exception as error:
        raise EnvironmentError("Spark does not start", found=str(error).splitlines()[0], fix="run 'clarion doctor'") from error
    _remember_classes(spark)
    return spark


class _Remembered(JavaClass):  # type: ignore[misc]
    """A Java class of static methods that asks the JVM once for each."""

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        setattr(self, name, found)
        return found


def _remember_classes(spark: SparkSession) -> None:
    """Let `F.col` and its like find their Java classes here.

    PySpark asks the JVM for class and method each time: 42,000 questions in two turns of the demo, for which the JVM
    searched its 300 jars, a twentieth of all its work. Only a JVM that this process has started itself is asked here.
    """
    view: Any = spark._jvm
    for name in ("functions", "org.apache.spark.sql.functions", "PythonUtils"):
        setattr(view, name, _Remembered(getattr(view, name)._fqn, view._gateway_client))


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


def delta_jars() -> list[Path]:
    """Delta's jars where they were fetched before; empty where one is missing."""
    found = [next(iter((IVY / "jars").glob(f"*_{name}-*.jar")), None) for name in _DELTA_NEEDS]
    present = [jar for jar in found if jar is not None]
    return present if len(present) == len(found) else []


def fetch_jars() -> list[Path]:
    """Let Spark's own resolver put Delta's jars, from Maven Central or the mirror of its settings, into the cache; returns them.

    Raises:
        EnvironmentError: they cannot be fetched.
    """
    with tempfile.NamedTemporaryFile(suffix=".py") as nothing:
        program = Path(pyspark.__file__).parent / "bin" / "spark-submit"
        package, spared = f"io.delta:delta-spark_4.1_2.13:{version('delta-spark')}", ",".join(_SPARK_HAS)
        command = [str(program), "--master", "local[1]", "--conf", f"spark.jars.ivy={IVY}", "--packages", package, "--exclude-packages", spared, nothing.name]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYSPARK_PYTHON": sys.executable}, check=False)
    jars = delta_jars()
    if not jars:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and not line.startswith(("\tat ", "        at "))]
        raise EnvironmentError(
            "Delta's jars cannot be fetched",
            found=said[-1].strip() if said else "nothing said",
            fix="run 'clarion doctor'; it needs Maven Central or a mirror once",
        )
    return jars


def class_archive() -> str:
    """JVM options that map Spark's classes as an earlier process left them, or else leave them when this process has ended.

    Measured on the small demo's first turn: 127 s without, 116 s with (20,000 classes in 230 MB beside the jars). The JVM
    looks by itself whether the file fits; leaving it takes the JVM 15 s after the command has returned.
    """
    java = Path(os.environ.get("JAVA_HOME") or Path(shutil.which("java") or "java").resolve().parent.parent)
    modules = java / "lib" / "modules"
    made = modules.stat().st_mtime_ns if modules.exists() else 0
    archive = IVY.parent / f"classes-{digest(str(java), made, version('pyspark'), [str(jar) for jar in delta_jars() or fetch_jars()])[:16]}.jsa"
    quiet = "-Xlog:cds=off -Xlog:cds+dynamic=off"
    return f'{"-XX:SharedArchiveFile" if archive.exists() else "-XX:ArchiveClassesAtExit"}="{archive}" {quiet}'


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
