"""The AdjustmentFactor: how far a strategy is from its targets, and the benefit that follows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from clarion.campaigns.measurement.settings import AdjustSettings
from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import Interval, NotComputable, share

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


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of a strategy.

    Args:
        benefit: the benefit multiplier in force.
        delivered: messages delivered.
        clickers: messages clicked.
        buyers: clickers who ordered.
    """

    benefit: float
    delivered: int
    clickers: int
    buyers: int


@dataclass(frozen=True, slots=True)
class BenefitChange:
    """The benefit multiplier of the next version, and why.

    Args:
        before: multiplier that was measured.
        after: multiplier of the next version.
        reason: why it changes, or why not.
    """

    before: float
    after: float
    reason: str

    @property
    def has_changed(self) -> bool:
        """True where the next version has another multiplier."""
        return self.after != self.before


def benefit_change(
    factor: AdjustmentFactor, measurement: Measurement, settings: AdjustSettings
) -> BenefitChange:
    """The benefit multiplier of the next version.

    multiplier x (1 + gain x relative factor), a bounded step within bounds. The sign is declared:
    a strategy short of its targets raises its benefits, one beyond them lowers them. It changes
    only when enough messages were delivered and the interval of the click rate or of the
    conversion excludes its target.

    Args:
        factor: the strategy's distance from its targets.
        measurement: what was measured.
        settings: gain, step and bounds.
    """
    benefit = measurement.benefit
    if measurement.delivered < settings.min_delivered:
        reason = f"{measurement.delivered} delivered: fewer than {settings.min_delivered}"
        return BenefitChange(benefit, benefit, reason)
    significant = _significant_kpis(factor, measurement)
    if not significant:
        return BenefitChange(benefit, benefit, "no gap that chance would not explain")

    step = 1 + settings.gain * factor.relative
    bounded_step = min(max(step, 1 - settings.step), 1 + settings.step)
    after = round(min(max(benefit * bounded_step, settings.lowest), settings.highest), 6)
    if after == benefit:
        reason = f"the benefit multiplier is at its bound of {benefit}"
        return BenefitChange(benefit, benefit, reason)
    direction = "short of" if factor.relative > 0 else "beyond"
    kpis = ", ".join(significant)
    reason = f"{direction} its targets by {abs(factor.relative):.1%} (significant: {kpis})"
    return BenefitChange(benefit, after, reason)


def _significant_kpis(factor: AdjustmentFactor, measurement: Measurement) -> list[str]:
    """The rates whose 95 % interval excludes their target."""
    targets = {term.kpi: term.target for term in factor.terms}
    intervals = {
        "ctr": share(measurement.clickers, measurement.delivered),
        "cr": share(measurement.buyers, measurement.clickers),
    }
    return [
        kpi
        for kpi, interval in intervals.items()
        if isinstance(interval, Interval) and not interval.low <= targets[kpi] <= interval.high
    ]
