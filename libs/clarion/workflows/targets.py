"""The targets of the scorecard: what each means, and its value on a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from clarion.measures.statistics.intervals import Interval, share
from clarion.workflows.target_sums import (
    Sums,
    formed_and_stated,
    kinds_with_manifests,
    landed_and_declared,
)


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
        remark: what is left out where it is measured.
    """

    name: str
    definition: str
    goal: float | None
    numerator: float | None = None
    denominator: float | None = None
    reason: str | None = None
    remark: str | None = None

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
            "reason": self.remark,
        }

    def _verdict(self, value: float) -> str:
        if self.goal is None:
            return "measured"
        return "met" if value >= self.goal else "missed"


_WORST_SHOWN = 5  # columns with the lowest shares of values in standard form
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


def measured_targets(sums: Sums) -> list[Target]:
    """Every target: those that can be measured, then those that cannot be measured yet.

    Args:
        sums: what `target_sums` returns.
    """
    return [
        *_intake_targets(sums),
        *_customer_targets(sums),
        *_campaign_targets(sums),
        *_collection_targets(sums),
        *_quality_targets(sums),
        _authorised_target(sums),
        *NOT_MEASURED,
    ]


def _intake_targets(sums: Sums) -> list[Target]:
    """Whether rows reconcile, and how many were accepted."""
    return [
        Target(
            "Q1 rows reconcile",
            "(accepted + quarantined + duplicates) / rows in, every batch",
            1.0,
            sums["accepted"] + sums["quarantined"] + sums["duplicates"],
            sums["rows_in"],
        ),
        Target(
            "C9 accepted share",
            "accepted rows / rows in without duplicates",
            0.90,
            sums["accepted"],
            sums["rows_in"] - sums["duplicates"],
        ),
    ]


def _customer_targets(sums: Sums) -> list[Target]:
    """How many customers of the day have a group, tags and a decision, with consent."""
    return [
        Target(
            "P2 customers grouped",
            "customers in exactly one group / customers with a profile",
            1.0,
            sums["grouped"],
            sums["customers"],
        ),
        Target(
            "P6 tags of the day",
            "customers whose tags are of this as-of day / customers with a profile",
            1.0,
            sums["tagged"],
            sums["customers"],
        ),
        Target(
            "S1 customers decided",
            "customers with a decision, nothing included / customers with a profile",
            1.0,
            sums["decided"],
            sums["customers"],
        ),
        Target(
            "C10 offers with consent",
            "decisions that send nothing or rest on consent / decisions",
            1.0,
            sums["allowed"],
            sums["decided"],
        ),
    ]


def _campaign_targets(sums: Sums) -> list[Target]:
    """Forecasts; click rate, conversion and repurchase of the measured window."""
    return [
        Target(
            "F3 forecasts better than naive",
            "series whose backtest beats seasonal naive / series",
            0.5,
            sums["better_series"],
            sums["series"],
        ),
        Target(
            "S2 click rate",
            "clickers / delivered in the measured window",
            None,
            sums["clickers"],
            sums["delivered"],
        ),
        Target(
            "S2 conversion",
            "buyers / clickers in the measured window",
            None,
            sums["buyers"],
            sums["clickers"],
        ),
        Target(
            "S2 repurchase",
            "repeat buyers / buyers in the measured window",
            None,
            sums["repeat_buyers"],
            sums["buyers"],
        ),
    ]


def _collection_targets(sums: Sums) -> list[Target]:
    """How much of what was declared, streamed or numbered has landed."""
    by_kind = [
        Target(
            f"C7 collected {kind}",
            "records landed / records that manifests declare",
            0.98,
            *landed_and_declared(sums, kind),
        )
        for kind in kinds_with_manifests(sums)
    ]
    return [
        *by_kind,
        Target(
            "C8 delay",
            "records of streams that landed within three minutes of happening / records; replays "
            "of past days are left out",
            0.99,
            sums["prompt"],
            sums["streamed"],
            reason="no stream was followed while it happened",
        ),
        Target(
            "C7 collected paths",
            "distinct numbers landed / highest number, by the client's sessions; events lost at "
            "the end of a session are not seen",
            0.98,
            sums["landed"],
            sums["emitted"],
            reason="no source maps session_ref and sequence_no",
        ),
    ]


def _quality_targets(sums: Sums) -> list[Target]:
    """How much has a standard form, no warning, and one currency."""
    return [
        _form_target(formed_and_stated(sums)),
        Target(
            "C9 accuracy",
            "accepted rows without a warning that are not invalid activity / accepted rows",
            0.99,
            sums["accepted"] - sums["warned"] - sums["invalid"],
            sums["accepted"],
        ),
        Target(
            "Q2 one currency",
            "order lines in the shop's currency or with a rate of their day / order lines",
            0.99,
            sums["converted"],
            sums["order_lines"],
            remark=_unconverted(sums["order_lines"] - sums["converted"]),
        ),
    ]


def _form_target(columns: Mapping[str, tuple[float, float]]) -> Target:
    """How many values have the standard form, in the column where the fewest have it.

    Args:
        columns: values in standard form, and values stated, by source and column.
    """
    shares = {name: formed / stated for name, (formed, stated) in columns.items()}
    worst_first = sorted(shares, key=lambda name: (shares[name], name))
    worst = [f"{name} {shares[name]:.2%}" for name in worst_first if shares[name] < 1]
    formed, stated = columns[worst_first[0]] if worst_first else (None, None)
    return Target(
        "Q2 standard form",
        "values in standard form (dates, numbers, currencies, ids, codes) / values stated, in the "
        "column of a source where this is lowest",
        0.99,
        formed,
        stated,
        remark=f"lowest: {', '.join(worst[:_WORST_SHOWN])}" if worst else None,
    )


def _unconverted(lines: float) -> str | None:
    if not lines:
        return None
    return f"order lines without an exchange rate of their day, which count nowhere: {lines:,.0f}"


def _authorised_target(sums: Sums) -> Target:
    """How many facts name people who consent to collection, where a source records consent."""
    name = "C10 authorised rows"
    definition = (
        "registrations, events and order lines of people who gave consent to collection / those "
        "that name a person, where consent is recorded"
    )
    if "authorised" not in sums:
        reason = "every source rests on the operator's declaration"
        return Target(name, definition, 1.0, reason=reason)
    if not sums["rows_of_people"]:
        return Target(name, definition, 1.0, reason="no such fact names a person")
    return Target(name, definition, 1.0, sums["authorised"], sums["rows_of_people"])
