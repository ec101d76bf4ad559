"""Find what goes with what, what stands in for what, and which products the same people buy or rate alike."""

from datetime import timedelta
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts import Table
from clarion.contracts.gold import PRODUCT_LIKENESSES, PRODUCT_NEIGHBOURS, PRODUCT_PAIRS
from clarion.contracts.silver import ORDER_LINES, PRODUCTS, REVIEWS
from clarion.kernel.parallel import together
from clarion.measures.days import start_of
from clarion.ops.job import Job, Params
from clarion.ops.scope import Scope
from clarion.products import likeness, pairs
from clarion.products.settings import PairSettings
from clarion.profiles.transforms import current_products


def run(scope: Scope, params: Params) -> None:
    together([partial(scope.replace, PRODUCT_PAIRS, _pairs(scope)), partial(scope.replace, PRODUCT_LIKENESSES, _likenesses(scope))])


def _pairs(scope: Scope) -> DataFrame:
    settings = scope.settings(PairSettings)
    sold = scope.keep(_known(scope, ORDER_LINES).where("kind = 'sale'").select("customer_id", "order_id", "product_id", "happened_at"))
    in_orders = scope.keep(pairs.baskets(sold, settings=settings))
    products = current_products(scope.read(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    complementary = scope.keep(pairs.complements(in_orders, products, settings=settings))
    alike = pairs.substitutes(in_orders, scope.current(PRODUCT_NEIGHBOURS), settings=settings)
    return pairs.ranked(pairs.with_order(complementary, sold, settings=settings), alike, as_of=scope.as_of, settings=settings)


def _likenesses(scope: Scope) -> DataFrame:
    settings = scope.settings(PairSettings)
    nearest = {"jaccard": likeness.by_buyers, "pearson": likeness.by_ratings}

    def found(measure: str, facts: DataFrame) -> DataFrame:
        return nearest[measure](facts, as_of=scope.as_of, k=settings.likest, min_common=settings.min_common, block_rows=settings.block_rows)

    bought = found("jaccard", _known(scope, ORDER_LINES).where("kind = 'sale'"))
    if not scope.lake.exists(REVIEWS):
        return bought
    return bought.unionByName(found("pearson", _known(scope, REVIEWS).withColumn("value", F.col("rating"))))


def _known(scope: Scope, table: Table) -> DataFrame:
    """Facts of the window that were known before the as-of day."""
    since, until = (start_of(day, scope.time_zone) for day in (scope.as_of - timedelta(days=scope.settings(PairSettings).window_days), scope.as_of))
    return scope.read(table).where((F.col("happened_at") >= since) & (F.col("happened_at") < until) & (F.col("arrived_at") < until))


JOB = Job(
    name="product_pairs",
    summary=__doc__,
    reads=(PRODUCT_NEIGHBOURS, ORDER_LINES, PRODUCTS, REVIEWS),
    writes=(PRODUCT_PAIRS, PRODUCT_LIKENESSES),
    settings=(PairSettings,),
    run=run,
)
