"""Texts that stand for no value are none: nobody is called 'guest', and 'N/A' is no price."""

from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, find_reasons
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.missing_words import MissingWords
from clarion.config import Config
from clarion.config.load import parse_model, parse_yaml
from clarion.declarations.shop import parse_spec
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.frames import local_frame

PACKAGED = parse_model(
    MissingWords, parse_yaml(Config.load().text("missing_words.yml"), where="w"), where="w"
)
NOBODY = (
    "null", "NULL", "nan", "NaN", "None", "N/A", "n/a", "#N/A", "\\N", "-", "0", "0.0", "-1", "guest",
    " Guest ", "GUEST CHECKOUT", "anonymous", "(not set)", "匿名", "未知", "散客", "", "undefined",
    "Gast", "Invité", "invitado", "Consumidor Final", "Laufkunde", "Walk-in Customer", "guest_user", "未登录用户",
    "零售客户", "<NA>", "n.a.", "—",
)  # fmt: skip
SOMEBODY = ("C1", "00", "10", "nano", "guest 7", "nullman", "a-", "匿名者", "Gastón", "Cash")


def _orders(words: MissingWords, **columns: Any) -> Source:
    body = {
        "where": "/x/*.csv", "format": "csv", "time_zone": "UTC", "consent": {"basis": "recorded"},
        "rules": {"quantity": "negative_is_return"},
        "columns": {
            "order_ref": "'o'", "happened_at": "'2026-05-01'", "product_ref": "'p'", "quantity": 1,
            "unit_price": 1, "customer_ref": "x", **columns,
        },
    }  # fmt: skip
    return parse_mapping("m", {"orders": body}, variables={}, missing_words=words)[0]


def _read(spark: SparkSession, source: Source, texts: tuple[str, ...]) -> dict[str, Any]:
    """What became of each text: the row, with its reasons."""
    provenance = ("_malformed", "_hash", "_source", "_file", "_file_hash", "_row", "_batch")
    records = local_frame(spark, [({"x": text},) for text in texts], "raw map<string,string>")
    marked = records.withColumns(
        {
            **{name: F.lit(None).cast("string") for name in provenance},
            "_ingested_at": F.lit(None).cast("timestamp"),
            "_person_removed": F.lit(False),
        }
    )
    spec = parse_spec(source)
    # A fill shows which value counts as missing.
    rows = fill_missing(parse_records(marked, spec), {"discount": F.lit(7)}, spec)
    rows = rows.withColumn("record_ref", F.col("_raw")["x"])
    policy = RowPolicy(rules=(), policies={}, required=source.required)
    checked = find_reasons(rows, spec, policy, products=None)
    return {row["record_ref"]: row for row in checked.collect()}


@pytest.mark.covers("Q1")
def test_a_word_for_nobody_names_nobody_and_is_counted(spark: SparkSession) -> None:
    rows = _read(spark, _orders(PACKAGED), NOBODY + SOMEBODY)
    named = {text: row["customer_ref"] for text, row in rows.items()}
    assert named == {**dict.fromkeys(NOBODY), **{text: text for text in SOMEBODY}}
    counted = {text: row["_missing_words"] for text, row in rows.items()}
    stated = {text: ["customer_ref"] for text in NOBODY if text} | {"": None}
    assert counted == stated | dict.fromkeys(SOMEBODY)
    assert not any(row["_reasons"] for row in rows.values())


@pytest.mark.covers("Q1")
def test_a_word_in_place_of_a_value_is_missing_and_another_is_unreadable(
    spark: SparkSession,
) -> None:
    source = _orders(
        PACKAGED,
        customer_ref="coalesce(x, 'C1')", discount={"from": "x", "as": "price"},
        unit_price="x", delivered_at="x", reason="x", store_ref="upper(x)",
    )  # fmt: skip
    rows = _read(spark, source, ("N/A", "nat", "0000-00-00", "none", "0", "free", "5"))
    reasons = {
        text: sorted((reason["rule"], reason["column"]) for reason in row["_reasons"])
        for text, row in rows.items()
    }
    no_price = ("unreadable", "unit_price")
    no_time = ("unreadable", "delivered_at")
    no_discount = ("unreadable", "discount")
    assert reasons == {
        "N/A": [("missing", "unit_price")],
        "nat": [no_discount, no_price],
        "0000-00-00": [no_discount, no_price],
        "none": [("missing", "unit_price")],
        "0": [no_time],
        "free": [no_time, no_discount, no_price],
        "5": [no_time],
    }
    # An answer may be 'none'; a store is not called so.
    assert (rows["none"]["reason"], rows["none"]["store_ref"]) == ("none", None)
    assert (rows["N/A"]["reason"], rows["0"]["store_ref"]) == (None, None)
    assert (rows["none"]["discount"], rows["0"]["discount"], rows["free"]["discount"]) == (7, 0, None)  # fmt: skip
    assert rows["0"]["_missing_words"] == ["customer_ref", "store_ref"]


def test_a_currency_that_is_not_read_is_unreadable_and_not_the_shops(spark: SparkSession) -> None:
    source = _orders(PACKAGED, currency={"from": "x", "as": "currency"})
    rows = _read(spark, source, ("eur", "5 美元", "$5", "Euro", "5.50", "null", ""))
    reasons = {
        text: [tuple(reason)[:2] for reason in row["_reasons"]] for text, row in rows.items()
    }
    unreadable = [("unreadable", "currency")]
    assert reasons == {
        "eur": [], "5 美元": [], "$5": unreadable, "Euro": unreadable, "5.50": unreadable,
        "null": [], "": [],
    }  # fmt: skip
    assert (rows["eur"]["currency"], rows["5 美元"]["currency"]) == ("EUR", "USD")


def test_a_shop_declares_its_own_words(spark: SparkSession) -> None:
    rows = _read(spark, _orders(MissingWords(person=("Walk In",))), ("walk in", "guest", "0"))
    assert [row["customer_ref"] for row in rows.values()] == [None, "guest", "0"]
    with pytest.raises(ConfigError, match=r"missing_words.yml: colour"):
        parse_model(MissingWords, {"colour": ["red"]}, where="missing_words.yml")
