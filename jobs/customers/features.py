"""Compute the declared features of every customer as of a day."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_FEATURES, CUSTOMER_PROFILES, FEATURES
from clarion.customers.features import transforms
from clarion.customers.features.checks import check_features
from clarion.customers.features.definitions import Feature
from clarion.declarations.shop import features
from clarion.kernel.parallel import run_concurrently
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features


def run(scope: Scope) -> None:
    declared = features(scope.config)
    profiles = scope.current(CUSTOMER_PROFILES)
    seen = customer_features.feature_views(scope, declared, as_of=scope.as_of)
    as_of = F.lit(scope.as_of).alias("as_of")
    check_features(profiles, seen, declared)
    wide = transforms.compute_features(profiles, seen, declared)
    packed = scope.persist(transforms.pack_features(wide, declared))
    run_concurrently(
        [
            partial(scope.replace, CUSTOMER_FEATURES, packed.select(as_of, "*")),
            partial(scope.replace, FEATURES, _summary(scope, packed, declared).select(as_of, "*")),
        ]
    )


def _summary(scope: Scope, packed: DataFrame, declared: tuple[Feature, ...]) -> DataFrame:
    """FEATURES of the day, as_of aside: what was declared, beside how it is spread."""
    rows = [
        (item.name, item.source, item.type, item.unit, item.meaning, item.label_en, item.label_zh)
        for item in declared
    ]
    named = scope.spark.createDataFrame(
        rows,
        "feature string, source string, type string, unit string, meaning string, label_en string, label_zh string",
    )
    everyone = packed.agg(F.count("*").alias("everyone"))
    found = named.join(transforms.feature_summary(packed), "feature", "left").crossJoin(
        F.broadcast(everyone)
    )
    known = F.coalesce("customers", F.lit(0)).cast("bigint")
    share = F.coalesce(F.try_divide(known, F.col("everyone")), F.lit(0.0)).alias("share_known")
    return found.select(
        *named.columns,
        known.alias("customers"),
        share,
        "mean",
        "standard_deviation",
        "lowest",
        "highest",
    )


JOB = Job(
    name="features",
    summary=__doc__,
    reads=customer_features.READS,
    writes=(CUSTOMER_FEATURES, FEATURES),
    purpose="analytics",
    run=run,
)
