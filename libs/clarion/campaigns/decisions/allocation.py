"""At most one offer for each customer, within a budget: a multiple-choice knapsack by its dual.

For a multiplier lambda each customer takes the action with the largest v - lambda c. Spending falls
as lambda rises. "Nothing" has v = c = 0 and is always possible. So spending reaches 0 for a large
lambda, and every budget can be kept.

Of many customers, the smallest lambda whose spending fits the budget is searched by bisection, many
ways at a time. Then those are collected whose choice differs between the last two multipliers, and
what is left of the budget is filled with their better choices (`fill`). Few customers are collected
at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from clarion.campaigns.decisions.fill import Action, Choices, Chooser, choose

NOTHING = "nothing"
_COLLECTED = 10_000  # customers whose choices are made in memory
_WAYS = 48
_PASSES = 3  # over nine powers of ten: the last two multipliers differ by two in ten thousand
_SMALLEST = 1e-9  # part of the steepest ratio
_PARTS = 2304  # of the customers, by lot
_UNLIMITED_SUMS = ("unlimited_cost", "unlimited_value", "steepest", "choosers")


@dataclass(frozen=True, slots=True)
class Allocation:
    """The result of the search.

    Args:
        shadow_price: the multiplier: value that one more unit of budget would bring.
        cost: expected cost of the choices.
        value: expected value of the choices.
        value_bound: dual bound on the value of any allocation within the budget.
        chosen: names of the actions of the customers that were collected; of all others it is the
            best one under `price_of`.
        lower_price: multiplier of customers whose lot is below `lots_below`.
        lots_below: share of customers, by lot, that take the lower multiplier.
    """

    shadow_price: float
    cost: float
    value: float
    value_bound: float
    chosen: Mapping[str, str] = field(default_factory=dict)
    lower_price: float = 0.0
    lots_below: float = 0.0

    def price_of(self, lot: Column) -> Column:
        """The multiplier of a customer with a lot."""
        high, low = F.lit(self.shadow_price), F.lit(self.lower_price)
        return F.when(lot < F.lit(self.lots_below), low).otherwise(high)


NO_LIMIT = Allocation(0.0, 0.0, 0.0, 0.0)  # everybody takes the action with the largest value


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
        choosers: how many customers choose.
    """

    totals: Totals
    steepest: float
    choosers: int

    @classmethod
    def of(cls, sums: Row | None) -> "Unlimited":
        """From a row of `unlimited_sums`."""
        cost, value, steepest, choosers = (
            float(sums[name] or 0.0) if sums else 0.0 for name in _UNLIMITED_SUMS
        )
        return cls(Totals(cost, value), steepest, int(choosers))


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
        F.count_if(is_greedy),
    )
    return tuple(
        aggregate.alias(name) for aggregate, name in zip(aggregates, _UNLIMITED_SUMS, strict=True)
    )


def allocate(customers: DataFrame, unlimited: Unlimited, *, budget: float) -> Allocation:
    """The choices with nearly the largest value that cost no more than the budget.

    Args:
        customers: customer_id, eligible (array of struct(action, value, cost), "nothing" included)
            and lot (uniform in [0, 1), which breaks ties).
        unlimited: their choices without a budget.
        budget: what may be spent, in the unit of the costs; below zero is zero.
    """
    totals = unlimited.totals
    if totals.cost <= budget:
        return Allocation(0.0, totals.cost, totals.value, totals.value)
    budget = max(budget, 0.0)
    if unlimited.choosers <= _COLLECTED:
        choosers = _collect(customers)
        found = choose(choosers, budget=budget)
        names = _names(choosers, found)
        return Allocation(found.shadow_price, found.cost, found.value, found.value_bound, names)
    return _allocate_among_many(customers, unlimited, budget=budget)


def _allocate_among_many(
    customers: DataFrame, unlimited: Unlimited, *, budget: float
) -> Allocation:
    low, high, totals = _bracket(customers, unlimited, budget=budget)
    value_bound = totals.value + high * (budget - totals.cost)
    prices = {"at_low": low, "at_high": high}
    margin = (
        customers.withColumns(
            {name: best_action(F.col("eligible"), F.lit(price)) for name, price in prices.items()}
        )
        .where("at_low.action <> at_high.action")
        .withColumn("part", F.floor(F.col("lot") * _PARTS).cast("int"))
    )
    parts = _parts(margin)
    # Who is alike cannot all be served: the lot decides, part by part, down to one part.
    served = 0
    while sum(part.customers for part in parts) > _COLLECTED and parts[0].fits(budget, totals):
        totals = parts[0].upgrade(totals)
        served = parts.pop(0).number + 1
    if sum(part.customers for part in parts) > _COLLECTED:
        parts = parts[:1]
    collected = _collect(margin.where(F.col("part").isin([part.number for part in parts])))
    for part in parts:
        totals = Totals(totals.cost - part.high.cost, totals.value - part.high.value)
    found = choose(collected, budget=budget - totals.cost)
    return Allocation(
        high,
        totals.cost + found.cost,
        totals.value + found.value,
        value_bound,
        _names(collected, found),
        lower_price=low,
        lots_below=served / _PARTS,
    )


def _bracket(
    customers: DataFrame, unlimited: Unlimited, *, budget: float
) -> tuple[float, float, Totals]:
    """Two multipliers close to each other, and the totals under the second, which is affordable."""
    low, high = unlimited.steepest * _SMALLEST, unlimited.steepest * 1.001
    totals = Totals(0.0, 0.0)
    for _ in range(_PASSES):
        factor = (high / low) ** (1 / _WAYS)
        grid = [low * factor**way for way in range(_WAYS)] + [high]
        totals_by_price = _greedy_totals(customers, grid)
        affordable = [
            way for way, price in enumerate(grid) if totals_by_price[price].cost <= budget
        ]
        way = min(affordable, default=_WAYS)
        totals = totals_by_price[grid[way]]
        if way == 0:  # a multiplier this small is none
            return 0.0, grid[0], totals
        low, high = grid[way - 1], grid[way]
    return low, high, totals


@dataclass(frozen=True, slots=True)
class _Part:
    """Customers with neighbouring lots whose choice differs between two multipliers."""

    number: int
    customers: int
    low: Totals
    high: Totals

    def upgrade(self, totals: Totals) -> Totals:
        """The totals of all with the choices of these under the lower multiplier."""
        return Totals(
            totals.cost + self.low.cost - self.high.cost,
            totals.value + self.low.value - self.high.value,
        )

    def fits(self, budget: float, totals: Totals) -> bool:
        """Whether the lower multiplier can be had for these, too."""
        return self.upgrade(totals).cost <= budget


def _parts(margin: DataFrame) -> list[_Part]:
    sums = [
        F.sum(f"{at}.{what}").alias(f"{at}_{what}")
        for at in ("at_low", "at_high")
        for what in ("cost", "value")
    ]
    rows = margin.groupBy("part").agg(F.count("*").alias("customers"), *sums).collect()
    return sorted(
        (
            _Part(
                row["part"],
                row["customers"],
                Totals(row["at_low_cost"], row["at_low_value"]),
                Totals(row["at_high_cost"], row["at_high_value"]),
            )
            for row in rows
        ),
        key=lambda part: part.number,
    )


def _collect(customers: DataFrame) -> list[Chooser]:
    rows = customers.select("customer_id", "lot", "eligible").collect()
    return [
        Chooser(
            row["customer_id"],
            row["lot"],
            tuple(Action(*item) for item in row["eligible"] if item["action"] != NOTHING),
        )
        for row in rows
    ]


def _names(choosers: list[Chooser], found: Choices) -> dict[str, str]:
    """The name of each customer's action."""
    nothing = {one.customer_id: NOTHING for one in choosers}
    return nothing | {customer: action.name for customer, action in found.actions.items()}


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
