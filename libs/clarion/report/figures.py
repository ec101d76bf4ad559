"""The figures of a report: small tables of a lake, read once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import (
    ADJUSTMENTS,
    BUDGETS,
    CAMPAIGNS,
    CUSTOMER_FEATURES,
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    FORECAST_BACKTESTS,
    FORECASTS,
    PRODUCT_NEIGHBOURS,
    PRODUCT_VECTORS,
    SEGMENT_FLOWS,
    SEGMENT_MEMBERS,
    SEGMENT_MODELS,
    SEGMENTS,
    STRATEGIES,
    STRATEGY_KPIS,
    TAGS,
)
from clarion.contracts.ops import BATCHES, RUNS, TARGETS
from clarion.contracts.silver import QUARANTINE
from clarion.customers.features.transforms import model_inputs
from clarion.kernel.expressions import names
from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.measures.columns.days import start_of
from clarion.products.similarity.purity import category_purity
from clarion.report.live import live_frames
from clarion.report.market import market_frames
from clarion.report.needs import need_frames
from clarion.report.predictions import prediction_frames
from clarion.report.reads import of_day

_CUSTOMERS = 1500  # points of a chart; more hide each other
_PRODUCTS = 6
_NEIGHBOURS = 3
_TURNS = 12  # as-of days whose measurements are listed


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the summary and the report show, as small frames.

    Args:
        batches: rows in, accepted, quarantined and duplicates, by kind; of the whole lake.
        reasons: quarantined records by kind and rule; of the whole lake.
        without_rate: rows that jobs left out on the day for lack of an exchange rate, by table.
        segments: SEGMENTS of the day.
        customers: a sample of customers with orders: segment_id, orders, monetary, recency_days.
        compared_features: a sample of customers: segment_id and each feature of the model.
        flows: SEGMENT_FLOWS of the day.
        tags: TAGS of the day.
        group_tags: customers by segment and tag.
        neighbours: some products with their nearest neighbours.
        purity: how often a neighbour is of the product's category, and by chance; None without.
        minutes: KPI_MINUTES of all sources, in the last 24 hours of the stream before the day.
        origins: orders and revenue of those hours, by origin.
        kpi_alerts: the last ALERTS before the day.
        problems: PROBLEMS.
        requests: number of REQUESTS of those hours, by kind.
        alerts: the strongest MARKET_ALERTS before the day.
        running_campaigns: CAMPAIGN_MINUTES of four weeks, summed by campaign.
        prediction_models: PREDICTION_MODELS of the day.
        prediction_reasons: reasons of high predictions, by label.
        need_models: NEED_MODELS of the day.
        next_needs: the commonest likeliest categories of the day.
        due_needs: customers who are due, soon or lapsed, by category.
        due_calibration: REPLENISHMENT_CALIBRATION of the day.
        forecasts: FORECASTS of the day.
        backtests: FORECAST_BACKTESTS of the day.
        market_position: MARKET_POSITION of the day, of some categories.
        competitors: COMPETITORS of the day, over all categories.
        grey_relations: GREY_RELATIONS of the day, of the whole shop.
        campaigns: CAMPAIGNS of the day.
        budgets: BUDGETS of all days.
        kpis: STRATEGY_KPIS of the last days.
        adjustments: ADJUSTMENTS of the last days.
        strategies: STRATEGIES of all days.
        targets: TARGETS of the day.
    """

    batches: pd.DataFrame
    reasons: pd.DataFrame
    without_rate: pd.DataFrame
    segments: pd.DataFrame
    customers: pd.DataFrame
    compared_features: pd.DataFrame
    flows: pd.DataFrame
    tags: pd.DataFrame
    group_tags: pd.DataFrame
    neighbours: pd.DataFrame
    purity: tuple[float, float] | None
    minutes: pd.DataFrame
    origins: pd.DataFrame
    kpi_alerts: pd.DataFrame
    problems: pd.DataFrame
    requests: pd.DataFrame
    alerts: pd.DataFrame
    running_campaigns: pd.DataFrame
    prediction_models: pd.DataFrame
    prediction_reasons: pd.DataFrame
    need_models: pd.DataFrame
    next_needs: pd.DataFrame
    due_needs: pd.DataFrame
    due_calibration: pd.DataFrame
    forecasts: pd.DataFrame
    backtests: pd.DataFrame
    market_position: pd.DataFrame
    competitors: pd.DataFrame
    grey_relations: pd.DataFrame
    campaigns: pd.DataFrame
    budgets: pd.DataFrame
    kpis: pd.DataFrame
    adjustments: pd.DataFrame
    strategies: pd.DataFrame
    targets: pd.DataFrame


def read_figures(lake: Lake, *, days: Sequence[date], time_zone: str) -> Figures:
    """The figures of the last of some as-of days, and of the loop over all of them.

    Later days are left out, except of batches and reasons: a batch and a rejected record have no
    day of the shop, only the wall clock of their cleaning.

    Args:
        lake: the tables; one that was never written has no rows.
        days: as-of days in order.
        time_zone: the shop's zone.
    """
    as_of = days[-1]
    vectors = of_day(lake, PRODUCT_VECTORS, as_of)
    neighbours = of_day(lake, PRODUCT_NEIGHBOURS, as_of)
    # Each of at most some thousand rows.
    frames = {
        **_intake_frames(lake),
        **_group_frames(lake, as_of),
        **live_frames(lake, until=start_of(as_of, time_zone)),
        **_loop_frames(lake, days),
        **prediction_frames(lake, as_of),
        **need_frames(lake, as_of),
        **market_frames(lake, as_of),
        "neighbours": _nearest_products(neighbours, vectors),
        "forecasts": of_day(lake, FORECASTS, as_of).orderBy("measure", "level", "series", "day"),
        "backtests": of_day(lake, FORECAST_BACKTESTS, as_of)
        .drop("errors")
        .orderBy("measure", "level", "series"),
        "campaigns": of_day(lake, CAMPAIGNS, as_of).orderBy(F.desc("reach"), "campaign_id"),
        "targets": of_day(lake, TARGETS, as_of),
        "without_rate": _rows_without_rate(lake, as_of),
    }
    reads: list[Callable[[], Any]] = [partial(category_purity, neighbours, vectors)]
    reads += [frame.toPandas for frame in frames.values()]
    results = run_concurrently(reads)
    return Figures(**dict(zip(("purity", *frames), results, strict=True)))


def _intake_frames(lake: Lake) -> dict[str, DataFrame]:
    """Rows by what became of them, and the reasons of the quarantine, over the whole lake.

    A history of years is cleaned within an hour, and a batch again when its mapping changes: the
    time of its cleaning does not say on which as-of day its records were known.
    """
    columns = ("rows_in", "accepted", "quarantined", "duplicates")
    sums = (F.sum(column).alias(column) for column in columns)
    reasons = (
        lake.read(QUARANTINE)
        .select("kind", F.explode("reasons.rule").alias("rule"))
        .groupBy("kind", "rule")
        .count()
    )
    return {
        "batches": lake.read(BATCHES).groupBy("kind").agg(*sums).orderBy("kind"),
        "reasons": reasons.orderBy(F.desc("count"), "kind", "rule"),
    }


def _rows_without_rate(lake: Lake, as_of: date) -> DataFrame:
    """Rows that the last run of each job left out: table, rows, and jobs."""
    last_runs = (
        of_day(lake, RUNS, as_of)
        .where("state = 'done'")
        .groupBy("job")
        .agg(F.max_by("rows_without_rate", "started_at").alias("rows"))
    )
    return (
        last_runs.select("job", F.explode("rows").alias("table", "rows"))
        .groupBy("table")
        .agg(
            F.max("rows").alias("rows"),
            F.array_join(F.array_sort(F.collect_list("job")), ", ").alias("jobs"),
        )
        .orderBy("table")
    )


def _group_frames(lake: Lake, as_of: date) -> dict[str, DataFrame]:
    """The groups of a day: portraits, samples of their customers, moves and tags."""
    members = of_day(lake, SEGMENT_MEMBERS, as_of).select("customer_id", "segment_id")
    customers = (
        of_day(lake, CUSTOMER_PROFILES, as_of)
        .join(members, "customer_id")
        .select(
            "segment_id",
            "orders",
            F.col("monetary").cast("double").alias("monetary"),
            "recency_days",
        )
        .where("orders > 0")
        .orderBy(F.xxhash64("customer_id"))
        .limit(_CUSTOMERS)
    )
    group_tags = (
        of_day(lake, CUSTOMER_TAGS, as_of)
        .select("customer_id", F.explode("tags.tag").alias("tag"))
        .join(members, "customer_id")
        .groupBy("segment_id", "tag")
        .count()
    )
    return {
        "segments": of_day(lake, SEGMENTS, as_of).orderBy(F.desc("revenue")),
        "customers": customers,
        "compared_features": _compared_features(lake, members, as_of),
        "flows": of_day(lake, SEGMENT_FLOWS, as_of).orderBy("from_segment", "to_segment"),
        "tags": of_day(lake, TAGS, as_of).orderBy("tag"),
        "group_tags": group_tags,
    }


def _compared_features(lake: Lake, members: DataFrame, as_of: date) -> DataFrame:
    """A sample of customers with the features that the model of groups compares.

    Their order follows neither their names nor their groups.
    """
    model = of_day(lake, SEGMENT_MODELS, as_of).select("features").first()
    expressions: dict[str, str] = dict(model["features"]) if model else {}
    used = dict.fromkeys(name for text in expressions.values() for name in names(text))
    features = of_day(lake, CUSTOMER_FEATURES, as_of).select(
        "customer_id", *(F.col("values")[name].alias(name) for name in used)
    )
    return (
        model_inputs(features, expressions)
        .join(members, "customer_id")
        .orderBy(F.xxhash64("customer_id"))
        .drop("customer_id")
        .limit(_CUSTOMERS)
    )


def _nearest_products(neighbours: DataFrame, vectors: DataFrame) -> DataFrame:
    """Some products, chosen by hash, with their nearest neighbours."""
    titles = vectors.select("product_id", "title", "category")
    titles_of_neighbours = titles.select(
        F.col("product_id").alias("neighbour_id"),
        F.col("title").alias("neighbour"),
        F.col("category").alias("its_category"),
    )
    products = neighbours.select("product_id").distinct()
    sample = products.orderBy(F.xxhash64("product_id")).limit(_PRODUCTS)
    return (
        neighbours.where(F.col("rank") <= _NEIGHBOURS)
        .join(F.broadcast(sample), "product_id")
        .join(titles, "product_id")
        .join(titles_of_neighbours, "neighbour_id")
        .select("product_id", "title", "category", "rank", "neighbour", "its_category", "cosine")
        .orderBy("product_id", "rank")
    )


def _loop_frames(lake: Lake, days: Sequence[date]) -> dict[str, DataFrame]:
    """Budgets and strategies of all days; measurements and corrections of the last ones."""
    is_up_to = F.col("as_of") <= F.lit(days[-1])
    is_recent = F.col("as_of").between(F.lit(days[-_TURNS:][0]), F.lit(days[-1]))
    return {
        "budgets": lake.read(BUDGETS).where(is_up_to).orderBy("as_of"),
        "strategies": lake.read(STRATEGIES).where(is_up_to).orderBy("as_of", "strategy_id"),
        "kpis": lake.read(STRATEGY_KPIS).where(is_recent).orderBy("as_of", "strategy_id"),
        "adjustments": lake.read(ADJUSTMENTS).where(is_recent).orderBy("as_of", "strategy_id"),
    }
