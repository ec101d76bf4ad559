"""What infer says of orders: whose they are, and what becomes of their equal lines."""

from pathlib import Path
from typing import Any

import pytest

from clarion.collect.sources.proposal import Proposal
from clarion.config import Config
from clarion.onboarding.new_shop import infer_mapping


def proposal_for(folder: Path, header: str, names: list[str]) -> Proposal:
    """What is proposed for orders of some customers."""
    lines = "".join(
        f"O{n},2026-05-0{n % 9 + 1} 10:00:00,P{n % 3},1,{n}.50,{name}\n"
        for n, name in enumerate(names * 3)
    )
    file = folder / "orders.csv"
    file.write_text(f"order_no,paid_at,sku,qty,price,{header}\n{lines}", encoding="utf-8")
    proposal = infer_mapping(Config.load(), str(file), kind=None)
    assert proposal.kind == "orders"
    return proposal


def propose(folder: Path, header: str, names: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The columns that are proposed for them, and the notes on whose they are."""
    proposal = proposal_for(folder, header, names)
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
    assert proposal_for(tmp_path, header, names).body["personal"] == [header], "it is sealed"
    columns, notes = propose(tmp_path, f"{header},member", [f"{name},m" for name in names])
    assert (columns["customer_ref"], notes) == ("member", [])


@pytest.mark.covers("V3")
@pytest.mark.parametrize(
    ("promised", "delivered"),
    [
        ("promised_at", "delivered_at"),
        ("Estimated Delivery Date", "Delivered on"),
        ("order_estimated_delivery_date", "order_delivered_customer_date"),
        ("预计送达时间", "签收时间"),
    ],
)
def test_times_of_a_promise_and_of_a_delivery_are_told_apart(
    tmp_path: Path, promised: str, delivered: str
) -> None:
    lines = "".join(
        f"O{n},2026-05-0{n % 9 + 1} 10:00:00,P{n % 3},1,{n}.50,c{n % 4},2026-05-1{n % 9} 18:00:00,2026-05-1{n % 8} 11:30:00\n"
        for n in range(12)
    )
    file = tmp_path / "orders.csv"
    header = f"order_no,paid_at,sku,qty,price,member,{promised},{delivered}"
    file.write_text(f"{header}\n{lines}", encoding="utf-8")
    columns = infer_mapping(Config.load(), str(file), kind="orders").body["columns"]
    stated = {name: columns.get(name) for name in ("happened_at", "promised_at", "delivered_at")}
    found = {
        name: str(value["from"] if isinstance(value, dict) else value).strip("`")
        for name, value in stated.items()
    }
    assert found == {"happened_at": "paid_at", "promised_at": promised, "delivered_at": delivered}


@pytest.mark.parametrize("header", ["note", "city", "weight"])
def test_orders_that_belong_to_nobody_are_said_to(tmp_path: Path, header: str) -> None:
    columns, notes = propose(tmp_path, header, ["a", "b"])
    assert "customer_ref" not in columns
    assert notes == [
        "customer_ref: no column was found that names customers, so all orders belong to nobody; "
        "map it if the file has one"
    ]


def test_a_name_on_half_of_all_records_is_said_to_be_nobodys_perhaps(tmp_path: Path) -> None:
    several = [f"K{n}" for n in range(9)]
    columns, (note,) = propose(tmp_path, "customer", [*several, *["LAUFKD1"] * 9])
    assert columns["customer_ref"] == "customer"
    assert "(xxxxxx0) stands on 27 of 54 records; if it is no customer, add it to 'person'" in note
    for names in (
        [*several, *["LAUFKD1"] * 8],  # on less than half
        [*several, *["guest"] * 9],  # known to be nobody
        ["K1", "K1", "K2"],  # too few to tell
        ["K1"] * 20,  # the file of one customer
    ):
        assert propose(tmp_path, "customer", names)[1] == [], names


def test_columns_with_one_name_are_said(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    lines = "".join(f"O{n},2026-05-01 10:00:00,P{n % 3},1,{n}.50,ada,{n}.99\n" for n in range(6))
    file.write_text(f"order_no,paid_at,sku,qty,Price,customer,price\n{lines}", encoding="utf-8")
    notes = infer_mapping(Config.load(), str(file), kind="orders").notes
    assert [note for note in notes if note.startswith("columns:")] == [
        "columns: 2 are called 'Price'; Spark calls them Price4 and price6; see that the mapping "
        "takes the one that is meant"
    ]


LINE = "O1,2026-05-01 10:00:00,P1,1,9.90,ada"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([LINE, LINE.replace("P1", "P2")], "in the sample there is none"),
        ([LINE, LINE, LINE], "in the sample there are 2, the first in line 3"),
        ([LINE, LINE.replace("O1", "O2"), LINE], "in the sample there are 1, the first in line 4"),
    ],
)
def test_equal_lines_of_orders_without_line_numbers_are_spoken_of(
    tmp_path: Path, lines: list[str], found: str
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("\n".join(["order_no,paid_at,sku,qty,price,member", *lines]) + "\n")
    notes = infer_mapping(Config.load(), str(file), kind="orders").notes
    (note,) = [note for note in notes if "equals another" in note]
    assert found in note
    assert "'duplicates: drop'" in note


@pytest.mark.parametrize(
    ("name", "column"),
    [("line no", "line_no"), ("LINE_NUMBER", "line_no"), ("position", "line_no"), ("行号", "line_no"),
     ("order_item_id", "record_ref"), ("Line ID", "record_ref"), ("子订单编号", "record_ref")],
)  # fmt: skip
def test_lines_that_have_a_name_are_not_spoken_of(tmp_path: Path, name: str, column: str) -> None:
    file = tmp_path / "orders.csv"
    lines = [f"{LINE},1", f"{LINE},2"]
    file.write_text("\n".join([f"order_no,paid_at,sku,qty,price,member,{name}", *lines]) + "\n")
    proposal = infer_mapping(Config.load(), str(file), kind="orders")
    assert proposal.body["columns"][column].strip("`") == name
    assert not [note for note in proposal.notes if "equals another" in note]


@pytest.mark.parametrize(
    ("header", "is_sealed"),
    [
        ("Billing Name", True), ("Shipping Address1", True), ("receiver_phone", True), ("firstName", True),
        ("收货人", True), ("Straße", True), ("Default Address Phone", True), ("item name", False),
        ("is_mobile", False), ("email opened", False), ("store name", False), ("Province Name", False),
        ("address verified", False), ("campaign name", False),
    ],
)  # fmt: skip
def test_a_column_that_is_called_as_personal_data_is_sealed_whatever_it_holds(
    tmp_path: Path, header: str, is_sealed: bool
) -> None:
    file = tmp_path / "orders.csv"
    lines = [f"O{n},2026-05-0{n} 10:00:00,SKU-{n},1,9.50,C{n},{'ab'[n % 2]}" for n in range(1, 4)]
    names = f"order_id,order_date,sku,qty,price,customer_id,{header}"
    file.write_text("\n".join([names, *lines]), encoding="utf-8")
    proposal = infer_mapping(Config.load(), str(file), kind="orders")
    assert proposal.body.get("personal", []) == ([header] if is_sealed else [])
