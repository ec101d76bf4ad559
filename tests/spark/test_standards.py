"""Dates, prices, measures, phones and regions in one form; what has none is refused, not guessed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from frames import first_row
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.privacy.forms import canonical_phone
from clarion.collect.privacy.tokens import phone_form
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.standards import Standard, expression
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.kernel.errors import ConfigError

REGIONS = parse_yaml(Config.load().text("regions.yml"), where="regions.yml")
Rows = Callable[..., DataFrame]


def read(rows: Rows, values: list[str | None], **standard: Any) -> list[Any]:
    sql = expression(Standard.model_validate({"from": "x", **standard}), REGIONS)
    frame = rows("n int, x string", *enumerate(values)).selectExpr("n", f"string({sql}) AS found")
    return [row["found"] for row in frame.orderBy("n").collect()]


@pytest.mark.covers("Q2")
@pytest.mark.parametrize(
    ("standard", "cases"),
    [
        ({"as": "text"}, {"ＡＢＣ１２３（中文）": "ABC123(中文)", " a\u00a0 b\t": "a b", "　全角　空格　": "全角 空格"}),
        ({"as": "code"}, {" ａb-12 x": "AB-12X"}),
        ({"as": "mail"}, {" Anna@Shop.Example ": "anna@shop.example"}),
        ({"as": "number"}, {"1,234.5": "1234.5000000000", "1'000": "1000.0000000000", "－5": "-5.0000000000", "x": None, "": None}),
        (
            {"as": "number", "decimal": ","},
            {"1.234,5": "1234.5000000000", "7": "7.0000000000", "7.5": None, "1,234.5": None, "1,5e3": None, "\u22125,5": "-5.5000000000"},
        ),
        ({"as": "number"}, {"1e3": "1000.0000000000", "1.5E-2": "0.0150000000", "10%": None, "(5)": "-5.0000000000", "5-": "-5.0000000000", "12,5": None, "5 kg": None}),
        (
            {"as": "price"},
            {
                "$32.40 ": "32.4000", "12.50 USD": "12.5000", "\u00a0$10.00": "10.0000", "Rp474.522": "474522.0000", "₡24.769": "24769.0000",
                "\u00a0$38.00\n\t  \n\tNow\u00a0$12.00": "12.0000", "$23.00–$25.00": None, "$19.99 - $24.99": None, "￥１２８": "128.0000", "-5": "-5.0000",
                "1,299.00": "1299.0000", "free": None, "": None, "1e308": None, "9" * 40: None,
            },
        ),
        (
            {"as": "price"},
            {
                # a separator that contradicts the convention
                "1,299": "1299.0000", "1.299": "1.2990", "12,5": None, "12,50€": None, "12,345,6": None, "12.5.6": None, "12,34": None,
                "1,2345": None, "0,299": None, "1,23,456.00": "123456.0000", "1'299.50": "1299.5000", "1’299.50": "1299.5000", "1 234.50": "1234.5000",
                "1\u202f234.50": "1234.5000", "1_000": "1000.0000", "1,234 567": None, "１２．５０": "12.5000", ".50": "0.5000", "12.": "12.0000",
                # signs, before and after the mark of a currency
                "\u221212.50": "-12.5000", "－12.50": "-12.5000", "–12.50": "-12.5000", "12.50-": "-12.5000", "12.50 -": "-12.5000",
                "(12.50)": "-12.5000", "($12.50)": "-12.5000", "$(12.50)": "-12.5000", "¥ \u221212.50": "-12.5000", "-$5": "-5.0000", "$-5": "-5.0000",
                "€5-": "-5.0000", "5-€": "-5.0000", "+5": "5.0000", "--5": None, "-(5)": None, "-5-": None, "12.-": "12.0000",
                # what is more than a price
                "3 for 10": None, "10%": None, "1e3": None, "NaN": None, "1.2万": None, "12k": None, "12.50 off": None, "$5 / kg": None,
                "USD 12.50": "12.5000", "usd12.50": "12.5000", "Rs.500": "500.0000", "Fr. 5": "5.0000", "US$5": "5.0000", "kr 5": "5.0000", "128元": "128.0000", "￥1,299": "1299.0000",
                "Rp474,522": None, "Rp1.474.522,50": "1474522.5000", "Was $38.00 Now $12.00": "12.0000",
            },
        ),
        (
            {"as": "price", "decimal": ","},
            {
                "12.50": None, "12.50 USD": None, "12.5.6": None, "1,299.00": None, "1.299": "1299.0000", "1.234,56-": "-1234.5600", "1 234,50": "1234.5000",
                "1\u00a0234,50 €": "1234.5000", "(1.234,50 €)": "-1234.5000", "12,- €": "12.0000", "12,5": "12.5000", ",50": "0.5000", "1.23.456": None, "0.299": None,
            },
        ),
        ({"as": "price", "symbols": {"₿": "XBT"}}, {"₿5": "5.0000"}),
        ({"as": "price", "range": "low"}, {"$23.00–$25.00": "23.0000", "$5": "5.0000"}),
        ({"as": "price", "range": "high"}, {"$19.99 - $24.99": "24.9900"}),
        ({"as": "price", "decimal": ","}, {"1.299,00 €": "1299.0000", "12,5": "12.5000"}),
        ({"as": "currency"}, {"12.50 USD": "USD", "€5": "EUR", "Rp474.522": "IDR", "128元": "CNY", "RMB 5": "CNY", "$5": None}),
        ({"as": "currency", "symbols": {"$": "USD"}}, {"$5": "USD", "HK$5": "HKD", "NT$5": "TWD", "A$5": "AUD", "R$ 5": "BRL"}),
        ({"as": "currency"}, {"5美元": "USD", "5 欧元": "EUR", "5日元": "JPY", "5元": "CNY", "5人民币": "CNY"}),
        ({"as": "price"}, {"5美元": "5.0000", "5.50 欧元": "5.5000"}),
        (
            {"as": "date", "formats": ["yyyy-MM-dd", "dd/MM/yyyy", "MM/dd/yyyy", "yyyy年M月d日"]},
            {
                "2026-01-31": "2026-01-31 00:00:00", "31/01/2026": "2026-01-31 00:00:00", "01/31/2026": "2026-01-31 00:00:00", "2026年3月5日": "2026-03-05 00:00:00",
                "04/05/2026": None, "05/05/2026": "2026-05-05 00:00:00", "soon": None,
            },
        ),
        ({"as": "date", "formats": ["dd/MM/yyyy"]}, {"04/05/2026": "2026-05-04 00:00:00"}),
        (
            {"as": "date", "formats": ["M/d/yyyy h:mm a", "MMM d, yyyy h:mm:ss a"]},
            {
                "3/2/2026 9:50 AM": "2026-03-02 09:50:00", "3/2/2026 12:05 pm": "2026-03-02 12:05:00", "3/2/2026 12:05\u202fAM": "2026-03-02 00:05:00",
                "Mar 2, 2026 09:50:26 PM": "2026-03-02 21:50:26", "3/2/2026 9:50": None, "3/2/2026 13:50 PM": None, "13/2/2026 9:50 AM": None,
            },
        ),
        (
            {"as": "date", "formats": ["d.M.yy", "d.M.yy H:mm"], "pivot": 1950},
            {
                "2.3.26": "2026-03-02 00:00:00", "31.12.49": "2049-12-31 00:00:00", "1.1.50": "1950-01-01 00:00:00", "29.2.00": "2000-02-29 00:00:00",
                "29.2.96 23:59": "1996-02-29 23:59:00", "29.2.95": None, "2.3.2026": None, "2.3.6": None,
            },
        ),
        (
            {"as": "excel_serial"},
            {
                "46083": "2026-03-02 00:00:00", "46083.41": "2026-03-02 09:50:24", "46083.4100231481": "2026-03-02 09:50:26", "46083.999999999": "2026-03-03 00:00:00",
                "1": "1900-01-01 00:00:00", "59": "1900-02-28 00:00:00", "60": None, "60.5": None, "61": "1900-03-01 00:00:00", "2958465": "9999-12-31 00:00:00",
                "2958466": None, "0": None, "0.5": None, "-1": None, "46083,41": None, "2026-03-02": None, "4.6083e4": None, "": None, "４６０８３": "2026-03-02 00:00:00",
            },
        ),
        ({"as": "excel_serial", "epoch": 1904}, {"0": "1904-01-01 00:00:00", "44621.5": "2026-03-02 12:00:00", "60": "1904-03-01 00:00:00", "2957004": None}),
        ({"as": "excel_serial", "decimal": ","}, {"46083,41": "2026-03-02 09:50:24", "46083.41": None}),
        ({"as": "grams"}, {"1,5 kg": None, "1kg": "1000.0000", "500 g": "500.0000", "2斤": "1000.0000", "１．５公斤": "1500.0000", "500": None}),
        ({"as": "grams", "decimal": ","}, {"1,5 kg": "1500.0000", "1.5 kg": None}),
        ({"as": "millilitres"}, {"0.5 L": "500.0000", "330ml": "330.0000", "1 g": None}),
        ({"as": "region", "country": "CN"}, {"上海市": "CN-SH", "Guangdong Province": "CN-GD", "新疆维吾尔自治区": "CN-XJ", "cn-bj": "CN-BJ", "Atlantis": None}),
    ],
    ids=lambda item: "-".join(str(value) for value in item.values())[:30] if "as" in item else "",
)  # fmt: skip
def test_a_value_has_one_form_or_none(
    rows: Rows, standard: dict[str, Any], cases: dict[str, str | None]
) -> None:
    found = read(rows, [*cases, None], **standard)

    def plain(text: str | None) -> str | None:
        return (
            text
            if text is None or standard["as"] not in ("grams", "millilitres")
            else f"{float(text):.4f}"
        )

    assert dict(zip(cases, map(plain, found), strict=False)) == cases
    assert found[-1] is None


def test_phones_of_one_person_are_one_number_and_what_is_none_stays_as_it_is(
    spark: SparkSession, rows: Rows
) -> None:
    written = ["139 1234 5678", "+86-139-1234-5678", "0086 13912345678", "（139）12345678"]
    assert {canonical_phone(text, country="CN") for text in written} == {"+8613912345678"}
    assert canonical_phone("none", country="CN") == "none"
    frame = rows("x string", *((text,) for text in written), (None,)).select(
        phone_form("CN")(F.col("x")).alias("x")
    )
    assert {row["x"] for row in frame.collect()} == {"+8613912345678", None}


@pytest.mark.parametrize(
    ("column", "body", "message"),
    [
        ("title", {"from": "a", "as": "phone", "country": "CN"}, "only a personal column"),
        ("title", {"from": "a", "as": "region"}, "a region belongs to a country"),
        ("title", {"from": "a", "as": "roman numeral"}, "as"),
        (
            "at",
            {"from": "a", "as": "date", "formats": ["d.M.yy"]},
            "years of two digits stand for no century",
        ),
        ("at", {"from": "a", "as": "date", "formats": ["uu-MM-dd"]}, "years of two digits"),
        (
            "at",
            {"from": "a", "as": "date", "formats": ["d.M.yyyy"], "pivot": 1950},
            "'pivot' is for years of two digits",
        ),
        (
            "at",
            {"from": "a", "as": "date", "formats": ["d.M.yyyy h:mm"]},
            "twelve hours without AM or PM",
        ),
        ("at", {"from": "a", "as": "date", "formats": ["d.M.yy"], "pivot": 26}, "pivot"),
        ("at", {"from": "a", "as": "excel_serial", "epoch": 1901}, "epoch"),
        ("title", {"from": "(select 1)", "as": "text"}, "not allowed"),
    ],
)
def test_a_standard_that_cannot_be_is_refused(
    column: str, body: dict[str, Any], message: str
) -> None:
    written = {
        "where": "/x/*.csv",
        "format": "csv",
        "time_zone": "UTC",
        "columns": {"product_ref": "r", "title": "t", column: body},
    }
    with pytest.raises(ConfigError, match=message):
        parse_mapping("m", {"products": written}, variables={}, regions=REGIONS)


@pytest.mark.deep  # real data
@pytest.mark.real_data
@pytest.mark.covers("Q2")
def test_nine_retailers_prices_are_read_but_for_ranges(
    spark: SparkSession, real_data: Path
) -> None:
    price = expression(Standard.model_validate({"from": "price", "as": "price"}), REGIONS)
    currency = expression(
        Standard.model_validate({"from": "price", "as": "currency", "symbols": {"$": "USD"}}),
        REGIONS,
    )
    frame = spark.read.parquet(str(real_data / "innerwear")).selectExpr(
        "price", f"{price} AS amount", f"{currency} AS currency"
    )
    found = first_row(
        frame.agg(
            F.count("*").alias("all"),
            F.count("amount").alias("read"),
            F.count_if(F.col("amount") <= 0).alias("none"),
        )
    )
    assert (found["all"], found["read"], found["none"]) == (613_143, 612_956, 0)
    left = {
        row[0]
        for row in frame.where("amount IS NULL")
        .selectExpr("regexp_replace(trim(price), '[0-9]+', '9')")
        .distinct()
        .collect()
    }
    assert left == {"$9.9–$9.9", "$9.9 - $9.9"}
    money = {row["currency"]: row["count"] for row in frame.groupBy("currency").count().collect()}
    assert money == {"USD": 613_143 - 350 - 156, "IDR": 350, "CRC": 156}
    assert first_row(frame.where("currency = 'IDR'").agg(F.min("amount")))[0] > 10_000
