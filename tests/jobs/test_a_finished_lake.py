"""What holds for a lake that jobs have filled: running them again, reading it otherwise, scanning it."""

import pytest
from pyspark.sql import SparkSession
from turns import Turns
from worlds import contents

from clarion.contracts import TABLES
from clarion.lake import Lake

pytestmark = pytest.mark.deep


def test_a_second_run_leaves_every_silver_gold_and_live_table_as_it_was(turns: Turns) -> None:
    first = contents(turns.lake)
    assert first
    turns.run()
    second = contents(turns.lake)
    changed = {name: (first[name], second[name]) for name in first if first[name] != second[name]}
    assert changed == {}


def test_deltas_own_reader_and_its_kernel_find_the_same_rows(
    turns: Turns, spark: SparkSession
) -> None:
    lake = Lake(spark, turns.lake.root)

    def plan(of: Lake) -> str:
        events = of.read(TABLES["silver.events"])
        return str(events._jdf.queryExecution().executedPlan().toString())

    assert "BatchScan" in plan(turns.lake)
    assert "BatchScan" not in plan(lake)
    assert contents(lake) == contents(turns.lake)


@pytest.mark.covers("Q8")
def test_the_masking_scan_finds_nothing_in_any_layer(turns: Turns) -> None:
    turns.run("scan")
    assert turns.read("ops.leaks").isEmpty()
    assert turns.read("ops.runs").where("job = 'scan' AND state = 'done'").count() == 1
