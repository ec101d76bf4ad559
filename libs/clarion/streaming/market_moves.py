"""Alerts of single listings: moves of the price, and starts and ends of promotions."""

from collections.abc import Callable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.streaming.market import LISTING

MOVES = ("price_cut", "price_rise")
KINDS = (*MOVES, "promotion_start", "promotion_end")
_EVIDENCE = (
    "kind", *LISTING, "product_id", "category", "observed_at", "price_before", "price_after",
    "change", "promotion",
)  # fmt: skip


def listing_alerts(listings: DataFrame, alerts: DataFrame, *, limit: float) -> DataFrame:
    """What each sighting of a listing changes against the one before, and until when it holds.

    - `price_cut`, `price_rise`: the price moved by the limit or more. It holds until the price
      is again that far from what it moved to, or moves so far at once.
    - `promotion_start`: a promotion is on that was not. It holds until one is seen no more, or
      to its stated end.
    - `promotion_end`: none is on any more. It holds until the next one.

    The first sighting of a listing changes nothing.

    Args:
        listings: as `merge_listings` returns them.
        alerts: MARKET_ALERTS before the batch; those that began before the history get their end.
        limit: least relative move of a price.

    Returns:
        MARKET_ALERTS of the listings of the batch, without alert_id and evidence.
    """
    in_batch = listings.where("is_in_batch")
    ends = (
        F.when(F.col("kind").isin(*MOVES), _end_of_move(limit))
        .when(F.col("kind") == "promotion_start", _end_of_promotion())
        .otherwise(_first_after(lambda seen, _: seen["promotion"].isNotNull()))
    )
    return (
        _changes(in_batch, limit=limit)
        .unionByName(_earlier(in_batch, alerts))
        .withColumns({"valid_from": F.col("observed_at"), "valid_to": ends})
        .drop("history")
    )


def _changes(listings: DataFrame, *, limit: float) -> DataFrame:
    """One row per alert that begins within a history, which is beside it."""
    before = F.get("history", F.col("place") - 1)
    was_promoted, is_promoted = (
        seen["promotion"].isNotNull() for seen in (F.col("before"), F.col("seen"))
    )
    change = _move(F.col("seen.price"), F.col("before.price"))
    kinds = F.array(
        F.when(change <= -limit, F.lit("price_cut")).when(change >= limit, F.lit("price_rise")),
        F.when(is_promoted & ~was_promoted, F.lit("promotion_start")).when(
            was_promoted & ~is_promoted, F.lit("promotion_end")
        ),
    )
    return (
        listings.select(
            *LISTING,
            "product_id",
            "category",
            "history",
            F.posexplode("history").alias("place", "seen"),
        )
        .where("place > 0")
        .withColumn("before", before)
        .withColumns({"change": change, "kind": F.explode(F.array_compact(kinds))})
        .select(
            "kind",
            *LISTING,
            "product_id",
            "category",
            F.col("seen.at").alias("observed_at"),
            F.col("before.price").alias("price_before"),
            F.col("seen.price").alias("price_after"),
            F.when(F.col("kind").isin(*MOVES), F.col("change")).alias("change"),
            F.when(F.col("kind") == "promotion_end", F.col("before.promotion"))
            .otherwise(F.col("seen.promotion"))
            .alias("promotion"),
            "history",
        )
    )


def _earlier(listings: DataFrame, alerts: DataFrame) -> DataFrame:
    """Alerts that began before the history and lasted into it, with the history."""
    oldest = F.get("history", F.lit(0))["at"]
    lasts = F.col("valid_to").isNull() | (F.col("valid_to") > oldest)
    return (
        alerts.where(F.col("kind").isin(*KINDS))
        .drop("product_id", "category")
        .join(listings.select(*LISTING, "product_id", "category", "history"), list(LISTING))
        .where((F.col("observed_at") <= oldest) & lasts)
        .select(*_EVIDENCE, "history")
    )


def _move(price: Column, before: Column) -> Column:
    # Rounded: 0.9 / 1 - 1 is a little less than a tenth.
    return F.round(price.cast("double") / before.cast("double") - 1, 9)


def _first_after(ends: Callable[[Column, Column], Column]) -> Column:
    """Time of the first sighting after an alert for which a condition holds; null for none.

    Args:
        ends: the condition, of a sighting and its place in the history.
    """
    later = F.filter(
        "history",
        lambda seen, place: (seen["at"] > F.col("observed_at")) & ends(seen, place),
    )
    return F.get(later, F.lit(0))["at"]


def _end_of_move(limit: float) -> Column:
    def leaves(seen: Column, place: Column) -> Column:
        before = F.get("history", place - 1)["price"]
        is_away = F.abs(_move(seen["price"], F.col("price_after"))) >= limit
        return is_away | F.coalesce(F.abs(_move(seen["price"], before)) >= limit, F.lit(False))

    return _first_after(leaves)


def _end_of_promotion() -> Column:
    """When a promotion is seen no more; its stated end, where that is earlier."""
    gone = _first_after(lambda seen, _: seen["promotion"].isNull())
    stated = F.filter(
        "history",
        lambda seen: (seen["at"] >= F.col("observed_at")) & (gone.isNull() | (seen["at"] < gone)),
    )
    return F.least(gone, F.try_element_at(stated, F.lit(-1))["promoted_until"])
