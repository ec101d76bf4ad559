"""One row of ADJUSTMENTS for each strategy that was measured."""

from collections.abc import Mapping
from typing import Any

from clarion.campaigns.measurement.adjustment import Measurement, benefit_change
from clarion.campaigns.measurement.factor import KPIS, adjustment_factor
from clarion.campaigns.measurement.reasons import not_computable
from clarion.campaigns.measurement.settings import AdjustSettings


def adjustment_row(
    kpis: Mapping[str, Any], plan: Mapping[str, Any], settings: AdjustSettings
) -> dict[str, Any]:
    """The ADJUSTMENTS row of a strategy, with its reason, whether or not it changes.

    Args:
        kpis: a row of STRATEGY_KPIS.
        plan: benefit and targets of the version that was measured.
        settings: weights, gain and bounds.

    Raises:
        ConfigError: weights or targets are invalid.
    """
    row = {
        "as_of": kpis["as_of"],
        "decided_on": kpis["decided_on"],
        "strategy_id": kpis["strategy_id"],
        "strategy_version": kpis["strategy_version"],
        "benefit_before": plan["benefit"],
    }
    delivered, clickers, buyers = kpis["delivered"], kpis["clickers"], kpis["buyers"]
    missing = [kpi for kpi in KPIS if kpis[kpi] is None]
    if missing:
        reason = not_computable(missing, delivered=delivered, clickers=clickers, buyers=buyers)
        return row | {
            "terms": [],
            "benefit_after": plan["benefit"],
            "acted": False,
            "reason": reason.en,
            "reason_zh": reason.zh,
        }
    targets = {kpi: float(plan[f"target_{kpi}"]) for kpi in KPIS}
    actuals = {kpi: float(kpis[kpi]) for kpi in KPIS}
    factor = adjustment_factor(targets, actuals, settings.weights)
    change = benefit_change(
        factor, Measurement(plan["benefit"], delivered, clickers, buyers), settings
    )
    dominance = factor.dominance()
    return row | {
        "terms": [
            (term.kpi, term.target, term.actual, term.weight, term.gap, term.relative_gap)
            for term in factor.terms
        ],
        "factor": factor.literal,
        "relative_factor": factor.relative,
        "dominance": dominance if isinstance(dominance, float) else None,
        "absolute_gap": factor.absolute_gap,
        "benefit_after": change.after,
        "acted": change.has_changed,
        "reason": change.reason.en,
        "reason_zh": change.reason.zh,
    }
