"""One Spark session for the whole suite, a fresh lake for each test, and rows from a small helper."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lanes import lane_of
from pyspark.sql import DataFrame, SparkSession
from servers import connectors
from turns import Turns
from worlds import Desk, World
from xdist.scheduler import LoadScopeScheduling

from clarion.config import Config
from clarion.demo.demo import KERNEL
from clarion.lake import Lake
from clarion.measures.columns.frames import local_frame
from clarion.runtime.encryption import JAR
from clarion.runtime.session import start

pytest_plugins = ["budgets"]
REAL_DATA = Path(
    os.environ.get("CLARION_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data"
)
_SMALL = Config.load(environment="small").get("spark.conf")
_JAVA_OPTIONS = "spark.driver.extraJavaOptions"
# What a small lake runs with. Two JVMs side by side have no core for threads that collect.
SETTINGS = {
    **{name: str(value) for name, value in _SMALL.items()},
    _JAVA_OPTIONS: _SMALL[_JAVA_OPTIONS].replace("-XX:+UseParallelGC", "-XX:+UseSerialGC -Xmn1g"),
    "spark.sql.streaming.metricsEnabled": "false",
}
SHARED = ("turns", "world")  # fixtures that are dear


@cache
def group_of(file: str) -> str:
    """The dear fixture that tests of a file share, else the file: they run on one worker."""
    text = (Path(__file__).resolve().parents[1] / file).read_text(encoding="utf-8")
    return next((name for name in SHARED if f"{name}: " in text), file)


class SharedFixtures(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Hands out tests so that no dear fixture is made by two workers."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.split("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SharedFixtures:
    """The scheduler of `pytest -n`."""
    return SharedFixtures(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that share a dear fixture come first.

    Real data is left out, with a line that says so, only where there is none and none is required.
    """
    items.sort(key=lambda item: not set(SHARED) & set(getattr(item, "fixturenames", ())))
    if REAL_DATA.is_dir():
        return
    if os.environ.get("CLARION_REQUIRE_REAL_DATA"):
        raise pytest.UsageError(f"CLARION_REQUIRE_REAL_DATA is set and {REAL_DATA} does not exist")
    real = [item for item in items if item.get_closest_marker("real_data")]
    if not real:
        return
    items[:] = [item for item in items if item not in real]
    config.hook.pytest_deselected(items=real)
    sys.stderr.write(f"{len(real)} tests on real data are left out: there is no {REAL_DATA}\n")


@pytest.fixture(scope="session")
def real_data() -> Path:
    return REAL_DATA


@pytest.fixture(scope="session")
def config() -> Config:
    return Config.load()


@pytest.fixture(scope="session")
def spark(config: Config) -> Iterator[SparkSession]:
    session = start(
        config,
        extra={
            **SETTINGS,
            "spark.driver.extraClassPath": ":".join(str(jar) for jar in (*connectors(), JAR)),
        },
    )
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """In the lane `test` Delta's Kernel reads tables' logs, as in the demo; else Delta itself does.

    The Kernel knows neither VACUUM nor history: tests that need them are marked `own_reader`.
    """
    node = request.node
    is_plain = lane_of(node) != "test" or node.get_closest_marker("own_reader")
    if "spark" not in request.fixturenames or is_plain:
        yield
        return
    session = request.getfixturevalue("spark")
    session.conf.set(*KERNEL)
    yield
    session.conf.unset(KERNEL[0])


@pytest.fixture
def lake(spark: SparkSession, tmp_path: Path) -> Lake:
    return Lake(spark, str(tmp_path / "lake"))


@pytest.fixture(scope="session")
def rows(spark: SparkSession) -> Callable[..., DataFrame]:
    """A frame from a schema string and tuples."""

    def make(schema: str, *values: tuple[Any, ...]) -> DataFrame:
        return local_frame(spark, list(values), schema)

    return make


@pytest.fixture(scope="session")
def clarion(spark: SparkSession) -> Callable[..., int]:
    """The command line, in this process and on this session."""
    from clarion.jobs.__main__ import main

    def call(*arguments: str) -> int:
        return main(list(arguments))

    return call


@pytest.fixture
def desk(spark: SparkSession, tmp_path: Path) -> Callable[..., Desk]:
    """A lake with mappings of the test's own."""

    def make(mappings: dict[str, dict[str, Any]], **settings: str) -> Desk:
        return Desk(spark, tmp_path, mappings, **settings)

    return make


@pytest.fixture(scope="session")
def world(spark: SparkSession, config: Config, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A small simulated shop after one pass."""
    return World(spark, config, tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def turns(spark: SparkSession, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Turns:
    """The lake of a demo of three turns."""
    return Turns(spark, config, tmp_path_factory.mktemp("turns"))
