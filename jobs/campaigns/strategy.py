"""Decide, for every customer, which offer to make, or none, within the budget."""

from functools import partial

from clarion.campaigns.decisions.decisions import Draw, explore_rate, with_holdout
from clarion.campaigns.decisions.plans import campaigns, plan_decisions
from clarion.campaigns.decisions.settings import StrategySettings
from clarion.contracts.gold import (
    ADJUSTMENTS,
    BUDGETS,
    CAMPAIGNS,
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    DECISIONS,
    INTERACTIONS,
    PREDICTIONS,
    PRODUCT_NEIGHBOURS,
    SEGMENT_MEMBERS,
    SEGMENT_MOVES,
    SEGMENTS,
    STRATEGIES,
)  # fmt: skip
from clarion.contracts.live import CUSTOMER_STATE
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.contracts.silver import CONSENTS, RESPONSES
from clarion.declarations import shop
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import decision_inputs


def run(scope: Scope) -> None:
    """Write the strategies of the day, one decision per customer, campaigns and the budget."""
    settings = scope.settings(StrategySettings)
    as_of = scope.as_of
    offers = shop.offers(scope.config)
    strategies = decision_inputs.strategies_of_day(scope, settings)
    candidates = decision_inputs.decision_candidates(scope, offers, settings, strategies)
    customers = scope.persist(with_holdout(candidates, settings))
    draw = Draw(scope.seed, as_of, explore_rate(customers, settings))
    plan = plan_decisions(customers, offers, settings, draw=draw, run_key=scope.run_key)
    unprofiled = decision_inputs.decisions_without_profile(scope, offers, settings, draw)
    decisions = scope.persist(plan.decisions.unionByName(unprofiled))

    campaigns_of_day = campaigns(decisions, offers, as_of=as_of, window_days=settings.window_days)
    row = plan.budget_row(as_of=as_of, budget=settings.budget)
    decision_inputs.note_refusals_without_effect(scope, offers)
    scope.note(
        f"{row['planned']:,.2f} of {settings.budget:,.2f} planned; "
        f"one more unit of budget would bring {row['shadow_price']:.2f}"
    )
    writes = (
        (STRATEGIES, strategies),
        (DECISIONS, decisions),
        (CAMPAIGNS, campaigns_of_day),
        (BUDGETS, rows_as_frame(scope.spark, BUDGETS, [row])),
    )
    scope.run_concurrently([partial(scope.replace, table, frame) for table, frame in writes])


JOB = Job(
    name="strategy",
    summary=__doc__,
    reads=(
        CUSTOMER_PROFILES, CUSTOMER_TAGS, INTERACTIONS, SEGMENTS, SEGMENT_MEMBERS, SEGMENT_MOVES,
        PREDICTIONS, PRODUCT_NEIGHBOURS, CUSTOMER_STATE, MARKET_ALERTS, ADJUSTMENTS, CONSENTS,
        RESPONSES,
    ),
    reads_earlier=(STRATEGIES,),
    writes=(STRATEGIES, CAMPAIGNS, BUDGETS, DECISIONS),
    purpose="analytics",
    settings=(StrategySettings,),
    run=run,
)  # fmt: skip
