"""Declared features of every customer, one pass over each view however many they are."""

from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.customers.features.definitions import Feature
from clarion.kernel import sql
from clarion.measures.columns.expressions import UserSql, check_user_sql

_DIGITS = 9  # the order of summation may decide what follows


def compute_features(
    customers: DataFrame, views: Mapping[str, DataFrame], features: tuple[Feature, ...]
) -> DataFrame:
    """A column for each feature.

    Args:
        customers: CUSTOMER_PROFILES of the day, everyone who is described; the view `profile`.
        views: the other views that the features look at, by source; one that is missing is empty.
        features: in an order in which those over `features` come after those they name.

    Returns:
        One row per customer: customer_id and each feature (double or string), null where it is unknown.
    """
    by_source = {
        source: [item for item in features if item.source == source]
        for source in dict.fromkeys(item.source for item in features)
    }
    base = customers.select(
        "customer_id",
        *(
            _typed(F.expr(_held(item)), item).alias(item.name)
            for item in by_source.get("profile", [])
        ),
    )
    parts = [_summed(views[source], mine) for source, mine in by_source.items() if source in views]
    wide = reduce(lambda left, right: left.join(right, "customer_id", "left"), parts, base)
    computed = set(wide.columns)
    known = {
        feature.name: _or_empty(feature, computed=feature.name in computed)
        for feature in features
        if feature.source != "features"
    }
    frame = wide.select("customer_id", *(column.alias(name) for name, column in known.items()))
    for feature in features:
        if feature.source == "features":
            frame = frame.withColumn(feature.name, _typed(F.expr(_held(feature)), feature))
    return frame.select("customer_id", *(feature.name for feature in features))


def _summed(view: DataFrame, features: list[Feature]) -> DataFrame:
    return view.groupBy("customer_id").agg(
        *(_typed(F.expr(_aggregate(feature)), feature).alias(feature.name) for feature in features)
    )


def _aggregate(feature: Feature) -> str:
    return (
        f"{feature.value} FILTER (WHERE {feature.counts_when})"
        if feature.counts_when
        else feature.value
    )


def _held(feature: Feature) -> str:
    return f"IF({feature.where}, {feature.value}, NULL)" if feature.where else feature.value


def _typed(value: Column, feature: Feature) -> Column:
    return (
        value.cast("string") if feature.type == "text" else F.round(value.cast("double"), _DIGITS)
    )


def _or_empty(feature: Feature, *, computed: bool) -> Column:
    value = (
        F.col(feature.name)
        if computed
        else F.lit(None).cast("string" if feature.type == "text" else "double")
    )
    return value if feature.empty is None else F.coalesce(value, F.lit(feature.empty))


def pack_features(wide: DataFrame, features: tuple[Feature, ...]) -> DataFrame:
    """The wide frame with its features in two maps: values (numbers) and labels (texts); unknown ones are left out."""

    def of(kind: str, type_: str) -> Column:
        names = [feature.name for feature in features if feature.type == kind]
        if not names:
            return F.expr(f"CAST(map() AS map<string,{type_}>)")
        return F.map_filter(
            F.create_map(*(part for name in names for part in (F.lit(name), F.col(name)))),
            lambda _, value: value.isNotNull(),
        )

    return wide.select(
        "customer_id", of("number", "double").alias("values"), of("text", "string").alias("labels")
    )


def unpack_features(packed_features: DataFrame, features: tuple[Feature, ...]) -> DataFrame:
    """CUSTOMER_FEATURES with a column for each feature, as expressions speak of them; null where it is unknown."""
    columns = (
        F.expr(
            f"{'values' if feature.type == 'number' else 'labels'}[{sql.text(feature.name)}]"
        ).alias(feature.name)
        for feature in features
    )
    return packed_features.select("customer_id", *columns)


def model_inputs(described: DataFrame, expressions: Mapping[str, str]) -> DataFrame:
    """What a model compares.

    Args:
        described: customer_id and a column for each declared feature.
        expressions: SQL over those, by the name under which the model knows it.

    Returns:
        One row per customer: customer_id and a double for each expression, null where it is unknown.

    Raises:
        ConfigError: an expression is invalid over the features.
    """
    inputs = [
        UserSql(
            where=f"input '{name}' of a model",
            text=value,
            result="double",
            hint="use names of conf/features.yml",
        )
        for name, value in expressions.items()
    ]
    check_user_sql(described, inputs)
    return described.selectExpr(
        "customer_id",
        *(f"CAST({value} AS double) AS {sql.name(name)}" for name, value in expressions.items()),
    )


def feature_summary(packed_features: DataFrame) -> DataFrame:
    """How the features are spread over customers.

    Returns:
        One row per feature that anybody has: feature, customers (who have it), mean, deviation, lowest, highest (null for texts).
    """
    numbers = packed_features.select(F.explode("values").alias("feature", "value"))
    texts = packed_features.select(F.explode("labels").alias("feature", "text")).select(
        "feature", F.lit(None).cast("double").alias("value")
    )
    return (
        numbers.unionByName(texts)
        .groupBy("feature")
        .agg(
            F.count("*").alias("customers"),
            F.round(F.avg("value"), _DIGITS).alias("mean"),
            F.round(F.stddev_pop("value"), _DIGITS).alias("standard_deviation"),
            F.min("value").alias("lowest"),
            F.max("value").alias("highest"),
        )
    )
