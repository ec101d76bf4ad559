"""Quantify products: what is known of them, the feature matrix, and the products most like each."""

from dataclasses import asdict
from functools import partial

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
from clarion.contracts.silver import MARKET_PRICES, PRODUCTS, REVIEWS
from clarion.declarations.shop import attributes
from clarion.kernel.ids import digest
from clarion.kernel.parallel import run_concurrently
from clarion.measures.columns.expressions import UserSql, check_user_sql
from clarion.products.catalogue.current import current_products
from clarion.products.similarity import market, model, neighbours
from clarion.products.similarity import transforms as matrix
from clarion.products.similarity.attributes import Attribute
from clarion.products.similarity.settings import ProductSettings
from clarion.runtime import models
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope

MODEL = "clarion-products"


def run(scope: Scope) -> None:
    settings, declared = scope.settings(ProductSettings), attributes(scope.config)
    known = scope.persist(_known(scope, settings))
    if known.isEmpty():
        scope.note("no products")
        for table in (PRODUCT_ATTRIBUTES, PRODUCT_FEATURES, PRODUCT_VECTORS, PRODUCT_NEIGHBOURS):
            scope.replace(table, scope.empty(table))
        return
    described = scope.persist(_described(known, declared, settings))
    pipeline, version = _model(scope, settings, described, declared)
    features = scope.persist(model.feature_list(pipeline, described))
    marked = matrix.marks(model.steps_of(pipeline).transform(described), declared)
    vectors = scope.persist(
        matrix.vectors(marked, features, settings.weights, as_of=scope.as_of, version=version)
    )
    run_concurrently(
        [
            partial(
                scope.replace, PRODUCT_ATTRIBUTES, matrix.attribute_rows(known, as_of=scope.as_of)
            ),
            partial(
                scope.replace,
                PRODUCT_FEATURES,
                features.select(
                    F.lit(scope.as_of).alias("as_of"), "*", F.lit(version).alias("model_version")
                ),
            ),
            partial(scope.replace, PRODUCT_VECTORS, vectors),
            partial(_replace_neighbours, scope, settings, vectors, version),
        ]
    )


def _known(scope: Scope, settings: ProductSettings) -> DataFrame:
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    reviews = scope.facts_within(REVIEWS, settings.market_days) if scope.exists(REVIEWS) else None
    prices = (
        scope.facts_within(MARKET_PRICES, settings.market_days, time="observed_at")
        if scope.exists(MARKET_PRICES)
        else None
    )
    return market.described(
        products,
        scope.facts(PRODUCT_DAYS),
        reviews,
        prices,
        as_of=scope.as_of,
        within=settings.market_days,
    )


def _described(
    known: DataFrame, declared: tuple[Attribute, ...], settings: ProductSettings
) -> DataFrame:
    """Products as a model looks at them.

    Raises:
        ConfigError: an attribute names what products do not have.
    """
    columns = ", ".join(PRODUCT_ATTRIBUTES.column_names[1:])
    values = [
        UserSql(
            where=f"attributes.yml: {item.name}",
            text=item.value,
            hint=f"use columns of gold.product_attributes: {columns}",
        )
        for item in declared
    ]
    check_user_sql(known, values)
    return matrix.described(known, declared, chinese=settings.chinese)


def _model(
    scope: Scope, settings: ProductSettings, described: DataFrame, declared: tuple[Attribute, ...]
) -> tuple[PipelineModel, str]:
    """The model in force; a new one where there is none, where it is old, or where it was fitted with other settings."""
    wanted = digest(asdict(settings), [asdict(item) for item in declared])
    earlier = scope.earlier(PRODUCT_FEATURES).where("model_version IS NOT NULL")
    serving = models.active_model(
        scope.tracking,
        MODEL,
        earlier,
        fitted_with=wanted,
        as_of=scope.as_of,
        retrain_days=settings.retrain_days,
    )
    if serving:
        return serving
    fingerprint = digest(wanted, str(scope.as_of), models.input_fingerprint(described))
    version = scope.tracking.version_of(MODEL, fingerprint)
    if version:
        return scope.tracking.load(MODEL, version), version
    fitted = model.fit(described, declared, settings=settings)
    parameters = {
        "as_of": str(scope.as_of),
        models.SETTINGS: wanted,
        "attributes": ",".join(item.name for item in declared),
        **settings.weights,
    }
    return fitted, scope.tracking.log(
        MODEL,
        fitted,
        params=parameters,
        metrics={"columns": float(model.columns_of(fitted))},
        fingerprint=fingerprint,
    )


def _replace_neighbours(
    scope: Scope, settings: ProductSettings, vectors: DataFrame, version: str
) -> int:
    found = neighbours.nearest(
        vectors, _before(scope, version), as_of=scope.as_of, settings=settings
    )
    if found.recall is not None:
        scope.note(
            f"approximate neighbours: {found.recall:.1%} of the exact ones found, on a sample of {settings.recall_sample}"
        )
    else:
        scope.note(f"neighbours: {found.compared} products compared with all")
    return scope.replace(PRODUCT_NEIGHBOURS, found.near)


def _before(scope: Scope, version: str) -> tuple[DataFrame, DataFrame] | None:
    """Rows of the last day under the same model, with its neighbours."""
    rows = scope.earlier(PRODUCT_VECTORS).where(F.col("model_version") == version)
    last = rows.agg(F.max("as_of")).first()
    if last is None or last[0] is None:
        return None
    that_day = F.col("as_of") == F.lit(last[0])
    return rows.where(that_day), scope.earlier(PRODUCT_NEIGHBOURS).where(that_day)


JOB = Job(
    name="product_matrix",
    summary=__doc__,
    reads=(
        PRODUCTS,
        PRODUCT_DAYS,
        REVIEWS,
        MARKET_PRICES,
    ),
    reads_earlier=(PRODUCT_FEATURES, PRODUCT_VECTORS, PRODUCT_NEIGHBOURS),
    writes=(PRODUCT_ATTRIBUTES, PRODUCT_FEATURES, PRODUCT_VECTORS, PRODUCT_NEIGHBOURS),
    purpose="analytics",
    settings=(ProductSettings,),
    run=run,
)
