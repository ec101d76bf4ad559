"""Persisted frames: computed once, read by a short plan, released together."""

from collections.abc import Callable
from typing import Any

from chispa.dataframe_comparer import assert_df_equality
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.runtime.persisted import PersistedFrames


def _kept_in_memory(spark: SparkSession) -> int:
    context: Any = spark.sparkContext
    return int(context._jsc.getPersistentRDDs().size())


def _plan(frame: DataFrame) -> list[str]:
    """The names of a plan's nodes, from the top."""
    plan, names = frame._jdf.queryExecution().analyzed(), []
    while plan is not None:
        names.append(str(plan.nodeName()))
        children = plan.children()
        plan = children.head() if children.size() else None
    return names


def test_a_plan_over_a_persisted_frame_does_not_hold_how_it_was_computed(
    rows: Callable[..., DataFrame],
) -> None:
    people = rows("id bigint, name string", (1, "a"), (2, "b"), (3, "b"))
    named = people.groupBy("name").agg(F.sum("id").alias("ids")).where("ids > 0")
    frames = PersistedFrames()
    kept = frames.persist(named)
    assert len(_plan(named)) > 2
    assert _plan(kept) == ["InMemoryRelation"]
    assert _plan(kept.where("ids > 1")) == ["Filter", "InMemoryRelation"]
    assert_df_equality(kept, named, ignore_row_order=True)
    frames.close()


def test_a_persisted_frame_is_computed_once_and_joins_with_itself(spark: SparkSession) -> None:
    frames = PersistedFrames()
    drawn = frames.persist(spark.range(50).withColumn("drawn", F.rand()))
    first = {row["id"]: row["drawn"] for row in drawn.collect()}
    again = {row["id"]: row["drawn"] for row in drawn.where("id >= 0").collect()}
    assert first == again
    paired = drawn.alias("a").join(drawn.alias("b"), F.expr("a.id + 1 = b.id"))
    found = paired.select("a.id", "a.drawn", "b.drawn").collect()
    pairs = {number: (left, right) for number, left, right in found}
    assert pairs == {number: (first[number], first[number + 1]) for number in range(49)}
    frames.close()


def test_closing_releases_the_rows_of_frames_that_were_computed_from_each_other(
    spark: SparkSession,
) -> None:
    before = _kept_in_memory(spark)
    frames = PersistedFrames()
    drawn = frames.persist(spark.range(10).withColumn("drawn", F.rand()))
    rounded = frames.persist(drawn.withColumn("rounded", F.round("drawn", 2)))
    assert rounded.count() == 10
    assert _kept_in_memory(spark) == before + 2
    frames.close()
    assert _kept_in_memory(spark) == before
