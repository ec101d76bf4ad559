"""What infer says of money and of states: currencies, sums of orders, orders that are no sale."""

from pathlib import Path
from typing import Any

import pytest

from clarion.config import Config
from clarion.onboarding.new_shop import infer_mapping


def proposed(folder: Path, header: str, lines: list[str]) -> tuple[dict[str, Any], str]:
    """The proposed mapping of some orders, and its notes in one text."""
    file = folder / "orders.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    proposal = infer_mapping(Config.load(), str(file), kind="orders")
    return proposal.body, "\n".join(proposal.notes)


def priced(
    folder: Path,
    prices: list[str],
    currencies: list[str] | None = None,
    *,
    header: str = "currency",
) -> tuple[dict[str, Any], str]:
    """What is proposed for orders of some prices, which may have a column of currencies."""
    named = currencies or [""] * len(prices)
    return proposed(
        folder,
        f"order_no,paid_at,sku,qty,price,member{f',{header}' if currencies else ''}",
        [
            f"O{n},2026-05-0{n} 12:00:00,P{n},1,{price},m{n}{f',{named[n - 1]}' if currencies else ''}"
            for n, price in enumerate(prices, start=1)
        ],
    )


@pytest.mark.parametrize(
    ("header", "currencies", "told"),
    [
        ("currency", ["eur", "Usd", "EUR"], ""),
        ("currency", ["€", "$", "¥"], "'$', '¥' in currency name no one currency"),
        ("currency", ["EUR", "US Dollar", "978"], "'978', 'US Dollar' in currency name no one"),
        ("币种", ["美元", "人民币", "欧元"], ""),
    ],
)
def test_a_column_of_currencies_is_never_left_out_for_the_shops(
    tmp_path: Path, header: str, currencies: list[str], told: str
) -> None:
    body, notes = priced(tmp_path, ["5.00"] * 3, currencies, header=header)
    assert body["columns"]["currency"]["as"] == "currency"
    assert "currency" not in body
    assert told in notes
    assert ("will be rejected" in notes) == bool(told)


def test_codes_alone_are_taken_as_they_stand(tmp_path: Path) -> None:
    body, _ = priced(tmp_path, ["5.00"] * 3, ["EUR", "GEL", "USD"])
    assert body["columns"]["currency"] == "currency"


def test_a_currency_that_prices_state_is_theirs_and_a_sign_of_several_is_asked(
    tmp_path: Path,
) -> None:
    body, notes = priced(tmp_path, ["€5.00", "6.00 GBP", "7.00美元"])
    assert body["columns"]["currency"] == {"from": "price", "as": "currency"}
    assert "currency: EUR, GBP, USD, as price states it" in notes
    for prices in (["$5.00", "$6.00", "$7.00"], ["€5.00", "6.00", "7.00"]):
        body, notes = priced(tmp_path, prices)
        assert body["currency"] == "${currency}"
        assert "in price may be another one; write its code" in notes
    _, notes = priced(tmp_path, ["5.00", "6.00", "7.00"])
    assert "currency: no column states it; the shop's is taken" in notes


ORDERS = "order_id,order_date,customer_id,sku,qty"
TOLD = "is the same on all lines of an order, as a sum of the order is, and is not mapped"


def lines(*values: str) -> list[str]:
    """Lines of orders by `order product quantity money...`."""
    parts = (value.split() for value in values)
    return [
        f"{order},2026-05-0{order} 10:00:00,C{order},{','.join(rest)}" for order, *rest in parts
    ]


@pytest.mark.parametrize("form", ["{}", "€{}", '"1,{}"', '"1.{} kr"'])
def test_a_sum_of_the_order_on_each_line_is_no_sum_of_the_line(tmp_path: Path, form: str) -> None:
    twice = [
        ",".join([*line.split(",")[:-1], form.format(line.split(",")[-1])])
        for line in lines("1 A 1 500", "1 B 2 500", "2 A 1 200", "3 A 1 700", "3 C 1 700")
    ]
    body, notes = proposed(tmp_path, f"{ORDERS},total", twice)
    assert "amount" not in body["columns"]
    assert f"amount: 'total' {TOLD}" in notes
    once = lines("1 A 1 50.00 20.00", "1 B 1 50.00 30.00", "2 A 1 20.00 20.00")
    body, notes = proposed(tmp_path, f"{ORDERS},total,price", once)
    assert (body["columns"].get("amount"), body["columns"]["unit_price"]) == (None, "price")
    assert f"amount: 'total' {TOLD}" in notes


@pytest.mark.parametrize(
    "rows",
    [
        ["1 A 1 50.00", "1 B 2 30.00", "2 A 1 20.00", "3 A 1 70.00", "3 C 1 70.00"],
        ["1 A 1 50.00", "1 B 2 50.00", "2 A 1 20.00"],
        ["1 A 1 50.00", "1 A 1 50.00", "2 B 1 20.00", "2 B 1 20.00"],
        ["1 A 1 9.00", "1 B 1 9.00", "2 A 1 9.00", "2 C 1 9.00"],
    ],
)
def test_lines_of_an_order_may_have_the_same_sum_by_chance(tmp_path: Path, rows: list[str]) -> None:
    body, notes = proposed(tmp_path, f"{ORDERS},total", lines(*rows))
    assert body["columns"]["amount"] == "total"
    assert TOLD not in notes


@pytest.mark.parametrize(
    ("name", "values"),
    [("cancelled_at", ["2026-05-02", ""]), ("is_test", ["true", "false"]), ("是否取消", ["是", "否"])],
)  # fmt: skip
def test_a_column_that_may_say_which_orders_are_none_is_told(
    tmp_path: Path, name: str, values: list[str]
) -> None:
    rows = [f"{n},2026-05-0{n} 10:00:00,C{n},A,1,9.00,{v}" for n, v in enumerate(values, start=1)]
    _, notes = proposed(tmp_path, f"{ORDERS},price,{name}", rows)
    assert f"status: '{name}' may say which orders are no sale, and is not mapped" in notes
    _, notes = proposed(tmp_path, f"{ORDERS},price,note", rows)
    assert "no sale" not in notes


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Bestellstatus", ["bezahlt", "storniert", "Zahlung ausstehend", "in Bearbeitung"]),
        ("statut", ["payée", "annulée", "en attente", "remboursée"]),
        ("estado", ["pagado", "cancelado", "pendiente", "entregado"]),
        ("stato", ["pagato", "annullato", "in attesa", "rimborsato"]),
    ],
)
def test_states_of_orders_are_found_in_other_languages(
    tmp_path: Path, name: str, words: list[str]
) -> None:
    rows = [f"{n},2026-05-0{n} 10:00:00,C{n},A,1,9.00,{w}" for n, w in enumerate(words, start=1)]
    body, notes = proposed(tmp_path, f"{ORDERS},price,{name}", rows)
    assert body["columns"]["status"] == name
    assert "order_states" not in notes
