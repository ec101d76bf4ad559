"""Every simulated shop beside real ones: margins in the ranges that were stated before."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.sim import margins
from clarion.sim.course import build_world
from clarion.sim.shop import parse_shop

pytestmark = pytest.mark.slow  # ten seconds of arithmetic for each shop
SHOPS = ("beauty", "electronics", "fashion", "gifts", "grocery", "changing")


def ranges() -> dict[str, margins.MarginRange]:
    written = parse_yaml(Config.load().text("margins.yml"), where="margins.yml")
    return margins.parse_ranges(written, where="margins.yml")


def test_all_shops_lie_in_the_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    config, values = Config.load(), {}
    for name in SHOPS:
        shop = parse_shop(parse_yaml(config.text(f"shops/{name}.yml"), where=name), where=name)
        values[name] = margins.of_shop(build_world(shop, seed=7), last=min(shop.history_days, 364))
    lines = [f"| margin | {' | '.join(SHOPS)} | Online Retail | Complete Journey | range |"]
    lines.append("|" + "---|" * (len(SHOPS) + 4))
    for name, real in ranges().items():
        cells = [f"{values[shop][name]:.3g}" for shop in SHOPS]
        known = [
            f"{real.real[of]:.3g}" if of in real.real else ""
            for of in ("online_retail", "complete_journey")
        ]
        lines.append(f"| {' | '.join([name, *cells, *known])} | {real.low:g} to {real.high:g} |")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(lines) + "\n")
    outside = [
        (shop, name, values[shop][name])
        for shop in SHOPS
        for name, real in ranges().items()
        if not real.holds(values[shop][name])
    ]
    assert not outside


@pytest.mark.real_data
def test_online_retail_has_the_margins_that_are_stated_of_it(real_data: Path) -> None:
    """Goods of known buyers, without the two orders of 74,215 and 80,995 units that were cancelled."""
    files = sorted((real_data / "online_retail").glob("*.csv"))
    raw = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False) for file in files])
    units = raw["Quantity"].astype(float)
    lines = pd.DataFrame(
        {
            "buyer": raw["CustomerID"].replace("", np.nan),
            "order": raw["InvoiceNo"],
            "product": raw["StockCode"].str.upper(),
            "units": units,
            "amount": units * raw["UnitPrice"].astype(float),
            "day": pd.to_datetime(raw["InvoiceDate"]).dt.normalize(),
        }
    )
    goods = lines[lines["product"].str.match(r"^\d{5}") & lines["buyer"].notna()]
    cancelled = goods["order"].str.startswith("C")
    sold = ~cancelled & (goods["units"] > 0) & (goods["amount"] > 0)
    kept = goods[(sold | (cancelled & (goods["units"] < 0))) & (goods["units"].abs() <= 50_000)]
    days = (
        kept.loc[kept["units"] > 0, "day"].max() - kept.loc[kept["units"] > 0, "day"].min()
    ).days + 1
    measured = margins.of_baskets(margins.Baskets(kept, days))
    for name, real in ranges().items():
        if "online_retail" in real.real:
            assert measured[name] == pytest.approx(real.real["online_retail"], rel=0.01), name
