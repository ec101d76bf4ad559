"""What customers did within the horizon after a cut, as the labels state it."""

from collections.abc import Mapping
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField, StructType

from clarion.kernel.expressions import names
from clarion.kernel.safe_sql import null_on_error
from clarion.measures.columns.days import known_sums
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql, user_column
from clarion.measures.columns.frames import local_frame
from clarion.prediction.outcomes.settings import Label, PredictSettings

OF_LABEL = "label_"  # prefix of the column of a label; null outside its population
_KEYS = ("customer_id", "day", "known_on")
_FEATURES = "_features"
BOUGHT = ("brands_bought", "categories_bought")  # arrays of what was bought within the horizon


def with_labels(
    features: DataFrame,
    customer_days: DataFrame,
    purchases: DataFrame | None,
    *,
    cut: date,
    as_of: date,
    settings: PredictSettings,
) -> DataFrame:
    """Features as of a cut with the outcomes after it.

    Args:
        features: customer_id and the features, as of the cut.
        customer_days: CUSTOMER_DAYS.
        purchases: customer_id, day, brand and category of what was bought and known by the as-of
            day; None where no label asks for brands or categories.
        cut: first day of the outcomes' windows.
        as_of: first day that does not count: what was not known by then is no outcome.
        settings: the labels.

    Returns:
        The features and label_NAME of each label: 1.0 or 0.0 for an event, the amount otherwise;
        null outside the label's population.
    """
    sums = [name for name in customer_days.columns if name not in _KEYS]
    horizons = sorted({settings.horizon_of(label) for label in settings.labels.values()})
    done = _sums_after(customer_days, sums, cut=cut, as_of=as_of, horizons=horizons)
    features_of = features.columns[1:]
    rows = features.join(done, "customer_id", "left")
    if purchases is not None:
        bought = _bought_after(purchases, cut=cut, horizons=horizons)
        rows = rows.join(bought, "customer_id", "left")
    packed = rows.select(
        "customer_id",
        F.struct(*features_of).alias(_FEATURES),
        *rows.columns[len(features.columns) :],
    )
    for days in horizons:
        labels = {
            name: label
            for name, label in settings.labels.items()
            if settings.horizon_of(label) == days
        }
        values = [_outcome(label).alias(f"{OF_LABEL}{name}") for name, label in labels.items()]
        after = [F.coalesce(F.col(_after(days))[name], F.lit(0)).alias(name) for name in sums]
        if purchases is not None:
            after += [_array(F.col(_bought(days))[name]).alias(name) for name in BOUGHT]
        of_features = [
            F.col(_FEATURES)[name].alias(name) for name in features_of if name not in sums
        ]
        packed = packed.select("*", *after, *of_features).select(*packed.columns, *values)
    unpacked = packed.select(
        "customer_id", f"{_FEATURES}.*", *(f"{OF_LABEL}{name}" for name in settings.labels)
    )
    return unpacked.withColumns(
        {
            f"{OF_LABEL}{name}": F.when(user_column(label.population), F.col(f"{OF_LABEL}{name}"))
            for name, label in settings.labels.items()
        }
    )


def check_labels(
    features: DataFrame, customer_days: DataFrame, labels: Mapping[str, Label]
) -> None:
    """Refuse labels that are not valid.

    Args:
        features: customer_id and the features.
        customer_days: CUSTOMER_DAYS.
        labels: the labels.

    Raises:
        ConfigError: a population is no condition over the features; or an outcome is no condition
            (no number, for an amount) over the sums of a day.
    """
    populations = [
        UserSql(
            where=f"predict.labels.{name}.population",
            text=label.population,
            result=CONDITION,
            hint="use names of conf/features.yml",
        )
        for name, label in labels.items()
    ]
    outcomes = [
        UserSql(
            where=f"predict.labels.{name}.outcome",
            text=label.outcome,
            result=CONDITION if label.kind == "event" else "double",
            hint="use sums of gold.customer_days, brands_bought, categories_bought, features",
        )
        for name, label in labels.items()
    ]
    check_user_sql(features, populations)
    sums = customer_days.drop(*_KEYS)
    # On an empty frame of all columns that an outcome may name; sums go before features.
    schema = StructType(
        [
            *sums.schema.fields,
            *(StructField(name, ArrayType(StringType())) for name in BOUGHT),
            *(field for field in features.schema.fields if field.name not in sums.columns),
        ]
    )
    check_user_sql(local_frame(features.sparkSession, [], schema), outcomes)


def needs_purchases(labels: Mapping[str, Label]) -> bool:
    """Whether any outcome names the brands or categories of what was bought."""
    return any(set(BOUGHT) & set(names(label.outcome)) for label in labels.values())


def population(features: DataFrame, label: Label) -> DataFrame:
    """The customers whose outcome is predicted: those that meet the label's condition."""
    return features.where(user_column(label.population))


def _sums_after(
    customer_days: DataFrame, sums: list[str], *, cut: date, as_of: date, horizons: list[int]
) -> DataFrame:
    """What each customer did in each window after a cut: customer_id and a struct per window."""
    longest = customer_days.where(
        (F.col("day") >= F.lit(cut)) & (F.col("day") < F.lit(cut + timedelta(days=horizons[-1])))
    )

    def sums_within(days: int) -> Column:
        is_within = F.col("day") < F.lit(cut + timedelta(days=days))
        return F.struct(*(F.sum(F.when(is_within, F.col(name))).alias(name) for name in sums))

    return (
        known_sums(longest, of="customer_id", as_of=as_of)
        .groupBy("customer_id")
        .agg(*(sums_within(days).alias(_after(days)) for days in horizons))
    )


def _bought_after(purchases: DataFrame, *, cut: date, horizons: list[int]) -> DataFrame:
    """What each customer bought in each window after a cut: arrays of brands and categories."""
    since = purchases.where(F.col("day") >= F.lit(cut))

    def within(days: int) -> Column:
        is_within = F.col("day") < F.lit(cut + timedelta(days=days))
        return F.struct(
            F.collect_set(F.when(is_within, F.col("brand"))).alias("brands_bought"),
            F.collect_set(F.when(is_within, F.col("category"))).alias("categories_bought"),
        )

    return since.groupBy("customer_id").agg(
        *(within(days).alias(_bought(days)) for days in horizons)
    )


def _array(values: Column) -> Column:
    return F.coalesce(values, F.array().cast("array<string>"))


def _bought(days: int) -> str:
    return f"_bought_{days}"


def _after(days: int) -> str:
    return f"_after_{days}"


def _outcome(label: Label) -> Column:
    value = F.expr(f"CAST(({null_on_error(label.outcome)}) AS double)")
    return F.coalesce(value, F.lit(0.0)) if label.kind == "event" else value
