"""The benefit multiplier that follows from what was measured, and why."""

from dataclasses import dataclass

from clarion.campaigns.measurement import reasons
from clarion.campaigns.measurement.factor import AdjustmentFactor
from clarion.campaigns.measurement.reasons import Gap, Reason
from clarion.campaigns.measurement.settings import AdjustSettings
from clarion.measures.statistics.intervals import NotComputable, exact_share


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
    reason: Reason

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
        reason = reasons.too_few_messages(measurement.delivered, settings.min_delivered)
        return BenefitChange(benefit, benefit, reason)
    significant = _significant_gaps(factor, measurement)
    if not significant:
        return BenefitChange(benefit, benefit, reasons.explained_by_chance())

    step = 1 + settings.gain * factor.relative
    bounded_step = min(max(step, 1 - settings.step), 1 + settings.step)
    after = round(min(max(benefit * bounded_step, settings.lowest), settings.highest), 6)
    if after == benefit:
        is_at_bound = benefit in (settings.lowest, settings.highest)
        reason = reasons.at_its_bound(benefit) if is_at_bound else reasons.gaps_that_cancel()
        return BenefitChange(benefit, benefit, reason)
    reason = reasons.reason_of_change(significant, factor.relative, before=benefit, after=after)
    return BenefitChange(benefit, after, reason)


def _significant_gaps(factor: AdjustmentFactor, measurement: Measurement) -> list[Gap]:
    """The rates whose exact 95 % interval excludes their target."""
    terms = {term.kpi: term for term in factor.terms}
    gaps = [
        Gap(terms["ctr"], measurement.clickers, measurement.delivered),
        Gap(terms["cr"], measurement.buyers, measurement.clickers),
    ]
    return [gap for gap in gaps if not _is_explained_by_chance(gap)]


def _is_explained_by_chance(gap: Gap) -> bool:
    interval = exact_share(gap.part, gap.whole)
    if isinstance(interval, NotComputable):
        return True
    return interval.low <= gap.term.target <= interval.high
