"""Jars that a session needs beside Spark's own.

Spark's resolver fetches them once, from Maven Central or the mirror of its settings.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pyspark

from clarion.kernel.errors import SetupError
from clarion.kernel.ids import digest

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
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.slf4j:slf4j-api",
    "org.apache.logging.log4j:log4j-slf4j2-impl",
    "org.apache.logging.log4j:log4j-api",
    "org.apache.logging.log4j:log4j-core",
    "org.apache.parquet:parquet-hadoop",
    "org.roaringbitmap:RoaringBitmap",
    "com.fasterxml.jackson.core:jackson-databind",
    "com.fasterxml.jackson.datatype:jackson-datatype-jdk8",
    "com.google.code.findbugs:jsr305",
    "io.unitycatalog:unitycatalog-hadoop",
    "org.lz4:lz4-java",
    "org.xerial.snappy:snappy-java",
    "org.scala-lang.modules:scala-parallel-collections_2.13",
)


def session_jars(packages: Sequence[str] = ()) -> list[Path]:
    """Delta's jars and those of further packages, from the cache or fetched into it.

    Raises:
        SetupError: they cannot be fetched.
    """
    delta = delta_jars() or fetch(
        f"io.delta:delta-spark_4.1_2.13:{version('delta-spark')}", into=IVY
    )
    further = [
        jar
        for package in packages
        for jar in fetch(package, into=IVY.parent / "packages" / digest(package)[:16])
    ]
    by_name = {jar.name: jar for jar in (*(delta_jars() or delta), *further)}
    return list(by_name.values())


def delta_jars() -> list[Path]:
    """Delta's jars in the cache; empty where one is missing."""
    jars = [next(iter((IVY / "jars").glob(f"*_{name}-*.jar")), None) for name in _DELTA_NEEDS]
    present = [jar for jar in jars if jar is not None]
    return present if len(present) == len(jars) else []


def fetch(package: str, *, into: Path, without: Sequence[str] = _SPARK_HAS) -> list[Path]:
    """Jars of a package and of what it needs; they are fetched once.

    Args:
        package: Maven coordinates.
        into: folder of their own.
        without: packages that are not fetched.

    Raises:
        SetupError: they cannot be fetched.
    """
    marker = into / f"fetched-{digest(package, list(without))[:8]}"
    if not marker.exists():
        with tempfile.NamedTemporaryFile(suffix=".py") as empty_program:
            program = Path(pyspark.__file__).parent / "bin" / "spark-submit"
            command = [
                str(program),
                "--master",
                "local[1]",
                "--conf",
                f"spark.jars.ivy={into}",
                "--packages",
                package,
            ]
            command += ["--exclude-packages", ",".join(without), empty_program.name]
            process = subprocess.run(
                command,
                capture_output=True,
                text=True,
                env={**os.environ, "PYSPARK_PYTHON": sys.executable},
                check=False,
            )
        artifact = package.split(":")[1]
        if not any((into / "jars").glob(f"*_{artifact}-*.jar")):
            output = [
                line
                for line in (process.stdout + process.stderr).splitlines()
                if line.strip() and not line.startswith(("\tat ", "        at "))
            ]
            raise SetupError(
                f"{package} cannot be fetched",
                found=output[-1].strip() if output else "no output",
                fix="run 'clarion doctor'; it needs Maven Central or a mirror once",
            )
        marker.touch()
    return sorted((into / "jars").glob("*.jar"))
