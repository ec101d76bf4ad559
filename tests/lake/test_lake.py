"""Tables are checked, idempotent, and refuse what breaks their promises."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.contracts import TABLES, Check, Column, Table
from clarion.kernel.errors import ContractError, LakeError, QualityError
from clarion.lake import Lake
from clarion.lake.checks import check_expressions
from clarion.lake.ddl import properties
from clarion.lake.file_stats import slice_occupancy
from clarion.lake.maintenance import Maintenance
from clarion.measures.columns.frames import local_frame

THING = Table(
    name="gold.segments",
    grain="one thing",
    key=("as_of", "name"),
    slice=("as_of",),
    owner="test",
    columns=(
        Column("as_of", "date", "it's the day"),
        Column("name", "string", "name"),
        Column("size", "int", "size", nullable=True),
    ),
    checks=(Check("size_not_negative", "coalesce(size, 0) >= 0"),),
)
SCHEMA = "as_of date, name string, size int"

pytestmark = pytest.mark.own_reader


@pytest.fixture
def things(spark: SparkSession) -> Callable[..., DataFrame]:
    def make(day: str, *sizes: int | None) -> DataFrame:
        return local_frame(
            spark,
            [(f"n{place}", size) for place, size in enumerate(sizes)],
            "name string, size int",
        ).select(F.lit(day).cast("date").alias("as_of"), "name", "size")

    return make


def _day(day: str) -> str:
    return f"as_of = DATE'{day}'"


def test_a_table_never_written_reads_as_the_contracts_empty_frame(lake: Lake) -> None:
    assert lake.read(THING).columns == ["as_of", "name", "size"]
    assert lake.read(THING).isEmpty()


def test_a_table_whose_creation_was_killed_is_created_again(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    log = Path(lake.path(THING), "_delta_log")
    log.mkdir(parents=True)
    (log / ".00000000000000000000.json.5f0c.tmp").write_text(
        "{"
    )  # what a process leaves that dies before its first commit
    assert lake.read(THING).isEmpty()
    assert lake.append(THING, things("2026-01-01", 1)) == 1
    assert lake.read(THING).count() == 1


def test_replacing_a_slice_twice_leaves_the_table_as_it_was(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    for _ in range(2):
        assert lake.replace(THING, things("2026-01-01", 1, 2), where=_day("2026-01-01")) == 2
        assert lake.replace(THING, things("2026-01-02", 3), where=_day("2026-01-02")) == 1
    assert sorted(row["size"] for row in lake.read(THING).collect()) == [1, 2, 3]


def test_a_merge_after_the_first_append_finds_what_was_appended(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    lake.append(THING, things("2026-01-01", 1))
    assert lake.merge(THING, things("2026-01-01", 1)) == 0
    assert lake.read(THING).count() == 1


def test_rows_are_removed_by_what_names_them_and_nothing_of_them_stands_in_the_log(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    lake.append(THING, things("2026-01-01", 1, 2))
    names = local_frame(lake.spark, [("n1",), ("n7",)], "name string")
    assert lake.remove(THING, names) == 1
    assert [row["size"] for row in lake.read(THING).collect()] == [1]
    logs = "".join(path.read_text() for path in Path(lake.path(THING), "_delta_log").glob("*.json"))
    assert "n7" not in logs


@pytest.mark.deep
def test_a_vacuum_ends_the_history_and_a_table_goes_back_within_it(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    lake.append(THING, things("2026-01-01", 1))
    lake.append(THING, things("2026-01-02", 2))
    lake.restore(THING, version=1)
    assert [row["size"] for row in lake.read(THING).collect()] == [1]
    assert [commit.operation for commit in lake.history(THING)] == [
        "RESTORE",
        "WRITE",
        "WRITE",
        "CREATE TABLE",
    ]
    lake.remove(THING, things("2026-01-01", 1).select("name"))
    Maintenance(lake).vacuum([THING], keep_hours=0)
    with pytest.raises(LakeError, match="cannot go back to version 1"):
        lake.restore(THING, version=1)


@pytest.mark.parametrize("filled", [False, True])
def test_a_row_outside_the_slice_is_refused_and_nothing_is_written(
    lake: Lake, things: Callable[..., DataFrame], filled: bool
) -> None:
    if filled:
        lake.replace(THING, things("2026-01-01", 7), where=_day("2026-01-01"))
    before = lake.read(THING).count()
    with pytest.raises(ContractError, match="outside the slice"):
        lake.replace(THING, things("2026-01-02", 1), where=_day("2026-01-01"))
    assert lake.read(THING).count() == before


def test_a_row_that_breaks_a_check_is_refused_with_its_values(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    with pytest.raises(QualityError, match="size_not_negative") as error:
        lake.replace(THING, things("2026-01-01", 1, -5), where=_day("2026-01-01"))
    assert "-5" in str(error.value)
    assert error.value.exit_code == 3
    assert lake.read(THING).isEmpty()


def test_a_null_where_none_may_be_is_refused(lake: Lake, things: Callable[..., DataFrame]) -> None:
    with pytest.raises(QualityError, match="column 'name' is null"):
        lake.replace(
            THING,
            things("2026-01-01", 1).withColumn("name", F.lit(None).cast("string")),
            where=_day("2026-01-01"),
        )


def test_a_frame_that_differs_from_its_contract_names_the_column_and_the_fix(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    frame = things("2026-01-01", 1)
    for changed, message in (
        (frame.withColumnRenamed("size", "siz"), "rename 'siz' to 'size'"),
        (frame.withColumn("size", F.lit("x")), "cast it to int"),
        (frame.withColumn("more", F.lit(1)), "unknown column 'more'"),
    ):
        with pytest.raises(ContractError, match=message):
            lake.replace(THING, changed, where=_day("2026-01-01"))


def test_a_misspelt_check_is_found_before_the_table_exists(spark: SparkSession, lake: Lake) -> None:
    wrong = replace(THING, checks=(Check("wrong", "sise > 0"),))
    with pytest.raises(ContractError, match="a check is invalid"):
        lake.ensure(wrong)
    assert not lake.exists(wrong)


def test_merging_inserts_and_updates_by_key_and_a_repeat_changes_nothing(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    assert lake.merge(THING, things("2026-01-01", 1, 2)) == 2
    assert lake.merge(THING, things("2026-01-01", 1, 9, 4)) == 2
    assert lake.merge(THING, things("2026-01-01", 1, 9, 4)) == 0
    assert lake.merge(THING, things("2026-01-01", 8, 8, 8), update=False) == 0
    assert sorted(row["size"] for row in lake.read(THING).collect()) == [1, 4, 9]


def test_a_new_nullable_column_of_the_contract_is_applied(
    lake: Lake, things: Callable[..., DataFrame], spark: SparkSession
) -> None:
    lake.replace(THING, things("2026-01-01", 1), where=_day("2026-01-01"))
    wider = replace(
        THING, columns=(*THING.columns, Column("note", "string", "note", nullable=True))
    )
    assert [row.asDict()["note"] for row in Lake(spark, lake.root).read(wider).collect()] == [
        None
    ], "read before it is written again"
    assert Lake(spark, lake.root).ensure(wider) == ["note"]


def test_any_other_difference_stops_with_a_fix(
    lake: Lake, things: Callable[..., DataFrame], spark: SparkSession
) -> None:
    lake.replace(THING, things("2026-01-01", 1), where=_day("2026-01-01"))
    other = replace(
        THING,
        columns=(*THING.columns[:2], Column("size", "string", "size", nullable=True)),
        checks=(),
    )
    with pytest.raises(ContractError, match="differs from the contract"):
        Lake(spark, lake.root).ensure(other)


def test_a_lake_below_a_regular_file_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LakeError, match="cannot be used"):
        Lake(spark, str(tmp_path / "file" / "lake")).ensure(THING)


def test_the_checks_of_every_contract_are_understood(spark: SparkSession) -> None:
    for table in TABLES.values():
        check_expressions(spark, table)


def test_personal_columns_are_left_out_of_the_logs_statistics() -> None:
    assert (
        "sealed" not in properties(TABLES["vault.personal_data"])["delta.dataSkippingStatsColumns"]
    )


@pytest.mark.covers("Q7")
def test_gold_can_be_read_without_a_jvm(lake: Lake, things: Callable[..., DataFrame]) -> None:
    from deltalake import DeltaTable

    lake.replace(THING, things("2026-01-01", 1, None), where=_day("2026-01-01"))
    table = DeltaTable(lake.path(THING))
    assert table.protocol().min_reader_version == 1
    assert sorted(table.to_pandas()["name"]) == sorted(
        row["name"] for row in lake.read(THING).collect()
    )


def test_the_log_says_whether_a_slice_has_rows_or_that_it_does_not_know(
    lake: Lake, things: Callable[..., DataFrame]
) -> None:
    lake.append(THING, things("2026-01-01", 1))
    days_of_one_file = things("2026-01-02", 2).union(things("2026-01-04", 3))
    lake.append(THING, days_of_one_file.coalesce(1))
    known = {
        _day("2026-01-01"): "filled",
        _day("2026-01-02"): "unknown",
        _day("2026-01-03"): "unknown",
        _day("2025-12-31"): "empty",
        _day("2026-01-05"): "empty",
        f"{_day('2026-01-05')} OR size = 1": "unknown",
        "size = DATE'2026-01-05'": "unknown",
    }
    assert {where: slice_occupancy(lake.path(THING), where) for where in known} == known
    assert slice_occupancy(lake.root, _day("2026-01-01")) == "unknown", "there is no table"


def test_the_log_says_whether_names_have_rows(lake: Lake, spark: SparkSession) -> None:
    by_name = replace(THING, slice=("name",))
    for names in (["b"], ["k", "m"], ["x" * 40]):
        rows = [(date(2026, 1, 1), name, 1) for name in names]
        lake.append(by_name, local_frame(spark, rows, SCHEMA).coalesce(1))
    known = {
        "`name` IN ('b')": "filled",
        "`name` IN ('a', 'b')": "filled",
        "`name` IN ('a', 'c')": "empty",
        "`name` IN ('a', 'l')": "unknown",
        "`name` IN ('z')": "empty",
        f"`name` IN ('{'x' * 40}')": "unknown",
        "`name` IN ('it\\'s')": "unknown",
        "`name` IN ('a') OR true": "unknown",
        "`size` IN ('b')": "unknown",
    }
    assert {where: slice_occupancy(lake.path(THING), where) for where in known} == known


def test_a_slice_that_another_process_has_filled_is_replaced(
    lake: Lake, things: Callable[..., DataFrame], spark: SparkSession
) -> None:
    lake.replace(THING, things("2026-01-01", 1), where=_day("2026-01-01"))
    assert lake.exists(THING)
    other = Lake(spark, lake.root)
    other.replace(THING, things("2026-01-02", 2), where=_day("2026-01-02"))
    assert lake.replace(THING, things("2026-01-02", 3, 4), where=_day("2026-01-02")) == 2
    assert sorted(row["size"] for row in lake.read(THING).collect()) == [1, 3, 4]
