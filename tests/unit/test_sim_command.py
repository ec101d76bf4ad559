"""`clarion sim`: a shop's files for anyone, and what is true of them."""

from pathlib import Path

import pandas as pd
import pytest
from delivered import record_files

from clarion.cli.main import main
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.declarations.shop import parse_sources
from clarion.jobs.registry import JOBS


def test_files_are_where_the_mappings_look_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shop"
    few = ["--shop", "gifts", "--customers", "300", "--days", "45", "--seed", "3"]
    assert main(JOBS, ["sim", str(folder), *few]) == 0
    out = capsys.readouterr().out
    config = Config.load(overrides=(f"data={folder / 'inbox'}", "shop.currency=GBP"))
    for mapping in ("sim", "sim_social", "sim_store"):
        written = parse_yaml(config.text(f"sources/{mapping}.yml"), where=mapping)
        for source in parse_sources(config, mapping, written):
            pattern = Path(source.where)
            files = list(pattern.parent.rglob(pattern.name))
            assert [file for file in files if file.is_file()], source.name
    customers = pd.concat(map(pd.read_parquet, (folder / "truth" / "customers").rglob("*.parquet")))
    assert len(customers) == 300
    assert customers["persona"].nunique() > 3
    for word in ("registrations", "duplicates", "message_click_rate", "0.01 to 0.08"):
        assert word in out
    assert main(JOBS, ["sim", str(folder), *few]) == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "shop", ["beauty", "changing", "electronics", "fashion", "gifts", "grocery"]
)
def test_each_shop_delivers_what_happens_beside_its_web_shop(tmp_path: Path, shop: str) -> None:
    few = ["--shop", shop, "--customers", "60", "--days", "40", "--seed", "3"]
    assert main(JOBS, ["sim", str(tmp_path / "x"), *few]) == 0
    files = (tmp_path / "x" / "truth" / "delivered").rglob("*.parquet")
    counts = pd.concat(map(pd.read_parquet, files)).set_index("kind")["records"]
    assert counts.index.is_unique
    for kind in (
        "contacts",
        "stock",
        "store_events",
        "surveys",
        "tills",
        "social",
        "events",
        "orders",
    ):
        paths = record_files(tmp_path / "x" / "inbox" / kind)
        headers = len(paths) if paths[0].suffix == ".csv" else 0
        lines = sum(len(path.read_text().splitlines()) for path in paths) - headers
        assert counts[kind] == lines > 0, kind


def test_the_same_seed_writes_the_same_files(tmp_path: Path) -> None:
    few = ["--customers", "40", "--days", "40", "--web-only"]
    for name, seed in (("one", "3"), ("two", "3"), ("three", "4")):
        assert main(JOBS, ["sim", str(tmp_path / name), *few, "--seed", seed]) == 0
    contents = [
        {
            file.relative_to(tmp_path / name): file.read_bytes()
            for file in (tmp_path / name / "inbox").rglob("*.*")
            if file.is_file()
        }
        for name in ("one", "two", "three")
    ]
    assert contents[0] == contents[1] != contents[2]


def test_a_shop_of_one_customer_has_files(tmp_path: Path) -> None:
    assert main(JOBS, ["sim", str(tmp_path / "x"), "--customers", "1", "--days", "30"]) == 0
    assert list((tmp_path / "x" / "inbox" / "registrations").rglob("*.csv"))


def test_a_shop_that_does_not_exist_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(JOBS, ["sim", str(tmp_path / "x"), "--shop", "toys"]) == 2
    assert "there is no shops/toys.yml" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
