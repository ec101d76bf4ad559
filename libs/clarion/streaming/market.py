"""Competitors' listings: what was seen of each, in the order of time; for streams and batches."""

from datetime import timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live_market import SIGHTING

LISTING = ("competitor", "title", "currency")
HISTORY_DAYS = 60
MAX_SIGHTINGS = 500
_HISTORY = f"array<{SIGHTING}>"


def merge_listings(
    records: DataFrame,
    state: DataFrame,
    *,
    matches: DataFrame | None = None,
    categories: DataFrame | None = None,
) -> DataFrame:
    """Every listing with what was seen of it before and what a batch adds, in order of time.

    Records of one listing and time are one sighting: the lowest price counts. A record that is
    older than the history is left out. A product that records state comes before a match.

    Args:
        records: competitor, title, price, observed_at, product_ref, promotion; where there are
            any promotion_from, promotion_to, currency, available.
        state: MARKET_STATE before the batch.
        matches: competitor, title, product_id, score; the best score counts.
        categories: product_id, category; one row per product.

    Returns:
        One row per listing: competitor, title, currency, product_id, category, history,
        is_in_batch, known_until (newest sighting before the batch; null for none), known_from
        (oldest one of a history that is full; null otherwise).
    """
    before = state.select(
        *LISTING,
        F.col("history").cast(_HISTORY).alias("before"),
        F.array().cast(_HISTORY).alias("new"),
        F.col("observed_at").alias("known_until"),
        F.col("product_id").alias("old_product_id"),
        F.col("category").alias("old_category"),
    )
    listings = (
        _sightings(records)
        .unionByName(before, allowMissingColumns=True)
        .groupBy(*LISTING)
        .agg(
            F.flatten(F.collect_list("new")).alias("new"),
            F.flatten(F.collect_list("before")).alias("before"),
            *(F.max(name).alias(name) for name in before.columns[len(LISTING) + 2 :]),
        )
        .withColumn("is_full", F.size("before") >= MAX_SIGHTINGS)
        .withColumn("sightings", F.sort_array(F.concat(_kept_sightings(), "before")))
        .select(
            *LISTING,
            _each_time_once().alias("history"),
            (F.size("new") > 0).alias("is_in_batch"),
            "known_until",
            F.when(F.col("is_full"), F.get("before", F.lit(0))["at"]).alias("known_from"),
            "old_product_id",
            "old_category",
        )
    )
    return _with_category(_with_product(listings, matches), categories)


def next_market_state(listings: DataFrame) -> DataFrame:
    """MARKET_STATE rows of the listings of a batch, with a history that is bounded.

    The sighting before the oldest one that counts is kept, too: it is what that is compared with.

    Args:
        listings: as `merge_listings` returns them.
    """
    since = F.element_at("history", -1)["at"] - F.lit(timedelta(days=HISTORY_DAYS))
    is_recent = F.filter(
        "history",
        lambda seen, place: (
            (seen["at"] >= since)
            | F.coalesce(F.get("history", place + 1)["at"] >= since, F.lit(False))
        ),
    )
    newest = F.reverse(F.slice(F.reverse(is_recent), 1, MAX_SIGHTINGS))
    last = F.element_at("history", -1)
    return listings.where("is_in_batch").select(
        *LISTING,
        "product_id",
        "category",
        last["price"].alias("price"),
        last["at"].alias("observed_at"),
        last["promotion"].alias("promotion"),
        newest.alias("history"),
    )


def _sightings(records: DataFrame) -> DataFrame:
    """One row per listing: everything that a batch saw of it."""

    def optional(name: str, type_: str) -> Column:
        return F.col(name) if name in records.columns else F.lit(None).cast(type_)

    at, starts = F.col("observed_at"), optional("promotion_from", "timestamp")
    ends = optional("promotion_to", "timestamp")
    is_on = (starts.isNull() | (starts <= at)) & (ends.isNull() | (ends > at))
    promotion = F.when(is_on, F.nullif(F.trim("promotion"), F.lit("")))
    seen = F.struct(
        at.alias("at"),
        F.col("price").alias("price"),
        promotion.alias("promotion"),
        F.when(promotion.isNotNull(), ends).alias("promoted_until"),
        F.coalesce(optional("available", "boolean"), F.lit(True)).alias("is_available"),
        F.col("product_ref").alias("product_id"),
    )
    is_sound = (F.col("price") > 0) & at.isNotNull()
    return (
        records.where(is_sound & F.col("competitor").isNotNull() & F.col("title").isNotNull())
        .withColumns(
            {"currency": F.coalesce(optional("currency", "string"), F.lit("")), "seen": seen}
        )
        .groupBy(*LISTING)
        .agg(F.collect_list("seen").cast(_HISTORY).alias("new"))
    )


def _kept_sightings() -> Column:
    """The sightings of a batch without those that are older than the history."""
    since = F.col("known_until") - F.lit(timedelta(days=HISTORY_DAYS))
    oldest = F.get("before", F.lit(0))["at"]
    return F.filter(
        "new",
        lambda seen: (
            (since.isNull() | (seen["at"] >= since)) & (~F.col("is_full") | (seen["at"] >= oldest))
        ),
    )


def _each_time_once() -> Column:
    """Of the sorted sightings the first of each time."""
    return F.filter(
        "sightings",
        lambda seen, place: (place == 0) | (F.get("sightings", place - 1)["at"] != seen["at"]),
    )


def _with_product(listings: DataFrame, matches: DataFrame | None) -> DataFrame:
    stated = F.filter("history", lambda seen: seen["product_id"].isNotNull())
    newest = F.try_element_at(stated, F.lit(-1))["product_id"]
    if matches is None:
        return listings.withColumn("product_id", F.coalesce(newest, "old_product_id"))
    best = matches.groupBy("competitor", "title").agg(
        F.max_by("product_id", F.struct("score", "product_id")).alias("matched_id")
    )
    return listings.join(best, ["competitor", "title"], "left").withColumn(
        "product_id", F.coalesce(newest, "matched_id", "old_product_id")
    )


def _with_category(listings: DataFrame, categories: DataFrame | None) -> DataFrame:
    columns = (*LISTING, "product_id", "category", "history", "is_in_batch", "known_until",
               "known_from")  # fmt: skip
    if categories is None:
        return listings.withColumnRenamed("old_category", "category").select(*columns)
    return (
        listings.join(categories.select("product_id", "category"), "product_id", "left")
        .withColumn("category", F.coalesce("category", "old_category"))
        .select(*columns)
    )
