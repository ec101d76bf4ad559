"""What is wrong with this machine, and the line that fixes it."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from clarion.runtime.jars import delta_jars

JAVA = (17, 21)
LEAST_MEMORY_GB = 6.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Args:
        name: the thing.
        state: what was found of it.
        fix: the line that fixes it; None where it is good.
    """

    name: str
    state: str
    fix: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing needs to be done."""
        return self.fix is None


def check_machine(lake: str) -> list[Finding]:
    """Python, Java, packages, jars, memory and the lake's folder."""
    return [_python(), _java(), *_packages(), _jars(), _memory(), _folder(lake)]


def _python() -> Finding:
    installed = ".".join(str(part) for part in sys.version_info[:3])
    fix = None if sys.version_info[:2] >= (3, 11) else "install Python 3.11"
    return Finding("Python", installed, fix)


def _java() -> Finding:
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home, "bin", "java")) if home else shutil.which("java")
    line = (
        f"apt-get install openjdk-{JAVA[0]}-jre-headless, or brew install openjdk@{JAVA[0]}; "
        "a Java from PyPI does not start Spark"
    )
    if program is None or not Path(program).exists():
        return Finding("Java", f"none at {program}" if home else "none", line)
    output = subprocess.run(
        [program, "-version"], capture_output=True, text=True, check=False
    ).stderr
    match = re.search(r'version "(\d+)', output)
    if match is None:
        first_line = output.strip().splitlines()[0] if output.strip() else "no version"
        return Finding("Java", first_line, line)
    number = int(match.group(1))
    if number not in JAVA:
        return Finding(
            "Java",
            f"{number} at {program}",
            f"Spark 4.1 needs Java {' or '.join(map(str, JAVA))}: {line}",
        )
    modules = subprocess.run(
        [program, "--list-modules"], capture_output=True, text=True, check=False
    ).stdout
    if "jdk.incubator.vector" not in modules:
        return Finding("Java", f"{number} at {program} without jdk.incubator.vector", line)
    return Finding("Java", f"{number} at {program}")


def _packages() -> list[Finding]:
    findings: list[Finding] = []
    for name in ("pyspark", "delta-spark", "mlflow", "pandas", "pyarrow"):
        try:
            findings.append(Finding(name, version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, "not installed", f"pip install {name}"))
    return findings


def _jars() -> Finding:
    if delta_jars():
        return Finding("Delta's jars", "present")
    return Finding(
        "Delta's jars", "not fetched yet; the first start fetches them from Maven Central", None
    )


def _memory() -> Finding:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    fix = (
        None
        if total >= LEAST_MEMORY_GB
        else f"give the machine {LEAST_MEMORY_GB:.0f} GB, or --set spark.memory=2g for small data"
    )
    return Finding("Memory", f"{total:.1f} GB", fix)


def _folder(lake: str) -> Finding:
    if "://" in lake:
        return Finding("Lake", f"{lake}: a store that only Spark can look at")
    folder = Path(lake).absolute()
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not nearest.is_dir():
        return Finding("Lake", f"{nearest} is a file", "name a folder with --lake")
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return Finding("Lake", f"{folder} can be written")
    except OSError as error:
        return Finding(
            "Lake", f"{nearest}: {error.strerror}", "name a folder that can be written with --lake"
        )
