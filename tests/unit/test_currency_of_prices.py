"""A proposal says which currency the cells of prices state."""

from pathlib import Path
from typing import Any

import pytest

from clarion.config import Config
from clarion.onboarding.new_shop import infer_mapping

CONFIG = Config.load()
FROM_CELLS = {"from": "price", "as": "currency"}


def proposal(folder: Path, *prices: str) -> tuple[dict[str, Any], list[str]]:
    file = folder / "market.csv"
    rows = [f"2026-03-0{day};Shop;Soap {day};{price}" for day, price in enumerate(prices, 1)]
    file.write_text("\n".join(["observed_at;competitor;title;price", *rows]), encoding="utf-8")
    found = infer_mapping(CONFIG, str(file), kind="market")
    return found.body, [note for note in found.notes if note.startswith("currency")]


@pytest.mark.parametrize("price", ["34.50 USD", "€ 34.50", "US$34.50", "34.50元"])
def test_a_price_that_names_its_currency_keeps_it(tmp_path: Path, price: str) -> None:
    body, (note,) = proposal(tmp_path, price, price)
    assert body["columns"]["currency"] == FROM_CELLS
    assert f"2 of 2 values of 'price' name theirs, such as '{price}'" in note


@pytest.mark.parametrize("sign", ["$", "¥", "\uffe5"])
def test_a_sign_of_several_currencies_is_left_to_a_person(tmp_path: Path, sign: str) -> None:
    body, (note,) = proposal(tmp_path, f"{sign}34.50", f"{sign}35.50")
    assert "currency" not in body["columns"]
    assert f"'{sign}' in 2 of 2 values of 'price' is a sign of several currencies" in note


def test_of_both_in_one_column_both_are_said(tmp_path: Path) -> None:
    body, notes = proposal(tmp_path, "$34.50", "Rp450.000")
    assert body["columns"]["currency"] == FROM_CELLS
    assert ["1 of 2" in note for note in notes] == [True, True]


def test_of_bare_numbers_the_shops_currency_is_taken(tmp_path: Path) -> None:
    body, notes = proposal(tmp_path, "34.50", "35.50")
    assert "currency" not in body["columns"]
    assert notes == ["currency: no column states it; the shop's is taken"]
