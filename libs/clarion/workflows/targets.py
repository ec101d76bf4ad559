"""The targets that are asked for: what they mean, and what they are today."""

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
        goal: what is asked for.
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
        base = {
            "as_of": as_of,
            "target": self.name,
            "definition": self.definition,
            "goal": self.goal,
        }
        if self.numerator is None or not self.denominator:
            return {
                **base,
                "verdict": "not measurable",
                "reason": self.reason or "nothing to measure yet",
            }
        found = share(self.numerator, self.denominator)
        assert isinstance(found, Interval)
        verdict = (
            "measured" if self.goal is None else "met" if found.value >= self.goal else "missed"
        )
        return {
            **base,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "verdict": verdict,
        }


NOT_YET = (
    (
        "P5 portrait accuracy",
        "held-out agreement with planted truth",
        0.90,
        "a shop knows no planted truth; the simulated shops are judged by the tests",
    ),
    (
        "F4 need prediction",
        "category of the next purchase among three predicted",
        0.85,
        "the model is not built yet",
    ),
    (
        "E5 click rate lift",
        "click rate against the period before",
        0.40,
        "needs two comparable periods of one campaign",
    ),
)


def measured(scope: Scope) -> list[Target]:
    """Every target: those that can be measured, then those that cannot yet."""
    batches = _sums(
        scope.raw(BATCHES), "rows_in", "accepted", "quarantined", "duplicates", "warned"
    )
    profiles, members = scope.current(CUSTOMER_PROFILES), scope.current(SEGMENT_MEMBERS)
    decisions = scope.current(DECISIONS)
    facts = {
        "profiles": float(profiles.count()),
        "grouped": float(
            members.join(profiles.select("customer_id"), "customer_id", "left_semi").count()
        ),
        "tagged": float(
            scope.current(CUSTOMER_TAGS)
            .join(profiles.select("customer_id"), "customer_id", "left_semi")
            .count()
        ),
    }
    kinds = decisions.agg(
        F.count("*").alias("all"),
        F.count_if((F.col("action") == "nothing") | (F.col("consent_basis") != "none")).alias(
            "allowed"
        ),
        F.count_if(F.size("eligible_actions") > 0).alias("complete"),
    ).first()
    forecasts = (
        scope.current(FORECASTS)
        .groupBy("series")
        .agg(F.first("mase").alias("mase"), F.first("mase_naive").alias("naive"))
    )
    better = forecasts.agg(
        F.count("*").alias("n"), F.count_if(F.col("mase") < F.col("naive")).alias("better")
    ).first()
    kpis = _sums(scope.current(STRATEGY_KPIS), "delivered", "clickers", "buyers", "repeat_buyers")
    reconciled = batches["accepted"] + batches["quarantined"] + batches["duplicates"]
    found = [
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
        Target(
            "P2 customers grouped",
            "customers in exactly one group / customers with a profile",
            1.0,
            facts["grouped"],
            facts["profiles"],
        ),
        Target(
            "P6 tags of the day",
            "customers whose tags are of this as-of day / customers with a profile",
            1.0,
            facts["tagged"],
            facts["profiles"],
        ),
        Target(
            "S1 customers decided",
            "customers with a decision, nothing included / customers with a profile",
            1.0,
            float(kinds["all"]),
            facts["profiles"],
        )
        if kinds
        else Target(
            "S1 customers decided", "customers with a decision / customers with a profile", 1.0
        ),
        Target(
            "C10 offers with consent",
            "decisions that send nothing or rest on consent / decisions",
            1.0,
            float(kinds["allowed"]),
            float(kinds["all"]),
        )
        if kinds
        else Target("C10 offers with consent", "decisions that rest on consent / decisions", 1.0),
        Target(
            "F3 forecasts better than naive",
            "series whose backtest beats seasonal naive / series",
            0.5,
            float(better["better"]),
            float(better["n"]),
        )
        if better
        else Target(
            "F3 forecasts better than naive",
            "series whose backtest beats seasonal naive / series",
            0.5,
        ),
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
    found += _collection(scope, checked=batches["rows_in"] - batches["duplicates"])
    found += _accuracy(scope, accepted=batches["accepted"], warned=batches["warned"])
    return found + [
        Target(name, definition, goal, reason=reason) for name, definition, goal, reason in NOT_YET
    ]


def _collection(scope: Scope, *, checked: float) -> list[Target]:
    """How much of what was emitted has landed, and how much of it stands in standard form."""
    files = (
        scope.raw(FILES)
        .where("state = 'taken' AND declared IS NOT NULL")
        .selectExpr("split(_source, '[.]')[1] AS kind", "records", "declared")
    )
    by_kind = (
        files.groupBy("kind")
        .agg(
            F.sum(F.least("records", "declared")).alias("landed"),
            F.sum("declared").alias("emitted"),
        )
        .orderBy("kind")
        .collect()
    )
    found = [
        Target(
            f"C7 collected {row['kind']}",
            "records landed / records that manifests declare",
            0.98,
            float(row["landed"]),
            float(row["emitted"]),
        )
        for row in by_kind
    ]
    # A batch stands in several rows; the one that tells its delay stands for all.
    streamed = scope.raw(FILES).where("state = 'taken'").groupBy("_source", "_batch")
    live = streamed.agg(F.sum("records").alias("records"), F.max("prompt").alias("prompt")).where(
        "prompt IS NOT NULL"
    )
    told = _sums(live, "records", "prompt")
    definition = "records of streams that landed within three minutes of happening / records; replays of days past are left out"
    found.append(
        Target(
            "C8 delay",
            definition,
            0.99,
            told["prompt"],
            told["records"],
            reason="no stream was followed while it happened",
        )
    )
    numbered = (
        scope.raw(EVENTS)
        .where("session_ref IS NOT NULL AND sequence_no IS NOT NULL")
        .groupBy("_source", "session_ref")
    )
    paths = numbered.agg(
        F.countDistinct("sequence_no").alias("landed"), F.max("sequence_no").alias("emitted")
    ).where("landed <= emitted")
    seen = _sums(paths, "landed", "emitted")
    definition = "distinct numbers landed / highest number, by the client's sessions; what is lost at a session's end is not seen"
    found.append(
        Target(
            "C7 collected paths",
            definition,
            0.98,
            seen["landed"],
            seen["emitted"],
            reason="no source maps session_ref and sequence_no",
        )
    )
    now = scope.raw(BATCHES).select("_batch", "_source", "mapping_hash")
    unread = (
        scope.raw(QUALITY)
        .where("rule = 'unreadable'")
        .join(now, ["_batch", "_source", "mapping_hash"], "left_semi")
    )
    standard = checked - _sums(unread, "failed")["failed"]
    text = "records less values that stood there and could not be brought into form (dates, amounts, codes) / records without duplicates"
    found.append(Target("Q2 standard form", text, 0.99, standard, checked))
    return found


def _accuracy(scope: Scope, *, accepted: float, warned: float) -> list[Target]:
    """Of what was accepted, how much is right as far as can be told, counts in one currency, and was authorised."""
    invalid_activity = float(scope.raw(INVALID_ACTIVITY).select("record_id").distinct().count())
    lines = scope.raw(ORDER_LINES)
    counted = float(scope.in_own_currency(ORDER_LINES, lines).count())
    return [
        Target(
            "C9 accuracy",
            "accepted rows without a warning that are not noise / accepted rows",
            0.99,
            accepted - warned - invalid_activity,
            accepted,
        ),
        Target(
            "Q2 one currency",
            "order lines in the shop's currency or with a rate of their day / order lines",
            0.99,
            counted,
            float(lines.count()),
        ),
        _authorised(scope),
    ]


def _authorised(scope: Scope) -> Target:
    """Facts about a person who has consented to their collection, of sources that record consent."""
    definition = "registrations, events and order lines of people who gave consent to collection / those that name a person, where consent is recorded"
    asking = [source.name for source in sources(scope.config) if needs_consent(source)]
    if not asking:
        return Target(
            "C10 authorised rows",
            definition,
            1.0,
            reason="every source rests on the operator's declaration",
        )
    gave = (
        scope.raw(CONSENTS)
        .where("purpose = 'collection' AND granted")
        .select("customer_id")
        .distinct()
        .withColumn("gave", F.lit(True))
    )
    rows = reduce(
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
    told = (
        rows.join(gave, "customer_id", "left")
        .agg(
            F.sum("rows").alias("all"),
            F.sum(F.when(F.col("gave"), F.col("rows"))).alias("authorised"),
        )
        .first()
    )
    if told is None or not told["all"]:
        return Target("C10 authorised rows", definition, 1.0, reason="no such fact names a person")
    return Target(
        "C10 authorised rows", definition, 1.0, float(told["authorised"] or 0), float(told["all"])
    )


def _sums(frame: DataFrame, *names: str) -> dict[str, float]:
    row = frame.agg(*(F.sum(name).alias(name) for name in names)).first()
    return {name: float(row[name] or 0.0) if row else 0.0 for name in names}
