"""Of many records only those are compared whose key occurs twice: the marks are the same."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from clarion.collect.sources.mapping_file import parse_mapping
from clarion.runtime.scope import Scope
from clarion.workflows import cleaning_repeats
from clarion.workflows.cleaning_plan import CleaningBatch
from clarion.workflows.cleaning_repeats import Repeats

_DAY = datetime(2026, 6, 1)
_COLUMNS = (
    "order_ref string, product_ref string, happened_at timestamp, quantity decimal(18,4), "
    "line_no bigint, record_ref string, _raw map<string,string>, raw map<string,string>, "
    "_hash string, _source string, _file string, _file_hash string, _row bigint, _batch string, "
    "_ingested_at timestamp, _person_removed boolean"
)
_NAMES = ["_batch", "_file", "_row"]
# Batch, file, key and content of each record; the batch a was cleaned before.
_RECORDS = (
    ("a", "a1", "k1", "one"), ("a", "a1", "k2", "two"), ("a", "a1", "k9", "nine"),
    ("b", "b1", "k1", "one"), ("b", "b1", "k3", "three"), ("b", "b1", "k3", "three"),
    ("b", "b2", "k2", "two changed"), ("b", "b2", "k4", "four"), ("b", "b10", "k3", "three changed"),
    ("c", "c1", "k3", "three"), ("c", "c1", "k2", "two"), ("c", "c1", "k5", "five"),
    ("c", "c1", None, "none"), ("c", "c1", None, "none"),
)  # fmt: skip


def _records(rows: Callable[..., DataFrame]) -> DataFrame:
    found = []
    for number, (batch, file, key, content) in enumerate(_RECORDS):
        raw = {"id": key, "content": content}
        at = _DAY + timedelta(days=ord(batch))
        line = (key, "P", _DAY, Decimal(1), None, None, raw, raw, f"{key}/{content}")
        found.append((*line, "s", f"{file}.csv", file, number, batch, at, False))
    return rows(_COLUMNS, *found)


def _scope(lines: DataFrame | None) -> Scope:
    methods = {
        "persist": DataFrame.persist, "exists": lambda _: lines is not None, "own": lambda _: lines,
    }  # fmt: skip
    return cast(Scope, SimpleNamespace(**methods))


def _cleaning(kind: str, duplicates: Any, *, earlier: tuple[str, ...]) -> CleaningBatch:
    columns = {
        "orders": {
            "order_ref": "id", "happened_at": "'2026-06-01'", "product_ref": "'P'", "quantity": 1,
            "unit_price": 1,
        },
        "events": {"happened_at": "'2026-06-01'", "type": "'view'", "event_ref": "id"},
    }[kind]  # fmt: skip
    body = {
        "where": "/x/*.csv", "format": "csv", "time_zone": "UTC", "consent": {"basis": "recorded"},
        "columns": columns, "duplicates": duplicates,
    }  # fmt: skip
    source = parse_mapping("s", {kind: body}, variables={})[0]
    cleaning = SimpleNamespace(source=source, earlier=earlier, records=len(_RECORDS))
    return cast(CleaningBatch, cleaning)


def _marks(rows: DataFrame) -> list[Row]:
    names = [
        name
        for name in ("_duplicate", "is_redelivered", "_redelivery", "_is_equal")
        if name in rows.columns
    ]
    return rows.select("_row", *names).sort("_row").collect()


@pytest.mark.parametrize(
    ("kind", "duplicates", "expected"),
    [
        ("events", "drop", {3, 5, 9, 10, 13}),
        ("events", {"key": ["id"]}, {3, 5, 6, 8, 9, 10, 13}),
        ("events", "keep", set()),
        ("orders", "redelivered", {3}),
        ("orders", "drop", {3, 5, 13}),
        ("orders", "keep", set()),
    ],
)
def test_many_records_get_the_marks_that_few_get(
    rows: Callable[..., DataFrame],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    duplicates: Any,
    expected: set[int],
) -> None:
    records = _records(rows)
    own = records.withColumn("_source", F.concat("_source", F.lit(f".{kind}")))
    cleaning = _cleaning(kind, duplicates, earlier=("a",))
    first = Repeats(_scope(None), cleaning, None)
    lines = own.withColumns(first.keys()) if kind == "orders" and first.keys() else None
    earlier = lines and lines.where("_batch = 'a'")
    repeats = Repeats(_scope(earlier), cleaning, own.where("_batch = 'a'"))
    arriving = own.where("_batch > 'a'").withColumns(repeats.keys())
    few = _marks(repeats.mark(arriving))
    monkeypatch.setattr(cleaning_repeats, "_BROADCAST_ROWS", 3)
    many = _marks(repeats.mark(arriving))
    assert few == many
    assert {row["_row"] for row in few if row["_duplicate"]} == expected
