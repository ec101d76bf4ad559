"""What an order line states, what follows from it, and what contradicts it: worked out by hand."""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.facts import silver_facts
from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, find_reasons
from clarion.collect.sources.checks import check_mapping
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.config import Config
from clarion.contracts.silver import ORDER_LINES
from clarion.contracts.sources import KINDS
from clarion.declarations.shop import parse_spec, rules
from clarion.kernel.errors import ConfigError, SourceError
from clarion.measures.columns.frames import local_frame

IDENTITIES = "ref string, customer_id string"


def mapping(columns: dict[str, Any], **section: Any) -> Source:
    body = {
        "where": "x",
        "format": "csv",
        "time_zone": "UTC",
        "currency": "USD",
        "consent": {"basis": "declared"},
        "columns": {
            "order_ref": "'o'",
            "happened_at": "'2026-05-01'",
            "product_ref": "'p'",
            "quantity": "q",
            **columns,
        },
        **section,
    }
    return parse_mapping("m", {"orders": body}, variables={})[0]


def cleaned(spark: SparkSession, *tried: tuple[Source, Iterable[str]]) -> list[list[Row]]:
    """The lines of each mapping: what silver has, or why not. One action for all of them.

    A record is written as 'q=3 a=10.00'.
    """
    frames = [
        _cleaned(spark, place, source, records) for place, (source, records) in enumerate(tried)
    ]
    found = reduce(DataFrame.unionByName, frames).orderBy("place", "_row").collect()
    return [[row for row in found if row["place"] == place] for place in range(len(tried))]


def _cleaned(spark: SparkSession, place: int, source: Source, records: Iterable[str]) -> DataFrame:
    values = [
        f"({number}L, map({', '.join(repr(part) for item in record.split() for part in item.split('=', 1))}))"
        for number, record in enumerate(records, start=1)
    ]
    bronze = spark.sql(f"SELECT * FROM VALUES {', '.join(values)} AS t(_row, raw)").selectExpr(
        "*", "'h' AS _hash", "false AS _person_removed", "CAST(NULL AS string) AS _malformed",
        "'m' AS _source", "'f' AS _file", "'fh' AS _file_hash", "'b' AS _batch",
        "TIMESTAMP '2026-06-01' AS _ingested_at",
    )  # fmt: skip
    spec = parse_spec(source)
    typed = parse_records(bronze, spec)
    fills = {name: F.lit(policy.fill) for name, policy in source.missing.items()}  # type: ignore[union-attr]
    policy = RowPolicy(
        rules=rules(Config.load())["orders"], policies=source.rules, required=source.required
    )
    judged = find_reasons(fill_missing(typed, fills, spec), spec, policy, products=None)
    identities = local_frame(spark, [], IDENTITIES)
    columns = (*ORDER_LINES.column_names, "_reasons")
    facts = silver_facts(judged, identities, kind=KINDS["orders"], columns=columns)
    reasons = F.expr("transform(_reasons, r -> concat(r.rule, ' ', r.column))")
    return facts.withColumns({"reasons": reasons, "place": F.lit(place)})


def shown(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    return [
        tuple(str(row[name]) if row[name] is not None else None for name in columns) for row in rows
    ]


AMOUNTS = (
    "q=3 a=10.00 c=USD", "q=7 a=0.05 c=USD", "q=6 a=100.00 c=USD", "q=1 a=0.01 c=USD",
    "q=0.375 a=2.99 c=USD", "q=1.333 a=4.20 c=USD", "q=9 a=1000000.01 c=USD", "q=12 a=.99 c=USD",
    "q=-2 a=-19.99 c=USD", "q=-7 a=-0.05 c=USD", "q=0 a=45.60 c=USD", "q=11 a=abc c=USD",
    "q=11 c=USD", "q=3 a=10.00 c=EUR", "q=1000 a=12.34 c=EUR", "q=-3 a=-1.00 c=EUR",
)  # fmt: skip


def test_the_sum_of_lines_with_a_total_alone_is_that_of_the_source_to_the_cent(
    spark: SparkSession,
) -> None:
    source = mapping({"amount": "a", "currency": "c"}, rules={"quantity": "negative_is_return"})
    (lines,) = cleaned(spark, (source, AMOUNTS))
    refused = {row["_row"]: row["reasons"] for row in lines if row["reasons"]}
    assert refused == {
        11: ["quantity_zero quantity"],  # fuel: its 45.60 are in the quarantine
        12: ["unreadable amount"],
        13: ["missing amount"],
    }
    sums: dict[str, Decimal] = {}
    for row in lines:
        if not row["reasons"]:
            sign = {"sale": 1, "return": -1}[row["kind"]]
            sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + sign * row["amount"]
    # By hand: 10.00 + 0.05 + 100.00 + 0.01 + 2.99 + 4.20 + 1000000.01 + 0.99 - 19.99 - 0.05.
    assert sums == {"USD": Decimal("1000098.21"), "EUR": Decimal("21.34")}
    assert shown(lines[:5], "unit_price", "amount") == [
        ("3.3333", "10.0000"), ("0.0071", "0.0500"), ("16.6667", "100.0000"), ("0.0100", "0.0100"),
        ("7.9733", "2.9900"),
    ]  # fmt: skip
    assert shown(lines[8:10], "unit_price", "quantity", "amount") == [
        ("9.9950", "2.0000", "19.9900"),
        ("0.0071", "7.0000", "0.0500"),
    ]


def test_what_a_line_states_twice_is_compared_and_what_it_leaves_out_follows(
    spark: SparkSession,
) -> None:
    source = mapping(
        {"unit_price": "p", "amount": "a", "discount": "d", "currency": "c"},
        rules={"quantity": "negative_is_return"},
    )
    (lines,) = cleaned(
        spark,
        (
            source,
            (
                "q=3 p=3.33 a=10.00", "q=3 p=3.34 a=10.00", "q=0.375 p=7.99 a=3.00",
                "q=2 p=10 d=1.50 a=18.50", "q=-2 p=10 d=1.50 a=-18.50", "q=-2 p=10 d=-1.50 a=18.50",
                "q=7 p=7 a=50 c=JPY", "q=7 p=7 a=54 c=JPY", "q=7 p=7 a=50",
                "q=2 p=12.50 a=2500", "q=2 p=10 d=1.50 a=21.50",
                "q=4 a=10", "q=4 p=2.50", "q=4 d=2 a=10", "q=4", "q=2 p=abc a=10", "q=2 p=5 a=abc",
                "q=99999999999999 p=99999999999999", "q=0.0001 a=99999999999999",
            ),
        ),
    )  # fmt: skip
    fits, differs = [None], ["amount_differs"]
    assert [row["warnings"] or [None] for row in lines[:11]] == [
        *[fits] * 7, *[differs] * 4,
    ]  # fmt: skip
    assert [str(row["amount"]) for row in lines[:11]] == [
        *("10.0000", "10.0000", "3.0000", "18.5000", "18.5000", "18.5000", "50.0000", "54.0000"),
        *("50.0000", "2500.0000", "21.5000"),  # what was paid counts
    ]
    assert [row["reasons"] for row in lines[:14]] == [[]] * 14
    assert shown(lines[11:14], "unit_price", "amount") == [
        ("2.5000", "10.0000"),
        ("2.5000", "10.0000"),
        ("3.0000", "10.0000"),
    ]
    assert [row["reasons"] for row in lines[14:]] == [
        ["missing unit_price"],
        ["unreadable unit_price"],
        ["unreadable amount"],
        ["out_of_range amount"],
        ["out_of_range unit_price"],
    ]


def test_a_discount_is_what_the_mapping_says_and_is_checked_against_its_line(
    spark: SparkSession,
) -> None:
    def discount(body: Any, **columns: Any) -> Source:
        columns = columns or {"unit_price": "p"}
        rule = {"quantity": "negative_is_return", "amount": "may_be_zero"}
        return mapping({"discount": body, **columns}, rules=rule)

    price = {"from": "d", "as": "price"}
    line, minus, unit, share, of_amount = cleaned(
        spark,
        (discount("d"), ("q=2 p=10 d=5", "q=2 p=10", "q=2 p=10 d=20", "q=2 p=10 d=-5", "q=2 p=10 d=25", "q=-2 p=10 d=5", "q=-2 p=10 d=-5")),
        (discount({**price, "sign": "minus"}), ("q=2 p=10 d=-5.00", "q=2 p=10 d=0", "q=2 p=10 d=5")),
        (discount({**price, "per": "unit"}), ("q=3 p=10 d=1.50", "q=3 p=10 d=10.01", "q=-3 p=10 d=1.50")),
        (discount({"from": "d", "as": "percent", "decimal": ","}), ("q=3 p=10 d=15", "q=3 p=10 d=12,5%", "q=3 p=10 d=%100", "q=3 p=10 d=110%", "q=3 p=10 d=-15", "q=3 p=10 d=15%off", "q=-3 p=10 d=15%")),
        (discount({"from": "d", "as": "percent"}, amount="a"), ("q=3 a=25.50 d=15", "q=3 a=0 d=100", "q=3 a=30 d=100%", "q=3 a=30 d=150")),
    )  # fmt: skip
    values = ("discount", "amount")
    assert shown(line, *values) == [
        ("5.0000", "15.0000"), (None, "20.0000"), ("20.0000", "0.0000"), ("-5.0000", "25.0000"),
        ("25.0000", "5.0000"), ("5.0000", "15.0000"), ("5.0000", "15.0000"),
    ]  # fmt: skip
    assert [row["reasons"] for row in line] == [
        *[[]] * 3,
        ["discount_negative discount"],
        ["amount_negative amount", "discount_above_line discount"],
        *[[]] * 2,
    ]
    assert shown(minus, *values)[:2] == [("5.0000", "15.0000"), ("0.0000", "20.0000")]
    assert [row["reasons"] for row in minus] == [[], [], ["discount_negative discount"]]
    assert shown(unit, *values)[::2] == [("4.5000", "25.5000"), ("4.5000", "25.5000")]
    assert "discount_above_line discount" in unit[1]["reasons"]
    assert shown(share, *values)[:3] == [
        ("4.5000", "25.5000"), ("3.7500", "26.2500"), ("30.0000", "0.0000"),
    ]  # fmt: skip
    assert shown(share, *values)[-1] == ("4.5000", "25.5000")
    assert [bool(row["reasons"]) for row in share] == [False, False, False, True, True, True, False]
    assert "discount_above_line discount" in share[3]["reasons"]
    assert share[4]["reasons"] == ["discount_negative discount"]
    assert share[5]["reasons"] == ["unreadable discount"]
    assert shown(of_amount, "unit_price", *values)[:2] == [
        ("10.0000", "4.5000", "25.5000"),
        ("0.0000", "0.0000", "0.0000"),
    ]
    assert [bool(row["reasons"]) for row in of_amount] == [False, False, True, True]


def test_a_gift_is_a_sale_of_nothing_where_the_mapping_accepts_it(spark: SparkSession) -> None:
    gifts = ("q=1 p=0 a=0", "q=2 p=5 a=10", "q=1 p=-1 a=-1", "q=-1 p=0 a=0")
    both = {"unit_price": "p", "amount": "a"}
    returns = {"quantity": "negative_is_return"}
    tried: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
        ({"unit_price": "p"}, {}),
        ({"unit_price": "p"}, {"unit_price": "may_be_zero"}),
        ({"amount": "a"}, {}),
        ({"amount": "a"}, {"amount": "may_be_zero"}),
        (both, {"unit_price": "may_be_zero"}),
    )
    found = cleaned(
        spark, *((mapping(columns, rules={**returns, **rule}), gifts) for columns, rule in tried)
    )
    accepted = [[row["_row"] for row in lines if not row["reasons"]] for lines in found]
    # Without a price of its own a return of nothing is one: nothing says that it was sold.
    assert accepted == [[2], [1, 2, 4], [2, 4], [1, 2, 4], [1, 2, 4]]
    assert found[2][0]["reasons"] == ["amount_not_positive amount"]
    for lines in (found[1], found[3], found[4]):
        assert shown(lines[:1], "kind", "quantity", "unit_price", "amount", "refund") == [
            ("sale", "1.0000", "0.0000", "0.0000", None)
        ]


def test_a_column_of_text_is_a_number_where_a_mapping_calculates_with_it(
    spark: SparkSession,
) -> None:
    european = {"from": "s / q", "as": "price", "decimal": ","}
    plain, comma, cases, strings = cleaned(
        spark,
        (mapping({"unit_price": "s / q"}), ("q=4 s=10.00", "q=0 s=5", "q=4 s=ten", "q=3 s=1e1", "q=4 s=1,000")),
        (mapping({"unit_price": european, "quantity": {"from": "q", "as": "number", "decimal": ","}}), ("q=1,5 s=€1.500,75", "q=4 s=10.5", "q=0 s=1")),
        (mapping({"unit_price": "CASE WHEN q < 0 THEN -p ELSE p END", "quantity": "abs(q)", "discount": "round(coalesce(d, 0) * 1.0, 2)"}), ("q=-2 p=-2.5 d=0.5", "q=2 p=3", "q=2 p=x")),
        (mapping({"unit_price": "regexp_replace(p, '[$]', '') * 2 / split(q, ';')[1]", "quantity": "split(q, ';')[0]"}), ("q=3;4 p=$5.00", "q=3 p=$5.00", "q=3;0 p=$5.00")),
    )  # fmt: skip
    values = ("quantity", "unit_price", "amount")
    assert shown(plain, *values)[::3] == [
        ("4.0000", "2.5000", "10.0000"),
        ("3.0000", "3.3333", "10.0000"),
    ]
    unreadable = ["unreadable unit_price"]
    assert [row["reasons"] for row in plain] == [
        [], [*unreadable, "quantity_not_positive quantity"], unreadable, [], unreadable,
    ]  # fmt: skip
    assert shown(comma, "unit_price") == [("1000.5000",), (None,), (None,)]
    assert shown(cases, *values)[:2] == [
        ("2.0000", "2.5000", "4.5000"),
        ("2.0000", "3.0000", "6.0000"),
    ]
    assert cases[2]["reasons"] == unreadable
    assert shown(strings, "quantity", "unit_price") == [
        ("3.0000", "2.5000"), ("3.0000", None), ("3.0000", None),
    ]  # fmt: skip
    assert [row["reasons"] for row in strings[1:]] == [unreadable, unreadable]


def test_what_is_filled_counts_in_what_follows(spark: SparkSession) -> None:
    fill = {"quantity": {"fill": 2}}
    both = ({"unit_price": "p"}, {"amount": "p"})
    by_price, by_amount = cleaned(
        spark, *((mapping(columns, missing=fill), ("p=10", "q=x p=10")) for columns in both)
    )
    assert shown(by_price, "unit_price", "amount") == [("10.0000", "20.0000"), ("10.0000", None)]
    assert shown(by_amount, "unit_price", "amount") == [("5.0000", "10.0000"), (None, "10.0000")]
    assert [row["reasons"] for row in by_price] == [[], ["unreadable quantity"]]


MISTAKES = {
    "SALES_PRICE / AMOUNTS": ("there is no column 'AMOUNTS'", "did you mean 'AMOUNT'?"),
    "divide(SALES_PRICE, AMOUNT)": ("there is no function 'divide'", "a function of Spark SQL"),
    "sum(SALES_PRICE) / AMOUNT": ("an aggregate over several rows", "the row's own columns"),
    "SALES_PRICE AMOUNT": ("a syntax error at", "write one SQL expression"),
    "SALES_PRICE /": ("a syntax error at", "write one SQL expression"),
    "CASE WHEN AMOUNT > 0 THEN SALES_PRICE": ("a syntax error at", "write one SQL expression"),
    "array(SALES_PRICE)": ("cannot become decimal(18,4)", "an expression that gives decimal(18,4)"),
    "round(SALES_PRICE, 1, 2)": ("'round' has 3 arguments", "write [1, 2] arguments"),
    "SALES_PRICE['x']": ("SALES_PRICE is string", "cast(column as type)"),
}


def test_each_mistake_in_a_mapping_names_its_place_and_what_to_write(spark: SparkSession) -> None:
    found = {}
    for text in MISTAKES:
        with pytest.raises(SourceError) as error:
            check_mapping(spark, mapping({"unit_price": text}), ("q", "SALES_PRICE", "AMOUNT"))
        assert error.value.what == f"mapping m.orders.unit_price: invalid expression: {text}"
        found[text] = str(error.value.found), str(error.value.fix)
    wrong = {
        text: found[text]
        for text, parts in MISTAKES.items()
        if not all(part in message for part, message in zip(parts, found[text], strict=True))
    }
    assert wrong == {}
    for text in (
        "SALES_PRICE / AMOUNT",
        "-AMOUNT",
        "CASE WHEN AMOUNT < 0 THEN -AMOUNT ELSE AMOUNT END",
    ):
        check_mapping(spark, mapping({"unit_price": text}), ("q", "SALES_PRICE", "AMOUNT"))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "required column 'unit_price' or 'amount' is not mapped"),
        ({"unit_price": {"from": "p", "as": "percent"}}, "only a discount is stated in per cent"),
        ({"unit_price": {"from": "p", "as": "price", "sign": "minus"}}, "only a discount"),
        ({"amount": "a", "discount": {"from": "d", "as": "percent", "per": "unit"}}, "per cent"),
        ({"amount": "a", "discount": {"from": "d", "as": "price", "sign": "-"}}, "sign"),
    ],
)
def test_a_mapping_says_what_a_line_states(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        mapping(columns)
    assert error.value.fix is not None


def test_amounts_of_an_order_are_spread_over_its_lines(spark: SparkSession) -> None:
    columns = {
        "order_ref": "o", "unit_price": "p", "discount": {"from": "d", "as": "price", "per": "order"},
        "refund": {"from": "r", "as": "price", "per": "order"},
    }  # fmt: skip
    source = mapping(columns, rules={"quantity": "negative_is_return", "amount": "may_be_zero"})
    records = (
        # 10 off 90, on the first line: a third each for three lines of 30.
        "o=A q=1 p=30 d=10", "o=A q=3 p=10", "o=A q=2 p=15",
        # On every line; 1:3. 12 of 36 are paid back: 3 and 9.
        "o=B q=1 p=10 d=4 r=12", "o=B q=3 p=10 d=4 r=12",
        # More is paid back than the goods cost: for shipping.
        "o=C q=1 p=20 r=34.90", "o=C q=1 p=10 r=",
        # Two discounts of one order; more off than its lines cost; none; a text that is no amount.
        "o=D q=1 p=10 d=2", "o=D q=1 p=10 d=3",
        "o=E q=1 p=10 d=25", "o=E q=1 p=10",
        "o=F q=1 p=10 d=0", "o=F q=1 p=10",
        "o=G q=1 p=10 d=some", "o=G q=1 p=10",
        # Records without an order are no lines of one another; a return mirrors its sale.
        "q=1 p=10 d=1", "q=1 p=10",
        "o=H q=-1 p=30 d=6", "o=H q=-1 p=10",
    )  # fmt: skip
    (found,) = cleaned(spark, (source, records))
    values = dict(zip(records, shown(found, "discount", "amount", "refund"), strict=True))
    reasons = dict(zip(records, (row["reasons"] for row in found), strict=True))
    of = {record[2:3]: [v for r, v in values.items() if r[:3] == record[:3]] for record in records}
    assert of["A"] == [
        ("3.3333", "26.6667", None), ("3.3334", "26.6666", None), ("3.3333", "26.6667", None),
    ]  # fmt: skip
    assert of["B"] == [("1.0000", "6.0000", "3.0000"), ("3.0000", "18.0000", "9.0000")]
    assert of["C"] == [(None, "0.0000", "20.0000"), (None, "0.0000", "10.0000")]
    assert of["F"] == [("0.0000", "10.0000", None)] * 2
    assert of["H"] == [("4.5000", "25.5000", None), ("1.5000", "8.5000", None)]
    assert values["q=1 p=10 d=1"] == ("1.0000", "9.0000", None)
    assert values["q=1 p=10"] == (None, "10.0000", None)
    assert {record: reason for record, reason in reasons.items() if reason} == {
        "o=D q=1 p=10 d=2": ["unreadable discount"],
        "o=D q=1 p=10 d=3": ["unreadable discount"],
        "o=E q=1 p=10 d=25": ["amount_negative amount", "discount_above_line discount"],
        "o=E q=1 p=10": ["amount_negative amount", "discount_above_line discount"],
        "o=G q=1 p=10 d=some": ["unreadable discount"],
        "q=1 p=10 d=1": ["missing order_ref"],
        "q=1 p=10": ["missing order_ref"],
    }


def test_a_price_in_another_currency_than_its_record_is_rejected(spark: SparkSession) -> None:
    """The shop of these mappings counts in USD."""
    price = {"unit_price": {"from": "p", "as": "price"}}
    with_column = mapping({**price, "currency": "c"})
    of_shop = mapping(price)
    symbols = mapping({"unit_price": {"from": "p", "as": "price", "symbols": {"$": "CAD"}}})
    stated, shops, declared = cleaned(
        spark,
        (with_column, ("q=1 p=5.00€ c=EUR", "q=1 p=5.00€ c=GBP", "q=1 p=GBP5 c=EUR", "q=1 p=5 c=EUR", "q=1 p=$5 c=EUR", "q=1 p=£5")),
        (of_shop, ("q=1 p=5.00", "q=1 p=5USD", "q=1 p=5.00EUR", "q=1 p=¥5", "q=1 p=5元")),
        (symbols, ("q=1 p=$5", "q=1 p=US$5")),
    )  # fmt: skip
    wrong = ["other_currency unit_price"]
    assert [row["reasons"] for row in stated] == [[], wrong, wrong, [], [], wrong]
    assert [row["reasons"] for row in shops] == [[], [], wrong, [], wrong]
    assert [row["reasons"] for row in declared] == [wrong, []]
    assert shown(stated[:1], "unit_price", "amount") == [("5.0000", "5.0000")]
