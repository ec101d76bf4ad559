"""Features of the run's day, and those that say nothing of the shop's customers.

What a job of groups, tags or predictions knows of customers, it takes from here.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_FEATURES, FEATURES
from clarion.customers.features.definitions import Feature
from clarion.customers.features.left_out import (
    Spread,
    features_left_out,
    features_named,
    inputs_left_out,
    listed,
)
from clarion.customers.features.transforms import feature_summary, unpack_features
from clarion.declarations import shop
from clarion.lake.frames import rows_as_frame
from clarion.runtime.scope import Scope

READS = (CUSTOMER_FEATURES, FEATURES)


def write_summary(scope: Scope, customer_features: DataFrame) -> int:
    """Write FEATURES of the run's day, and say which features are left out.

    Args:
        scope: of a job that writes FEATURES.
        customer_features: CUSTOMER_FEATURES of the day, without as_of.
    """
    declared = shop.features(scope.config)
    rows, left_out = summarise(customer_features, declared)
    if left_out:
        scope.note(f"no part in groups, tags and models take: {listed(left_out)}")
    columns = [
        {**rows[item.name], "as_of": scope.as_of, "left_out": left_out.get(item.name)}
        for item in declared
    ]
    return scope.replace(FEATURES, rows_as_frame(scope.spark, FEATURES, columns))


def summarise(
    customer_features: DataFrame, features: tuple[Feature, ...]
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """What some features are over customers, and which of them are left out.

    Args:
        customer_features: CUSTOMER_FEATURES of one day.
        features: the features, each after those it rests on.

    Returns:
        Row of FEATURES by name, without as_of and left_out; the reason by name of those left out.
    """
    rows: dict[str, dict[str, Any]] = {
        row["feature"]: row.asDict()
        for row in feature_summary(customer_features, features).collect()  # one row a feature
    }
    spreads = {
        name: Spread(row["customers"], row["lowest"], row["highest"]) for name, row in rows.items()
    }
    return rows, features_left_out(features, spreads)


def left_out_features(scope: Scope) -> dict[str, str]:
    """The features that take no part in groups, tags and models, with the reason of each.

    Args:
        scope: of a job that reads READS.
    """
    rows = scope.current(FEATURES).where("left_out IS NOT NULL").select("feature", "left_out")
    return {row["feature"]: row["left_out"] for row in rows.orderBy("feature").collect()}


def feature_means(scope: Scope, names: Collection[str]) -> dict[str, float | None]:
    """The mean of some features over all of today's customers of whom they are known.

    Args:
        scope: of a job that reads READS.
        names: the features.
    """
    if not names:
        return {}
    rows = scope.current(FEATURES).where(F.col("feature").isin(*names)).select("feature", "mean")
    return {row["feature"]: row["mean"] for row in rows.collect()}


def known_features(scope: Scope, left_out: Mapping[str, str]) -> DataFrame:
    """customer_id and every declared feature of the run's day; those left out are unknown.

    Args:
        scope: of a job that reads READS.
        left_out: result of `left_out_features`.
    """
    return unpack_features(
        scope.current(CUSTOMER_FEATURES), shop.features(scope.config), left_out=set(left_out)
    )


def used_inputs(
    inputs: Mapping[str, tuple[str, tuple[str, ...]]],
    declared: tuple[Feature, ...],
    left_out: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, str]]:
    """The inputs of a model that take part, and those that do not.

    Args:
        inputs: by name, SQL over features and the features that it rests on (none for all that it
            names).
        declared: the declared features.
        left_out: features that take no part, with the reason of each.

    Returns:
        SQL by name of the inputs that take part; the reason by name of the others.
    """
    rests_on = {
        name: stated or features_named(text, declared) for name, (text, stated) in inputs.items()
    }
    without = inputs_left_out(rests_on, left_out)
    return {name: text for name, (text, _) in inputs.items() if name not in without}, without
