"""The Spark session: each setting with its reason."""

import logging
import os
import shutil
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from py4j.java_gateway import JavaClass
from pyspark.sql import SparkSession

from clarion.config import Config
from clarion.kernel.errors import EnvironmentError
from clarion.kernel.ids import digest
from clarion.runtime import encryption
from clarion.runtime.jars import IVY, session_jars

ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",  # instants are UTC; days are made in the shop's zone
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The call site of every column expression, kept for messages: building a cleaning plan took 2.1 s with it, 1.4 s without.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.sql.legacy.javaCharsets": "true",  # files in GB18030 and every other encoding that Java knows
    "spark.sql.csv.parser.columnPruning.enabled": "false",  # a cut record shows only when all its columns are parsed
    # What a job keeps is read a few times and let go: to look for encodings took 7 of the 20 s in which a million events are judged.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
}
# A dictionary of values that are all different is built, found too large and thrown away.
OF_FILES = {
    f"parquet.enable.dictionary#{name}": "false"
    for name in ("_hash", "record_id", "order_line_id", "event_ref")
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
    encrypting = encryption.spark_settings(config)
    # The JVM's launcher takes only names of Spark's own, and hands these on without the prefix; a session that runs takes them as they are.
    prefix = "" if master is None else "spark.hadoop."
    of_files = {f"{prefix}{key}": value for key, value in {**OF_FILES, **encrypting}.items()}
    settings = {
        **ALWAYS,
        **of_files,
        **{key: _text(value) for key, value in config.get("spark.conf").items()},
        **(extra or {}),
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    if master is None:
        return builder.getOrCreate()  # type: ignore[no-any-return]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    options = f'-Dlog4j2.configurationFile="{files("clarion.conf") / "log4j2.properties"}"'
    quiet = builder.master(master).config(
        "spark.driver.extraJavaOptions",
        f"{options} {settings.get('spark.driver.extraJavaOptions', '')}".strip(),
    )
    if memory:
        quiet = quiet.config("spark.driver.memory", memory)
    jars = [
        str(jar)
        for jar in (
            *session_jars(config.get("spark.packages")),
            *([encryption.JAR] if encrypting else []),
        )
    ]
    on_path = ":".join(filter(None, [*jars, settings.get("spark.driver.extraClassPath")]))
    # Executors elsewhere must be sent the jars; here the class path does, and spares a copy of each at every start.
    quiet = (
        quiet.config("spark.driver.extraClassPath", on_path)
        if master.startswith("local")
        else quiet.config("spark.jars", ",".join(jars))
    )
    try:
        spark: SparkSession = quiet.getOrCreate()
    except Exception as error:
        raise EnvironmentError(
            "Spark does not start", found=str(error).splitlines()[0], fix="run 'clarion doctor'"
        ) from error
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


def class_archive() -> str:
    """JVM options that map Spark's classes as an earlier process left them, or else leave them when this process has ended.

    Measured on the small demo's first turn: 127 s without, 116 s with (20,000 classes in 230 MB beside the jars). The JVM
    looks by itself whether the file fits; leaving it takes the JVM 15 s after the command has returned.
    """
    java = Path(
        os.environ.get("JAVA_HOME") or Path(shutil.which("java") or "java").resolve().parent.parent
    )
    modules = java / "lib" / "modules"
    made = modules.stat().st_mtime_ns if modules.exists() else 0
    archive = (
        IVY.parent
        / f"classes-{digest(str(java), made, version('pyspark'), [str(jar) for jar in session_jars()])[:16]}.jsa"
    )
    quiet = "-Xlog:cds=off -Xlog:cds+dynamic=off"
    return f'{"-XX:SharedArchiveFile" if archive.exists() else "-XX:ArchiveClassesAtExit"}="{archive}" {quiet}'


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
