"""What a shop's history says about next needs: rows, the choice of a model, its comparison."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold.needs import NEED_MODELS, NEEDS
from clarion.contracts.silver import EVENTS, ORDER_LINES, PRODUCTS
from clarion.kernel.ids import digest
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.buckets import MILLION, bucket
from clarion.measures.statistics.intervals import Interval
from clarion.prediction.need.comparison import Comparison
from clarion.prediction.need.facts import customer_histories, need_facts
from clarion.prediction.need.histories import Histories, read_histories
from clarion.prediction.need.rolling import NeedChoice
from clarion.prediction.need.scoring import needs_of, next_needs
from clarion.prediction.need.settings import NeedSettings
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope

READS = (ORDER_LINES, EVENTS, PRODUCTS)
_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - _EPOCH).days


def buyers_histories(scope: Scope) -> DataFrame:
    """Categories by day of everybody who bought something, as known on the run's day; persisted.

    Args:
        scope: of a job that reads READS.
    """
    settings = scope.settings(NeedSettings)
    days = settings.window_days + settings.cuts * settings.horizon_days
    facts = need_facts(
        scope.facts_within(ORDER_LINES, days),
        scope.facts_within(EVENTS, days),
        current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone),
        time_zone=scope.time_zone,
    )
    return scope.persist(customer_histories(facts))


@dataclass(frozen=True, slots=True)
class LearnedRows:
    """What models learn from, on the driver.

    Args:
        histories: of at most `max_customers` customers, chosen by hash.
        everybody: the rows of all customers, where they are no more than that; else None.
    """

    histories: Histories
    everybody: pa.Table | None


def rows_to_learn(scope: Scope, histories: DataFrame) -> LearnedRows:
    """The histories of at most `max_customers` customers, on the driver.

    Args:
        scope: the run.
        histories: the frame of `buyers_histories`.
    """
    settings = scope.settings(NeedSettings)
    customers = histories.count()
    are_all = customers <= settings.max_customers
    if not are_all:
        kept = MILLION * settings.max_customers // customers
        histories = histories.where(bucket("needs", "customer_id") < kept)
    table = histories.toArrow()
    learned = read_histories(table, categories=None, limit=settings.max_categories)
    return LearnedRows(learned, table if are_all else None)


def version_of(scope: Scope, model: str, learned: LearnedRows) -> str:
    """Names a model, its settings and what it learned from."""
    settings = asdict(scope.settings(NeedSettings))
    parts = digest(settings, scope.seed, str(scope.as_of), learned.histories.fingerprint)
    return f"{model}-{parts[:12]}"


def write_needs(
    scope: Scope, histories: DataFrame, learned: LearnedRows, choice: NeedChoice
) -> int:
    """Write NEEDS of the day by the model that acts; none where no model could be judged.

    Where the driver has everybody's rows, it scores them: starting workers would take longer.

    Args:
        scope: the run.
        histories: the frame of `buyers_histories`.
        learned: rows from which the models learned.
        choice: what acts.
    """
    if choice.model is None or choice.split is None:
        return scope.replace(NEEDS, scope.empty(NEEDS))
    span = {"as_of": day_number(scope.as_of), "window": choice.split.window}
    model, categories = choice.model, learned.histories.categories
    if learned.everybody is not None:
        table = needs_of(learned.everybody, model, categories=categories, **span)
        needs = scope.spark.createDataFrame(table)
    else:
        needs = next_needs(histories, model, categories=categories, **span)
    return scope.replace(
        NEEDS,
        needs.select(
            F.lit(scope.as_of).alias("as_of"),
            "customer_id",
            "rank",
            "category",
            "probability",
            F.lit(model.name).alias("model"),
            F.lit(version_of(scope, model.name, learned)).alias("model_version"),
        ),
    )


def write_models(scope: Scope, learned: LearnedRows, choice: NeedChoice) -> int:
    """Write NEED_MODELS of the day: every model beside the others, or why there is none."""
    split = choice.split
    common = {
        "as_of": scope.as_of,
        "learned_trials": choice.learned_trials,
        "window_days": split.window if split else None,
        "judged_on": _EPOCH + timedelta(days=split.judging) if split else None,
        "buyers": choice.buyers,
    }
    rows = [
        {
            **common,
            **_row(comparison),
            "place": place,
            "model_version": version_of(scope, comparison.model, learned)
            if comparison.state != "not_fitted"
            else None,
        }
        for place, comparison in enumerate(choice.comparisons, start=1)
    ]
    return scope.replace(NEED_MODELS, rows_as_frame(scope.spark, NEED_MODELS, rows))


def _row(comparison: Comparison) -> dict[str, Any]:
    return {
        "model": comparison.model,
        "state": comparison.state,
        "reason": comparison.reason,
        "trials": comparison.trials,
        "hits": comparison.hits,
        "expected_rate": comparison.expected,
        "choice_trials": comparison.choice_trials,
        "choice_rate": comparison.choice_rate,
        **_ends("rate", comparison.rate),
        **_ends("gain", comparison.gain),
        **_ends("choice_gain", comparison.choice_gain),
    }


def _ends(name: str, interval: Interval | None) -> Mapping[str, float | None]:
    ends = (interval.value, interval.low, interval.high) if interval else (None, None, None)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
