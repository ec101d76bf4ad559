"""The model of the product matrix: what it computes from, which version serves, what it gave."""

from dataclasses import asdict

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import (
    PRODUCT_ATTRIBUTES,
    PRODUCT_DAYS,
    PRODUCT_FEATURES,
    PRODUCT_NEIGHBOURS,
    PRODUCT_VECTORS,
)
from clarion.contracts.silver import MARKET_PRICES, REVIEWS
from clarion.kernel.ids import digest
from clarion.measures.columns.expressions import UserSql, check_user_sql
from clarion.products.similarity import matrix, model
from clarion.products.similarity.attributes import Attribute
from clarion.products.similarity.market import MarketFacts, with_market_facts
from clarion.products.similarity.neighbours import EarlierDay, nearest_products
from clarion.products.similarity.settings import ProductSettings
from clarion.runtime import models
from clarion.runtime.scope import Scope
from clarion.workflows.listed_products import listed_products

_MODEL = "clarion-products"


def products_in_market(scope: Scope) -> DataFrame:
    """Current products with what the market says about them, as of the day."""
    days = scope.settings(ProductSettings).market_days
    products = listed_products(scope, scope.as_of)
    reviews = scope.facts_within(REVIEWS, days) if scope.exists(REVIEWS) else None
    prices = None
    if scope.exists(MARKET_PRICES):
        prices = scope.facts_within(MARKET_PRICES, days, time="observed_at")
    facts = MarketFacts(scope.facts(PRODUCT_DAYS), reviews, prices)
    return with_market_facts(products, facts, as_of=scope.as_of, days=days)


def matrix_inputs(
    products: DataFrame, attributes: tuple[Attribute, ...], settings: ProductSettings
) -> DataFrame:
    """The columns from which the model computes.

    Args:
        products: the frame of `products_in_market`.
        attributes: the declared attributes.
        settings: how Chinese texts become tokens.

    Raises:
        ConfigError: the value of an attribute is not valid SQL over the columns of a product.
    """
    columns = ", ".join(PRODUCT_ATTRIBUTES.column_names[1:])
    values = [
        UserSql(
            where=f"attributes.yml: {attribute.name}",
            text=attribute.value,
            result=attribute.type,
            hint=f"use columns of {PRODUCT_ATTRIBUTES.name}: {columns}",
        )
        for attribute in attributes
    ]
    check_user_sql(products, values)
    return matrix.matrix_inputs(products, attributes, chinese=settings.chinese)


def product_model(
    scope: Scope, inputs: DataFrame, attributes: tuple[Attribute, ...]
) -> tuple[PipelineModel, str]:
    """The model that serves, and its version.

    A new one is fitted where there is none, where it is too old, or where the settings or
    attributes have changed.

    Args:
        scope: the run.
        inputs: the frame of `matrix_inputs`.
        attributes: the declared attributes.
    """
    settings = scope.settings(ProductSettings)
    settings_hash = digest(asdict(settings), [asdict(attribute) for attribute in attributes])
    serving = models.active_model(
        scope.tracking,
        _MODEL,
        scope.earlier(PRODUCT_FEATURES).where("model_version IS NOT NULL"),
        fitted_with=settings_hash,
        as_of=scope.as_of,
        retrain_days=settings.retrain_days,
    )
    if serving:
        return serving
    fingerprint = digest(settings_hash, str(scope.as_of), models.input_fingerprint(inputs))
    version = scope.tracking.version_of(_MODEL, fingerprint)
    if version:
        return scope.tracking.load(_MODEL, version), version
    fitted = model.fit(inputs, attributes, settings=settings)
    parameters = {
        "as_of": str(scope.as_of),
        models.SETTINGS: settings_hash,
        "attributes": ",".join(attribute.name for attribute in attributes),
        **settings.weights,
    }
    version = scope.tracking.log(
        _MODEL,
        fitted,
        params=parameters,
        metrics={"columns": float(model.vocabulary_size(fitted))},
        fingerprint=fingerprint,
    )
    return fitted, version


def replace_neighbours(scope: Scope, vectors: DataFrame, version: str) -> int:
    """Write PRODUCT_NEIGHBOURS of the day; returns the number of rows.

    Args:
        scope: the run.
        vectors: PRODUCT_VECTORS of the day.
        version: version of the model.
    """
    settings = scope.settings(ProductSettings)
    nearest = nearest_products(
        vectors, _earlier_day(scope, version), as_of=scope.as_of, settings=settings
    )
    if nearest.recall is None:
        scope.note(f"neighbours: {nearest.compared} products compared with all")
    else:
        sample = f"on a sample of {settings.recall_sample}"
        scope.note(f"approximate neighbours: {nearest.recall:.1%} of the exact ones, {sample}")
    return scope.replace(PRODUCT_NEIGHBOURS, nearest.neighbours)


def _earlier_day(scope: Scope, version: str) -> EarlierDay | None:
    """Vectors and neighbours of the last day under a model version; None where there is none."""
    vectors = scope.earlier(PRODUCT_VECTORS).where(F.col("model_version") == version)
    last = vectors.agg(F.max("as_of")).first()
    if last is None or last[0] is None:
        return None
    is_last_day = F.col("as_of") == F.lit(last[0])
    return EarlierDay(
        vectors.where(is_last_day), scope.earlier(PRODUCT_NEIGHBOURS).where(is_last_day)
    )
