"""Quantify products: attributes as of the day, the product matrix, and similar products."""

from functools import partial

from pyspark.sql import functions as F

from clarion.contracts.gold import (
    PRODUCT_ATTRIBUTES,
    PRODUCT_DAYS,
    PRODUCT_FEATURES,
    PRODUCT_NEIGHBOURS,
    PRODUCT_VECTORS,
)
from clarion.contracts.silver import MARKET_PRICES, PRODUCTS, REVIEWS, STOCK
from clarion.declarations.shop import attributes
from clarion.products.similarity import matrix, model
from clarion.products.similarity.settings import ProductSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.product_model import (
    matrix_inputs,
    product_model,
    products_in_market,
    replace_neighbours,
)


def run(scope: Scope) -> None:
    """Write the tables of the day."""
    settings = scope.settings(ProductSettings)
    declared = attributes(scope.config)
    products = scope.persist(products_in_market(scope))
    if products.isEmpty():
        scope.note("no products")
        for table in JOB.writes:
            scope.replace(table, scope.empty(table))
        return
    inputs = scope.persist(matrix_inputs(products, declared, settings))
    pipeline, version = product_model(scope, inputs, declared)
    features = scope.persist(model.feature_list(pipeline, inputs))
    terms = matrix.weighted_terms(model.bin_model(pipeline).transform(inputs), declared)
    vectors = scope.persist(
        matrix.product_vectors(
            terms, features, settings.weights, as_of=scope.as_of, version=version
        )
    )
    feature_rows = features.select(
        F.lit(scope.as_of).alias("as_of"), "*", F.lit(version).alias("model_version")
    )
    attribute_rows = matrix.product_attributes(products, as_of=scope.as_of)
    scope.run_concurrently(
        [
            partial(scope.replace, PRODUCT_ATTRIBUTES, attribute_rows),
            partial(scope.replace, PRODUCT_FEATURES, feature_rows),
            partial(scope.replace, PRODUCT_VECTORS, vectors),
            partial(replace_neighbours, scope, vectors, version),
        ]
    )


JOB = Job(
    name="product_matrix",
    summary=__doc__,
    reads=(PRODUCTS, PRODUCT_DAYS, REVIEWS, MARKET_PRICES, STOCK),
    reads_earlier=(PRODUCT_FEATURES, PRODUCT_VECTORS, PRODUCT_NEIGHBOURS),
    writes=(PRODUCT_ATTRIBUTES, PRODUCT_FEATURES, PRODUCT_VECTORS, PRODUCT_NEIGHBOURS),
    purpose="analytics",
    settings=(ProductSettings,),
    run=run,
)
