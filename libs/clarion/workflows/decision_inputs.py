"""What the strategy of a day decides on: customers in context with their candidates."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions import products
from clarion.campaigns.decisions.context import CustomerFacts, check_conditions, decision_context
from clarion.campaigns.decisions.decisions import Draw
from clarion.campaigns.decisions.eligibility import with_candidates
from clarion.campaigns.decisions.settings import Catalogue, StrategySettings
from clarion.campaigns.decisions.unprofiled import unprofiled_decisions
from clarion.campaigns.decisions.versions import next_versions
from clarion.contracts.gold import (
    ADJUSTMENTS,
    CUSTOMER_PROFILES,
    CUSTOMER_TAGS,
    INTERACTIONS,
    PREDICTIONS,
    PRODUCT_NEIGHBOURS,
    SEGMENT_MEMBERS,
    SEGMENT_MOVES,
    SEGMENTS,
    STRATEGIES,
)
from clarion.contracts.live import CUSTOMER_STATE
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.consents import EVERY_CHANNEL
from clarion.runtime.scope import Scope
from clarion.streaming.customers import state_as_of

_ALERT_DAYS = 7


def strategies_of_day(scope: Scope, settings: StrategySettings) -> DataFrame:
    """STRATEGIES of the day, before they are written.

    Args:
        scope: of the job that decides.
        settings: targets.
    """
    strategies = next_versions(
        scope.current(SEGMENTS),
        scope.earlier(STRATEGIES),
        scope.current(ADJUSTMENTS),
        settings,
        as_of=scope.as_of,
    )
    # One row a group. In memory, so that nothing computed from it reads the table again.
    rows = [row.asDict() for row in strategies.collect()]
    return rows_as_frame(scope.spark, STRATEGIES, rows)


def decision_candidates(
    scope: Scope, offers: Catalogue, settings: StrategySettings, strategies: DataFrame
) -> DataFrame:
    """Every customer in context with eligible actions and refusals.

    Args:
        scope: of the job that decides.
        offers: the catalogue.
        settings: how many products an offer shows.
        strategies: STRATEGIES of the day.

    Raises:
        ConfigError: a condition of an offer is invalid.
    """
    facts = _customer_facts(scope, settings, strategies)
    context = decision_context(facts, as_of=scope.as_of)
    check_conditions(context, offers)
    shop = scope.current(CUSTOMER_PROFILES).agg(
        F.avg("average_order").cast("double").alias("shop_order_value")
    )
    return with_candidates(
        context.crossJoin(F.broadcast(shop)), offers, shop_order_value=F.col("shop_order_value")
    )


def decisions_without_profile(
    scope: Scope, offers: Catalogue, settings: StrategySettings, draw: Draw
) -> DataFrame:
    """DECISIONS of customers who consent to marketing and not to analytics.

    Args:
        scope: of the job that decides.
        offers: the catalogue.
        settings: share of the holdout.
        draw: how choices are randomised.
    """
    analytics = scope.consenting_customers("analytics").select("customer_id")
    customers = scope.consenting_customers("marketing").join(analytics, "customer_id", "left_anti")
    return unprofiled_decisions(customers, offers, settings, draw=draw, run_key=scope.run_key)


def note_refusals_without_effect(scope: Scope, offers: Catalogue) -> None:
    """Say which channels people refuse by a name that no offer has: that stops no message."""
    channels = {offer.channel.strip().lower() for offer in offers.offers}
    refused = F.explode(F.map_filter("channels", lambda _, is_granted: ~is_granted))
    rows = (
        scope.consenting_customers("marketing")
        .select(refused.alias("channel", "_"))
        .where(~F.col("channel").isin(*channels, EVERY_CHANNEL))
        .groupBy("channel")
        .count()
        .orderBy("channel")
        .collect()  # one row a channel
    )
    if rows:
        names = ", ".join(f"{row['channel']} ({row['count']:,})" for row in rows)
        scope.note(f"refused by people who take others, and the channel of no offer: {names}")


def _customer_facts(
    scope: Scope, settings: StrategySettings, strategies: DataFrame
) -> CustomerFacts:
    churn = (
        scope.current(PREDICTIONS)
        .where("label = 'churn'")
        .select("customer_id", F.col("probability").alias("churn_probability"))
    )
    traits = scope.current(SEGMENTS).select("segment_id", F.map_from_entries("traits").alias("z"))
    plans = strategies.select("segment_id", "strategy_id", "version", "benefit")
    return CustomerFacts(
        profiles=scope.current(CUSTOMER_PROFILES),
        members=_members(scope),
        strategies=plans.join(traits, "segment_id"),
        products=_products(scope, limit=settings.products_shown),
        churn=churn,
        consents=scope.consenting_customers("marketing"),
    )


def _products(scope: Scope, *, limit: int) -> tuple[DataFrame, ...]:
    """Per source the products that an offer may show."""
    interactions = scope.current(INTERACTIONS)
    return (
        products.products_of_interest(interactions, limit=limit),
        products.similar_products(interactions, scope.current(PRODUCT_NEIGHBOURS), limit=limit),
        products.products_with_price_cut(
            interactions,
            scope.raw(MARKET_ALERTS),
            as_of=scope.as_of,
            days=_ALERT_DAYS,
            time_zone=scope.time_zone,
            limit=limit,
        ),
        products.products_in_cart(state_as_of(scope.raw(CUSTOMER_STATE), scope.as_of)),
    )


def _members(scope: Scope) -> DataFrame:
    """Each customer's group, the group before where it changed today, and tags."""
    moves = scope.current(SEGMENT_MOVES).select(
        "customer_id", F.col("from_segment").alias("came_from")
    )
    tags = scope.current(CUSTOMER_TAGS).select("customer_id", F.col("tags.tag").alias("tags"))
    return (
        scope.current(SEGMENT_MEMBERS)
        .join(moves, "customer_id", "left")
        .join(tags, "customer_id", "left")
    )
