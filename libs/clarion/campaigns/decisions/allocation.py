"""At most one offer for each customer, within a budget: a multiple-choice knapsack by its dual.

For a multiplier lambda each customer takes the action with the largest v - lambda c. Spending falls
as lambda rises, so the smallest lambda whose spending fits the budget is searched on a grid, in two
passes over the customers. "Nothing" has v = c = 0 and is always possible. So spending reaches 0 for
a large lambda, and every budget can be kept.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

NOTHING = "nothing"
_GRID_POINTS = 48


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
class _Totals:
    """Expected cost and value of the greedy choices under one multiplier."""

    cost: float
    value: float


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


def allocate(customers: DataFrame, *, budget: float) -> Allocation:
    """The smallest multiplier under which the greedy choices cost no more than the budget.

    Args:
        customers: customer_id and eligible (array of struct(action, value, cost), "nothing"
            included).
        budget: what may be spent, in the unit of the costs.
    """
    unlimited = _greedy_totals(customers, [0.0])[0.0]
    if unlimited.cost <= budget:
        return Allocation(0.0, unlimited.cost, unlimited.value, unlimited.value)

    steepest = (
        customers.select(F.explode("eligible").alias("item"))
        .agg(F.max(F.try_divide("item.value", "item.cost")))
        .first()
    )
    low = 0.0
    high = float(steepest[0] or 0.0) * 1.001 if steepest else 0.0
    totals = _Totals(0.0, 0.0)
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


def _greedy_totals(customers: DataFrame, grid: list[float]) -> dict[float, _Totals]:
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
    totals = {row["price"]: _Totals(float(row["cost"]), float(row["value"])) for row in rows}
    return {price: totals.get(price, _Totals(0.0, 0.0)) for price in grid}
