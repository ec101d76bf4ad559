"""Bronze and the outbox are scanned, too: what a mapping forgot is found there, once it arrives."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from worlds import Desk

from clarion.governance.undo import undo
from clarion.kernel.errors import QualityError

pytestmark = pytest.mark.deep  # a drill

DAY = date(2026, 3, 1)
ALLOWED = {"basis": "declared", "purposes": ["analytics"], "note": "test"}
CSV = {"format": "csv", "options": {"header": True}, "time_zone": "UTC"}
PEOPLE = {
    **CSV, "where": "${data}/people.csv", "consent": ALLOWED,
    "columns": {"customer_ref": "ref", "registered_at": "at", "phone": "tel", "name": "name"},
}  # fmt: skip
PRODUCTS = {
    **CSV, "where": "${data}/products*.csv", "columns": {"product_ref": "sku", "title": "title"},
}  # fmt: skip
Place = tuple[str, str, str | None, str]


def _shop(desk: Callable[..., Desk], folder: Path, **settings: str) -> Desk:
    """A shop whose file of products has a column that no mapping names: who buys them in."""
    (folder / "people.csv").write_text(
        "ref,at,tel,name\nC1,2026-01-05 10:00:00,13900000001,李娜\nC2,2026-01-06 10:00:00,,Anna Miller\n"
    )
    _deliver(folder, "products-1.csv", "P0,Tie,")
    shop = desk({"shop": {"registrations": PEOPLE, "products": PRODUCTS}}, **settings)
    shop.run("ingest", "clean", as_of=DAY)
    _deliver(
        folder, "products-2.csv", "P1,Coat,call 李娜 on 13812345678", "P2,Hat,2026-01-31 10:00"
    )
    shop.run("ingest", "clean", as_of=DAY)
    return shop


def _deliver(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("\n".join(["sku,title,buyer", *lines]) + "\n")


def _leaks(shop: Desk) -> dict[Place, tuple[int, str]]:
    rows = shop.read("ops.leaks").where("as_of = DATE'2026-03-01'").collect()
    return {
        (Path(row["location"]).name, row["column"], row["source"], row["kind"]): (
            row["cells"],
            row["sample"],
        )
        for row in rows
    }


def _run_of_last_ingest(shop: Desk) -> Any:
    runs = shop.read("ops.runs").where("job = 'ingest'").orderBy("ended_at").collect()
    return runs[-1]["run_id"]


@pytest.mark.covers("Q8")
def test_a_personal_column_that_no_mapping_names_is_found_in_bronze_until_it_is_sealed(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    shop = _shop(desk, tmp_path)
    with pytest.raises(QualityError, match="can be read in 2 places") as stopped:
        shop.run("scan", as_of=DAY)
    place = ("bronze.products", "buyer", "shop.products")
    assert _leaks(shop) == {
        (*place, "phone"): (1, "00000000000"),
        (*place, "name"): (1, "xxxx xx xx 00000000000"),
    }
    assert "bronze.products.buyer of shop.products (phone: 1, such as 00000000000)" in str(
        stopped.value
    )
    assert "list 'buyer' of shop.products under 'personal' of the mapping" in str(stopped.value)
    assert "clarion source check" in str(stopped.value)
    assert "13812345678" not in str(stopped.value)
    with pytest.raises(QualityError):
        shop.run("scan", as_of=DAY)  # a leak does not count as scanned
    assert "scanned 1 new batches of bronze, 0 files of the outbox" in shop.said

    sealed: dict[str, Any] = {**PRODUCTS, "personal": ["buyer"]}
    shop.map("shop", {"registrations": PEOPLE, "products": sealed})
    undo(shop.lake, shop.config, _run_of_last_ingest(shop), say=lambda _: None)
    _deliver(tmp_path, "products-2.csv", "P1,Coat,call 李娜 on 13812345678", "P2,Hat,13812345678")
    shop.run("ingest", "clean", "scan", as_of=DAY)
    assert _leaks(shop) == {}
    shop.run("scan", as_of=DAY)
    assert "scanned 0 new batches of bronze, 0 files of the outbox" in shop.said[-2:]


@pytest.mark.covers("Q8")
def test_a_message_file_with_something_personal_is_found_by_field(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    shop = _shop(desk, tmp_path, **{"scan.accepted": "[bronze.products.buyer]"})
    outbox = tmp_path / "lake" / "outbox" / "2026-03-01"
    outbox.mkdir(parents=True)
    messages = [
        {"message_id": "a" * 64, "products": ["Coat for Anna Miller"], "note": None},
        {"message_id": "b" * 64, "products": ["Hat", "write to li@mail.example"], "note": "x"},
    ]
    file = outbox / "message-001.jsonl"
    file.write_text("".join(json.dumps(message) + "\n" for message in messages))
    with pytest.raises(
        QualityError, match=r"message-001.jsonl.products \(mail: 1, such as xx\(at\)"
    ):
        shop.run("scan", as_of=DAY)
    assert _leaks(shop) == {
        ("message-001.jsonl", "products", None, "mail"): (1, "xx@xxxx.xxxxxxx"),
        ("message-001.jsonl", "products", None, "name"): (1, '["xxxx xxx xxxx xxxxxx"]'),
    }
    file.write_text(json.dumps({"message_id": "a" * 64, "products": ["Coat"]}) + "\n")
    shop.run("scan", as_of=DAY)
    assert _leaks(shop) == {}
    assert "scanned 0 new batches of bronze, 1 files of the outbox" in shop.said
    shop.run("scan", as_of=DAY)
    assert "scanned 0 new batches of bronze, 0 files of the outbox" in shop.said


def test_another_rule_has_everything_scanned_again(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    shop = _shop(desk, tmp_path, **{"scan.accepted": "[bronze.products.buyer]"})
    shop.run("scan", as_of=DAY)
    assert "scanned 3 new batches of bronze, 0 files of the outbox" in shop.said
    shop.configure(**{"scan.accepted": "[]"})
    with pytest.raises(QualityError, match=r"bronze\.products\.buyer"):
        shop.run("scan", as_of=DAY)
