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
from pyspark import SparkContext
from pyspark.find_spark_home import _find_spark_home
from pyspark.sql import SparkSession

from clarion.config import Config
from clarion.kernel.errors import SetupError, first_line
from clarion.kernel.ids import digest
from clarion.runtime import encryption
from clarion.runtime.jars import IVY, session_jars
from clarion.runtime.launch import launch_jvm

_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
_SEARCHED_FIRST = ("spark-core_", "spark-sql_", "spark-catalyst_", "scala-library-")
# By the names that PySpark uses: a short one is searched for in each package that it may be of.
_CACHED_CLASSES = (
    "functions",
    "org.apache.spark.sql.functions",
    "org.apache.spark.sql.Observation",
    "org.apache.spark.sql.api.python.PythonSQLUtils",
    "org.apache.spark.sql.classic.Dataset",
    "org.apache.spark.sql.classic.SparkSession",
    "org.apache.spark.sql.expressions.Window",
    "org.apache.spark.storage.StorageLevel",
    "PythonSQLUtils",
    "PythonUtils",
    "SimplePythonFunction",
)
ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",  # instants are UTC; days are made in the shop's zone
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # The call site of every column expression, for messages: building a cleaning plan took 2.1 s
    # with it, 1.4 s without.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # Files in GB18030 and every other encoding that Java has.
    "spark.sql.legacy.javaCharsets": "true",
    # A truncated record is visible only when all its columns are parsed.
    "spark.sql.csv.parser.columnPruning.enabled": "false",
    # Java interprets a method above 8,000 bytes, however often it runs. Spark then does without one
    # method for a whole stage: a million events take 24 s of processor time to parse, not 46.
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # The state of a stream beside the heap, of which a batch writes what has changed: with Spark's
    # default all of it stands in memory, and each batch writes every row.
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    # Figures of a stream change with its records alone. A batch without any, after each with some,
    # only forgets old state, which the next one does: it took 6 of the 22 s of the demo's streams.
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
    # A persisted frame is read a few times: the search for encodings took 7 of the 20 s that a
    # million events take to clean.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
}
# Hadoop starts a process for each file that it creates (chmod), and two for each that a stream
# renames (readlink): 3,074 in the first pass over the tests' shop. On busy cores a file took 63 ms
# with its process, 3 to 10 ms without.
LOCAL_FILES = {
    "spark.hadoop.fs.file.impl": "clarion.LocalFiles",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing."
        "FileSystemBasedCheckpointFileManager"
    ),
}
# A dictionary of values that are all different is built, is too large, and is discarded.
PARQUET = {
    f"parquet.enable.dictionary#{name}": "false"
    for name in ("_hash", "record_id", "order_line_id", "event_ref")
}


def start(config: Config, *, extra: dict[str, str] | None = None) -> SparkSession:
    """The session of this process, created at first use.

    Args:
        config: the settings.
        extra: Spark settings that override the configuration's.

    Raises:
        SetupError: Spark does not start.
    """
    os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "1")
    # The command line prints errors that are raised; the logger would print them a second time.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    builder: Any = SparkSession.builder.appName("clarion")
    master = config.get("spark.master")
    memory = config.get("spark.memory")
    encrypting = encryption.spark_settings(config)
    # The JVM's launcher takes only Spark's own names, and passes these on without the prefix; a
    # running session takes them as they are.
    prefix = "" if master is None else "spark.hadoop."
    parquet = {f"{prefix}{key}": value for key, value in {**PARQUET, **encrypting}.items()}
    settings = {
        **ALWAYS,
        **parquet,
        **{key: _text(value) for key, value in config.get("spark.conf").items()},
        **(extra or {}),
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    if master is None:
        return builder.getOrCreate()  # type: ignore[no-any-return]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    jars = [
        str(jar)
        for jar in (
            *session_jars(config.get("spark.packages")),
            *([encryption.JAR] if encrypting or _is_local(master) else []),
        )
    ]
    on_path = ":".join(
        filter(None, [*jars, settings.get("spark.driver.extraClassPath"), *_searched_first()])
    )
    options = _java_options(config, settings.get(_JAVA_OPTIONS, ""), class_path=on_path)
    quiet = builder.master(master).config(_JAVA_OPTIONS, options)
    if memory:
        quiet = quiet.config("spark.driver.memory", memory)
    # Remote executors are sent the jars; a local session has them on the class path, without a copy
    # of each at every start.
    quiet = (
        quiet.config("spark.driver.extraClassPath", on_path)
        if _is_local(master)
        else quiet.config("spark.jars", ",".join(jars))
    )
    try:
        launch_jvm(quiet._options)
        for key, value in _local_files(settings).items():
            quiet = quiet.config(key, value)
        spark: SparkSession = quiet.getOrCreate()
    except Exception as error:
        raise SetupError(
            "Spark does not start", found=first_line(error), fix="run 'clarion doctor'"
        ) from error
    _cache_classes(spark)
    return spark


def _is_local(master: Any) -> bool:
    """Whether driver and executors are one process."""
    return str(master).partition("[")[0] == "local"


def _searched_first() -> list[str]:
    """Jars in which the JVM looks for classes before Spark's 300 others.

    Spark reads the class of each function that it sends to tasks from its jar, which is a search
    through all of those before it: 3 % of the demo's processor time.
    """
    find_spark: Any = _find_spark_home  # PySpark leaves it without types
    jars = Path(find_spark()) / "jars"
    return [str(jar) for begin in _SEARCHED_FIRST for jar in sorted(jars.glob(f"{begin}*.jar"))]


def _local_files(settings: dict[str, str]) -> dict[str, str]:
    """Settings by which files of this machine are written without a process for each.

    None where `spark-submit` has started the JVM without the jar.
    """
    view: Any = SparkContext._jvm
    if not isinstance(view.clarion.LocalFiles, JavaClass):
        return {}
    return {key: value for key, value in LOCAL_FILES.items() if key not in settings}


def _java_options(config: Config, further: str, *, class_path: str) -> str:
    """Options of the JVM that this process starts."""
    options = [f'-Dlog4j2.configurationFile="{files("clarion.conf") / "log4j2.properties"}"']
    if config.get("spark.class_archive"):
        options.append(_class_archive(class_path))
    return " ".join([*options, further]).strip()


class _CachedClass(JavaClass):  # type: ignore[misc]
    """A Java class of static methods that asks the JVM once for each."""

    def __getattr__(self, name: str) -> Any:
        method = super().__getattr__(name)
        setattr(self, name, method)
        return method


def _cache_classes(spark: SparkSession) -> None:
    """Cache the Java classes that `F.col` and its like look up.

    PySpark asks the JVM for class and method each time: 42,000 calls in two turns of the demo, for
    which the JVM searched its 300 jars, a twentieth of all its work. It applies only to a JVM that
    this process has started itself.
    """
    view: Any = spark._jvm
    for name in _CACHED_CLASSES:
        setattr(view, name, _CachedClass(getattr(view, name)._fqn, view._gateway_client))


def _class_archive(class_path: str) -> str:
    """JVM options that map Spark's classes from an archive, or write it when this process ends.

    Measured on the small demo's first turn: 127 s without, 116 s with it (20,000 classes, 230 MB
    beside the jars). The JVM checks by itself whether the archive matches, and uses none that was
    written with another class path. Writing it takes the JVM 15 s after the command has returned.
    """
    java = Path(
        os.environ.get("JAVA_HOME") or Path(shutil.which("java") or "java").resolve().parent.parent
    )
    modules = java / "lib" / "modules"
    modified = modules.stat().st_mtime_ns if modules.exists() else 0
    key = digest(str(java), modified, version("pyspark"), class_path)[:16]
    archive = IVY.parent / f"classes-{key}.jsa"
    option = "-XX:SharedArchiveFile" if archive.exists() else "-XX:ArchiveClassesAtExit"
    return f'{option}="{archive}" -Xlog:cds=off -Xlog:cds+dynamic=off'


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
