"""Find products that go together, replace each other, or have the same buyers or ratings."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import PRODUCT_NEIGHBOURS, PRODUCT_PAIRS, PRODUCT_SIMILARITIES
from clarion.contracts.silver import ORDER_LINES, PRODUCTS, REVIEWS
from clarion.products.catalogue.current import current_products
from clarion.products.similarity import pairs
from clarion.products.similarity.collaborative import product_similarities
from clarion.products.similarity.settings import PairSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Write pairs and similarities of the day."""
    order_lines = scope.facts_within(ORDER_LINES, scope.settings(PairSettings).window_days)
    sales = scope.persist(
        order_lines.where("kind = 'sale'").select(
            "customer_id", "order_id", "product_id", "happened_at"
        )
    )
    scope.run_concurrently(
        [
            partial(scope.replace, PRODUCT_PAIRS, _pairs(scope, sales)),
            partial(scope.replace, PRODUCT_SIMILARITIES, _similarities(scope, sales)),
        ]
    )


def _pairs(scope: Scope, sales: DataFrame) -> DataFrame:
    settings = scope.settings(PairSettings)
    baskets = scope.persist(pairs.baskets(sales, settings=settings))
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    complements = scope.persist(pairs.complements(baskets, products, settings=settings))
    return pairs.rank_pairs(
        pairs.with_follow_share(complements, sales, settings=settings),
        pairs.substitutes(baskets, scope.current(PRODUCT_NEIGHBOURS), settings=settings),
        as_of=scope.as_of,
        settings=settings,
    )


def _similarities(scope: Scope, sales: DataFrame) -> DataFrame:
    settings = scope.settings(PairSettings)
    reviews = scope.facts_within(REVIEWS, settings.window_days) if scope.exists(REVIEWS) else None
    similarities = product_similarities(sales, reviews, settings=settings)
    return similarities.select(F.lit(scope.as_of).alias("as_of"), "*")


JOB = Job(
    name="product_pairs",
    summary=__doc__,
    reads=(PRODUCT_NEIGHBOURS, ORDER_LINES, PRODUCTS, REVIEWS),
    writes=(PRODUCT_PAIRS, PRODUCT_SIMILARITIES),
    purpose="analytics",
    settings=(PairSettings,),
    run=run,
)
