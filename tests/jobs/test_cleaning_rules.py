"""Rules are data: each is counted, warnings mark rows, missing values are filled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from worlds import Desk

from clarion.collect.cleaning.quality import is_anomaly
from clarion.collect.cleaning.rules import parse_rules
from clarion.config import Config
from clarion.contracts.sources import KINDS
from clarion.declarations.shop import rules
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.frames import local_frame

pytestmark = pytest.mark.deep  # files, rules and replays through ingest and clean

Make = Callable[..., Desk]
COLUMNS = {
    "product_ref": "ref",
    "title": "title",
    "brand": "brand",
    "list_price": "price",
    "cost": "cost",
    "stock": "stock",
}


def mapping(**change: Any) -> dict[str, Any]:
    return {
        "products": {
            "where": "${data}/*.csv",
            "format": "csv",
            "options": {"header": True},
            "time_zone": "UTC",
            "currency": "EUR",
            "columns": COLUMNS,
            **change,
        }
    }


def deliver(folder: Path, name: str, *rows: str) -> None:
    (folder / name).write_text("\n".join(["ref,title,brand,price,cost,stock", *rows]) + "\n")


def quality(desk: Desk, rule: str) -> list[tuple[Any, ...]]:
    rows = (
        desk.read("ops.quality")
        .where(f"rule = '{rule}'")
        .orderBy("_cleaned_at", "column")
        .select("column", "severity", "failed", "checked", "anomaly")
        .collect()
    )
    return [tuple(row) for row in rows]


@pytest.mark.covers("Q1", "Q2")
def test_errors_are_quarantined_warnings_marked_and_both_counted(
    desk: Make, tmp_path: Path
) -> None:
    deliver(
        tmp_path,
        "a.csv",
        '="p1",cup,b,5,2,1',
        "p2,jug,b,-5,2,1",
        "p3,pot,b,1,2,1",
        "p4,,b,5,2,1",
        "p5,pan,b,x,2,1",
        f"{'p' * 1001},pan,b,5,2,1",
        "p\x007,pan,b,5,2,1",
    )
    shop = desk({"shop": mapping()})
    shop.run("ingest", "clean")
    marked = {row["product_id"]: row["warnings"] for row in shop.read("silver.products").collect()}
    assert marked == {"p1": [], "p3": ["sold_below_cost"]}
    reasons = {
        row["_row"]: [(reason["rule"], reason["column"]) for reason in row["reasons"]]
        for row in shop.read("silver.quarantine").collect()
    }
    assert reasons == {
        2: [("price_not_positive", "list_price")], 4: [("missing", "title")], 5: [("unreadable", "list_price")],
        6: [("too_long", "product_ref")], 7: [("control_character", "product_ref")],
    }  # fmt: skip
    assert quality(shop, "price_not_positive") == [("list_price", "error", 1, 7, False)]
    assert quality(shop, "sold_below_cost") == [("", "warning", 1, 7, False)]
    assert quality(shop, "cost_negative") == [("", "error", 0, 7, False)]
    assert quality(shop, "repaired_id") == [("product_ref", "repair", 1, 7, False)]
    assert any("ids that were repaired: product_ref 1" in text for text in shop.said)
    # Each column's own share: neither the price nor the code lowers that of another one.
    assert [row[:4] for row in quality(shop, "standard_form")] == [
        ("cost", "measure", 0, 7), ("list_price", "measure", 1, 7), ("product_ref", "measure", 1, 7),
        ("stock", "measure", 0, 7),
    ]  # fmt: skip


@pytest.mark.covers("Q1")
def test_texts_that_stand_for_no_value_are_counted(desk: Make, tmp_path: Path) -> None:
    deliver(tmp_path, "a.csv", "p1,null,b,5,2,N/A", "p2,jug,b,5,nan,-", "0,jug,b,5,2,1")
    shop = desk({"shop": mapping()})
    shop.run("ingest", "clean")
    assert quality(shop, "missing_word") == [
        ("cost", "repair", 1, 3, False),
        ("product_ref", "repair", 1, 3, False),
        ("stock", "repair", 2, 3, False),
        ("title", "repair", 1, 3, False),
    ]
    assert any(
        "texts that stand for no value: cost 1, product_ref 1, stock 2, title 1" in text
        for text in shop.said
    )
    kept = shop.read("silver.products").select("product_id", "cost", "stock").collect()
    assert [tuple(row) for row in kept] == [("p2", None, None)]


def test_a_rate_that_jumps_is_an_anomaly(desk: Make, tmp_path: Path) -> None:
    shop = desk({"shop": mapping()})
    for day, bad in enumerate((3, 2, 4, 60)):
        deliver(
            tmp_path,
            f"{day}.csv",
            *(f"p{day}-{n},cup,b,{'-' if n < bad else ''}5,2,1" for n in range(200)),
        )
        shop.run("ingest", "clean")
    assert [row[2:] for row in quality(shop, "price_not_positive")] == [
        (3, 200, False),
        (2, 200, False),
        (4, 200, False),
        (60, 200, True),
    ]
    assert any("more than usual (1.5%): 60 of 200" in text for text in shop.said)


def test_a_few_or_a_small_rise_is_no_anomaly() -> None:
    assert not is_anomaly(5, 10, failed_before=1, checked_before=10_000)
    assert not is_anomaly(150, 10_000, failed_before=100, checked_before=10_000)
    assert is_anomaly(300, 10_000, failed_before=100, checked_before=10_000)
    assert not is_anomaly(300, 10_000, failed_before=0, checked_before=0)


@pytest.mark.covers("Q1")
def test_missing_values_are_filled_as_declared_from_accepted_rows_alone(
    desk: Make, tmp_path: Path
) -> None:
    deliver(
        tmp_path, "a.csv",
        "p1,cup,x,4,2,10", "p2,cup,x,6,2,30", "p3,cup,y,20,2,5", "p4,cup,y,,2,7", "p5,jug,x,,2,", "p6,jug,z,,2,9", "p7,,x,1000,1,1", "p8,cup,y,bad,2,1", "p9,cup,,8,2,",
    )  # fmt: skip
    missing = {
        "list_price": {"fit": "mean", "by": ["brand"]},
        "stock": {"fit": "median"},
        "brand": {"fit": "mode"},
        "description": {"fill": "none"},
    }
    shop = desk({"shop": mapping(missing=missing)})
    shop.run("ingest", "clean")
    rows = {row["product_id"]: row for row in shop.read("silver.products").collect()}
    # Refused rows teach nothing: neither the price of 1,000 without a title nor the one that cannot be read.
    assert {
        name: float(row["list_price"])
        for name, row in rows.items()
        if "list_price" in row["filled_columns"]
    } == {"p4": 20.0, "p5": 5.0, "p6": 9.5}
    assert {
        name: row["stock"] for name, row in rows.items() if "stock" in row["filled_columns"]
    } == {
        "p5": 9,
        "p9": 9,
    }
    assert rows["p9"]["brand"] == "x"
    assert all("description" in row["filled_columns"] for row in rows.values())
    assert quality(shop, "filled") == [
        ("brand", "repair", 1, 9, False),
        ("description", "repair", 7, 9, False),
        ("list_price", "repair", 3, 9, False),
        ("stock", "repair", 2, 9, False),
    ]
    fits = {
        (row["column"], tuple(row["group"])): (row["value"], row["rows"])
        for row in shop.read("ops.fits").collect()
    }
    assert float(fits["list_price", ()][0]) == 9.5
    assert fits["list_price", ()][1] == 4
    assert float(fits["list_price", ("x",)][0]) == 5.0
    assert fits["stock", ()] == ("9", 5)


def test_every_packaged_rule_is_valid_over_its_kind(spark: Any) -> None:
    for kind, found in rules(Config.load()).items():
        ddl = ", ".join(f"`{column.name}` {column.type}" for column in KINDS[kind].columns)
        empty = local_frame(spark, [], f"{ddl}, _ingested_at timestamp, _product_known boolean")
        for rule in found:
            # What a source puts in place of these.
            condition = rule.invalid_when.replace("{text}", "'a'").replace("{time_zone}", "'UTC'")
            assert dict(empty.selectExpr(f"({condition}) AS invalid").dtypes) == {
                "invalid": "boolean"
            }, (kind, rule.name)
            assert len(rule.reason) > 10


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("order", {}, "no source kind 'order'"),
        (
            "orders",
            {
                "a": {
                    "column": "nothing",
                    "invalid_when": "true",
                    "severity": "error",
                    "reason": "r",
                }
            },
            "is about no column",
        ),
        (
            "orders",
            {
                "a": {
                    "column": "quantity",
                    "invalid_when": "true",
                    "severity": "fatal",
                    "reason": "r",
                }
            },
            "severity",
        ),
        (
            "orders",
            {
                "a": {
                    "column": "quantity",
                    "invalid_when": "quantity IN (SELECT 1)",
                    "severity": "error",
                    "reason": "r",
                }
            },
            "'SELECT' is not allowed here",
        ),
    ],
)
def test_an_invalid_rule_is_refused(name: str, body: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_rules({name: yaml.safe_load(yaml.safe_dump(body))})
