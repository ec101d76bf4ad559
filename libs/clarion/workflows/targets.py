"""The targets of the scorecard: what each means, and its value on a day."""

from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import (
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    DECISIONS,
    FORECASTS,
    SEGMENT_MEMBERS,
    STRATEGY_KPIS,
)
from clarion.contracts.ops import BATCHES, FILES, QUALITY
from clarion.contracts.silver import CONSENTS, CUSTOMERS, EVENTS, INVALID_ACTIVITY, ORDER_LINES
from clarion.declarations.shop import sources
from clarion.measures.statistics.intervals import Interval, share
from clarion.runtime.scope import Scope
from clarion.workflows.intake import needs_consent


@dataclass(frozen=True, slots=True)
class Target:
    """One target as of a day.

    Args:
        name: requirement id and name.
        definition: how it is measured.
        goal: the share to reach; None where the value is only reported.
        numerator: what counts; None where it cannot be measured.
        denominator: out of what.
        reason: why it cannot be measured.
    """

    name: str
    definition: str
    goal: float | None
    numerator: float | None = None
    denominator: float | None = None
    reason: str | None = None

    def row(self, as_of: date) -> dict[str, Any]:
        """The TARGETS row: a share with Wilson's interval and its verdict."""
        row = {
            "as_of": as_of,
            "target": self.name,
            "definition": self.definition,
            "goal": self.goal,
        }
        if self.numerator is None or not self.denominator:
            reason = self.reason or "nothing to measure yet"
            return row | {"verdict": "not measurable", "reason": reason}
        interval = share(self.numerator, self.denominator)
        assert isinstance(interval, Interval)
        return row | {
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": interval.value,
            "low": interval.low,
            "high": interval.high,
            "verdict": self._verdict(interval.value),
        }

    def _verdict(self, value: float) -> str:
        if self.goal is None:
            return "measured"
        return "met" if value >= self.goal else "missed"


NOT_MEASURED = (
    Target(
        "P5 portrait accuracy",
        "held-out agreement with planted truth",
        0.90,
        reason="a shop knows no planted truth; the tests measure it on simulated shops",
    ),
    Target(
        "F4 need prediction",
        "category of the next purchase among three predicted",
        0.85,
        reason="the model is not built yet",
    ),
    Target(
        "E5 click rate lift",
        "click rate against the period before",
        0.40,
        reason="needs two comparable periods of one campaign",
    ),
)


def measure_targets(scope: Scope) -> list[Target]:
    """Every target: those that can be measured, then those that cannot be measured yet."""
    names = ("rows_in", "accepted", "quarantined", "duplicates", "warned")
    batches = _column_sums(scope.raw(BATCHES), *names)
    unique_rows = batches["rows_in"] - batches["duplicates"]
    return [
        *_intake_targets(batches),
        *_customer_targets(scope),
        _forecast_target(scope),
        *_campaign_targets(scope),
        *_collection_targets(scope),
        _delay_target(scope),
        _path_target(scope),
        _standard_form_target(scope, unique_rows=unique_rows),
        _accuracy_target(scope, accepted=batches["accepted"], warned=batches["warned"]),
        _currency_target(scope),
        _authorised_target(scope),
        *NOT_MEASURED,
    ]


def _intake_targets(batches: dict[str, float]) -> list[Target]:
    """Whether rows reconcile, and how many were accepted."""
    reconciled = batches["accepted"] + batches["quarantined"] + batches["duplicates"]
    return [
        Target(
            "Q1 rows reconcile",
            "(accepted + quarantined + duplicates) / rows in, every batch",
            1.0,
            reconciled,
            batches["rows_in"],
        ),
        Target(
            "C9 accepted share",
            "accepted rows / rows in without duplicates",
            0.90,
            batches["accepted"],
            batches["rows_in"] - batches["duplicates"],
        ),
    ]


def _customer_targets(scope: Scope) -> list[Target]:
    """How many customers of the day have a group, tags and a decision, with consent."""
    customers = scope.current(CUSTOMER_PROFILES).select("customer_id")
    members = scope.current(SEGMENT_MEMBERS).join(customers, "customer_id", "left_semi")
    tags = scope.current(CUSTOMER_TAGS).join(customers, "customer_id", "left_semi")
    sends_nothing = F.col("action") == "nothing"
    has_consent = F.col("consent_basis") != "none"
    is_allowed = sends_nothing | has_consent
    decisions = _column_sums(
        scope.current(DECISIONS)
        .join(customers, "customer_id", "left_semi")
        .select(F.lit(1).alias("all"), is_allowed.cast("int").alias("allowed")),
        "all",
        "allowed",
    )
    customer_count = float(customers.count())
    return [
        Target(
            "P2 customers grouped",
            "customers in exactly one group / customers with a profile",
            1.0,
            float(members.count()),
            customer_count,
        ),
        Target(
            "P6 tags of the day",
            "customers whose tags are of this as-of day / customers with a profile",
            1.0,
            float(tags.count()),
            customer_count,
        ),
        Target(
            "S1 customers decided",
            "customers with a decision, nothing included / customers with a profile",
            1.0,
            decisions["all"],
            customer_count,
        ),
        Target(
            "C10 offers with consent",
            "decisions that send nothing or rest on consent / decisions",
            1.0,
            decisions["allowed"],
            decisions["all"],
        ),
    ]


def _forecast_target(scope: Scope) -> Target:
    """How many series are forecast better than by the naive method."""
    is_better = F.col("mase") < F.col("naive")
    series = (
        scope.current(FORECASTS)
        .groupBy("series")
        .agg(F.first("mase").alias("mase"), F.first("mase_naive").alias("naive"))
        .select(F.lit(1).alias("series"), is_better.cast("int").alias("better"))
    )
    sums = _column_sums(series, "series", "better")
    return Target(
        "F3 forecasts better than naive",
        "series whose backtest beats seasonal naive / series",
        0.5,
        sums["better"],
        sums["series"],
    )


def _campaign_targets(scope: Scope) -> list[Target]:
    """Click rate, conversion and repurchase of the measured window."""
    names = ("delivered", "clickers", "buyers", "repeat_buyers")
    kpis = _column_sums(scope.current(STRATEGY_KPIS), *names)
    return [
        Target(
            "S2 click rate",
            "clickers / delivered in the measured window",
            None,
            kpis["clickers"],
            kpis["delivered"],
        ),
        Target(
            "S2 conversion",
            "buyers / clickers in the measured window",
            None,
            kpis["buyers"],
            kpis["clickers"],
        ),
        Target(
            "S2 repurchase",
            "repeat buyers / buyers in the measured window",
            None,
            kpis["repeat_buyers"],
            kpis["buyers"],
        ),
    ]


def _collection_targets(scope: Scope) -> list[Target]:
    """By kind: how much of what manifests declare has landed."""
    declared_files = (
        scope.raw(FILES)
        .where("state = 'taken' AND declared IS NOT NULL")
        .selectExpr("split(_source, '[.]')[1] AS kind", "records", "declared")
    )
    rows = (
        declared_files.groupBy("kind")
        .agg(
            F.sum(F.least("records", "declared")).alias("landed"),
            F.sum("declared").alias("declared"),
        )
        .orderBy("kind")
        .collect()
    )  # one row a kind
    return [
        Target(
            f"C7 collected {row['kind']}",
            "records landed / records that manifests declare",
            0.98,
            float(row["landed"]),
            float(row["declared"]),
        )
        for row in rows
    ]


def _delay_target(scope: Scope) -> Target:
    """How much of what streams carried landed within three minutes."""
    # A batch has several rows; the one that states its delay counts for all.
    live_batches = (
        scope.raw(FILES)
        .where("state = 'taken'")
        .groupBy("_source", "_batch")
        .agg(F.sum("records").alias("records"), F.max("prompt").alias("prompt"))
        .where("prompt IS NOT NULL")
    )
    sums = _column_sums(live_batches, "records", "prompt")
    return Target(
        "C8 delay",
        "records of streams that landed within three minutes of happening / records; replays of "
        "past days are left out",
        0.99,
        sums["prompt"],
        sums["records"],
        reason="no stream was followed while it happened",
    )


def _path_target(scope: Scope) -> Target:
    """How many of the numbered events of client sessions have landed."""
    sessions = (
        scope.raw(EVENTS)
        .where("session_ref IS NOT NULL AND sequence_no IS NOT NULL")
        .groupBy("_source", "session_ref")
        .agg(
            F.countDistinct("sequence_no").alias("landed"),
            F.max("sequence_no").alias("emitted"),
        )
        .where("landed <= emitted")
    )
    sums = _column_sums(sessions, "landed", "emitted")
    return Target(
        "C7 collected paths",
        "distinct numbers landed / highest number, by the client's sessions; events lost at the "
        "end of a session are not seen",
        0.98,
        sums["landed"],
        sums["emitted"],
        reason="no source maps session_ref and sequence_no",
    )


def _standard_form_target(scope: Scope, *, unique_rows: float) -> Target:
    """How many records have no value that could not be parsed."""
    current_batches = scope.raw(BATCHES).select("_batch", "_source", "mapping_hash")
    unreadable = (
        scope.raw(QUALITY)
        .where("rule = 'unreadable'")
        .join(current_batches, ["_batch", "_source", "mapping_hash"], "left_semi")
    )
    standard = unique_rows - _column_sums(unreadable, "failed")["failed"]
    return Target(
        "Q2 standard form",
        "records less values that could not be parsed (dates, amounts, codes) / records without "
        "duplicates",
        0.99,
        standard,
        unique_rows,
    )


def _accuracy_target(scope: Scope, *, accepted: float, warned: float) -> Target:
    """How much of what was accepted has no warning and is no invalid activity."""
    invalid = float(scope.raw(INVALID_ACTIVITY).select("record_id").distinct().count())
    return Target(
        "C9 accuracy",
        "accepted rows without a warning that are not invalid activity / accepted rows",
        0.99,
        accepted - warned - invalid,
        accepted,
    )


def _currency_target(scope: Scope) -> Target:
    """How many order lines can be counted in the shop's currency."""
    order_lines = scope.raw(ORDER_LINES)
    return Target(
        "Q2 one currency",
        "order lines in the shop's currency or with a rate of their day / order lines",
        0.99,
        float(scope.in_shop_currency(ORDER_LINES, order_lines).count()),
        float(order_lines.count()),
    )


def _authorised_target(scope: Scope) -> Target:
    """How many facts name people who consent to collection, where a source records consent."""
    name = "C10 authorised rows"
    definition = (
        "registrations, events and order lines of people who gave consent to collection / those "
        "that name a person, where consent is recorded"
    )
    asking = [source.name for source in sources(scope.config) if needs_consent(source)]
    if not asking:
        reason = "every source rests on the operator's declaration"
        return Target(name, definition, 1.0, reason=reason)
    consenting = (
        scope.raw(CONSENTS)
        .where("purpose = 'collection' AND granted")
        .select("customer_id")
        .distinct()
        .withColumn("has_consent", F.lit(True))
    )
    rows_by_customer = reduce(
        DataFrame.unionByName,
        [
            scope.raw(table)
            .where("customer_id IS NOT NULL")
            .where(F.col("_source").isin(asking))
            .groupBy("customer_id")
            .agg(F.count("*").alias("rows"))
            for table in (CUSTOMERS, EVENTS, ORDER_LINES)
        ],
    )
    authorised = F.when(F.col("has_consent"), F.col("rows")).otherwise(0)
    sums = _column_sums(
        rows_by_customer.join(consenting, "customer_id", "left").withColumn(
            "authorised", authorised
        ),
        "rows",
        "authorised",
    )
    if not sums["rows"]:
        return Target(name, definition, 1.0, reason="no such fact names a person")
    return Target(name, definition, 1.0, sums["authorised"], sums["rows"])


def _column_sums(frame: DataFrame, *names: str) -> dict[str, float]:
    """The sums of some columns; 0 where there are no rows."""
    row = frame.agg(*(F.sum(name).alias(name) for name in names)).first()
    return {name: float(row[name] or 0.0) if row else 0.0 for name in names}
