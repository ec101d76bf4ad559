"""Ids that spreadsheets and frames damaged: repaired where nothing is lost, else refused."""

from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import fill_missing, parse_records, without_faulty_ids
from clarion.collect.cleaning.reasons import RowPolicy, find_reasons
from clarion.collect.sources.ids import IdForm
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.missing_words import MissingWords
from clarion.declarations.shop import parse_spec
from clarion.measures.columns.frames import local_frame

# What a table makes of 00042, and what nothing tells from it.
WRAPPED = (
    '="00042"', '=""00042""', '=" 00042 "', "'00042", "`00042", "00042\t", "\t00042", " 00042 ",
    "00042\r\n", "\u00a000042\u3000", "000\u200b42", "00\u00ad042", "\ufeff00042", "\u202a00042\u202c",
    '\u200b="00042"\t',
)  # fmt: skip
FAULTS = {
    "rounded_id": ("1.23457E+12", "1,23457E+12", "1.23457e+12", "1E+12", "-1.2E+05", "1.5e3", "6.9E+12\t", '="1.2E+3"'),
    "float_id": ("17850.0", "17850.00", "17850,0", "-3.0", "2.0000001E7", "1.2345678901234E13", "9.1E15"),
    "damaged_id": ("=A1+B2", '="000', "#REF!", "########", "17,850", "1,234,567", "4-Mar", "Mar-04", "3月4日", 'S-="08"', "01. Mrz", "Dez 12", "04-mars", "déc-12", "déc.-12", "ene-04", "4-ago"),
    "control_character": ("a\tb", "p\x007", "a\nb"),
}  # fmt: skip
RIGHT = (
    "00042", "A-1", "12E5", "1E5", "3E10", "3E-10", "12e4567", "10.5", "1.2.3", "1,5", "#1001", "12-MAR",
    "7e123456-0000-4000-8000-000000000000", "anna@shop.example", "O'Neil", "'t Winkel", "客户甲", "客 户",
    "2026-05-01", "a=b", "Zm9v==", "+49170", "x" * 40,
    "set-12", "Box 12", "12. Ed", "12-xl", "abc-12", "MAR-12", "mar-004", "Mai-Linh", "4-marsh",
)  # fmt: skip
WHOLE = {
    "17850.0": "17850", "17850.00": "17850", "17850,0": "17850", "-3.0": "-3", "2.0000001E7": "20000001",
    "1.2345678901234E13": "12345678901234", "17850.0\t": "17850",
}  # fmt: skip
PADDED = {
    "42": "00042",
    '="42"': "00042",
    "42.0": None,
    "000042": None,
    "4x": None,
    "00042": "00042",
}
NOBODY = ('="guest"', "guest\t", "\u200b")
TOO_LONG = f"x{' ' * 200_000}x\u200b"  # which is found in no time
TEXTS = tuple(
    dict.fromkeys(
        [
            *WRAPPED,
            *RIGHT,
            *WHOLE,
            *PADDED,
            *NOBODY,
            TOO_LONG,
            "A\u00a01",
            *sum(FAULTS.values(), ()),
        ]
    )
)


def _source() -> Source:
    body = {
        "where": "/x/*.csv", "format": "csv", "time_zone": "UTC", "consent": {"basis": "recorded"},
        "columns": {
            "order_ref": "x", "happened_at": "'2026-05-01'", "product_ref": "upper(x)", "quantity": 1,
            "unit_price": 1, "customer_ref": "x", "member_ref": "x", "coupon_ref": "x",
            "store_ref": "x", "record_ref": "x",
        },
        "ids": {
            "member_ref": "whole_number", "coupon_ref": {"pad": 5}, "record_ref": "as_written",
            "store_ref": {"pattern": "[A-Z]-[0-9]"},
        },
    }  # fmt: skip
    words = MissingWords(id=("0",), person=("guest",))
    return parse_mapping("m", {"orders": body}, variables={}, missing_words=words)[0]


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> dict[str, dict[str, Any]]:
    """What became of each text: the row with its reasons, and its ids in a stream."""
    source = _source()
    spec = parse_spec(source)
    provenance = ("_malformed", "_hash", "_source", "_file", "_file_hash", "_batch")
    records = local_frame(
        spark,
        [({"x": text}, number) for number, text in enumerate(TEXTS)],
        "raw map<string,string>, _row int",
    )
    marked = records.withColumns(
        {
            **{name: F.lit(None).cast("string") for name in provenance},
            "_ingested_at": F.lit(None).cast("timestamp"),
            "_person_removed": F.lit(False),
        }
    )
    parsed = parse_records(marked, spec)
    live = without_faulty_ids(parsed, spec).select(
        "_row", F.struct(*(F.col(name) for name in spec.ids)).alias("live")
    )
    alone = records.select(F.col("raw")["x"].alias("x"), "_row").select(
        "_row", F.expr(source.columns["customer_ref"].try_sql).alias("alone")
    )
    policy = RowPolicy(rules=(), policies={}, required=source.required)
    checked = find_reasons(fill_missing(parsed, {}, spec), spec, policy, products=None)
    found = checked.join(live, "_row").join(alone, "_row").collect()
    return {TEXTS[row["_row"]]: row.asDict(recursive=True) for row in found}


def _faults(row: dict[str, Any]) -> dict[str, str]:
    return {reason["column"]: reason["rule"] for reason in row["_reasons"]}


def test_what_a_table_adds_is_taken_away_and_counted(rows: dict[str, dict[str, Any]]) -> None:
    for text in WRAPPED:
        row = rows[text]
        assert {row[name] for name in ("order_ref", "customer_ref", "product_ref")} == {"00042"}
        assert {"order_ref", "customer_ref", "product_ref"} <= set(row["_repaired_ids"]), text
        assert row["alone"] == "00042"
    assert rows["A\u00a01"]["order_ref"] == "A 1"
    assert rows[TOO_LONG]["order_ref"] == TOO_LONG
    # Without its guard, a text may stand for nobody.
    for text in NOBODY:
        assert (rows[text]["customer_ref"], rows[text]["alone"] or None) == (None, None)
    assert all("customer_ref" in rows[text]["_missing_words"] for text in NOBODY[:2])


def test_what_was_lost_is_refused_in_every_column_and_never_read_by_a_stream(
    rows: dict[str, dict[str, Any]],
) -> None:
    columns = ("order_ref", "customer_ref")
    for fault, texts in FAULTS.items():
        for text in texts:
            found = _faults(rows[text])
            assert {found.get(name) for name in columns} == {fault}, (text, found)
            assert {rows[text]["live"][name] for name in columns} == {None}, text


def test_ids_that_look_odd_and_are_right_stay_as_they_are(rows: dict[str, dict[str, Any]]) -> None:
    for text in RIGHT:
        row = rows[text]
        assert (row["order_ref"], row["live"]["order_ref"], row["alone"]) == (text, text, text)
        assert not {"order_ref", "customer_ref"} & {*_faults(row), *(row["_repaired_ids"] or ())}


def test_a_mapping_declares_whole_numbers_lost_zeros_and_a_form(
    rows: dict[str, dict[str, Any]],
) -> None:
    assert {text: rows[text]["live"]["member_ref"] for text in WHOLE} == WHOLE
    assert "member_ref" in rows["17850.0"]["_repaired_ids"]
    assert {_faults(rows[text])["member_ref"] for text in ("9.1E15", "1.23457E+12")} == {
        "rounded_id"
    }
    assert {text: rows[text]["live"]["coupon_ref"] for text in PADDED} == PADDED
    assert "coupon_ref" in rows["42"]["_repaired_ids"]
    assert "coupon_ref" not in (rows["00042"]["_repaired_ids"] or ())
    forms = {text: _faults(rows[text]).get("store_ref") for text in ("A-1", "00042", "1E+12")}
    assert forms == {"A-1": None, "00042": "other_form", "1E+12": "rounded_id"}
    written = {text: rows[text]["live"]["record_ref"] for text in ("17850.0", "4-Mar", "'00042")}
    assert written == {text: text for text in written}


def test_a_sample_shows_invisible_characters_and_only_the_shape_of_a_persons_id(
    rows: dict[str, dict[str, Any]],
) -> None:
    def samples(text: str) -> dict[str, str]:
        return {reason["column"]: reason["sample"] for reason in rows[text]["_reasons"]}

    assert samples("a\tb")["order_ref"] == "x\\tx"
    assert samples("p\x007")["order_ref"] == "x\\u00000"
    assert samples("\u202a00042\u202c")["store_ref"] == "\\u202a00000\\u202c"
    assert samples("1.23457E+12")["order_ref"] == "1.23457E+12"
    assert samples("1.23457E+12")["customer_ref"] == "0.00000x+00"


def test_a_sample_is_repaired_and_judged_as_the_records_are(
    rows: dict[str, dict[str, Any]],
) -> None:
    source = _source()
    for name in ("order_ref", "member_ref", "coupon_ref", "store_ref", "record_ref"):
        form = source.columns[name].id_form or IdForm()
        texts = [text for text in TEXTS if text not in (*NOBODY, TOO_LONG)]
        repaired = {text: form.repair_text(text).strip(" ") or None for text in texts}
        assert {text: rows[text][name] for text in texts} == repaired
        faults = {text: form.fault_of(value) for text, value in repaired.items() if value}
        assert {text: _faults(rows[text]).get(name) for text in faults} == faults
