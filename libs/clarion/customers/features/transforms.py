"""Compute the declared features of every customer in one pass over each view."""

from collections.abc import Collection, Iterator, Mapping
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.customers.features.definitions import Feature, levels
from clarion.kernel import sql
from clarion.kernel.safe_sql import null_on_error
from clarion.measures.columns.expressions import UserSql, check_user_sql
from clarion.measures.columns.frames import local_frame

_DIGITS = 9  # a sum differs beyond them when Spark adds in another order
_DECLARATION = (
    "feature string, source string, type string, unit string, meaning string, label_en string, "
    "label_zh string"
)


def compute_features(
    profiles: DataFrame, views: Mapping[str, DataFrame], features: tuple[Feature, ...]
) -> DataFrame:
    """One column per feature for every customer with a profile.

    Args:
        profiles: CUSTOMER_PROFILES of the day; they are the view `profile`.
        views: the other views, by source; a source without a view counts as empty.
        features: declared features. One over `features` stands after those it uses.

    Returns:
        One row per customer: customer_id and each feature (double or string), null if unknown.
    """
    by_source: dict[str, list[Feature]] = {}
    for feature in features:
        by_source.setdefault(feature.source, []).append(feature)

    of_profile = (
        _cast(F.expr(feature.sql), feature).alias(feature.name)
        for feature in by_source.get("profile", [])
    )
    parts = [
        _aggregate(views[source], of_source)
        for source, of_source in by_source.items()
        if source in views
    ]
    joined = reduce(
        lambda left, right: left.join(right, "customer_id", "left"),
        parts,
        profiles.select("customer_id", *of_profile),
    )

    computed = set(joined.columns)
    of_facts = (
        _or_empty(feature, is_computed=feature.name in computed).alias(feature.name)
        for feature in features
        if feature.source != "features"
    )
    wide = joined.select("customer_id", *of_facts)
    for group in levels(tuple(by_source.get("features", []))):
        # One frame for each group: Spark analyses all columns again for each frame.
        wide = wide.withColumns({item.name: _cast(F.expr(item.sql), item) for item in group})
    return wide.select("customer_id", *(feature.name for feature in features))


def pack_features(wide: DataFrame, features: tuple[Feature, ...]) -> DataFrame:
    """The features in two maps, numbers and texts; unknown ones are left out.

    Args:
        wide: customer_id and one column per feature.
        features: the features.

    Returns:
        CUSTOMER_FEATURES without as_of: customer_id, values, labels.
    """

    def pack(kind: str, type_: str) -> Column:
        names = [feature.name for feature in features if feature.type == kind]
        if not names:
            return F.expr(f"CAST(map() AS map<string,{type_}>)")
        return F.map_filter(
            F.create_map(*_names_and_values(names)), lambda _, value: value.isNotNull()
        )

    return wide.select(
        "customer_id",
        pack("number", "double").alias("values"),
        pack("text", "string").alias("labels"),
    )


def unpack_features(
    customer_features: DataFrame, features: tuple[Feature, ...], *, left_out: Collection[str] = ()
) -> DataFrame:
    """One column per feature, as expressions over features need them; null if unknown.

    Args:
        customer_features: CUSTOMER_FEATURES of one day.
        features: the features wanted as columns.
        left_out: features that count as unknown for everybody.

    Returns:
        One row per customer: customer_id and each feature.
    """

    def unpack(feature: Feature) -> Column:
        if feature.name in left_out:
            return _unknown(feature).alias(feature.name)
        column = "values" if feature.type == "number" else "labels"
        return F.expr(f"{column}[{sql.text(feature.name)}]").alias(feature.name)

    return customer_features.select("customer_id", *(unpack(feature) for feature in features))


def without_features(
    frame: DataFrame, features: tuple[Feature, ...], left_out: Collection[str]
) -> DataFrame:
    """A frame in which some features are unknown for everybody.

    Args:
        frame: one column per feature, beside others.
        features: the features.
        left_out: names of those that count as unknown.
    """
    return frame.withColumns(
        {feature.name: _unknown(feature) for feature in features if feature.name in left_out}
    )


def model_inputs(
    features: DataFrame, expressions: Mapping[str, str], *, keep: Collection[str] = ()
) -> DataFrame:
    """The numbers that a model works on.

    Args:
        features: customer_id and one column per declared feature.
        expressions: SQL over those, by the name that the model gives the input.
        keep: columns that stay as they are beside customer_id.

    Returns:
        One row per customer: customer_id, what is kept, and a double per expression, null if
        unknown.

    Raises:
        ConfigError: an expression is invalid over the features.
    """
    inputs = [
        UserSql(
            where=f"input '{name}' of a model (segment.features, predict.features)",
            text=value,
            result="double",
            hint="use names of conf/features.yml",
        )
        for name, value in expressions.items()
    ]
    check_user_sql(features, inputs)
    return features.selectExpr(
        "customer_id",
        *keep,
        *(
            f"CAST({null_on_error(value)} AS double) AS {sql.name(name)}"
            for name, value in expressions.items()
        ),
    )


def feature_summary(customer_features: DataFrame, features: tuple[Feature, ...]) -> DataFrame:
    """The declaration of each feature beside its distribution over customers.

    Args:
        customer_features: CUSTOMER_FEATURES of one day.
        features: the declared features.

    Returns:
        FEATURES without as_of and left_out, one row per declared feature.
    """
    declarations = local_frame(
        customer_features.sparkSession,
        [
            (
                item.name,
                item.source,
                item.type,
                item.unit,
                item.meaning,
                item.label_en,
                item.label_zh,
            )
            for item in features
        ],
        _DECLARATION,
    )
    everyone = customer_features.agg(F.count("*").alias("everyone"))
    customers = F.coalesce("customers", F.lit(0)).cast("bigint")
    share_known = F.coalesce(F.try_divide(customers, F.col("everyone")), F.lit(0.0))
    return (
        declarations.join(_distributions(customer_features), "feature", "left")
        .crossJoin(F.broadcast(everyone))
        .select(
            *declarations.columns,
            customers.alias("customers"),
            share_known.alias("share_known"),
            "mean",
            "standard_deviation",
            "lowest",
            "highest",
        )
    )


def _distributions(customer_features: DataFrame) -> DataFrame:
    """One row per feature with a known value; mean, spread and range are null for texts."""
    numbers = customer_features.select(F.explode("values").alias("feature", "value"))
    texts = customer_features.select(F.explode("labels").alias("feature", "text")).select(
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


def _aggregate(view: DataFrame, features: list[Feature]) -> DataFrame:
    return view.groupBy("customer_id").agg(
        *(_cast(F.expr(feature.sql), feature).alias(feature.name) for feature in features)
    )


def _cast(value: Column, feature: Feature) -> Column:
    if feature.type == "text":
        return value.cast("string")
    return F.round(value.cast("double"), _DIGITS)


def _or_empty(feature: Feature, *, is_computed: bool) -> Column:
    """The value, or what the feature declares for a customer without rows."""
    value = F.col(feature.name) if is_computed else _unknown(feature)
    return value if feature.empty is None else F.coalesce(value, F.lit(feature.empty))


def _unknown(feature: Feature) -> Column:
    return F.lit(None).cast("string" if feature.type == "text" else "double")


def _names_and_values(names: list[str]) -> Iterator[Column]:
    for name in names:
        yield F.lit(name)
        yield F.col(name)
