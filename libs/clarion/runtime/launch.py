"""Start the JVM of a local session, without the lines that Java prints for every Spark program."""

import os
from collections.abc import Mapping
from threading import Thread
from typing import Any, BinaryIO

from pyspark import SparkConf, SparkContext, java_gateway

# Spark's launcher adds `--add-modules=jdk.incubator.vector`, for linear algebra, and Java has no
# option that silences its warning about it.
_LEFT_OUT = (b"WARNING: Using incubator modules",)

_LAST_LINES_SECONDS = 5


def launch_jvm(settings: Mapping[str, str]) -> None:
    """Start the JVM that the next session of this process uses; nothing where one runs already.

    Its standard error passes through this process, which leaves out the lines of _LEFT_OUT.
    Whatever else the JVM prints is passed on unchanged.

    Args:
        settings: of the session; some, such as memory and class path, count at the start only.

    Raises:
        PySparkRuntimeError: the JVM does not start.
    """
    if SparkContext._gateway is not None:
        return
    launch: Any = java_gateway.launch_gateway  # PySpark leaves it without types
    conf = SparkConf(loadDefaults=False).setAll(list(settings.items()))
    source, target = os.pipe()
    passing_on = Thread(target=_pass_on, args=(os.fdopen(source, "rb"),), daemon=True)
    passing_on.start()
    try:
        gateway = launch(conf, {"stderr": target})
    except Exception:
        os.close(target)
        passing_on.join(_LAST_LINES_SECONDS)  # what Java says of its failure comes before ours
        raise
    os.close(target)
    SparkContext._ensure_initialized(gateway=gateway)


def _pass_on(lines: BinaryIO) -> None:
    """Copy every line to standard error as it comes, except those left out."""
    with lines:
        for line in lines:
            if not line.startswith(_LEFT_OUT):
                os.write(2, line)
