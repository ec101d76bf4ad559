"""Find what goes with what, what stands in for what, and which products the same people buy or rate alike."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import PRODUCT_NEIGHBOURS, PRODUCT_PAIRS, PRODUCT_SIMILARITIES
from clarion.contracts.silver import ORDER_LINES, PRODUCTS, REVIEWS
from clarion.kernel.parallel import run_concurrently
from clarion.products.catalogue.current import current_products
from clarion.products.similarity import by_buyers, pairs
from clarion.products.similarity.settings import PairSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    lines = scope.facts_within(ORDER_LINES, scope.settings(PairSettings).window_days)
    sold = scope.persist(
        lines.where("kind = 'sale'").select("customer_id", "order_id", "product_id", "happened_at")
    )
    run_concurrently(
        [
            partial(scope.replace, PRODUCT_PAIRS, _pairs(scope, sold)),
            partial(scope.replace, PRODUCT_SIMILARITIES, _similarities(scope, sold)),
        ]
    )


def _pairs(scope: Scope, sold: DataFrame) -> DataFrame:
    settings = scope.settings(PairSettings)
    in_orders = scope.persist(pairs.baskets(sold, settings=settings))
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    complementary = scope.persist(pairs.complements(in_orders, products, settings=settings))
    alike = pairs.substitutes(in_orders, scope.current(PRODUCT_NEIGHBOURS), settings=settings)
    return pairs.ranked(
        pairs.with_order(complementary, sold, settings=settings),
        alike,
        as_of=scope.as_of,
        settings=settings,
    )


def _similarities(scope: Scope, sold: DataFrame) -> DataFrame:
    settings = scope.settings(PairSettings)
    nearest = {"jaccard": by_buyers.by_buyers, "pearson": by_buyers.by_ratings}

    def found(measure: str, facts: DataFrame) -> DataFrame:
        return nearest[measure](
            facts,
            as_of=scope.as_of,
            k=settings.top_k,
            min_common=settings.min_common,
            block_rows=settings.block_rows,
        )

    bought = found("jaccard", sold)
    if not scope.exists(REVIEWS):
        return bought
    return bought.unionByName(
        found(
            "pearson",
            scope.facts_within(REVIEWS, settings.window_days).withColumn("value", F.col("rating")),
        )
    )


JOB = Job(
    name="product_pairs",
    summary=__doc__,
    reads=(PRODUCT_NEIGHBOURS, ORDER_LINES, PRODUCTS, REVIEWS),
    writes=(PRODUCT_PAIRS, PRODUCT_SIMILARITIES),
    purpose="analytics",
    settings=(PairSettings,),
    run=run,
)
