"""The AdjustmentFactor: how far a strategy is from its targets, and what the lever does about it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from clarion.campaigns.measurement.settings import AdjustSettings
from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import Interval, NotComputable, share

KPIS = ("ctr", "cr", "apu", "rpr")


@dataclass(frozen=True, slots=True)
class Term:
    """One of the four gaps."""

    kpi: str
    target: float
    actual: float
    weight: float

    @property
    def gap(self) -> float:
        return self.target - self.actual

    @property
    def relative_gap(self) -> float:
        return self.gap / self.target


@dataclass(frozen=True, slots=True)
class Factor:
    """The factor with its terms.

    Args:
        terms: one a KPI.
    """

    terms: tuple[Term, ...]

    @property
    def literal(self) -> float:
        """Sum of weight x (target - actual), as the founding document has it: rates and money in one sum."""
        return math.fsum(term.weight * term.gap for term in self.terms)

    @property
    def relative(self) -> float:
        """Sum of weight x (target - actual) / target: the literal formula on actual / target with targets of 1."""
        return math.fsum(term.weight * term.relative_gap for term in self.terms)

    @property
    def absolute_gap(self) -> float:
        """Sum of weight x |relative gap|: opposite gaps do not cancel."""
        return math.fsum(term.weight * abs(term.relative_gap) for term in self.terms)

    def dominance(self) -> float | NotComputable:
        """The largest term's part in the relative factor: max|term| / sum|term|."""
        if self.absolute_gap == 0.0:
            return NotComputable("every target is met exactly")
        return max(abs(term.weight * term.relative_gap) for term in self.terms) / self.absolute_gap


def factor(
    targets: Mapping[str, float], actuals: Mapping[str, float], weights: Mapping[str, float]
) -> Factor:
    """The AdjustmentFactor of a strategy.

    Args:
        targets: by KPI: ctr, cr, apu, rpr.
        actuals: the same.
        weights: the same; they sum to 1.

    Raises:
        ConfigError: weights that do not sum to 1 or are negative, or a target of 0.
    """
    total = math.fsum(weights[kpi] for kpi in KPIS)
    if abs(total - 1.0) > 1e-9 or any(weights[kpi] < 0 for kpi in KPIS):
        shown = ", ".join(f"{kpi} {weights[kpi]}" for kpi in KPIS)
        raise ConfigError(
            "the weights of the AdjustmentFactor do not sum to 1",
            found=f"{shown}: {total}",
            fix="mend adjust.weight_*",
        )
    for kpi in KPIS:
        if targets[kpi] == 0:
            raise ConfigError(
                f"the target of {kpi} is 0",
                found="a gap cannot be divided by it",
                fix=f"set strategy.target_{kpi}",
            )
    return Factor(tuple(Term(kpi, targets[kpi], actuals[kpi], weights[kpi]) for kpi in KPIS))


@dataclass(frozen=True, slots=True)
class Move:
    """What the lever does, and why."""

    before: float
    after: float
    reason: str

    @property
    def acted(self) -> bool:
        return self.after != self.before


def move(
    found: Factor,
    *,
    benefit_multiplier: float,
    delivered: int,
    clickers: int,
    buyers: int,
    settings: AdjustSettings,
) -> Move:
    """The lever of the next version: lever x (1 + gain x relative factor), a bounded step within bounds.

    The sign is declared: short of its targets, a strategy's benefits rise; beyond them they fall. It acts only when
    enough messages were delivered and the click rate's or the conversion's interval excludes its target.
    """
    if delivered < settings.min_delivered:
        return Move(
            benefit_multiplier,
            benefit_multiplier,
            f"{delivered} delivered: fewer than {settings.min_delivered}",
        )
    targets = {term.kpi: term.target for term in found.terms}
    intervals = {"ctr": share(clickers, delivered), "cr": share(buyers, clickers)}
    telling = [
        kpi
        for kpi, interval in intervals.items()
        if isinstance(interval, Interval) and not interval.low <= targets[kpi] <= interval.high
    ]
    if not telling:
        return Move(benefit_multiplier, benefit_multiplier, "no gap that chance would not explain")
    wanted = 1 + settings.gain * found.relative
    bounded = min(max(wanted, 1 - settings.step), 1 + settings.step)
    after = round(min(max(benefit_multiplier * bounded, settings.lowest), settings.highest), 6)
    if after == benefit_multiplier:
        return Move(
            benefit_multiplier,
            benefit_multiplier,
            f"the lever is at its bound of {benefit_multiplier}",
        )
    direction = "short of" if found.relative > 0 else "beyond"
    return Move(
        benefit_multiplier,
        after,
        f"{direction} its targets by {abs(found.relative):.1%} (telling: {', '.join(telling)})",
    )
