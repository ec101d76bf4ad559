"""The AdjustmentFactor: how far a strategy is from its targets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import NotComputable

KPIS = ("ctr", "cr", "apu", "rpr")


@dataclass(frozen=True, slots=True)
class Term:
    """One of the four terms: a KPI, its target and what was measured."""

    kpi: str
    target: float
    actual: float
    weight: float

    @property
    def gap(self) -> float:
        """Target less actual."""
        return self.target - self.actual

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the target."""
        return self.gap / self.target


@dataclass(frozen=True, slots=True)
class AdjustmentFactor:
    """The factor with its terms.

    Args:
        terms: one for each KPI.
    """

    terms: tuple[Term, ...]

    @property
    def literal(self) -> float:
        """Sum of weight x (target - actual), as first defined: rates and money in one sum."""
        return math.fsum(term.weight * term.gap for term in self.terms)

    @property
    def relative(self) -> float:
        """Sum of weight x (target - actual) / target: each gap as a share of its target."""
        return math.fsum(term.weight * term.relative_gap for term in self.terms)

    @property
    def absolute_gap(self) -> float:
        """Sum of weight x |relative gap|: opposite gaps do not cancel."""
        return math.fsum(term.weight * abs(term.relative_gap) for term in self.terms)

    def dominance(self) -> float | NotComputable:
        """The largest term's share of the relative factor: max|term| / sum|term|."""
        if self.absolute_gap == 0.0:
            return NotComputable("every target is met exactly")
        return max(abs(term.weight * term.relative_gap) for term in self.terms) / self.absolute_gap


def adjustment_factor(
    targets: Mapping[str, float], actuals: Mapping[str, float], weights: Mapping[str, float]
) -> AdjustmentFactor:
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
            fix="correct adjust.weight_*",
        )
    for kpi in KPIS:
        if targets[kpi] == 0:
            raise ConfigError(
                f"the target of {kpi} is 0",
                found="a gap cannot be divided by it",
                fix=f"set strategy.target_{kpi}",
            )
    terms = (Term(kpi, targets[kpi], actuals[kpi], weights[kpi]) for kpi in KPIS)
    return AdjustmentFactor(tuple(terms))
