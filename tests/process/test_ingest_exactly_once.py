"""However files arrive, and whichever process is killed, silver holds the same rows."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from frames import first_row
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.contracts import TABLES
from clarion.lake import Lake

pytestmark = pytest.mark.deep  # JVMs of their own

Fingerprint = tuple[int, int]


def _flags(data: Path, lake: Path) -> list[str]:
    return [
        "--set",
        "shop.sources=[online_retail]",
        "--set",
        "shop.currency=GBP",
        "--set",
        f"data={data}",
        "--lake",
        str(lake),
        "--as-of",
        "2011-12-10",
        "--quiet",
    ]


def _fingerprints(spark: SparkSession, lake: Path) -> tuple[Fingerprint, Fingerprint]:
    """Number and hash of sales and of rejected records, without the columns that begin with _."""
    fingerprints = []
    for name in ("silver.order_lines", "silver.quarantine"):
        names = [column.name for column in TABLES[name].columns if not column.name.startswith("_")]
        row = first_row(
            Lake(spark, str(lake))
            .read(TABLES[name])
            .agg(F.count("*"), F.sum(F.xxhash64(F.to_json(F.struct(*names))).cast("decimal(38,0)")))
        )
        assert row is not None
        fingerprints.append((int(row[0]), int(row[1])))
    return fingerprints[0], fingerprints[1]


def _deliver(files: list[Path], data: Path) -> None:
    inbox = data / "online_retail"
    inbox.mkdir(parents=True, exist_ok=True)
    for file in files:
        (inbox / file.name).symlink_to(file)


@pytest.fixture(scope="module")
def files(real_data: Path) -> list[Path]:
    files = sorted((real_data / "online_retail").glob("*.csv"))
    assert len(files) == 305
    return files


@pytest.fixture(scope="module")
def at_once(
    clarion: Callable[..., int], spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[list[Path]], tuple[Fingerprint, Fingerprint]]:
    """The fingerprints after one undisturbed run over some files."""
    by_count: dict[int, tuple[Fingerprint, Fingerprint]] = {}

    def fingerprints(chosen: list[Path]) -> tuple[Fingerprint, Fingerprint]:
        if len(chosen) not in by_count:
            folder = tmp_path_factory.mktemp("at_once")
            _deliver(chosen, folder)
            assert clarion("run", "all", "--to", "clean", *_flags(folder, folder / "lake")) == 0
            by_count[len(chosen)] = _fingerprints(spark, folder / "lake")
        return by_count[len(chosen)]

    return fingerprints


@pytest.mark.slow
@pytest.mark.real_data
def test_three_runs_give_the_rows_of_one(
    clarion: Callable[..., int],
    spark: SparkSession,
    files: list[Path],
    at_once: Callable[[list[Path]], tuple[Fingerprint, Fingerprint]],
    tmp_path: Path,
) -> None:
    assert at_once(files)[0][0] == 397_884
    for part in range(3):
        _deliver(files[part::3], tmp_path)
        assert clarion("run", "ingest", *_flags(tmp_path, tmp_path / "lake")) == 0
    assert clarion("run", "clean", *_flags(tmp_path, tmp_path / "lake")) == 0
    assert _fingerprints(spark, tmp_path / "lake") == at_once(files)


@pytest.mark.real_data
@pytest.mark.process
@pytest.mark.parametrize(
    "killed_after, how_many",
    [
        ("written", 20),
        pytest.param("planned", 305, marks=pytest.mark.slow),
        pytest.param("written", 305, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_and_repeated_loses_and_doubles_nothing(
    clarion: Callable[..., int],
    spark: SparkSession,
    files: list[Path],
    at_once: Callable[[list[Path]], tuple[Fingerprint, Fingerprint]],
    tmp_path: Path,
    killed_after: str,
    how_many: int,
) -> None:
    chosen = files[:how_many]
    _deliver(chosen, tmp_path)
    lake = tmp_path / "lake"
    # planned: the ledger has the files, and bronze may have some of their records.
    # written: bronze has all records, and the ledger does not say so yet.
    table = {"planned": "ops/files", "written": "bronze/orders"}[killed_after]
    sign = lake / table / "_delta_log" / "00000000000000000001.json"
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "clarion.jobs", "run", "ingest", *_flags(tmp_path, lake)],
            stdout=log,
            stderr=log,
            cwd=tmp_path,
            env=os.environ,
            start_new_session=True,
        )
        until = time.monotonic() + 240
        while not sign.exists():
            assert run.poll() is None, (tmp_path / "log").read_text()[-2000:]
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(run.pid, 9)  # the JVM dies with it
        assert run.wait() != 0
    states = {
        row[0]
        for row in Lake(spark, str(lake))
        .read(TABLES["ops.files"])
        .select("state")
        .distinct()
        .collect()
    }
    assert states == {"planned"}
    assert clarion("run", "all", "--to", "clean", *_flags(tmp_path, lake)) == 0
    assert _fingerprints(spark, lake) == at_once(chosen)


def _run_until_killed(arguments: list[str], folder: Path, *, after: float) -> bool:
    """Start a run and kill its process group after some seconds; returns whether it still ran."""
    with (folder / "log").open("w") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "clarion.jobs", *arguments],
            stdout=log,
            stderr=log,
            cwd=folder,
            env=os.environ,
            start_new_session=True,
        )
        try:
            assert run.wait(after) == 0, (folder / "log").read_text()[-2000:]
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, 9)
            run.wait()
            return True
    return False


@pytest.mark.real_data
@pytest.mark.process
@pytest.mark.parametrize("kills", [4, pytest.param(30, marks=pytest.mark.slow)])
def test_runs_killed_at_random_moments_lose_and_double_nothing(
    clarion: Callable[..., int],
    spark: SparkSession,
    files: list[Path],
    at_once: Callable[[list[Path]], tuple[Fingerprint, Fingerprint]],
    tmp_path: Path,
    kills: int,
) -> None:
    draws = random.Random(20261123)
    chosen, done = files[: max(20, 3 * kills)], 0
    share = len(chosen) // kills
    whole = ["run", "all", "--to", "clean", *_flags(tmp_path, tmp_path / "lake")]
    for turn in range(kills):
        _deliver(chosen[turn * share : (turn + 1) * share], tmp_path)
        done += _run_until_killed(whole, tmp_path, after=draws.uniform(6, 24))
    _deliver(chosen[kills * share :], tmp_path)
    assert done >= kills / 2, "too few of the kills met a run at work"
    assert clarion(*whole) == 0
    assert _fingerprints(spark, tmp_path / "lake") == at_once(chosen)
