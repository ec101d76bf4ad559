"""Portraits for market research: figures of many customers, and nobody's name."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow.parquet
import pytest
from worlds import World

from clarion.collect.identity.consent import consenting_customers
from clarion.explore.research import large_shares

Command = Callable[..., int]


@pytest.fixture
def flags(world: World) -> list[str]:
    settings = [
        part for key, value in world.settings.items() for part in ("--set", f"{key}={value}")
    ]
    return ["--lake", world.lake.root, "--as-of", str(world.as_of), *settings]


@pytest.mark.covers("P8")
def test_research_gets_portraits_of_groups_above_the_floor_and_no_customer(
    world: World,
    clarion: Command,
    flags: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    consents = consenting_customers(world.read("silver.consents"), purpose="analytics")
    members = (
        world.read("gold.segment_members")
        .select("customer_id", "segment_id")
        .join(consents.select("customer_id"), "customer_id", "left_semi")
        .join(world.read("gold.customer_profiles"), "customer_id")
        .toPandas()
    )
    sizes = members.groupby("segment_id").size()
    floor = int(sorted(sizes)[1])
    large = {str(name): int(size) for name, size in sizes.items() if size >= floor}
    assert 0 < len(large) < len(sizes)
    low = ["--set", f"audience.floor={floor}"]
    for ending in ("csv", "parquet"):
        file = str(tmp_path / f"r.{ending}")
        assert clarion("audience", "true", "--research", file, *low, *flags) == 0
    left_out = len(sizes) - len(large)
    assert f"portraits of {len(large)} groups; left out as too small: {left_out}" in " ".join(
        capsys.readouterr().out.split()
    )
    text = (tmp_path / "r.csv").read_text()
    rows = {row["segment_id"]: row for row in csv.DictReader(text.splitlines())}
    assert {name: int(row["customers"]) for name, row in rows.items()} == large
    assert not [name for name in members["customer_id"] if name in text]
    assert "customer_id" not in pyarrow.parquet.read_schema(tmp_path / "r.parquet").names
    for name, row in rows.items():
        group = members[members["segment_id"] == name]
        # A mean to which few contribute is theirs: it is left out.
        ordering = int((group["orders"] > 0).sum())
        assert (row["orders"] == "") == (ordering < floor)
        if ordering >= floor:
            assert float(row["orders"]) == pytest.approx(group["orders"].mean())
        buyers = int(group["recency_days"].notna().sum())
        assert (row["recency_days"] == "") == (buyers < floor)
        if buyers >= floor:
            assert float(row["recency_days"]) == pytest.approx(group["recency_days"].median())
        stages = dict(part.split("=") for part in row["life_cycles"].split(";") if part)
        counts = group["life_cycle"].value_counts()
        assert {stage for stage in counts.index if counts[stage] >= floor} >= set(stages)
        interested: dict[str, int] = {}
        for interests in group["interests"]:
            for category in {item["category"] for item in interests}:
                interested[category] = interested.get(category, 0) + 1
        shown = [part.split("=")[0] for part in row["interests"].split(";") if part]
        assert all(interested[category] >= floor for category in shown)
        assert len(shown) == min(5, sum(number >= floor for number in interested.values()))


def test_research_of_a_few_or_of_customers_is_refused(
    clarion: Command, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "r.csv")
    low = ["--set", "audience.floor=100000"]
    assert clarion("audience", "true", "--research", file, *low, *flags) == 2
    assert "no group of the audience is large enough" in capsys.readouterr().err
    for option in (["--export", str(tmp_path / "a.csv")], ["--purpose", "marketing"]):
        assert clarion("audience", "true", "--research", file, *option, *flags) == 2
        assert "--research is for analytics, and writes no customers" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shares", "floor", "kept"),
    [
        ({"active": 0.5, "new": 0.5}, 20, ["active", "new"]),
        # Two of forty are lost: with 'dormant' left out, too, nobody can tell how many.
        ({"active": 0.6, "dormant": 0.35, "lost": 0.05}, 10, ["active"]),
        # Twelve and eight are twenty, as many as the floor: the rest says nothing of either.
        ({"active": 0.5, "dormant": 0.3, "lost": 0.2}, 20, ["active"]),
        ({"active": 0.95, "lost": 0.05}, 20, []),
    ],
)
def test_a_share_of_a_few_is_left_out_and_cannot_be_computed_from_the_rest(
    shares: Mapping[str, float], floor: int, kept: list[str]
) -> None:
    assert list(large_shares(shares, of=40, floor=floor)) == kept
