"""Whose the orders of a file are: infer finds the customers, or says that it found none."""

from pathlib import Path
from typing import Any

import pytest

from clarion.config import Config
from clarion.onboarding.new_shop import infer_mapping


def propose(folder: Path, header: str, names: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The columns that are proposed for orders of some customers, and the notes on them."""
    lines = "".join(
        f"O{n},2026-05-0{n % 9 + 1} 10:00:00,P{n % 3},1,{n}.50,{name}\n"
        for n, name in enumerate(names * 3)
    )
    file = folder / "orders.csv"
    file.write_text(f"order_no,paid_at,sku,qty,price,{header}\n{lines}", encoding="utf-8")
    proposal = infer_mapping(Config.load(), str(file), kind=None)
    assert proposal.kind == "orders"
    return proposal.body["columns"], [n for n in proposal.notes if n.startswith("customer_ref:")]


@pytest.mark.parametrize(
    "header",
    ["member", "Member ID", "buyer", "Client ID", "shopper", "username", "account", "openid",
     "买家会员名", "买家昵称", "会员ID", "用户名"],
)  # fmt: skip
def test_a_column_of_customers_is_found_whatever_a_shop_calls_them(
    tmp_path: Path, header: str
) -> None:
    columns, notes = propose(tmp_path, header, ["ada", "ben", "cleo"])
    assert columns["customer_ref"].strip("`") == header
    assert notes == []


@pytest.mark.parametrize(
    ("header", "names", "plural"),
    [
        ("Email", ["ada@example.org", "ben@example.org"], "mail addresses"),
        ("联系方式", ["13912345678", "18612345678"], "telephone numbers"),
    ],
)
def test_addresses_stand_for_customers_where_no_column_names_them(
    tmp_path: Path, header: str, names: list[str], plural: str
) -> None:
    columns, notes = propose(tmp_path, header, names)
    assert columns["customer_ref"].strip("`") == header
    assert notes == [
        f"customer_ref: no column names customers; each of the {plural} in '{header}' stands for one"
    ]
    columns, notes = propose(tmp_path, f"{header},member", [f"{name},m" for name in names])
    assert (columns["customer_ref"], notes) == ("member", [])


@pytest.mark.parametrize("header", ["note", "city", "weight"])
def test_orders_that_belong_to_nobody_are_said_to(tmp_path: Path, header: str) -> None:
    columns, notes = propose(tmp_path, header, ["a", "b"])
    assert "customer_ref" not in columns
    assert notes == [
        "customer_ref: no column was found that names customers, so all orders belong to nobody; "
        "map it if the file has one"
    ]
