"""At most one offer for each customer, within a budget: a multiple-choice knapsack by its dual.

For a multiplier lambda each customer takes the action with the largest v - lambda c. Spending falls
as lambda rises, so the smallest lambda whose spending fits the budget is searched on a grid, in two
passes over the customers. "Nothing" has v = c = 0 and is always possible. So spending reaches 0 for
a large lambda, and every budget can be kept.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

NOTHING = "nothing"
_GRID_POINTS = 48
_UNLIMITED_SUMS = ("unlimited_cost", "unlimited_value", "steepest")


@dataclass(frozen=True, slots=True)
class Allocation:
    """The result of the search.

    Args:
        shadow_price: the multiplier: value that one more unit of budget would bring.
        cost: expected cost of the greedy choices.
        value: expected value of the greedy choices.
        value_bound: dual bound on the value of any allocation within the budget.
    """

    shadow_price: float
    cost: float
    value: float
    value_bound: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Expected cost and value of the greedy choices under one multiplier."""

    cost: float
    value: float


@dataclass(frozen=True, slots=True)
class Unlimited:
    """The greedy choices without a budget.

    Args:
        totals: their cost and value.
        steepest: the largest value per unit of cost of any action; 0 where none costs anything.
    """

    totals: Totals
    steepest: float

    @classmethod
    def of(cls, sums: Row | None) -> "Unlimited":
        """From a row of `unlimited_sums`."""
        cost, value, steepest = (
            float(sums[name] or 0.0) if sums else 0.0 for name in _UNLIMITED_SUMS
        )
        return cls(Totals(cost, value), steepest)


def nothing_candidate() -> Column:
    """The action "nothing" as struct(action, value, cost): always possible, and free."""
    return F.struct(
        F.lit(NOTHING).alias("action"), F.lit(0.0).alias("value"), F.lit(0.0).alias("cost")
    )


def best_action(eligible: Column, shadow_price: Column) -> Column:
    """The action with the largest v - lambda c; ties go to the cheaper one, then by name.

    Args:
        eligible: array of struct(action, value, cost).
        shadow_price: the multiplier.
    """
    ranked = F.transform(
        eligible,
        lambda item: F.struct(
            F.round(item["value"] - shadow_price * item["cost"], 9).alias("score"),
            (-item["cost"]).alias("thrift"),
            item["action"].alias("action"),
            item["value"].alias("value"),
            item["cost"].alias("cost"),
        ),
    )
    return F.array_max(ranked)


def unlimited_sums(is_greedy: Column) -> tuple[Column, ...]:
    """Aggregates over customers, of which `Unlimited.of` is made.

    Args:
        is_greedy: whose choices count; their column `eligible` is an array of
            struct(action, value, cost).
    """
    best = best_action(F.col("eligible"), F.lit(0.0))
    ratios = F.transform("eligible", lambda item: F.try_divide(item["value"], item["cost"]))
    aggregates = (
        F.sum(F.when(is_greedy, best["cost"])),
        F.sum(F.when(is_greedy, best["value"])),
        F.max(F.when(is_greedy, F.array_max(ratios))),
    )
    return tuple(
        aggregate.alias(name) for aggregate, name in zip(aggregates, _UNLIMITED_SUMS, strict=True)
    )


def allocate(customers: DataFrame, unlimited: Unlimited, *, budget: float) -> Allocation:
    """The smallest multiplier under which the greedy choices cost no more than the budget.

    Args:
        customers: customer_id and eligible (array of struct(action, value, cost), "nothing"
            included).
        unlimited: their choices without a budget.
        budget: what may be spent, in the unit of the costs.
    """
    totals = unlimited.totals
    if totals.cost <= budget:
        return Allocation(0.0, totals.cost, totals.value, totals.value)

    low = 0.0
    high = unlimited.steepest * 1.001
    for _ in range(2):
        step = (high - low) / _GRID_POINTS
        grid = [low + step * index for index in range(1, _GRID_POINTS + 1)]
        totals_by_price = _greedy_totals(customers, grid)
        affordable = [price for price in grid if totals_by_price[price].cost <= budget]
        high = min(affordable) if affordable else grid[-1]
        low = high - step
        totals = totals_by_price[high]
    value_bound = totals.value - high * totals.cost + high * budget
    return Allocation(high, totals.cost, totals.value, value_bound)


def _greedy_totals(customers: DataFrame, grid: list[float]) -> dict[float, Totals]:
    """Cost and value of the greedy choices for each multiplier."""
    prices = F.explode(F.array(*(F.lit(price) for price in grid))).alias("price")
    choices = customers.select("eligible", prices).select(
        "price", best_action(F.col("eligible"), F.col("price")).alias("choice")
    )
    rows = (
        choices.groupBy("price")
        .agg(F.sum("choice.cost").alias("cost"), F.sum("choice.value").alias("value"))
        .collect()
    )  # one row a price
    totals = {row["price"]: Totals(float(row["cost"]), float(row["value"])) for row in rows}
    return {price: totals.get(price, Totals(0.0, 0.0)) for price in grid}
