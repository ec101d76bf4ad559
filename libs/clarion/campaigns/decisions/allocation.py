"""At most one offer for each customer, within a budget: a multiple-choice knapsack by its dual.

For a multiplier lambda each customer takes the action with the largest v - lambda c; spending falls as lambda rises, so
the smallest lambda whose spending fits the budget is searched on a grid, in two passes over the customers. "Nothing" has
v = c = 0 and is always there, so that spending reaches 0 for a large lambda and the budget can always be kept.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

NOTHING = "nothing"
_GRID = 48


@dataclass(frozen=True, slots=True)
class Allocation:
    """What the search found.

    Args:
        shadow_price: the multiplier: value that one more unit of budget would bring.
        planned: expected cost of the greedy choices.
        value: expected value of the greedy choices.
        bound: dual bound on the value of any allocation within the budget.
    """

    shadow_price: float
    planned: float
    value: float
    bound: float


def best(eligible: Column, shadow_price: Column) -> Column:
    """The action with the largest v - lambda c; ties go to the cheaper one, then by name.

    Args:
        eligible: array of struct(action, value, cost).
        shadow_price: the multiplier.
    """
    ranked = F.transform(
        eligible,
        lambda item: F.struct(
            F.round(item["value"] - shadow_price * item["cost"], 9).alias("score"), (-item["cost"]).alias("thrift"), item["action"].alias("action"),
            item["value"].alias("value"), item["cost"].alias("cost"),
        ),
    )  # fmt: skip
    return F.array_max(ranked)


def allocate(customers: DataFrame, *, budget: float) -> Allocation:
    """The smallest multiplier under which the greedy choices cost no more than the budget.

    Args:
        customers: customer_id and eligible (array of struct(action, value, cost), "nothing" included).
        budget: what may be spent, in the unit of the costs.
    """
    free = _outcomes(customers, [0.0])[0.0]
    if free[0] <= budget:
        return Allocation(0.0, free[0], free[1], free[1])
    steepest = (
        customers.select(F.explode("eligible").alias("item"))
        .agg(F.max(F.try_divide("item.value", "item.cost")))
        .first()
    )
    low, high = 0.0, float(steepest[0] or 0.0) * 1.001 if steepest else 0.0
    outcome = (0.0, 0.0)
    for _ in range(2):
        step = (high - low) / _GRID
        grid = [low + step * place for place in range(1, _GRID + 1)]
        spent = _outcomes(customers, grid)
        fitting = [price for price in grid if spent[price][0] <= budget]
        high = min(fitting) if fitting else grid[-1]
        low, outcome = high - step, spent[high]
    return Allocation(high, outcome[0], outcome[1], outcome[1] - high * outcome[0] + high * budget)


def _outcomes(customers: DataFrame, grid: list[float]) -> dict[float, tuple[float, float]]:
    """Cost and value of the greedy choices for each multiplier."""
    prices = F.explode(F.array(*(F.lit(price) for price in grid))).alias("price")
    chosen = customers.select("eligible", prices).select(
        "price", best(F.col("eligible"), F.col("price")).alias("chosen")
    )
    rows = (
        chosen.groupBy("price")
        .agg(F.sum("chosen.cost").alias("cost"), F.sum("chosen.value").alias("value"))
        .collect()
    )  # one row a price
    found = {row["price"]: (float(row["cost"]), float(row["value"])) for row in rows}
    return {price: found.get(price, (0.0, 0.0)) for price in grid}
