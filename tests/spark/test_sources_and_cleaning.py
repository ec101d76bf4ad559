"""Records keep their number; rows are accepted, or rejected with every reason."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from frames import first_row
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.duplicates import (
    DuplicatePolicy,
    mark_duplicates,
    record_identity,
    with_key_twice,
)
from clarion.collect.cleaning.facts import silver_facts
from clarion.collect.cleaning.parsing import fill_missing, parse_records
from clarion.collect.cleaning.reasons import RowPolicy, find_reasons
from clarion.collect.cleaning.rules import Rule
from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.persons import remove_persons
from clarion.collect.privacy.protect import protect_records
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.readers import reader_of
from clarion.collect.sources.records import (
    file_stats,
    fingerprint,
    number_records,
    refuse_unreadable,
)
from clarion.config import Config
from clarion.declarations.shop import parse_spec, rules
from clarion.kernel.errors import ConfigError, SourceError

HEADER = "order,line,when,who,product,quantity,price\n"


def _source(folder: Path, *, form: str = "csv", **change: object) -> Source:
    written = {
        "where": f"{folder}/*.{form}",
        "format": form,
        "options": {"header": True} if form == "csv" else {},
        "time_zone": "Europe/London",
        "currency": "GBP",
        "consent": {"basis": "declared", "purposes": ["analytics"]},
        "columns": {
            "order_ref": "order", "line_no": "line", "happened_at": "to_timestamp(when, 'yyyy-MM-dd HH:mm:ss')", "customer_ref": "who",
            "product_ref": "product", "quantity": "quantity", "unit_price": "price",
        },
        **change,
    }  # fmt: skip
    return parse_mapping("shop", {"orders": written}, variables={})[0]


def _read(spark: SparkSession, source: Source) -> DataFrame:
    reader = reader_of(spark, source, str)
    groups = reader.find_new([], note=print)
    files = tuple(sorted((file for group in groups for file in group), key=lambda file: file.path))
    records = reader.read(files, reader.column_names(files[0]))
    stats = file_stats(reader, records, chunks=files)
    refuse_unreadable(reader, stats)
    return number_records(records, stats)


def _checked_rows(
    frame: DataFrame,
    source: Source,
    *,
    products: DataFrame | None = None,
    duplicates: bool = True,
    own_rules: tuple[Rule, ...] = (),
) -> DataFrame:
    bronze = frame.select(
        "*",
        fingerprint(F.col("raw")).alias("_hash"),
        F.lit(False).alias("_person_removed"),
        F.lit(source.name).alias("_source"),
        F.lit("b").alias("_batch"),
        F.lit("2026-06-01").cast("timestamp").alias("_ingested_at"),
    )
    spec = parse_spec(source)
    typed = fill_missing(parse_records(bronze, spec), {}, spec)
    policy = RowPolicy(
        rules=rules(Config.load())[source.kind.name] + own_rules,
        policies=source.rules,
        required=source.required,
    )
    checked = find_reasons(typed, spec, policy, products=products)
    if not duplicates:
        return checked.withColumn("_duplicate", F.lit(False))
    by_all = DuplicatePolicy(key=None)
    identified = checked.withColumn("_identity", record_identity(by_all))
    return mark_duplicates(identified, None, by_all).drop("_identity")


@pytest.mark.parametrize("split", [None, 400])
def test_a_record_keeps_its_number_however_its_file_is_split(
    spark: SparkSession, tmp_path: Path, split: int | None
) -> None:
    (tmp_path / "a.csv").write_text(
        HEADER + "".join(f"o{row},1,2026-01-01 10:00:00,c,p,1,{row}\n" for row in range(1, 101))
    )
    (tmp_path / "b.csv").write_text(
        HEADER + "".join(f"o{row},1,2026-01-01 10:00:00,c,p,1,{row}\n" for row in range(1, 31))
    )
    before = str(spark.conf.get("spark.sql.files.maxPartitionBytes"))
    if split:
        spark.conf.set("spark.sql.files.maxPartitionBytes", split)
    try:
        found = (
            _read(spark, _source(tmp_path))
            .select("_file", "_row", F.col("raw")["price"].cast("int").alias("price"))
            .collect()
        )
    finally:
        spark.conf.set("spark.sql.files.maxPartitionBytes", before)
    assert len(found) == 130
    assert all(row["_row"] == row["price"] for row in found)


def test_every_reason_is_named_and_good_rows_pass(
    spark: SparkSession, rows: Callable[..., DataFrame], tmp_path: Path
) -> None:
    lines = [
        "o1,1,2026-01-01 10:00:00,c1,p1,2,3.50",
        "o2,1,2026-13-01 10:00:00,c1,p1,2,3.50",
        "o3,1,2026-01-01 10:00:00,c1,p1,0,-1",
        "o4,1,2026-01-01 10:00:00,c1,p9,1,1",
        "o5,1,2026-01-01 10:00:00,c1,,1,1",
        "o6,1,2027-01-01 10:00:00,c1,p1,1,1",
        "o1,1,2026-01-01 10:00:00,c1,p1,2,3.50",
    ]
    (tmp_path / "a.csv").write_text(HEADER + "\n".join(lines) + "\n")
    frame = _checked_rows(
        _read(spark, _source(tmp_path)),
        _source(tmp_path),
        products=rows("product_id string", ("p1",)),
    )
    found = {row["_row"]: row for row in frame.collect()}
    reasons = {
        number: sorted(reason["rule"] for reason in row["_reasons"])
        for number, row in found.items()
    }
    assert reasons[1] == []
    assert reasons[2] == ["unreadable"]
    assert reasons[3] == ["price_not_positive", "quantity_not_positive"]
    assert reasons[4] == ["unknown_product"]
    assert reasons[5] == ["missing"]
    assert reasons[6] == ["in_the_future"]
    assert [number for number, row in found.items() if row["_duplicate"]] == [7]
    assert found[1]["amount"] == 7
    assert found[1]["currency"] == "GBP"
    sample = found[2]["_reasons"][0]["sample"]
    assert sample == "0000-00-00 00:00:00"


def test_an_equal_record_is_a_duplicate_only_as_long_as_the_mapping_says(
    rows: Callable[..., DataFrame],
) -> None:
    schema = "raw map<string,string>, _hash string, _person_removed boolean, _file string, _file_hash string, _row long, _batch string, _ingested_at timestamp"

    def record(number: int, day: int, key: str | None = "k") -> tuple[object, ...]:
        return (
            {"id": key, "n": str(number)} if key else {"n": str(number)},
            f"h{number}",
            False,
            "f",
            "fh",
            number,
            f"b{day}",
            datetime(2026, 3, day),
        )

    records = rows(
        schema,
        record(1, 1),
        record(2, 8),
        record(3, 20),
        record(4, 20, "other"),
        record(5, 21, None),
        record(6, 22, None),
    )

    def identified(frame: DataFrame, policy: DuplicatePolicy) -> DataFrame:
        return frame.withColumn("_identity", record_identity(policy))

    for days, expected in ((None, {2, 3, 6}), (7, {2, 6}), (6, {6})):
        policy = DuplicatePolicy(key=("id",), within_days=days)
        marked = mark_duplicates(identified(records, policy), None, policy)
        assert {row["_row"] for row in marked.where("_duplicate").collect()} == expected, days
    two = DuplicatePolicy(key=("id", "n"))
    assert mark_duplicates(identified(records, two), None, two).where("_duplicate").isEmpty()
    by_id = DuplicatePolicy(key=("id",))
    before = identified(rows(schema, record(9, 1, "other")), by_id)
    arriving = identified(records, by_id)
    again = with_key_twice(arriving, "_identity", before.select("_identity"), send=F.broadcast)
    assert {row["_row"] for row in again.collect()} == {1, 2, 3, 4, 5, 6}
    for compared in (arriving, again):
        duplicates = mark_duplicates(compared, before, by_id).where("_duplicate").collect()
        assert {row["_row"] for row in duplicates} == {2, 3, 4, 6}
    alone = with_key_twice(arriving, "_identity", None, send=F.broadcast)
    assert {row["_row"] for row in alone.collect()} == {1, 2, 3, 5, 6}


def test_local_times_become_utc_across_the_clock_change(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(
        HEADER + "o1,1,2026-03-28 12:00:00,c,p,1,1\no2,1,2026-03-30 12:00:00,c,p,1,1\n"
    )
    frame = _checked_rows(_read(spark, _source(tmp_path)), _source(tmp_path)).select(
        F.date_format("happened_at", "HH").alias("hour"), "_row"
    )
    assert {row["_row"]: row["hour"] for row in frame.collect()} == {1: "12", 2: "11"}


def test_a_text_with_an_offset_is_not_shifted_again(spark: SparkSession, tmp_path: Path) -> None:
    source = _source(
        tmp_path,
        form="json",
        time_zone="Asia/Shanghai",
        columns={
            **{"order_ref": "o", "product_ref": "p", "quantity": "1", "unit_price": "1"},
            "happened_at": "t",
        },
    )
    (tmp_path / "a.json").write_text(
        '{"o":"1","p":"x","t":"2026-01-01T12:00:00Z"}\n{"o":"2","p":"x","t":"2026-01-01 12:00:00"}\n'
    )
    frame = _checked_rows(_read(spark, source), source).select(
        "_row", F.date_format("happened_at", "HH").alias("hour")
    )
    assert {row["_row"]: row["hour"] for row in frame.collect()} == {1: "12", 2: "04"}


def test_a_negative_quantity_is_a_return_where_the_mapping_says_so(
    spark: SparkSession, rows: Callable[..., DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "o1,1,2026-01-01 10:00:00,c1,p1,-2,3.50\n")
    source = _source(tmp_path, rules={"quantity": "negative_is_return"})
    from clarion.contracts.silver import ORDER_LINES

    names = rows(
        "namespace string, ref string, customer_id string, first_seen_at timestamp",
        ("shop", "c1", "k1", None),
    )
    frame = _checked_rows(_read(spark, source), source)
    line = first_row(
        silver_facts(
            frame.where("size(_reasons) = 0"),
            names,
            kind=source.kind,
            columns=ORDER_LINES.column_names,
        )
    )
    assert (line["kind"], line["quantity"], line["amount"], line["customer_id"]) == (
        "return",
        2,
        7,
        "k1",
    )


def test_an_invalid_rule_is_named_with_its_column(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "o1,1,2026-01-01 10:00:00,c1,p,1,3.5\n")
    source = _source(tmp_path)
    rule = Rule("too_many", "quantity", "quantty > 1000", "error", "more than anybody buys")
    with pytest.raises(
        ConfigError, match=r"rules/every.yml: too_many \(orders.quantity\): invalid"
    ) as error:
        _checked_rows(_read(spark, source), source, own_rules=(rule,))
    assert "did you mean 'quantity'?" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("o1,1,2026-01-01 10:00:00,c1\n", "cannot be parsed"),
        ("o1,1,2026,M\xfcller,p,1,1\n", "not UTF-8"),
    ],
)
def test_a_cut_file_and_a_wrong_encoding_are_refused(
    spark: SparkSession, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "a.csv").write_bytes(
        (HEADER + "o0,1,2026-01-01 10:00:00,c1,p,1,1\n" + text).encode("latin-1")
    )
    with pytest.raises(SourceError, match=message):
        _read(spark, _source(tmp_path))


def test_a_file_with_another_header_is_refused_not_read_by_position(
    spark: SparkSession, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "o1,1,2026-01-01 10:00:00,c,p,1,1\n")
    (tmp_path / "b.csv").write_text(
        "line,order,when,who,product,quantity,price\n1,o2,2026-01-01 10:00:00,c,p,1,1\n"
    )
    with pytest.raises(SourceError, match="header"):
        _read(spark, _source(tmp_path))


@pytest.mark.covers("Q8")
def test_no_readable_personal_value_and_no_key_is_left_in_the_record_or_the_plan(
    spark: SparkSession, rows: Callable[..., DataFrame]
) -> None:
    written = {
        "where": "/x.csv", "format": "csv", "time_zone": "UTC", "consent": {"basis": "recorded"},
        "columns": {"customer_ref": "who", "registered_at": "at", "phone": "regexp_replace(Mobile, '[^0-9]', '')"},
    }  # fmt: skip
    source = parse_mapping("shop", {"registrations": written}, variables={})[0]
    frame = rows(
        "raw map<string,string>, _person_removed boolean",
        ({"who": "c1", "at": "2026-01-01", "Mobile": "139-0000-0000"}, False),
    )
    key = Key.derive("ab" * 32, key_id="k1")
    safe, values = protect_records(frame, source, source_columns=("who", "at", "Mobile"), key=key)
    raw = first_row(safe)["raw"]
    assert raw["token:phone"].startswith("k1.")
    assert "139" not in str(
        {name: text for name, text in raw.items() if name != "token:phone"}.values()
    )
    assert first_row(values)["value"] == "13900000000"
    plan = safe._jdf.queryExecution().toString()
    assert key.lookup.hex() not in plan
    assert "ab" * 32 not in plan


@pytest.mark.covers("C10")
def test_a_person_without_consent_is_removed_and_the_fact_stays(
    spark: SparkSession, rows: Callable[..., DataFrame], tmp_path: Path
) -> None:
    source = _source(tmp_path)
    frame = rows(
        "raw map<string,string>, _person_removed boolean",
        ({"who": "yes", "order": "1"}, False), ({"who": "no", "order": "2"}, False), ({"who": None, "order": "3"}, False),
    )  # fmt: skip
    consented = remove_persons(
        frame,
        source,
        source_columns=("who", "order"),
        consenting=rows("ref string", ("yes",)),
    )
    by_order = {row["raw"]["order"]: row for row in consented.collect()}
    assert by_order["1"]["raw"]["who"] == "yes"
    assert by_order["2"]["_person_removed"]
    assert "who" not in by_order["2"]["raw"]
    assert not by_order["3"]["_person_removed"]
