"""Customers of past days with what they did afterwards: what models of outcomes learn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_DAYS
from clarion.contracts.silver import ORDER_LINES
from clarion.customers.features.definitions import Feature, required_features
from clarion.customers.features.left_out import Spread, features_left_out
from clarion.customers.features.transforms import model_inputs, without_features
from clarion.declarations.shop import features
from clarion.kernel.expressions import names
from clarion.lake.frames import union_all
from clarion.measures.columns.buckets import MILLION, bucket
from clarion.measures.columns.days import arrived_before, local_day
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.outcomes.cuts import TRAIN, Cuts, choose_cuts
from clarion.prediction.outcomes.labels import OF_LABEL, check_labels, needs_purchases, with_labels
from clarion.prediction.outcomes.models.definition import PURCHASES
from clarion.prediction.outcomes.settings import Label, PredictSettings
from clarion.prediction.value.columns import STATISTICS, purchase_days, value_statistics
from clarion.runtime import models
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features
from clarion.workflows.listed_products import listed_products

# The first day of a history is the first on which a thousandth of it has happened: a single record
# with a wrong date does not make a shop older.
_FIRST = 0.001


@dataclass(frozen=True, slots=True)
class Examples:
    """Customers at some cuts.

    Args:
        rows: cut, role, customer_id, the inputs, and label_NAME of each label; persisted.
        cuts: the cuts.
        left_out: features that say nothing at the oldest cut, with the reason of each.
        inputs: SQL by name of the inputs in `rows`.
        fingerprint: number of rows and sum of their hashes, by cut.
    """

    rows: DataFrame
    cuts: Cuts
    left_out: Mapping[str, str]
    inputs: Mapping[str, str]
    fingerprint: list[str]


@dataclass(frozen=True, slots=True)
class _Cut:
    features: DataFrame
    fingerprint: list[str]
    left_out: Mapping[str, str]


def used_features(scope: Scope, settings: PredictSettings) -> tuple[Feature, ...]:
    """The features that inputs and labels name, and those that they rest on."""
    declared = features(scope.config)
    known = {item.name for item in declared}
    named = [label.about or "" for label in settings.labels.values()]
    for label in settings.labels.values():
        named += [name for text in (label.outcome, label.population) for name in names(text)]
    return required_features(
        declared, [*settings.values.values(), *(name for name in named if name in known)]
    )


def past_cuts(scope: Scope, settings: PredictSettings) -> Cuts | NotComputable:
    """The cuts of the run's day, or why there are none.

    Args:
        scope: of a job that reads CUSTOMER_DAYS.
        settings: settings of predictions.
    """
    day = F.percentile(F.unix_date("day"), _FIRST)
    row = scope.facts(CUSTOMER_DAYS).agg(day.alias("first_day")).first()
    first = row["first_day"] if row else None
    return choose_cuts(
        None if first is None else date(1970, 1, 1) + timedelta(days=int(first)),
        as_of=scope.as_of,
        stride_days=settings.longest_horizon_days,
        most=settings.cuts,
        min_history_days=settings.min_history_days,
    )


def labelled_examples(
    scope: Scope,
    settings: PredictSettings,
    cuts: Cuts,
    inputs_without: "Any",
    *,
    reads: tuple[str, ...] = (),
) -> Examples:
    """The customers of each cut, from what was known by then, with the outcomes after it.

    Args:
        scope: of a job that reads `customer_features.READS`.
        settings: settings, with the labels wanted.
        cuts: the cuts.
        inputs_without: gives the inputs that take part, by the features left out.
        reads: what models read of a customer beside the inputs.

    Raises:
        ConfigError: a label or an input is invalid.
    """
    used = used_features(scope, settings)
    of_cuts = scope.run_concurrently(
        [partial(_cut, scope, settings, used, day, reads) for day in cuts.days]
    )
    left_out = {name: reason for cut in of_cuts for name, reason in cut.left_out.items()}
    inputs = inputs_without(left_out)
    keep = [*(f"{OF_LABEL}{name}" for name in settings.labels), *reads]
    rows = [
        model_inputs(without_features(cut.features, used, left_out), inputs, keep=keep).withColumn(
            "cut", F.lit(day)
        )
        for day, cut in zip(cuts.days, of_cuts, strict=True)
    ]
    share = settings.max_fit_rows / max(1, sum(int(cut.fingerprint[0]) for cut in of_cuts))
    sampled = union_all(rows).withColumn("role", cuts.role())
    if share < 1:
        sampled = sampled.where(bucket("fit", "customer_id") < int(share * MILLION))
    fingerprint = [value for cut in of_cuts for value in cut.fingerprint]
    return Examples(scope.persist(sampled), cuts, left_out, inputs, fingerprint)


def counts_by_role(examples: Examples, labels: Mapping[str, Label]) -> dict[str, dict[str, Any]]:
    """By role: n_LABEL and sum_LABEL of each label; of training rows also the inputs' deviations.

    Args:
        examples: the examples.
        labels: the labels.
    """
    of_labels = [
        column
        for name in labels
        for column in (
            F.count(f"{OF_LABEL}{name}").alias(f"n_{name}"),
            F.sum(f"{OF_LABEL}{name}").alias(f"sum_{name}"),
        )
    ]
    spreads = [F.stddev_samp(name).alias(f"sd_{name}") for name in examples.inputs]
    rows = examples.rows.groupBy("role").agg(*of_labels, *spreads).collect()  # one row a role
    return {row["role"]: row.asDict() for row in rows}


def varying_inputs(counts: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, str]) -> list[str]:
    """The inputs that vary over the training rows, from `counts_by_role`."""
    of_training = counts.get(TRAIN, {})
    return [name for name in inputs if (of_training.get(f"sd_{name}") or 0.0) > 1e-12]


def _cut(
    scope: Scope,
    settings: PredictSettings,
    used: tuple[Feature, ...],
    day: date,
    reads: tuple[str, ...],
) -> _Cut:
    customer_days = scope.facts(CUSTOMER_DAYS)
    past = customer_features.past_features(scope, used, as_of=day)
    check_labels(past, customer_days, settings.labels)
    purchases = _purchases(scope) if needs_purchases(settings.labels) else None
    rows = with_labels(
        past, customer_days, purchases, cut=day, as_of=scope.as_of, settings=settings
    )
    rows = scope.persist(with_columns_read(scope, rows, reads, as_of=day))
    # In one query: the fingerprint, and how each feature is spread.
    row = rows.agg(*models.fingerprint_columns(rows), *_spread_columns(used)).first()
    assert row is not None  # an aggregate has one row
    spreads = {
        item.name: Spread(
            row[f"{item.name}_known"], row[f"{item.name}_lowest"], row[f"{item.name}_highest"]
        )
        for item in used
    }
    return _Cut(rows, [str(value) for value in row[:2]], features_left_out(used, spreads))


def with_columns_read(
    scope: Scope, customers: DataFrame, reads: tuple[str, ...], *, as_of: date
) -> DataFrame:
    """Customers with what models read of them beside the inputs, as it was known before a day.

    Args:
        scope: of a job that reads CUSTOMER_DAYS.
        customers: customer_id and more.
        reads: result of `columns_read`.
        as_of: first day that does not count.
    """
    if PURCHASES not in reads:
        return customers
    bought = value_statistics(purchase_days(scope.facts(CUSTOMER_DAYS), as_of=as_of), as_of=as_of)
    packed = bought.select("customer_id", F.struct(*STATISTICS).alias(PURCHASES))
    return customers.join(packed, "customer_id", "left")


def _purchases(scope: Scope) -> DataFrame:
    """What was bought and known by the run's day: customer_id, day, brand, category."""
    products = listed_products(scope, scope.as_of).select("product_id", "brand", "category")
    return (
        scope.facts(ORDER_LINES)
        .where((F.col("kind") == "sale") & arrived_before(scope.as_of, scope.time_zone))
        .select("customer_id", "product_id", local_day("happened_at", scope.time_zone).alias("day"))
        .join(F.broadcast(products), "product_id")
    )


def _spread_columns(used: tuple[Feature, ...]) -> list[Column]:
    columns = []
    for item in used:
        number = F.col(item.name) if item.type == "number" else F.lit(None).cast("double")
        columns += [
            F.count(item.name).alias(f"{item.name}_known"),
            F.min(number).alias(f"{item.name}_lowest"),
            F.max(number).alias(f"{item.name}_highest"),
        ]
    return columns
