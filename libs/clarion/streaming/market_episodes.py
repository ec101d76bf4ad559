"""Times in which something holds of several listings at once: price wars and stock-outs."""

from dataclasses import dataclass
from datetime import timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from clarion.streaming.market import HISTORY_DAYS, LISTING

SEEN_DAYS = 28  # a listing that was not seen for longer is taken for gone
_SEEN = timedelta(days=SEEN_DAYS)
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class WarRules:
    """What a price war is.

    Args:
        fall: share by which a usual price is below the highest of the last 28 days.
        listings: share of a competitor's listings in a category whose price fell so far.
        least: number of listings that it has to be at least.
        competitors: how many competitors it takes.
    """

    fall: float = 0.05
    listings: float = 0.5
    least: int = 2
    competitors: int = 2


def price_wars(listings: DataFrame, rules: WarRules) -> DataFrame:
    """Times in which several competitors have lowered their usual prices in one category.

    The usual price is the one without a promotion: a promotion of one competitor is no war, and
    two at once are none. A listing with a promotion counts as it did before. A price that stays
    low is usual after 28 days, so that every war ends.

    Args:
        listings: all listings of some categories, as `merge_listings` returns them.
        rules: what a war is.

    Returns:
        One row per war: category, valid_from, valid_to (null while it lasts), listings, fallen
        (listings whose price fell, at its start).
    """
    by_second = Window.partitionBy("category", *LISTING).orderBy("second")
    recent = by_second.rangeBetween(-SEEN_DAYS * _DAY_SECONDS, -1)
    usual_prices = (
        _sightings(listings, "category")
        .where("promotion IS NULL")
        .withColumn("second", F.unix_seconds("at"))
        .withColumn("usual", F.max("price").over(recent))
    )
    is_low = F.col("price").cast("double") <= F.col("usual").cast("double") * (1 - rules.fall)
    states = usual_prices.withColumn("state", F.coalesce(is_low, F.lit(False)))
    competitors = _running_totals(_steps(states, "category"), ("category", "competitor"))
    takes_part = (
        (F.col("on_sale") > 0)
        & (F.col("in_state") >= rules.least)
        & (F.col("in_state") >= F.col("on_sale") * rules.listings)
    )
    joined = F.when(takes_part, F.lit(1)).otherwise(F.lit(0))
    by_time = Window.partitionBy("category", "competitor").orderBy("at")
    steps = competitors.withColumn("taking_part", joined).select(
        "category",
        "at",
        (F.col("taking_part") - F.lag("taking_part", 1, 0).over(by_time)).alias("competitors"),
        (F.col("in_state") - F.lag("in_state", 1, 0).over(by_time)).alias("fallen"),
        (F.col("on_sale") - F.lag("on_sale", 1, 0).over(by_time)).alias("listings"),
    )
    totals = _cumulated(steps, ("category",), ("competitors", "fallen", "listings"))
    is_war = F.col("competitors") >= rules.competitors
    return _episodes(totals.withColumn("holds", is_war), "category", ("fallen", "listings"))


def stock_outs(listings: DataFrame, stock: DataFrame) -> DataFrame:
    """Times in which the shop has none of a product that a competitor lists as available.

    A product whose stock nobody has stated is not out of stock.

    Args:
        listings: all listings of some products, as `merge_listings` returns them.
        stock: product_id, store_ref (null for the warehouse), at, stock; as often as stated.

    Returns:
        One row per product and time: product_id, valid_from, valid_to (null while it lasts),
        listings (available ones, at its start).
    """
    of_listings = _running_totals(
        _steps(
            _sightings(listings, "product_id").withColumn("state", F.col("is_available")),
            "product_id",
        ),
        ("product_id",),
    )
    last = F.element_at("history", -1)["at"]
    newest = listings.groupBy("product_id").agg(F.max(last).alias("newest"))
    by_store = Window.partitionBy("product_id", "store_ref").orderBy("at")
    in_order = Window.partitionBy("product_id").orderBy("at")
    stated = (
        stock.where("stock IS NOT NULL")
        .groupBy("product_id", "store_ref", "at")
        .agg(F.max("stock").alias("stock"))
        .withColumn("units", F.col("stock") - F.lag("stock", 1, 0).over(by_store))
        .join(newest, "product_id")
        .where("at <= newest")
        .select("product_id", "at", "units", F.lit(1).alias("stated"), F.lit(0).alias("listings"))
    )
    available = of_listings.select(
        "product_id",
        "at",
        F.lit(0).cast("bigint").alias("units"),
        F.lit(0).alias("stated"),
        (F.col("in_state") - F.lag("in_state", 1, 0).over(in_order)).alias("listings"),
    )
    totals = _cumulated(
        stated.unionByName(available), ("product_id",), ("units", "stated", "listings")
    )
    is_out = (F.col("stated") > 0) & (F.col("units") <= 0) & (F.col("listings") > 0)
    return _episodes(totals.withColumn("holds", is_out), "product_id", ("listings",))


def complete_since(listings: DataFrame, key: str) -> DataFrame:
    """Since when the histories of a group of listings are complete enough to find its episodes.

    Args:
        listings: as `merge_listings` returns them.
        key: product_id or category.

    Returns:
        One row per group: the key, since.
    """
    by_days = F.max("known_until") - F.lit(timedelta(days=HISTORY_DAYS - SEEN_DAYS))
    by_length = F.max("known_from") + F.lit(_SEEN)
    first = F.lit("1900-01-01").cast("timestamp")
    since = F.coalesce(F.greatest(by_days, by_length), first)
    return listings.groupBy(key).agg(since.alias("since"))


def _sightings(listings: DataFrame, key: str) -> DataFrame:
    """One row per sighting of a listing, in a group of listings."""
    return listings.select(key, *LISTING, F.explode("history").alias("seen")).select(
        key, *LISTING, "seen.at", "seen.price", "seen.promotion", "seen.is_available"
    )


def _steps(states: DataFrame, key: str) -> DataFrame:
    """When a listing appears, enters or leaves a state, and is taken for gone.

    Args:
        states: the key, LISTING, at, state (boolean).
        key: product_id or category.

    Returns:
        The key, competitor, at, on_sale and in_state, by how much each changes.
    """
    by_time = Window.partitionBy(key, *LISTING).orderBy("at")
    state = F.col("state").cast("int")
    before = F.lag(state).over(by_time)
    gone_at = F.col("at") + F.lit(_SEEN)
    step = F.struct(
        "at",
        F.when(before.isNull(), F.lit(1)).otherwise(F.lit(0)).alias("on_sale"),
        (state - F.coalesce(before, F.lit(0))).alias("in_state"),
    )
    is_gone = F.lead("at").over(by_time).isNull() & (gone_at <= F.col("newest"))
    gone = F.struct(gone_at.alias("at"), F.lit(-1).alias("on_sale"), (-state).alias("in_state"))
    steps = F.array_compact(F.array(step, F.when(is_gone, gone)))
    return (
        states.withColumn("newest", F.max("at").over(Window.partitionBy(key)))
        .select(key, "competitor", steps.alias("steps"))
        .select(key, "competitor", F.explode("steps").alias("step"))
        .select(key, "competitor", "step.*")
    )


def _running_totals(steps: DataFrame, key: tuple[str, ...]) -> DataFrame:
    return _cumulated(steps, key, ("on_sale", "in_state"))


def _cumulated(steps: DataFrame, key: tuple[str, ...], columns: tuple[str, ...]) -> DataFrame:
    """Sums of all changes up to each time: one row per key and time."""
    so_far = Window.partitionBy(*key).orderBy("at").rowsBetween(Window.unboundedPreceding, 0)
    sums = steps.groupBy(*key, "at").agg(*(F.sum(name).alias(name) for name in columns))
    return sums.select(*key, "at", *(F.sum(name).over(so_far).alias(name) for name in columns))


def _episodes(totals: DataFrame, key: str, evidence: tuple[str, ...]) -> DataFrame:
    """From when to when `holds` is true without a gap."""
    by_time = Window.partitionBy(key).orderBy("at")
    before = F.lag("holds", 1, False).over(by_time)
    return (
        totals.withColumn("before", before)
        .where("holds != before")
        .withColumn("valid_to", F.lead("at").over(by_time))
        .where("holds")
        .select(key, F.col("at").alias("valid_from"), "valid_to", *evidence)
    )
