"""Decide, for every customer, which offer to make, or none, within the budget."""

from decimal import Decimal
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions import decisions as deciding
from clarion.campaigns.decisions import products
from clarion.campaigns.decisions.allocation import Allocation, allocate
from clarion.campaigns.decisions.context import CustomerFacts, check_conditions, decision_context
from clarion.campaigns.decisions.eligibility import with_candidates
from clarion.campaigns.decisions.plans import campaigns
from clarion.campaigns.decisions.settings import StrategySettings, parse_catalogue
from clarion.campaigns.decisions.versions import next_versions
from clarion.collect.identity.consent import consented
from clarion.config.load import parse_yaml
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
from clarion.contracts.live import CUSTOMER_STATE, MARKET_ALERTS
from clarion.contracts.silver import CONSENTS
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    settings = scope.settings(StrategySettings)
    file = str(scope.config.get("shop.offers"))
    offers = parse_catalogue(parse_yaml(scope.config.text(file), where=file), where=file)
    segments = scope.current(SEGMENTS)
    strategies = next_versions(
        segments,
        scope.earlier(STRATEGIES),
        scope.current(ADJUSTMENTS),
        settings,
        as_of=scope.as_of,
    )
    scope.replace(STRATEGIES, strategies)
    context = _context(scope, settings, segments)
    check_conditions(context, offers)
    shop = scope.current(CUSTOMER_PROFILES).agg(
        F.avg("average_order").cast("double").alias("shop_order_value")
    )
    candidates = with_candidates(
        context.crossJoin(F.broadcast(shop)), offers, shop_order_value=F.col("shop_order_value")
    )
    customers = scope.persist(deciding.with_holdout(candidates, settings))
    draw = deciding.Draw(scope.seed, scope.as_of, deciding.explore_rate(customers, settings))
    drawn = deciding.with_exploration(customers, draw)
    random_cost = drawn.where("explored").agg(F.sum("drawn.cost")).first()
    explored = float(random_cost[0] or 0.0) if random_cost else 0.0
    greedy = drawn.where("NOT explored AND NOT is_holdout")
    allocation = allocate(
        greedy.select("customer_id", "eligible"), budget=settings.budget - explored
    )
    rows = deciding.decide(
        drawn, offers, draw, shadow_price=allocation.shadow_price, run_key=scope.run_key
    )
    scope.replace(DECISIONS, rows)
    chosen = scope.own(DECISIONS).where(F.col("as_of") == F.lit(scope.as_of))
    planned_campaigns = campaigns(
        chosen, offers, as_of=scope.as_of, window_days=settings.window_days
    )
    budget = _budget(scope, settings, allocation, explored, draw.explore)
    run_concurrently(
        [
            partial(scope.replace, CAMPAIGNS, planned_campaigns),
            partial(scope.replace, BUDGETS, budget),
        ]
    )


def _context(scope: Scope, settings: StrategySettings, segments: DataFrame) -> DataFrame:
    interactions, as_of = scope.current(INTERACTIONS), scope.as_of
    shown = (
        products.products_of_interest(interactions, limit=settings.products_shown),
        products.similar_products(
            interactions, scope.current(PRODUCT_NEIGHBOURS), limit=settings.products_shown
        ),
        products.products_with_price_cut(
            interactions,
            scope.raw(MARKET_ALERTS),
            as_of=as_of,
            days=7,
            limit=settings.products_shown,
        ),
        products.products_in_cart(scope.raw(CUSTOMER_STATE)),
    )
    churn = (
        scope.current(PREDICTIONS)
        .where("label = 'churn'")
        .select("customer_id", F.col("probability").alias("churn_probability"))
    )
    z = segments.select("segment_id", F.map_from_entries("traits").alias("z"))
    strategies = (
        scope.own(STRATEGIES)
        .where(F.col("as_of") == F.lit(as_of))
        .select("segment_id", "strategy_id", "version", "benefit")
    )
    facts = CustomerFacts(
        profiles=scope.current(CUSTOMER_PROFILES),
        members=_members(scope),
        strategies=strategies.join(z, "segment_id"),
        products=shown,
        churn=churn,
        consents=consented(scope.consents(), purpose="marketing"),
    )
    return decision_context(facts, as_of=as_of)


def _members(scope: Scope) -> DataFrame:
    """In which group each customer is, from which one they came today, and the tags they bear."""
    entered = scope.current(SEGMENT_MOVES).select(
        "customer_id", F.col("from_segment").alias("came_from")
    )
    tags = scope.current(CUSTOMER_TAGS).select("customer_id", F.col("tags.tag").alias("tags"))
    return (
        scope.current(SEGMENT_MEMBERS)
        .join(entered, "customer_id", "left")
        .join(tags, "customer_id", "left")
    )


def _budget(
    scope: Scope,
    settings: StrategySettings,
    allocation: Allocation,
    explored: float,
    explore: float,
) -> DataFrame:
    planned = Decimal(str(round(allocation.cost + explored, 4)))
    row = {
        "as_of": scope.as_of,
        "budget": Decimal(str(settings.budget)),
        "planned": planned,
        "explored": Decimal(str(round(explored, 4))),
        "shadow_price": allocation.shadow_price,
        "explore_rate": explore,
        "declared_effects": True,
    }
    scope.note(
        f"{planned:,.2f} of {settings.budget:,.2f} planned; one more unit of budget would bring {allocation.shadow_price:.2f}"
    )
    return rows_as_frame(scope.spark, BUDGETS, [row])


JOB = Job(
    name="strategy",
    summary=__doc__,
    reads=(
        CUSTOMER_PROFILES, CUSTOMER_TAGS, INTERACTIONS, SEGMENTS, SEGMENT_MEMBERS, SEGMENT_MOVES, PREDICTIONS, PRODUCT_NEIGHBOURS, CUSTOMER_STATE,
        MARKET_ALERTS, ADJUSTMENTS, CONSENTS,
    ),
    reads_earlier=(STRATEGIES,),
    writes=(STRATEGIES, CAMPAIGNS, BUDGETS, DECISIONS),
    purpose="analytics",
    settings=(StrategySettings,),
    run=run,
)  # fmt: skip
