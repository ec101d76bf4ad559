"""The targets of the scorecard: what each means, and its value on a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from clarion.measures.statistics.intervals import Interval, share
from clarion.workflows.collection_sums import (
    GROUPS,
    Sums,
    groups_with_manifests,
    landed_and_declared,
    landed_and_sent,
)
from clarion.workflows.target_settings import ScorecardSettings
from clarion.workflows.target_sums import formed_and_stated


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


def measured_targets(sums: Sums, settings: ScorecardSettings) -> list[Target]:
    """Every target with its value, or why it has none.

    A goal is one that docs/requirements.md states; without one, the value is only reported.

    Args:
        sums: what `target_sums` returns.
        settings: the stage of the shop.
    """
    return [
        *_intake_targets(sums),
        *_customer_targets(sums),
        *_campaign_targets(sums),
        *_collection_targets(sums, settings.collected_goal),
        *_quality_targets(sums),
        _authorised_target(sums),
    ]


def _intake_targets(sums: Sums) -> list[Target]:
    """How many rows were accepted."""
    return [
        Target(
            "C9 accepted share",
            "accepted rows / rows in without duplicates",
            None,
            sums["accepted"],
            sums["rows_in"] - sums["duplicates"],
        ),
    ]


def _customer_targets(sums: Sums) -> list[Target]:
    """How many customers of the day have a group, tags and a decision."""
    return [
        Target(
            "P2 customers grouped",
            "customers in exactly one group / customers with a profile",
            None,
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
    ]


def _campaign_targets(sums: Sums) -> list[Target]:
    """Forecasts; click rate, conversion and repurchase of the measured window."""
    return [
        Target(
            "F3 forecasts better than naive",
            "series whose backtest beats seasonal naive / series",
            None,
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


def _collection_targets(sums: Sums, goal: float) -> list[Target]:
    """How much of what was declared, streamed or numbered has landed.

    Args:
        sums: what was counted.
        goal: the share of what was sent that must be stored.
    """
    declared = groups_with_manifests(sums)
    asked = [name for name in GROUPS if name != "paths" and name not in declared]
    by_manifest = [
        Target(
            f"C7 collected {'events' if group == 'paths' else group}",
            "records landed / records that manifests declare, files that never came included",
            goal,
            *landed_and_declared(sums, group),
            reason=f"no manifest declares files of {' or '.join(GROUPS.get(group, ()))}",
        )
        for group in (*declared, *asked)
    ]
    return [
        *by_manifest,
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
            "distinct numbers landed / numbers given, by device over all its visits, else by visit "
            "from 1; what is lost after the last number is seen by a manifest alone",
            goal,
            *landed_and_sent(sums),
            reason="no source maps device_ref and device_sequence_no, or session_ref and "
            "sequence_no",
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
        "registrations, events and order lines of people whose consent to collection was in force "
        "when they were kept / those that name a person, where consent is recorded"
    )
    if "authorised" not in sums:
        reason = "every source rests on the operator's declaration"
        return Target(name, definition, 1.0, reason=reason)
    if not sums["rows_of_people"]:
        return Target(name, definition, 1.0, reason="no such fact names a person")
    return Target(name, definition, 1.0, sums["authorised"], sums["rows_of_people"])
