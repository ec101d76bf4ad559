"""Orders of every state, from a file to what counts."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from frames import first_row
from pyspark.sql import functions as F
from worlds import Desk

from clarion.config import Config
from clarion.governance.undo import undo
from clarion.kernel.errors import ConfigError
from clarion.onboarding.new_shop import infer_mapping

NAMES = ("order_ref", "customer_ref", "product_ref", "happened_at", "quantity", "unit_price")
HEADER = f"{','.join(NAMES)},state,back\n"
ORDERS: dict[str, Any] = {
    "where": "${data}/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR",
    "consent": {"basis": "declared", "purposes": ["analytics"], "note": "test"},
    "columns": {**{name: name for name in NAMES}, "status": "state", "refund": "back"},
}  # fmt: skip
STATES = (
    ("paid", "Paid", ""),
    ("cancelled", "cancelled", ""),
    ("pending", "pending payment", ""),
    ("part", "partially_refunded", "200"),
    ("back", "已退款", ""),
    ("odd", "left at the door", ""),
    ("more", "paid", "501"),
)


def order(number: int, customer: str, state: str, back: str) -> str:
    return f"O{number},{customer},P99,2026-05-0{number} 12:00:00,1,500.00,{state},{back}\n"


@pytest.fixture
def shop(desk: Callable[..., Desk]) -> Desk:
    one = desk({"mine": {"orders": ORDERS}})
    lines = "".join(order(number, *state) for number, state in enumerate(STATES, start=1))
    (one.folder / "orders.csv").write_text(HEADER + lines)
    return one


@pytest.mark.deep  # files through two jobs
def test_every_line_is_kept_with_its_state_and_only_sales_are_sales(shop: Desk) -> None:
    shop.run("ingest", "clean")
    lines = shop.read("silver.order_lines").select("order_id", "status", "kind", "amount")
    assert sorted(map(tuple, lines.collect())) == [
        ("O1", "paid", "sale", Decimal(500)),
        ("O2", "cancelled", "no_sale", Decimal(500)),
        ("O3", "pending", "no_sale", Decimal(500)),
        ("O4", "partly_refunded", "sale", Decimal(300)),
        ("O5", "refunded", "no_sale", Decimal(500)),
    ]
    reasons = shop.read("silver.quarantine").select("_row", "reasons.rule", "reasons.column")
    assert sorted(map(tuple, reasons.collect())) == [
        (6, ["unknown_state"], ["status"]),
        (7, ["refund_above_amount"], ["refund"]),
    ]


@pytest.mark.deep  # files through three jobs, twice
def test_the_states_that_count_are_a_setting(shop: Desk) -> None:
    def orders_and_spend() -> dict[str, tuple[int, Decimal]]:
        shop.run("ingest", "clean", "profiles")
        names = shop.read("silver.identities").select("ref", "customer_id")
        profiles = shop.read("gold.customer_profiles").join(names, "customer_id").collect()
        return {row["ref"]: (row["orders"], row["monetary"]) for row in profiles}

    assert orders_and_spend() == {
        "paid": (1, Decimal(500)),
        "cancelled": (0, Decimal(0)),
        "pending": (0, Decimal(0)),
        "part": (1, Decimal(300)),
        "back": (0, Decimal(0)),
    }
    shop.configure(**{"sales.states": "[paid, pending]"})
    changed = orders_and_spend()
    assert changed["pending"] == (1, Decimal(500))
    assert changed["part"] == (0, Decimal(0))


@pytest.mark.deep  # files through two jobs and profiles, four times
def test_a_line_delivered_again_counts_from_its_arrival_and_until_it_is_undone(
    desk: Callable[..., Desk],
) -> None:
    shop = desk({"mine": {"orders": ORDERS}})

    def deliver(name: str, *lines: tuple[int, str, str, str]) -> None:
        (shop.folder / name).write_text(HEADER + "".join(order(*line) for line in lines))

    def spend(day: int) -> dict[str, tuple[int, Decimal]]:
        shop.run("profiles", as_of=date(2026, 5, day))
        names = shop.read("silver.identities").select("ref", "customer_id")
        profiles = shop.read("gold.customer_profiles").where(f"as_of = DATE'2026-05-{day:02}'")
        return {
            row["ref"]: (row["orders"], row["monetary"])
            for row in profiles.join(names, "customer_id").collect()
        }

    twice = (2, "twice", "Paid", "")
    deliver("1.csv", (1, "changes", "Paid", ""), twice, twice, (3, "stays", "Paid", ""))
    shop.run("ingest", "clean", as_of=date(2026, 5, 6))
    deliver(
        "2.csv", (1, "changes", "cancelled", ""), twice, (2, "twice", "partially_refunded", "200")
    )
    shop.run("ingest", "clean", as_of=date(2026, 5, 9))
    assert any("1 lines equal another line of their order" in said for said in shop.said)
    assert any("3 lines were delivered before with other values" in said for said in shop.said)

    first = {"changes": (1, Decimal(500)), "twice": (1, Decimal(1000)), "stays": (1, Decimal(500))}
    changed = first | {"changes": (0, Decimal(0)), "twice": (1, Decimal(800))}
    assert spend(9) == changed
    days = shop.read("gold.customer_days").where("known_on < DATE'2026-05-08'")
    assert first_row(days.agg(F.sum("amount")))[0] == 2000
    assert spend(8) == first

    runs = shop.read("ops.runs").where("job = 'ingest'").orderBy("started_at", ascending=False)
    undo(shop.lake, shop.config, first_row(runs)["run_id"], say=shop.said.append)
    shop.run("clean")
    assert spend(9) == first


@pytest.mark.deep  # the same
def test_a_word_may_be_accepted_as_unknown(shop: Desk) -> None:
    shop.map("mine", {"orders": {**ORDERS, "rules": {"status": "unknown_is_warning"}}})
    shop.run("ingest", "clean")
    line = shop.read("silver.order_lines").where("order_id = 'O6'").first()
    assert line is not None
    assert (line["status"], line["kind"], line["warnings"]) == (
        "unknown",
        "no_sale",
        ["unknown_state"],
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [("sales.states=[payed]", "sales.states"), ("sales.stats=[]", "sales.stats")],
)
def test_a_state_that_does_not_exist_is_refused(setting: str, message: str) -> None:
    from clarion.collect.cleaning.order_states import SaleSettings

    with pytest.raises(ConfigError, match=message):
        Config.load(overrides=(setting,)).section(SaleSettings)


def proposal(folder: Path, header: str, states: list[str]) -> str:
    rows = "".join(
        f"O{number},2026-05-0{number % 9 + 1} 12:00:00,P{number % 3},1,{number}.50,c{number % 4},{state}\n"
        for number, state in enumerate(states)
    )
    file = folder / "orders.csv"
    file.write_text(f"order_no,paid_at,sku,qty,price,customer,{header}\n{rows}", encoding="utf-8")
    return infer_mapping(Config.load(), str(file), kind="orders").text()


@pytest.mark.parametrize("header", ["state", "Financial Status", "订单状态", "order_status"])
def test_infer_maps_the_state_of_an_order(tmp_path: Path, header: str) -> None:
    text = proposal(tmp_path, header, ["paid", "cancelled", "pending payment", "交易成功"])
    assert yaml.safe_load(text)["orders"]["columns"]["status"].strip("`") == header
    assert "quarantined" not in text


def test_infer_names_the_words_that_it_does_not_know(tmp_path: Path) -> None:
    text = proposal(tmp_path, "status", ["paid", "cancelled", "left at the door"])
    assert "status: no word of order_states in words.yml: left at the door" in text


def test_infer_names_a_column_of_states_that_it_does_not_map(tmp_path: Path) -> None:
    text = proposal(tmp_path, "zustand", ["paid", "cancelled", "paid"])
    assert "status: 'zustand' holds words of order_states and is not mapped" in text


@pytest.mark.parametrize("states", [["Texas", "Ohio", "Utah"], ["10", "20", "30"]])
def test_infer_maps_no_states_that_it_cannot_read_and_says_so(
    tmp_path: Path, states: list[str]
) -> None:
    text = proposal(tmp_path, "state", states)
    assert "status" not in yaml.safe_load(text)["orders"]["columns"]
    assert (
        f"status: 'state' is not mapped, because words.yml does not have its words under order_states: {', '.join(sorted(states))}"
        in text
    )


def test_infer_maps_an_empty_column_of_states(tmp_path: Path) -> None:
    text = proposal(tmp_path, "status", ["", "", ""])
    assert yaml.safe_load(text)["orders"]["columns"]["status"] == "status"
