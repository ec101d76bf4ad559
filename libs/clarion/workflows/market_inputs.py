"""What is known of the market on a day, as frames of some columns per listing and product.

Every query brings one row per listing (or matched product) and week, or less: a competitor's list
of a million listings takes some hundred megabytes on the driver.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial, reduce

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import LISTING_MATCHES, PRODUCT_DAYS
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.contracts.silver import MARKET_PRICES, MARKET_PROMOTIONS, PRODUCTS, STOCK
from clarion.measures.columns.days import arrived_before, is_known_by, local_day, start_of
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.market.categories import estimate_categories
from clarion.prediction.market.observed import (
    ALL,
    DAYS_OF_WEEK,
    UNKNOWN,
    Observed,
    weekly_prices,
)
from clarion.prediction.market.position import Declared
from clarion.prediction.market.settings import MarketSettings, MarketSize
from clarion.runtime.scope import Scope
from clarion.streaming.market_alerts import alerts_as_of
from clarion.streaming.market_episodes import SEEN_DAYS
from clarion.workflows.listed_products import listed_products

_DATED = date(1970, 1, 3)  # a state without a time is stored as of 1970-01-01, UTC
_CARRIED_WEEKS = SEEN_DAYS // DAYS_OF_WEEK


def observed_market(scope: Scope, settings: MarketSettings) -> Observed:
    """The market as it was known on the as-of day.

    Args:
        scope: of a job that reads MARKET_PRICES, MARKET_PROMOTIONS, LISTING_MATCHES, PRODUCTS and
            STOCK.
        settings: the window.
    """
    matches = scope.current(LISTING_MATCHES).select("competitor", "title", "product_id")
    reads: list[Callable[[], pd.DataFrame]] = [
        partial(_sightings, scope, settings.weeks),
        partial(_statements, scope, settings.weeks),
        partial(_promotions, scope),
        matches.toPandas,
    ]
    sightings, statements, promotions, product_of = scope.run_concurrently(reads)
    products = _products(statements)
    listings = _listings(sightings, product_of)
    theirs = weekly_prices(
        sightings.assign(row=_keys(listings).get_indexer(_keys(sightings))),
        len(listings),
        weeks=settings.weeks,
        carried=_CARRIED_WEEKS,
    )
    return Observed(
        as_of=scope.as_of,
        listings=_with_categories(scope, listings, products, settings),
        theirs=theirs,
        ours=_ours(listings, statements, settings.weeks),
        products=products,
        promotions=_categories_of_promotions(promotions, products),
        observed_since=_first_days(listings),
    )


def _first_days(listings: pd.DataFrame) -> dict[str, date]:
    first = listings.groupby("competitor")["first_seen"].min()
    return dict(zip(first.index.astype(str), first, strict=True))


def declared_of(scope: Scope, settings: MarketSettings) -> Declared:
    """Price wars that last, and the shop's revenue in the periods of declared sizes.

    Args:
        scope: of a job that reads MARKET_ALERTS, PRODUCT_DAYS, PRODUCTS and STOCK.
        settings: sizes of markets.
    """
    revenue = {size.category: _own_revenue(scope, size) for size in settings.sizes}
    return Declared(wars=_wars(scope), revenue=revenue)


def _week(instant: str, scope: Scope, *, oldest: int) -> Column:
    """Weeks before the one that ends with the day before the as-of day; at most the oldest."""
    age = F.datediff(F.lit(scope.as_of), local_day(instant, scope.time_zone)) - 1
    return F.least(F.floor(age / DAYS_OF_WEEK), F.lit(oldest)).cast("int")


def _sightings(scope: Scope, weeks: int) -> pd.DataFrame:
    """The last sighting of each listing in each week, of those on which it may be on sale.

    Of sightings at one time the lowest price counts. Older ones than can count are one row.
    """
    if not scope.exists(MARKET_PRICES):
        return pd.DataFrame(columns=["competitor", "title", "week", "first_seen", "last_seen",
                                     "price", "promotion", "brand"])  # fmt: skip
    at = F.col("observed_at")
    starts, ends = (F.col(f"promotion_{name}") for name in ("from", "to"))
    is_on = (starts.isNull() | (starts <= at)) & (ends.isNull() | (ends > at))
    price = F.col("price").cast("double")
    last = F.max_by(
        F.struct(
            price.alias("price"),
            F.when(is_on, F.nullif(F.trim("promotion"), F.lit(""))).alias("promotion"),
        ),
        F.struct(at, -price),
    )
    brand = F.max_by("brand", F.when(F.col("brand").isNotNull(), F.struct(at, "brand")))
    return (
        scope.facts(MARKET_PRICES)
        .where(arrived_before(scope.as_of, scope.time_zone))
        .where(at < start_of(scope.as_of, scope.time_zone))
        .withColumn("week", _week("observed_at", scope, oldest=weeks + _CARRIED_WEEKS - 1))
        .groupBy("competitor", "title", "week")
        .agg(
            local_day(F.min(at), scope.time_zone).alias("first_seen"),
            local_day(F.max(at), scope.time_zone).alias("last_seen"),
            last.alias("last"),
            brand.alias("brand"),
        )
        .select("competitor", "title", "week", "first_seen", "last_seen", "last.*", "brand")
        .toPandas()
    )


def _keys(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(rows[["competitor", "title"]])


def _listings(sightings: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """One row per listing, by competitor and title: what was last seen, and its product."""
    newest_first = sightings.sort_values(["competitor", "title", "week"])
    by_listing = newest_first.groupby(["competitor", "title"])
    listings = by_listing.agg(
        first_seen=("first_seen", "min"), last_seen=("last_seen", "max"), brand=("brand", "first")
    )
    # "first" skips what is null: the promotion is that of the newest row, or none.
    newest = newest_first.drop_duplicates(["competitor", "title"])
    listings["promotion"] = newest["promotion"].to_numpy()
    product_of = matches.set_index(["competitor", "title"])["product_id"]
    listings["product_id"] = product_of.reindex(listings.index).astype(object)
    return listings.reset_index()


def _statements(scope: Scope, weeks: int) -> pd.DataFrame:
    """What the shop last stated of each product in each week, in its product list and its stock.

    Of two statements of one time that of the stock counts, then the one that arrived later, as in
    `current_products`: one pass over both here, because of each week the price is wanted, too.

    Rows: product_id, week, price, at (first statement of the list), title, brand, category_path;
    null where the week states none.
    """
    columns = ("product_id", "at", "arrived_at", "price", "_file", "_row")
    texts = ("title", "brand", "category_path")
    frames = []
    if scope.exists(PRODUCTS):
        products = scope.facts(PRODUCTS).withColumn("price", F.col("list_price"))
        frames.append(products.select(F.lit(0).alias("rank"), *columns, *texts))
    if scope.exists(STOCK):
        of_warehouse = scope.facts(STOCK).where("store_ref IS NULL")
        frames.append(of_warehouse.select(F.lit(1).alias("rank"), *columns))
    if not frames:
        return pd.DataFrame(columns=["product_id", "week", "price", "at", *texts])
    is_listed = F.col("rank") == 0
    order = F.struct("at", "rank", "arrived_at", "_file", "_row")
    return (
        reduce(partial(DataFrame.unionByName, allowMissingColumns=True), frames)
        .where(arrived_before(scope.as_of, scope.time_zone))
        .where(is_listed | (F.col("at") < start_of(scope.as_of, scope.time_zone)))
        .withColumn("week", F.greatest(_week("at", scope, oldest=weeks), F.lit(0)))
        .groupBy("product_id", "week")
        .agg(
            F.max_by(
                F.col("price").cast("double"), F.when(F.col("price").isNotNull(), order)
            ).alias("price"),
            F.min(F.when(is_listed, F.col("at"))).alias("at"),
            F.max_by(F.struct(*texts), F.when(is_listed, order)).alias("texts"),
        )
        .withColumn("at", local_day("at", scope.time_zone))
        .select("product_id", "week", "price", "at", "texts.*")
        .toPandas()
    )


def _products(statements: pd.DataFrame) -> pd.DataFrame:
    """What the shop sells: product_id, title, brand, category, list_price, since."""
    newest_first = statements.sort_values(["product_id", "week"])
    listed = newest_first[newest_first["at"].notna()]
    products = listed.drop_duplicates("product_id").drop(columns=["week", "price", "at"])
    by_product = newest_first.groupby("product_id")
    narrowest = products["category_path"].str.split(" > ").str[-1]
    first = listed.groupby("product_id")["at"].min()
    since = first.where(first >= _DATED)
    return products.assign(
        category=narrowest.mask(narrowest == "").astype(object),
        list_price=products["product_id"].map(by_product["price"].first()).astype(float),
        since=products["product_id"].map(since).astype(object),
    ).reset_index(drop=True)


def _ours(listings: pd.DataFrame, statements: pd.DataFrame, weeks: int) -> npt.NDArray[np.float64]:
    """The list price of the product that each listing is, by week; a price of zero is none."""
    stated = statements[statements["product_id"].isin(set(listings["product_id"].dropna()))]
    products = pd.Index(stated["product_id"].unique())
    positive = stated["price"].where(stated["price"] > 0).astype(float)
    by_product = weekly_prices(
        stated.assign(row=products.get_indexer(pd.Index(stated["product_id"])), price=positive),
        len(products),
        weeks=weeks,
        carried=None,
    )
    row = products.get_indexer(pd.Index(listings["product_id"]))
    ours = np.full((len(listings), weeks), np.nan)
    ours[row >= 0] = by_product[row[row >= 0]]
    return ours


def _promotions(scope: Scope) -> pd.DataFrame:
    """Promotions that run when the as-of day begins; one without an end runs for SEEN_DAYS."""
    columns = ["competitor", "name", "starts_at", "category", "product_id"]
    if not scope.exists(MARKET_PROMOTIONS):
        return pd.DataFrame(columns=columns)
    now = start_of(scope.as_of, scope.time_zone)
    ends = F.coalesce("ends_at", F.col("starts_at") + F.lit(timedelta(days=SEEN_DAYS)))
    return (
        scope.facts(MARKET_PROMOTIONS)
        .where(arrived_before(scope.as_of, scope.time_zone))
        .where((F.col("starts_at") < now) & (ends > now))
        .select(*columns)
        .distinct()
        .toPandas()
    )


def _categories_of_promotions(promotions: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Promotions with a category of the shop: the stated one, else that of the product promoted."""
    category_of = products.set_index("product_id")["category"]
    is_own = promotions["category"].isin(category_of.dropna())
    of_product = promotions["product_id"].map(category_of)
    category = promotions["category"].where(is_own, of_product).astype(object)
    return promotions.assign(category=category)


def _with_categories(
    scope: Scope, listings: pd.DataFrame, products: pd.DataFrame, settings: MarketSettings
) -> pd.DataFrame:
    """Listings with the category of their product, or an estimated one."""
    category_of = products.set_index("product_id")["category"]
    category = listings["product_id"].map(category_of).astype(object)
    is_open = listings["product_id"].isna().to_numpy()
    estimate = estimate_categories(
        products,
        listings["title"].to_numpy(dtype=object)[is_open],
        least_accuracy=settings.min_category_accuracy,
    )
    category[is_open] = estimate.categories
    if isinstance(estimate.accuracy, NotComputable):
        scope.note(f"categories of listings are not estimated: {estimate.accuracy.reason}")
    else:
        accuracy = estimate.accuracy
        scope.note(
            f"categories of {int(is_open.sum())} unmatched listings by their words: right for "
            f"{accuracy.value:.1%} of the shop's own products (95 % interval {accuracy.low:.1%} to "
            f"{accuracy.high:.1%}); {settings.min_category_accuracy:.0%} are needed"
        )
    return listings.assign(
        category=category.fillna(UNKNOWN), is_estimated=is_open & category.notna().to_numpy()
    )


def _wars(scope: Scope) -> dict[str, str]:
    """Evidence of the price wars that last when the as-of day begins, by category."""
    if not scope.exists(MARKET_ALERTS):
        return {}
    lasting = alerts_as_of(scope.raw(MARKET_ALERTS), start_of(scope.as_of, scope.time_zone))
    rows = (
        lasting.where("kind = 'price_war' AND category IS NOT NULL")
        .select(
            "category",
            local_day("valid_from", scope.time_zone).alias("since"),
            F.col("evidence")["fallen"].alias("fallen"),
            F.col("evidence")["listings"].alias("listings"),
        )
        .orderBy("category", "since")
        .toPandas()
    )
    return {
        str(
            row.category
        ): f"price war since {row.since}: {row.fallen} of {row.listings} usual prices "
        "had fallen when it began"
        for row in rows.itertuples()
    }


def _own_revenue(scope: Scope, size: MarketSize) -> float | NotComputable:
    """What was paid to the shop in the period of a declared size, less returns."""
    if size.last_day >= scope.as_of:
        return NotComputable(f"the period ends on {size.last_day}, which is not over")
    days = scope.facts(PRODUCT_DAYS).where(is_known_by(scope.as_of))
    in_period = F.col("day").between(F.lit(size.first_day), F.lit(size.last_day))
    if size.category != ALL:
        products = listed_products(scope, scope.as_of).select("product_id", "category")
        days = days.join(products, "product_id", "left")
        in_period &= F.col("category").eqNullSafe(F.lit(size.category))
    sums = days.agg(
        F.min("day").alias("first_day"),
        F.sum(F.when(in_period, F.col("amount") - F.col("returned"))).alias("revenue"),
    ).toPandas()
    first_day = sums["first_day"].iloc[0]
    if first_day is None or first_day > size.first_day:
        return NotComputable(
            f"the shop's records begin on {first_day}, the period on {size.first_day}"
        )
    return float(sums["revenue"].iloc[0] or 0)
