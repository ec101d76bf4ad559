"""What a day plans: its decisions within the budget, its campaigns, and the budget's row."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.allocation import Allocation, Unlimited, allocate, unlimited_sums
from clarion.campaigns.decisions.decisions import Draw, decide, with_exploration
from clarion.campaigns.decisions.settings import Catalogue, StrategySettings
from clarion.contracts.sources import MONEY
from clarion.measures.columns.frames import local_frame

_KEYS = ("strategy_id", "strategy_version", "offer_id")
_OFFER_COLUMNS = (
    "offer_id string, offer_name_en string, offer_name_zh string, channel string, "
    "public_rule string"
)


@dataclass(frozen=True, slots=True)
class DecisionPlan:
    """The decisions of a day and what they are expected to cost.

    Args:
        decisions: DECISIONS.
        allocation: of the choices that are not drawn at random.
        explored_cost: expected cost of the actions drawn at random.
        explore_rate: share of customers whose action is drawn at random.
    """

    decisions: DataFrame
    allocation: Allocation
    explored_cost: float
    explore_rate: float

    def budget_row(self, *, as_of: date, budget: float) -> dict[str, Any]:
        """The BUDGETS row of the day."""
        planned = self.allocation.cost + self.explored_cost
        return {
            "as_of": as_of,
            "budget": Decimal(str(budget)),
            "planned": Decimal(str(round(planned, 4))),
            "explored": Decimal(str(round(self.explored_cost, 4))),
            "shadow_price": self.allocation.shadow_price,
            "explore_rate": self.explore_rate,
            "declared_effects": True,
        }


def plan_decisions(
    customers: DataFrame, offers: Catalogue, settings: StrategySettings, *, draw: Draw, run_key: str
) -> DecisionPlan:
    """One decision per customer, together within the budget.

    Actions drawn at random are paid first; the rest of the budget goes to the best choices.

    Args:
        customers: with_holdout; read several times.
        offers: the catalogue.
        settings: the budget.
        draw: how choices are randomised.
        run_key: the run that owns the rows.
    """
    drawn = with_exploration(customers, draw)
    is_greedy = ~F.col("explored") & ~F.col("is_holdout")
    cost_of_drawn = F.sum(F.when(F.col("explored"), F.col("drawn.cost"))).alias("explored_cost")
    sums = drawn.agg(cost_of_drawn, *unlimited_sums(is_greedy)).first()
    explored_cost = float(sums["explored_cost"] or 0.0) if sums else 0.0
    greedy = drawn.where(is_greedy).select("customer_id", "eligible", draw.lot.alias("lot"))
    budget = settings.budget - explored_cost
    allocation = allocate(greedy, Unlimited.of(sums), budget=budget)
    decisions = decide(drawn, offers, draw, allocation=allocation, run_key=run_key)
    return DecisionPlan(decisions, allocation, explored_cost, draw.explore)


def campaigns(
    decisions: DataFrame, offers: Catalogue, *, as_of: date, window_days: int
) -> DataFrame:
    """The campaigns of a day, by strategy and offer.

    Args:
        decisions: DECISIONS of the day.
        offers: the catalogue.
        as_of: first day of the campaigns.
        window_days: how long they run.

    Returns:
        CAMPAIGNS.
    """
    offer_rows = [
        (offer.id, offer.name.en, offer.name.zh, offer.channel, offer.public_rule)
        for offer in offers.offers
    ]
    catalogue = local_frame(decisions.sparkSession, offer_rows, _OFFER_COLUMNS)
    action = F.explode("eligible_actions.action").alias("offer_id")
    eligible = (
        decisions.select("strategy_id", "strategy_version", action)
        .groupBy(*_KEYS)
        .agg(F.count("*").alias("eligible"))
    )
    reach = (
        decisions.withColumnRenamed("action", "offer_id")
        .groupBy(*_KEYS)
        .agg(
            F.count("*").alias("reach"),
            F.sum("expected_cost").cast(MONEY).alias("expected_cost"),
            F.round(F.sum("expected_value"), 6).alias("expected_value"),
        )
    )
    day = F.lit(as_of)
    campaign_id = F.format_string("%s/%s/%s", day.cast("string"), "strategy_id", "offer_id")
    return (
        reach.join(eligible, list(_KEYS))
        .join(F.broadcast(catalogue), "offer_id")
        .select(
            day.alias("as_of"),
            campaign_id.alias("campaign_id"),
            *_KEYS,
            "offer_name_en",
            "offer_name_zh",
            "channel",
            "public_rule",
            day.alias("starts_on"),
            F.date_add(day, window_days).alias("ends_on"),
            "eligible",
            "reach",
            "expected_cost",
            "expected_value",
        )
    )
