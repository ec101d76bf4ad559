"""A time that states its zone is an instant; only a local time is of the source's clock."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.collect.cleaning.parsing import parse_records
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.collect.sources.readers import reader_of
from clarion.declarations.shop import parse_spec
from clarion.kernel.instants import read_instants
from clarion.measures.columns.frames import local_frame

BERLIN = "Europe/Berlin"
LATE = "2026-05-01 23:30:00"  # UTC; in Berlin it is half past one of the next day

# Expression of a mapping, and what its texts mean in UTC; None cannot be read.
TIMES: list[tuple[Any, dict[str, str | None]]] = [
    (
        "x",
        {
            # these state their zone
            "2026-05-01 23:30:00+00": LATE, "2026-05-02 01:30:00+02": LATE, "2026-05-01T23:30:00Z": LATE,
            "2026-05-01T23:30:00z": LATE, "2026-05-01t23:30:00z": LATE, "2026-05-02T01:30+02": LATE, "2026-05-01 23:30Z": LATE,
            "2026-05-01T23:30:00.123456789Z": f"{LATE}.123456", "2026-05-01 23:30:00,5+00:00": f"{LATE}.5",
            "2026-05-02 05:00:00 +0530": LATE, "2026-05-01 16:30:00 -0700": LATE, "2026-05-01 16:30:00\u221207:00": LATE,
            "2026-05-01 23:30:00 UTC": LATE, "2026-05-01 23:30:00 GMT": LATE, "2026-05-02 01:30:00 GMT+2": LATE,
            "2026-05-02 01:30:00 UTC+02:00": LATE, "2026-05-02 07:30:00 Asia/Shanghai": LATE,
            "2026-05-02T01:30:00+02:00[Europe/Berlin]": LATE, "20260501T233000Z": LATE, "20260502T0130+02": LATE,
            "20260501T233000.25Z": f"{LATE}.25", " 2026-05-01 23:30:00Z ": LATE,
            "2026-10-25T00:30:00Z": "2026-10-25 00:30:00", "2026-10-25T01:30:00Z": "2026-10-25 01:30:00",
            # these are of the source's clock
            "2026-05-02 01:30:00": LATE, "2026-05-02T01:30": LATE, "20260502T013000": LATE, "2026-5-2 1:30:00.5": f"{LATE}.5",
            "2026-05-02": "2026-05-01 22:00:00", "2026-01-02 00:30:00": "2026-01-01 23:30:00",
            # the clock skips from two to three, and shows half past two twice
            "2026-03-29 02:30:00": "2026-03-29 01:30:00", "2026-10-25 02:30:00": "2026-10-25 00:30:00",
            # neither an instant nor a time of one zone
            "2026-05-01 23:30:00 CST": None, "23:30:00": None, "2026": None, "2026-05": None, "2026-05-01 23:30:00+25": None,
            "2026-05-01 23:30:00 Nowhere/City": None, "2026-05-01 23:30:00[Europe/Berlin]": None, "2026-02-30": None, "1777678200": None, "soon": None,
        },
    ),
    ({"from": "x", "as": "date"}, {"２０２６-05-01 23:30:00Z": LATE, "2026-05-02 01:30:00": LATE}),
    (
        {"from": "x", "as": "date", "formats": ["yyyy-MM-dd HH:mm:ss 'UTC'", "dd.MM.yyyy HH:mm", "dd.MM.yyyy HH:mm Z"]},
        {"2026-05-01 23:30:00 UTC": LATE, "02.05.2026 01:30": LATE, "02.05.2026 05:00 +0530": LATE, "02.05.2026": None},
    ),
    ({"from": "timestamp_seconds(cast(x as bigint))", "as": "date"}, {"1777678200": LATE}),
    ("to_timestamp(x, 'yyyy-MM-dd HH:mm:ss Z')", {"2026-05-02 01:30:00 +0200": LATE, "2026-05-01 16:30:00 -0700": LATE}),
    ("to_timestamp(x, \"yyyy-MM-dd'T'HH:mm:ss'Z'\")", {"2026-05-01T23:30:00Z": LATE}),
    ("to_timestamp(x, 'yyyy-MM-dd HH:mm:ss[ XXX]')", {"2026-05-02 01:30:00": LATE, "2026-05-01 23:30:00 Z": LATE, "2026-05-02 01:30:00 +02:00": LATE}),
    ("to_timestamp(x, 'M/d/yyyy h:mm a')", {"5/2/2026 1:30 AM": LATE, "5/2/2026": None}),
    ("cast(x as timestamp)", {"2026-05-02 01:30:00": LATE, "2026-05-01 23:30:00Z": LATE}),
    ("coalesce(to_timestamp(x, 'yyyyMMddHHmmss'), timestamp_millis(cast(x as bigint)))", {"20260502013000": LATE, "1777678200000": LATE}),
    ("timestamp_seconds(cast(x as bigint))", {"1777678200": LATE, "1792891800": "2026-10-25 01:30:00", "9223372036854775807": None}),
    ("timestamp_seconds(x)", {"1777678200.5": f"{LATE}.5", "1.7776782E9": LATE, "x": None}),
    ("timestamp_millis(cast(x as bigint))", {"1777678200123": f"{LATE}.123", "9223372036854775807": None}),
    ("timestamp_micros(cast(x as bigint))", {"1777678200123456": f"{LATE}.123456"}),
    ("cast(cast(x as double) / 1000 as timestamp)", {"1777678200000": LATE}),
    ("from_unixtime(x)", {"1777678200": LATE}),
    ("to_timestamp(from_unixtime(x, 'yyyy-MM-dd HH:mm'), 'yyyy-MM-dd HH:mm')", {"1777678200": LATE}),
    ("timestamp_seconds(unix_timestamp(x, 'yyyy-MM-dd HH:mm:ss'))", {"2026-05-02 01:30:00": LATE}),
    ("to_utc_timestamp(to_timestamp(x, 'yyyy-MM-dd HH:mm'), 'Asia/Shanghai')", {"2026-05-02 07:30": LATE}),
    ("from_utc_timestamp(timestamp_seconds(cast(x as bigint)), 'Europe/Berlin')", {"1777678200": LATE}),
    ("make_timestamp(2026, 5, 2, cast(x as int), 30, 0)", {"1": LATE}),
    ("TIMESTAMP '2026-05-02 01:30:00'", {"x": LATE}),
    # days and hours are those of the source's clock
    ("date_trunc('DAY', to_timestamp(x))", {"2026-05-01 23:30:00Z": "2026-05-01 22:00:00", "2026-05-02 01:30:00": "2026-05-01 22:00:00"}),
    ("to_timestamp(x, 'yyyyMMdd') + make_dt_interval(0, 9)", {"20260329": "2026-03-29 07:00:00"}),
    ("date_format(timestamp_seconds(cast(x as bigint)), 'yyyy-MM-dd')", {"1777678200": "2026-05-01 22:00:00"}),
    ("to_date(x)", {"2026-05-01 23:30:00Z": "2026-05-01 22:00:00", "2026-05-02": "2026-05-01 22:00:00"}),
]  # fmt: skip

DAYS: list[tuple[Any, dict[str, str | None]]] = [
    ("x", {"2026-05-02": "2026-05-02", "2026-05-01T23:30:00Z": "2026-05-02", "2026-05-02 00:30:00": "2026-05-02", "1990": None}),
    ({"from": "x", "as": "date", "formats": ["d.M.yyyy"]}, {"2.5.2026": "2026-05-02"}),
    ("to_date(x, 'yyyyMMdd')", {"20260502": "2026-05-02"}),
    ("cast(x as date)", {"2026-05-01 23:30:00+00": "2026-05-02"}),
    ("timestamp_seconds(cast(x as bigint))", {"1777678200": "2026-05-02"}),
    ("date_add(to_date(x), 1)", {"2026-05-01": "2026-05-02"}),
]  # fmt: skip


def _source(kind: str, columns: Mapping[str, Any], **change: Any) -> Source:
    body = {
        "where": "/x/*.csv", "format": "csv", "time_zone": BERLIN,
        "consent": {"basis": "recorded"}, "columns": columns, **change,
    }  # fmt: skip
    return parse_mapping("m", {kind: body}, variables={})[0]


def _parse(spark: SparkSession, source: Source, texts: list[str]) -> DataFrame:
    records = local_frame(spark, [({"x": text},) for text in texts], "raw map<string,string>")
    provenance = ("_malformed", "_hash", "_source", "_file", "_file_hash", "_row", "_batch")
    return parse_records(
        records.withColumns(
            {
                **{name: F.lit(None).cast("string") for name in provenance},
                "_ingested_at": F.lit(None).cast("timestamp"),
                "_person_removed": F.lit(False),
            }
        ),
        parse_spec(source),
    )


@pytest.mark.covers("Q2")
@pytest.mark.parametrize(
    ("kind", "column", "cases"),
    [
        ("traits", "at", TIMES[:1]),
        ("traits", "at", TIMES[1:15]),
        ("traits", "at", TIMES[15:]),
        ("registrations", "birth_date", DAYS),
    ],
    ids=["text", "patterns and epochs", "calculations", "days"],
)
def test_a_time_that_states_its_zone_is_never_moved_and_a_local_time_is(
    spark: SparkSession, kind: str, column: str, cases: list[tuple[Any, dict[str, str | None]]]
) -> None:
    others = {
        "traits": ("customer_ref", "name", "value"),
        "registrations": ("customer_ref", "registered_at"),
    }
    wanted: dict[tuple[str, str], str | None] = {}
    frames = []
    for body, texts in cases:
        columns = {**dict.fromkeys(others[kind], "x"), column: body}
        # One time is as good as another, so that only the bare column is read twice.
        columns |= {"arrived_at": body} if body == "x" else {}
        rows = _parse(spark, _source(kind, columns), list(texts))
        is_same = F.expr("arrived_at <=> at" if kind == "traits" else "true")
        frames.append(
            rows.select(
                F.lit(str(body)).alias("body"),
                F.col("_raw")["x"].alias("text"),
                F.when(is_same, F.col(column).cast("string")).alias("found"),
            )
        )
        wanted |= {(str(body), text): means for text, means in texts.items()}
    found = reduce(DataFrame.unionByName, frames).collect()
    assert {(row["body"], row["text"]): row["found"] for row in found} == wanted


def test_an_invalid_call_stays_as_it_is_written_so_that_spark_refuses_it() -> None:
    for text in ("to_timestamp(x y", "to_timestamp(a, b, c)", "upper(cast(x as int))", "timestamp"):
        assert read_instants(text, BERLIN) == text


def test_a_zoned_parquet_column_is_an_instant_and_a_naive_one_is_local(
    spark: SparkSession, tmp_path: Path
) -> None:
    late = datetime(2026, 5, 1, 23, 30, tzinfo=UTC)
    table = pa.table(
        {
            "zoned": pa.array([late], pa.timestamp("us", tz="UTC")),
            "shanghai": pa.array([late], pa.timestamp("ms", tz="Asia/Shanghai")),
            "naive": pa.array([late.replace(tzinfo=None)], pa.timestamp("us")),
            "day": pa.array([late.date()], pa.date32()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    columns = {"order_ref": "'o'", "product_ref": "'p'", "quantity": 1, "unit_price": 1}
    times = {"happened_at": "zoned", "delivered_at": "shanghai", "arrived_at": "naive"}
    source = _source(
        "orders", {**columns, **times, "record_ref": "day"},
        where=f"{tmp_path}/*.parquet", format="parquet",
    )  # fmt: skip
    reader = reader_of(spark, source, str)
    (files,) = reader.find_new([], note=print)
    raw = reader.read(tuple(files), reader.column_names(files[0])).first()
    assert raw is not None
    assert raw["raw"] == {
        "zoned": f"{LATE}Z", "shanghai": f"{LATE}Z", "naive": LATE, "day": "2026-05-01",
    }  # fmt: skip
