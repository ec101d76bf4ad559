"""Alerts of the market: all kinds, in the order of time, whatever the order of arrival."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live_market import MARKET_ALERTS
from clarion.streaming.market import LISTING
from clarion.streaming.market_episodes import WarRules, complete_since, price_wars, stock_outs
from clarion.streaming.market_moves import KINDS, listing_alerts

_TYPES = {column.name: column.type for column in MARKET_ALERTS.columns}


@dataclass(frozen=True, slots=True)
class AlertRules:
    """What raises an alert.

    Args:
        price_move: least relative move of a price.
        wars: what a price war is; None where no product has a category.
    """

    price_move: float
    wars: WarRules | None


def market_alerts(
    listings: DataFrame, alerts: DataFrame, rules: AlertRules, *, stock: DataFrame | None = None
) -> DataFrame:
    """The alerts that a batch adds or changes.

    A late record can show that an alert was none, or that it began earlier. What no longer holds
    is returned with `valid_to` equal to `valid_from`, and is to be deleted.

    Args:
        listings: as `merge_listings` returns them.
        alerts: MARKET_ALERTS before the batch.
        rules: what raises an alert.
        stock: product_id, store_ref, at, stock of the shop; None where it states none.

    Returns:
        MARKET_ALERTS.
    """
    of_listings = _with_id(listing_alerts(listings, alerts, limit=rules.price_move))
    oldest = F.get("history", F.lit(0))["at"]
    since = listings.where("is_in_batch").select(*LISTING, oldest.alias("since"))
    changed = _with_withdrawals(
        alerts.where(F.col("kind").isin(*KINDS)), of_listings, since, on=LISTING
    )
    if rules.wars is not None:
        changed = changed.unionByName(_war_alerts(listings, alerts, rules.wars))
    if stock is not None:
        changed = changed.unionByName(_stock_alerts(listings, alerts, stock))
    return changed


def alerts_as_of(alerts: DataFrame, day_start: Column) -> DataFrame:
    """The alerts that held when a day began.

    Args:
        alerts: MARKET_ALERTS.
        day_start: the instant at which the day begins.
    """
    lasts = F.col("valid_to").isNull() | (F.col("valid_to") >= day_start)
    return alerts.where((F.col("valid_from") < day_start) & lasts)


def _war_alerts(listings: DataFrame, alerts: DataFrame, rules: WarRules) -> DataFrame:
    group = _whole_groups(listings, "category")
    wars = price_wars(group, rules).select(
        F.lit("price_war").alias("kind"),
        "category",
        "valid_from",
        "valid_to",
        _evidence(listings="listings", fallen="fallen"),
    )
    return _episode_alerts(wars, alerts, complete_since(group, "category"), key="category")


def _stock_alerts(listings: DataFrame, alerts: DataFrame, stock: DataFrame) -> DataFrame:
    group = _whole_groups(listings, "product_id")
    sellers = group.groupBy("product_id").agg(
        F.max("category").alias("category"),
        F.when(F.min("competitor") == F.max("competitor"), F.max("competitor")).alias("competitor"),
        F.array_join(F.array_sort(F.collect_set("competitor")), ", ").alias("competitors"),
    )
    listed_stock = stock.join(group.select("product_id").distinct(), "product_id", "left_semi")
    outs = (
        stock_outs(group, listed_stock)
        .join(sellers, "product_id")
        .select(
            F.lit("stock_out").alias("kind"),
            "competitor",
            "product_id",
            "category",
            "valid_from",
            "valid_to",
            _evidence(available_listings="listings", competitors="competitors"),
        )
    )
    return _episode_alerts(outs, alerts, complete_since(group, "product_id"), key="product_id")


def _whole_groups(listings: DataFrame, key: str) -> DataFrame:
    """All listings of the products, or categories, that the batch says something of."""
    in_batch = listings.where(F.col("is_in_batch") & F.col(key).isNotNull()).select(key).distinct()
    return listings.join(in_batch, key, "left_semi")


def _evidence(**columns: str) -> Column:
    values = [(F.lit(name), F.col(column).cast("string")) for name, column in columns.items()]
    return F.create_map(*(part for pair in values for part in pair)).alias("evidence")


def _episode_alerts(
    episodes: DataFrame, alerts: DataFrame, since: DataFrame, *, key: str
) -> DataFrame:
    """Alerts of one kind that began since the histories are complete, and ends of earlier ones.

    Args:
        episodes: the kind, the key, valid_from, valid_to, and evidence.
        alerts: MARKET_ALERTS before the batch.
        since: the key, since.
        key: product_id or category.
    """
    kind = "price_war" if key == "category" else "stock_out"
    of_kind = alerts.where(F.col("kind") == kind)
    lasts = F.col("valid_to").isNull() | (F.col("valid_to") > F.col("since"))
    lasting = (
        of_kind.join(since, key)
        .where((F.col("valid_from") <= F.col("since")) & lasts)
        .groupBy(key)
        .agg(F.max_by(F.struct(*MARKET_ALERTS.column_names), "valid_from").alias("old"))
    )
    dated = (
        episodes.join(since, key)
        .where((F.col("valid_from") > F.col("since")) | lasts)
        .join(lasting, key, "left")
        .withColumn("observed_at", F.col("valid_from"))
    )
    is_new = F.col("valid_from") > F.col("since")
    kept = [name for name in MARKET_ALERTS.column_names if name != "valid_to"]
    computed = (
        _with_id(dated, also=("since", "old"))
        .where(is_new | F.col("old").isNotNull())
        .select(
            *(
                F.when(is_new, F.col(name)).otherwise(F.col("old")[name]).alias(name)
                for name in kept
            ),
            "valid_to",
        )
        .select(*MARKET_ALERTS.column_names)
    )
    return _with_withdrawals(of_kind, computed, since, on=(key,))


def _with_withdrawals(
    alerts: DataFrame, computed: DataFrame, since: DataFrame, *, on: tuple[str, ...]
) -> DataFrame:
    """The computed alerts, and earlier results that were not computed again: these end at once.

    Args:
        alerts: MARKET_ALERTS of the kinds that were computed.
        computed: MARKET_ALERTS.
        since: the columns of `on`, and since when everything was computed.
        on: what the alerts are about.
    """
    before = (
        alerts.join(since, list(on))
        .where(F.col("observed_at") > F.col("since"))
        .withColumn("valid_to", F.col("valid_from"))
        .select(*MARKET_ALERTS.column_names, F.lit(False).alias("is_computed"))
    )
    row = F.struct(*MARKET_ALERTS.column_names)
    return (
        before.unionByName(computed.withColumn("is_computed", F.lit(True)))
        .groupBy("alert_id")
        .agg(F.max_by(row, "is_computed").alias("row"))
        .select("row.*")
    )


def _with_id(rows: DataFrame, *, also: tuple[str, ...] = ()) -> DataFrame:
    """MARKET_ALERTS of rows that lack the id and some columns.

    The id is of what the alert is about and its time, and so the same in every order of arrival.

    Args:
        rows: some columns of MARKET_ALERTS.
        also: further columns that are kept.
    """
    empty = {
        name: F.create_map().cast(type_) if name == "evidence" else F.lit(None).cast(type_)
        for name, type_ in _TYPES.items()
        if name not in rows.columns and name != "alert_id"
    }
    product = F.when(F.col("kind") == "stock_out", F.col("product_id"))
    category = F.when(F.col("kind") == "price_war", F.col("category"))
    competitor = F.when(F.col("kind").isin(*KINDS), F.col("competitor"))
    moment = F.unix_micros("observed_at").alias("at")
    named = F.struct(
        "kind",
        competitor.alias("competitor"),
        "title",
        "currency",
        product.alias("product_id"),
        category.alias("category"),
        moment,
    )
    return (
        rows.withColumns(empty)
        .withColumn("alert_id", F.sha2(F.to_json(named), 256))
        .select(*MARKET_ALERTS.column_names, *also)
    )
