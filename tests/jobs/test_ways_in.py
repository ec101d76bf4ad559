"""Every way in, each with the real component: the same orders through all of them are the same facts."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from reader_contract import check_errors, check_reader
from servers import Broker, Database
from worlds import Desk

from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.readers import reader_of
from clarion.kernel.errors import ClarionError, SourceError
from clarion.measures.columns.frames import local_frame

pytestmark = pytest.mark.deep  # real servers

Rows = list[tuple[str, ...]]
ORDERS: Rows = [
    ("o1", "2026-01-02 10:00:00", "Müller", "p1", "2", "3.50", "one"),
    ("o2", "2026-01-03 11:30:00", "王小明", "p2", "1", "19.90", 'two; "quoted", with\ttab'),
    ("o3", "2026-01-04 12:00:00", "Ünal", "p1", "3", "3.50", "three"),
]
NAMES = ("order", "when", "who", "product", "quantity", "price", "note")
COLUMNS = {
    "order_ref": "`order`",
    "happened_at": "when",
    "customer_ref": "who",
    "product_ref": "product",
    "quantity": "quantity",
    "unit_price": "price",
}
LATIN: Rows = [row for row in ORDERS if row[2] != "王小明"]
Make = Callable[..., Desk]


def orders(where: str, form: str, **change: Any) -> dict[str, Any]:
    written = {
        "where": where, "format": form, "time_zone": "UTC", "currency": "EUR", "consent": {"basis": "declared", "purposes": ["analytics"]},
        "columns": COLUMNS, **change,
    }  # fmt: skip
    return {"orders": written}


def facts(desk: Desk, mapping: str = "shop") -> list[tuple[str, str, str]]:
    rows = (
        desk.read("silver.order_lines")
        .where(f"_source = '{mapping}.orders'")
        .selectExpr("order_id", "string(happened_at)", "string(amount)")
        .collect()
    )
    return sorted(tuple(row) for row in rows)


def names(desk: Desk, mapping: str = "shop") -> set[str]:
    return {
        row[0]
        for row in desk.read("silver.identities")
        .where(f"namespace = '{mapping}'")
        .select("ref")
        .collect()
    }


def expected(rows: Rows = ORDERS) -> list[tuple[str, str, str]]:
    return sorted((row[0], row[1], f"{float(row[4]) * float(row[5]):.4f}") for row in rows)


def text(rows: Rows = ORDERS, **dialect: Any) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", **dialect)
    writer.writerows([NAMES, *rows])
    return buffer.getvalue()


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


CSV = {
    "semicolons": (".csv", text(delimiter=";").encode(), {"sep": ";"}, ORDERS),
    "tabs_and_single_quotes": (
        ".tsv",
        text(delimiter="\t", quotechar="'").encode(),
        {"sep": "\t", "quote": "'"},
        ORDERS,
    ),
    "latin_1": (".csv", text(LATIN).encode("latin-1"), {"encoding": "ISO-8859-1"}, LATIN),
    "gb18030": (".csv", text().encode("gb18030"), {"encoding": "GB18030"}, ORDERS),
    "gzip": (".csv.gz", gzip.compress(text().encode()), {}, ORDERS),
    "zstd": (".csv.zst", _zstd(text().encode()), {}, ORDERS),
    "byte_order_mark": (".csv", b"\xef\xbb\xbf" + text().encode(), {}, ORDERS),
}


def _nested(row: tuple[str, ...]) -> dict[str, Any]:
    values = dict(zip(NAMES, row, strict=True))
    return {
        "order": values["order"],
        "when": values["when"],
        "person": {"who": values["who"]},
        "lines": [{k: values[k] for k in ("product", "quantity", "price")}],
    }


NESTED = {
    **COLUMNS, "customer_ref": "get_json_object(person, '$.who')", "product_ref": "get_json_object(lines, '$[0].product')",
    "quantity": "get_json_object(lines, '$[0].quantity')", "unit_price": "get_json_object(lines, '$[0].price')",
}  # fmt: skip


def _deliver_json(folder: Path) -> dict[str, dict[str, Any]]:
    """Lines, one list and one object a file."""
    records = [_nested(row) for row in ORDERS]
    for form in ("lines", "list", "objects"):
        (folder / form).mkdir()
    (folder / "lines" / "a.json").write_text(
        "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    )
    (folder / "list" / "a.json").write_text(json.dumps(records, ensure_ascii=False, indent=2))
    for place, record in enumerate(records):
        (folder / "objects" / f"{place}.json").write_text(json.dumps(record, indent=2))
    whole = {"multiLine": True}
    return {
        form: orders(
            f"${{data}}/{form}/*.json",
            "json",
            columns=NESTED,
            options={} if form == "lines" else whole,
        )
        for form in ("lines", "list", "objects")
    }


@pytest.mark.covers("C3")
def test_files_of_any_format_give_the_same_facts(
    spark: SparkSession, desk: Make, tmp_path: Path
) -> None:
    mappings = {}
    for dialect, (ending, content, options, _) in CSV.items():
        (tmp_path / dialect).mkdir()
        (tmp_path / dialect / f"orders{ending}").write_bytes(content)
        mappings[dialect] = orders(
            f"${{data}}/{dialect}/orders*",
            "csv",
            options={"header": True, "escape": '"', **options},
        )
    mappings |= _deliver_json(tmp_path)
    (tmp_path / "shop.log").write_text("\n".join("|".join(row) for row in ORDERS))
    columns = {
        name: f"split(_line, '[|]')[{place}]" for name, place in zip(COLUMNS, range(6), strict=True)
    }
    mappings["log"] = orders("${data}/*.log", "text", columns=columns)
    _frame(spark, ORDERS[:2]).write.parquet(str(tmp_path / "a"))
    _frame(spark, ORDERS[2:]).selectExpr(
        "*", "named_struct('deep', array(1, 2)) AS extra"
    ).write.parquet(str(tmp_path / "b"))
    mappings["parquet"] = orders("${data}/[ab]/*.parquet", "parquet")
    here = desk(mappings)
    here.run("ingest", "clean")
    for name in mappings:
        rows = CSV[name][3] if name in CSV else ORDERS
        assert (name, facts(here, name)) == (name, expected(rows))
        assert (name, names(here, name)) == (name, {row[2] for row in rows})
    kept = (
        here.read("bronze.orders")
        .selectExpr("raw['extra'] AS extra")
        .where("extra IS NOT NULL")
        .collect()
    )
    assert [row["extra"] for row in kept] == ['{"deep":[1,2]}']


def _frame(spark: SparkSession, rows: Rows = ORDERS) -> DataFrame:
    return local_frame(spark, rows, ", ".join(f"`{name}` string" for name in NAMES)).selectExpr(
        "* EXCEPT (quantity)", "int(quantity) AS quantity"
    )


@pytest.mark.covers("C3")
def test_a_delta_table_is_taken_by_what_changed(
    spark: SparkSession, desk: Make, tmp_path: Path
) -> None:
    table = str(tmp_path / "theirs")
    _frame(spark, ORDERS[:2]).write.format("delta").option(
        "delta.enableChangeDataFeed", "true"
    ).save(table)
    here = desk({"shop": orders("${data}/theirs", "delta")})
    here.run("ingest", "clean")
    assert facts(here) == expected(ORDERS[:2])
    _frame(spark, ORDERS[2:]).write.format("delta").mode("append").save(table)
    spark.sql(f"OPTIMIZE delta.`{table}`")  # moves rows to other files: nothing new
    here.run("ingest", "clean")
    assert facts(here) == expected()
    here.run("ingest")
    assert here.said[-1] == "nothing new"
    assert here.read("bronze.orders").count() == 3


def test_a_delta_table_without_a_change_feed_is_refused_the_second_time(
    spark: SparkSession, desk: Make, tmp_path: Path
) -> None:
    table = str(tmp_path / "theirs")
    _frame(spark, ORDERS[:2]).write.format("delta").save(table)
    here = desk({"shop": orders("${data}/theirs", "delta")})
    here.run("ingest")
    _frame(spark, ORDERS[2:]).write.format("delta").mode("append").save(table)
    with pytest.raises(SourceError, match="does not record what changed") as error:
        here.run("ingest")
    assert "enableChangeDataFeed" in str(error.value)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    found = Database(tmp_path_factory.mktemp("database"))
    yield found
    found.stop()


@pytest.mark.covers("C3")
def test_a_database_is_read_by_what_was_added(
    desk: Make, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run(
        'CREATE TABLE orders (id bigserial, "order" text, "when" timestamp, who text, product text, quantity int, price numeric(12,4), at timestamptz)',
        *(
            f"INSERT INTO orders SELECT {place}, '{o}', '{w}', '{c}', '{p}', {q}, {m}, '{w}Z'"
            for place, (o, w, c, p, q, m, _) in enumerate(ORDERS[:2], 1)
        ),
    )
    monkeypatch.setenv("SHOP_DATABASE", database.password)
    source = orders(
        database.address, "jdbc", options={"dbtable": "orders", "user": database.user}, secrets={"password": "env:SHOP_DATABASE"},
        incremental={"by": "at", "overlap": 7200},
    )  # fmt: skip
    here = desk({"shop": source})
    here.run("ingest", "clean")
    assert facts(here) == expected(ORDERS[:2])
    here.run("ingest")
    assert here.said[-1] == "nothing new"
    o, w, c, p, q, m, _ = ORDERS[2]
    # One row is new, another was committed late: its time lies within the overlap, before the newest that was taken.
    database.run(
        f"INSERT INTO orders SELECT 3, '{o}', '{w}', '{c}', '{p}', {q}, {m}, '2026-01-03 10:45:00Z'"
    )
    here.run("ingest", "clean")
    assert facts(here) == expected()
    everything = json.dumps(
        [row.asDict() for row in here.read("ops.files").collect()], default=str
    ) + " ".join(here.said)
    assert database.password not in everything
    monkeypatch.setenv("SHOP_DATABASE", "wrong")
    with pytest.raises(SourceError, match="cannot be read") as error:
        here.run("ingest")
    assert "wrong" not in str(error.value)


def test_a_table_of_a_database_keeps_the_contract_of_readers(
    spark: SparkSession, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run(
        "CREATE TABLE costs (day text, amount int)",
        "INSERT INTO costs VALUES ('2026-01-01', 1), ('2026-01-02', 2)",
    )
    written = {
        "where": database.address,
        "format": "jdbc",
        "time_zone": "UTC",
        "columns": {"day": "day", "channel": "'x'", "amount": "amount"},
        "options": {"dbtable": "costs", "user": database.user},
        "secrets": {"password": database.password},
        "incremental": {"by": "day"},
    }
    reader = reader_of(spark, parse_mapping("shop", {"costs": written}, variables={})[0], str)
    check_reader(
        reader,
        first=["2026-01-01", "2026-01-02"],
        more=["2026-01-03"],
        key="day",
        deliver=lambda: database.run("INSERT INTO costs VALUES ('2026-01-03', 3)"),
    )
    check_errors(reader)


def test_a_database_that_is_down_is_reported_and_nothing_is_written(
    desk: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DATABASE", database.password)
    options, secrets = (
        {"dbtable": "orders", "user": database.user},
        {"password": "env:SHOP_DATABASE"},
    )
    here = desk(
        {
            "shop": orders(
                database.address, "jdbc", options=options, secrets=secrets, incremental={"by": "id"}
            )
        }
    )
    database.stop()
    try:
        with pytest.raises(SourceError, match="cannot be read") as error:
            here.run("ingest")
    finally:
        database.start()
    assert "found:" in str(error.value)
    assert "refused" in str(error.value)
    assert here.read("bronze.orders").isEmpty()
    assert here.read("ops.files").isEmpty()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    found = Broker(tmp_path_factory.mktemp("broker"))
    yield found
    found.stop()


def _send(spark: SparkSession, broker: Broker, topic: str, records: list[dict[str, Any]]) -> None:
    frame = local_frame(
        spark,
        [(record["event_ref"], json.dumps(record, ensure_ascii=False)) for record in records],
        "key string, value string",
    )
    frame.write.format("kafka").option("kafka.bootstrap.servers", broker.address).option(
        "topic", topic
    ).save()


def _events(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "event_ref": f"e{n}",
            "happened_at": f"2026-01-02 10:00:{n % 60:02d}",
            "type": "view",
            "customer_ref": f"客户{n % 7}",
            "product_ref": f"p{n % 5}",
        }
        for n in range(first, first + count)
    ]


def events(where: str, **change: Any) -> dict[str, Any]:
    columns = {
        name: name for name in ("event_ref", "happened_at", "type", "customer_ref", "product_ref")
    }
    written = {
        "where": where,
        "format": "kafka",
        "time_zone": "UTC",
        "columns": columns,
        "consent": {"basis": "declared", "purposes": ["analytics"]},
        **change,
    }
    return {"events": written}


def _bronze(here: Desk) -> list[tuple[Any, ...]]:
    rows = (
        here.read("bronze.events")
        .selectExpr("_file", "_row", "_hash", "_file_hash", "_malformed", "to_json(raw)")
        .collect()
    )
    return sorted(tuple(row) for row in rows)


@pytest.mark.covers("C3")
def test_batch_and_stream_of_a_topic_give_the_same_records(
    spark: SparkSession, desk: Make, broker: Broker, tmp_path: Path
) -> None:
    _send(spark, broker, "clicks", _events(40))
    topic = f"kafka://{broker.address}/clicks"
    batch, stream = (
        desk({"shop": events(topic)}),
        Desk(spark, tmp_path / "stream", {"shop": events(topic, mode="stream")}),
    )
    for here, job in ((batch, "ingest"), (stream, "monitor")):
        here.run(job)
    assert len(_bronze(batch)) == 40
    _send(spark, broker, "clicks", _events(25, first=40))
    for here, job in (
        (batch, "ingest"),
        (stream, "monitor"),
        (batch, "ingest"),
        (stream, "monitor"),
    ):
        here.run(job)
    assert len(_bronze(batch)) == 65
    assert _bronze(batch) == _bronze(stream)
    batch.run("clean")
    assert batch.read("silver.events").count() == 65
    assert names(batch) == {f"客户{n}" for n in range(7)}


def test_a_topic_keeps_the_contract_of_readers(spark: SparkSession, broker: Broker) -> None:
    _send(spark, broker, "contract", _events(3))
    written = events(f"kafka://{broker.address}/contract")
    reader = reader_of(spark, parse_mapping("shop", written, variables={})[0], str)
    check_reader(
        reader,
        first=["e0", "e1", "e2"],
        more=["e3", "e4"],
        key="event_ref",
        deliver=lambda: _send(spark, broker, "contract", _events(2, first=3)),
    )
    check_errors(reader)


@pytest.mark.covers(
    "C8", partly="99 of 100 events are stored within three minutes under a sustained load"
)
def test_the_delay_of_a_stream_is_measured_while_it_happens(
    spark: SparkSession, desk: Make, broker: Broker
) -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(seconds=n) for n in range(50)] + [now - timedelta(minutes=30)]
    fresh = [
        {**event, "event_ref": f"n{n}", "happened_at": at.isoformat(timespec="seconds")}
        for n, (event, at) in enumerate(zip(_events(51), times, strict=True))
    ]
    _send(spark, broker, "live", fresh)
    here = desk({"shop": events(f"kafka://{broker.address}/live", mode="stream")})
    here.run("monitor", "scorecard")
    (row,) = here.read("ops.targets").where("target = 'C8 delay'").collect()
    assert (row["numerator"], row["denominator"]) == (50, 51)
    delays = [row["delays"] for row in here.read("ops.files").collect() if row["delays"]]
    assert max(delay[0] for delay in delays) < 180
    assert max(delay[1] for delay in delays) > 1700


@pytest.mark.parametrize(("job", "mode"), [("ingest", "batch"), ("monitor", "stream")])
def test_a_broker_that_goes_away_is_reported_and_nothing_is_lost(
    spark: SparkSession, desk: Make, broker: Broker, job: str, mode: str
) -> None:
    topic = f"visits-{mode}"
    _send(spark, broker, topic, _events(30))
    impatient = {"kafka.default.api.timeout.ms": 4000, "kafka.request.timeout.ms": 3000}
    here = desk({"shop": events(f"kafka://{broker.address}/{topic}", options=impatient, mode=mode)})
    here.run(job)
    _send(spark, broker, topic, _events(10, first=30))
    broker.stop()
    try:
        with pytest.raises(ClarionError, match="cannot be read") as error:
            here.run(job)
    finally:
        broker.start()
    assert "fix:" in str(error.value)
    assert here.read("bronze.events").count() == 30
    here.run(job, "clean")
    assert here.read("silver.events").count() == 40
