"""Exports that state the fields of an order on its first line only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.from_above import fill_from_above
from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.sources.checks import check_mapping
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.missing_words import MissingWords
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.records import file_stats, number_records
from clarion.declarations.shop import parse_spec
from clarion.kernel.errors import SourceError

Rows = Callable[..., DataFrame]
COLUMNS = ("order", "state", "paid", "made", "coupon", "sku")
ABOVE = {"fill": "from_above"}


def source(where: str = "/x/*.csv", **change: Any) -> Source:
    written = {
        "where": where, "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR",
        "consent": {"basis": "declared", "purposes": ["analytics"]},
        "columns": {
            "order_ref": "order", "status": "state", "happened_at": "coalesce(nullif(trim(paid), ''), made)", "coupon_ref": "coupon",
            "product_ref": "sku", "quantity": "1", "unit_price": "2",
        },
        "missing": {"status": ABOVE, "happened_at": ABOVE},
        **change,
    }  # fmt: skip
    words = MissingWords(time=("N/A",))
    return parse_mapping("shop", {"orders": written}, variables={}, missing_words=words)[0]


def cleaned(records: DataFrame, one: Source) -> list[tuple[Any, ...]]:
    """File, number, state, day and filled columns of each record."""
    bronze = records.withColumns(
        {
            "_hash": F.lit(""), "_person_removed": F.lit(False), "_source": F.lit("s"), "_batch": F.lit("b"),
            "_ingested_at": F.current_timestamp(),
        }
    )  # fmt: skip
    spec = parse_spec(one)
    found = fill_missing(parse_records(fill_from_above(bronze, spec), spec), {}, spec)
    in_order = found.orderBy("_file", "_row").select(
        "_file", "_row", "status", F.date_format("happened_at", "d").alias("day"), "coupon_ref",
        F.array_join("_filled", "+").alias("filled"),
    )  # fmt: skip
    return [tuple(row) for row in in_order.collect()]


def test_a_missing_field_is_that_of_the_line_above_in_the_same_order(rows: Rows) -> None:
    lines = [
        # file, number, malformed, order, state, paid, made, coupon, sku
        ("a", 1, None, "1", "paid", "2026-03-02", "2026-03-01", "ten", "p"),
        ("a", 2, None, "1", None, None, "2026-03-01", None, "p"),
        ("a", 3, None, "2", None, None, "2026-03-05", None, "p"),  # its own first line states none
        ("a", 4, None, "2", "refunded", " ", "2026-03-05", None, "p"),
        ("a", 5, None, "1", "", "N/A", "2026-03-01", "", "p"),  # order 1 goes on further below
        ("a", 6, None, "2", None, None, "2026-03-05", None, "p"),
        ("a", 7, None, None, "pending", None, "2026-03-07", None, "p"),
        ("a", 8, None, None, None, None, "2026-03-08", None, "p"),  # no order: nothing above
        ("a", 9, "yes", "1", None, None, None, None, "p"),
        ("a", 10, None, "1", "returned", None, "2026-03-01", None, "p"),  # it states its own
        ("a", 11, None, "1", None, None, "2026-03-01", None, "p"),
        ("b", 1, None, "1", None, None, "2026-03-09", None, "p"),  # another file
    ]
    raw = F.create_map(*(part for name in COLUMNS for part in (F.lit(name), F.col(f"`{name}`"))))
    schema = "_file string, _row bigint, _malformed string, " + ", ".join(
        f"`{name}` string" for name in COLUMNS
    )
    frame = rows(schema, *lines[::-1]).repartition(5)
    frame = frame.select("_file", F.lit("h").alias("_file_hash"), "_row", "_malformed", raw.alias("raw"))  # fmt: skip
    both = "status+happened_at"
    assert cleaned(frame, source()) == [
        ("a", 1, "paid", "2", "ten", ""),
        ("a", 2, "paid", "2", None, both),  # a coupon is filled only where that is declared
        ("a", 3, None, "5", None, ""),
        ("a", 4, "refunded", "5", None, ""),
        ("a", 5, "paid", "2", None, both),
        ("a", 6, "refunded", "5", None, "status"),
        ("a", 7, "pending", "7", None, ""),
        ("a", 8, None, "8", None, ""),
        ("a", 9, None, None, None, ""),
        ("a", 10, "returned", "2", None, "happened_at"),
        ("a", 11, "returned", "2", None, both),
        ("b", 1, None, "9", None, ""),
    ]


def test_an_order_is_filled_across_the_splits_of_its_file(
    spark: SparkSession, tmp_path: Path
) -> None:
    orders = [f"o{n // 10},{'paid' if n % 10 == 0 else ''},,2026-03-0{n % 9 + 1},,p{n}" for n in range(200)]  # fmt: skip
    (tmp_path / "a.csv").write_text("\n".join([",".join(COLUMNS), *orders]) + "\n")
    one = source(f"{tmp_path}/*.csv")
    reader = reader_of(spark, one, str)
    ((file,),) = reader.find_new([], note=print)
    before = str(spark.conf.get("spark.sql.files.maxPartitionBytes"))
    spark.conf.set("spark.sql.files.maxPartitionBytes", 700)
    try:
        records = reader.read((file,), reader.column_names(file))
        stats = file_stats(reader, records, chunks=(file,))
        assert stats.blocks.count() > 3
        found = cleaned(number_records(records, stats), one)
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)
    assert {row[2] for row in found} == {"paid"}
    assert [row[1] for row in found if row[5] == ""] == list(range(1, 201, 10))


def test_a_value_of_the_line_is_not_read_from_a_field_of_the_order(spark: SparkSession) -> None:
    columns = {"order_ref": "order", "product_ref": "sku", "quantity": "1", "unit_price": "2"}
    shared = {**columns, "status": "IF(back > 0, 'refunded', state)", "happened_at": "made", "refund": "back"}  # fmt: skip
    one = source(columns=shared, missing={"status": ABOVE})
    with pytest.raises(SourceError, match="'back' is repeated over the lines of its order"):
        check_mapping(spark, one, (*COLUMNS, "back"))
    check_mapping(spark, source(columns=shared, missing={"happened_at": ABOVE}), (*COLUMNS, "back"))
