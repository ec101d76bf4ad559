"""One decision per customer: holdout, exploration, or the best action under the shadow price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.allocation import NOTHING, Allocation, best_action
from clarion.campaigns.decisions.products import SHOWN_PRODUCTS, products_to_show
from clarion.campaigns.decisions.settings import Catalogue, StrategySettings
from clarion.contracts.sources import MONEY
from clarion.measures.columns.buckets import MILLION, bucket, uniform
from clarion.measures.columns.frames import local_frame


@dataclass(frozen=True, slots=True)
class Draw:
    """How choices are randomised.

    Args:
        seed: names the draws; equal seeds draw alike.
        as_of: the day; each day has draws of its own, the holdout never changes.
        explore: share of customers whose action is drawn at random.
    """

    seed: int
    as_of: date
    explore: float

    @property
    def is_exploring(self) -> Column:
        """True for customers whose action is drawn at random on this day."""
        return uniform(f"explore/{self.seed}/{self.as_of}", "customer_id") < F.lit(self.explore)

    @property
    def lot(self) -> Column:
        """Decides between customers who are alike, where the budget does not reach all."""
        return uniform(f"lot/{self.seed}/{self.as_of}", "customer_id")

    def pick(self, size: Column) -> Column:
        """A position from 0 to size - 1."""
        return F.floor(uniform(f"pick/{self.seed}/{self.as_of}", "customer_id") * size).cast("int")


def explore_rate(customers: DataFrame, settings: StrategySettings) -> float:
    """The share of customers whose action may be drawn at random.

    It is lowered where random draws would cost more than their part of the budget.

    Args:
        customers: with_holdout.
        settings: exploration and budget.
    """
    total_cost = F.aggregate("eligible", F.lit(0.0), lambda total, item: total + item["cost"])
    is_holdout = F.col("bucket") < int(settings.holdout * MILLION)
    row = customers.where(~is_holdout).agg(F.sum(total_cost / F.size("eligible"))).first()
    cost_of_all = float(row[0] or 0.0) if row else 0.0
    if cost_of_all == 0.0:
        return settings.explore
    return min(settings.explore, settings.explore_budget_share * settings.budget / cost_of_all)


def with_holdout(candidates: DataFrame, settings: StrategySettings) -> DataFrame:
    """The customers with their lasting position `bucket`; the first ones get nothing, ever.

    Args:
        candidates: with_candidates.
        settings: share of the holdout.
    """
    is_holdout = F.col("bucket") < int(settings.holdout * MILLION)
    return candidates.withColumn("bucket", bucket("holdout", "customer_id")).withColumn(
        "is_holdout", is_holdout
    )


def with_exploration(customers: DataFrame, draw: Draw) -> DataFrame:
    """The customers with `explored` and, where it is true, the action that was drawn.

    Args:
        customers: with_holdout.
        draw: how choices are randomised.
    """
    drawn = F.get("eligible", draw.pick(F.size("eligible")))
    is_explored = draw.is_exploring & ~F.col("is_holdout")
    return customers.withColumns({"explored": is_explored, "drawn": F.when(is_explored, drawn)})


def decide(
    customers: DataFrame, offers: Catalogue, draw: Draw, *, allocation: Allocation, run_key: str
) -> DataFrame:
    """One decision per customer.

    A customer outside the holdout draws uniformly among eligible actions with probability
    `explore`, and takes the action of the allocation otherwise. The stored probability
    of an action sums both ways to it.

    Args:
        customers: with_exploration: eligible, refusals, bucket, is_holdout, explored, drawn.
        offers: the catalogue.
        draw: how choices are randomised.
        allocation: what is chosen within the budget.
        run_key: the run that owns the rows.

    Returns:
        DECISIONS.
    """
    as_of = F.lit(draw.as_of)
    decision_key = F.struct(as_of.alias("as_of"), "customer_id", "strategy_id", "version")
    return (
        _with_choice(customers, offers, draw, allocation)
        .select(
            F.sha2(F.to_json(decision_key), 256).alias("decision_id"),
            as_of.alias("as_of"),
            F.lit(run_key).alias("run_key"),
            "customer_id",
            "segment_id",
            "life_cycle",
            "strategy_id",
            F.col("version").alias("strategy_version"),
            "bucket",
            "is_holdout",
            F.col("action_probabilities").alias("eligible_actions"),
            F.col("choice.action").alias("action"),
            F.col("choice_probability").alias("action_probability"),
            F.col("explored").alias("explored"),
            "refusals",
            F.col("products.product_id").alias("products"),
            F.col("products.reason").alias("product_reasons"),
            "trigger",
            F.col("choice.value").alias("expected_value"),
            F.col("choice.cost").cast(MONEY).alias("expected_cost"),
            "consent_basis",
            "channel",
            "churn_probability",
        )
    )  # fmt: skip


def _with_choice(
    customers: DataFrame, offers: Catalogue, draw: Draw, allocation: Allocation
) -> DataFrame:
    """The customers with the action chosen, its probability, and what its offer shows."""
    choice = (
        F.when(F.col("is_holdout"), F.get("eligible", F.lit(0)))  # "nothing" comes first
        .when(F.col("explored"), F.col("drawn"))
        .otherwise(F.col("greedy"))
    )
    probabilities = _action_probabilities(draw)
    of_choice = F.filter(probabilities, lambda item: item["action"] == F.col("choice.action"))
    null_text = F.lit(None).cast("string")
    shown = {offer.id: products_to_show(offer) for offer in offers.offers}
    triggers = {offer.id: F.lit(offer.trigger) for offer in offers.offers if offer.trigger}
    channels = {offer.id: F.lit(offer.channel) for offer in offers.offers}
    return (
        with_greedy(customers, draw.lot, allocation)
        .withColumn("choice", choice)
        .withColumns(
            {
                "action_probabilities": probabilities,
                "choice_probability": F.get(of_choice, F.lit(0))["probability"],
                "products": _value_of_choice(shown, F.array().cast(SHOWN_PRODUCTS)),
                "trigger": _value_of_choice(triggers, null_text),
                "channel": _value_of_choice(channels, null_text),
            }
        )
    )


def with_greedy(customers: DataFrame, lot: Column, allocation: Allocation) -> DataFrame:
    """The customers with the action of the allocation as `greedy`: action, value, cost.

    Args:
        customers: customer_id and eligible.
        lot: as the allocation was given it.
        allocation: what is chosen within the budget.
    """
    best = best_action(F.col("eligible"), allocation.price_of(lot))
    greedy = F.struct(*(best[name].alias(name) for name in ("action", "value", "cost")))
    if not allocation.chosen:
        return customers.withColumn("greedy", greedy)
    rows = list(allocation.chosen.items())
    chosen = local_frame(customers.sparkSession, rows, "customer_id string, chosen string")
    by_name = F.get(F.filter("eligible", lambda item: item["action"] == F.col("chosen")), F.lit(0))
    joined = customers.join(F.broadcast(chosen), "customer_id", "left")
    return joined.withColumn("greedy", F.coalesce(by_name, greedy)).drop("chosen")


def _action_probabilities(draw: Draw) -> Column:
    """Every action that could have been chosen, with its probability."""
    by_draw = F.lit(draw.explore) / F.size("eligible")

    def probability(item: Column) -> Column:
        is_greedy = item["action"] == F.col("greedy.action")
        by_value = F.when(is_greedy, F.lit(1.0 - draw.explore)).otherwise(F.lit(0.0))
        in_holdout = F.when(item["action"] == NOTHING, F.lit(1.0)).otherwise(F.lit(0.0))
        return F.round(F.when(F.col("is_holdout"), in_holdout).otherwise(by_draw + by_value), 9)

    every_action = F.transform(
        "eligible",
        lambda item: F.struct(
            item["action"].alias("action"), probability(item).alias("probability")
        ),
    )
    return F.filter(every_action, lambda item: item["probability"] > 0)


def _value_of_choice(values: Mapping[str, Column], otherwise: Column) -> Column:
    """The value that belongs to the action chosen."""
    value_of_choice = otherwise
    for action, value in values.items():
        is_chosen = F.col("choice.action") == action
        value_of_choice = F.when(is_chosen, value).otherwise(value_of_choice)
    return value_of_choice
