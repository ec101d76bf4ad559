"""The product matrix against NumPy, and decisions that keep their promises."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from worlds import World

from clarion.campaigns.decisions import allocation
from clarion.campaigns.decisions import decisions as deciding
from clarion.campaigns.decisions.allocation import NO_LIMIT, Allocation, Unlimited, unlimited_sums
from clarion.campaigns.decisions.context import check_conditions
from clarion.campaigns.decisions.eligibility import with_candidates
from clarion.campaigns.decisions.plans import plan_decisions
from clarion.campaigns.decisions.settings import Catalogue, StrategySettings, parse_catalogue
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.declarations.shop import attributes
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.frames import local_frame
from clarion.products.catalogue.current import current_products
from clarion.products.similarity import matrix, model
from clarion.products.similarity.market import MarketFacts, with_market_facts
from clarion.products.similarity.neighbours import nearest_products
from clarion.products.similarity.purity import category_purity
from clarion.products.similarity.settings import ProductSettings

AS_OF = date(2026, 6, 1)
PRODUCTS = "product_id string, title string, description string, brand string, category string, list_price decimal(18,4)"


_CHOOSERS = (
    "customer_id string, eligible array<struct<action:string,value:double,cost:double>>, lot double"
)


def _choosers(spark: SparkSession, *, alike: int) -> DataFrame:
    """600 customers with four actions each, and some with one and the same."""
    rng = np.random.default_rng(4)
    nothing = ("nothing", 0.0, 0.0)
    rows = []
    for row in range(600):
        actions = enumerate(rng.uniform(0.1, 2, (4, 2)))
        offers = [(f"a{index}", float(v), round(float(c), 4)) for index, (v, c) in actions]
        rows.append((f"c{row}", [nothing, *offers], float(rng.uniform())))
    for row in range(alike):
        rows.append((f"d{row}", [nothing, ("a0", 1.0, 1.0)], float(rng.uniform())))
    return local_frame(spark, rows, _CHOOSERS).persist()


@pytest.mark.covers("S12")
@pytest.mark.parametrize("collected", [10_000, 100])
def test_a_budget_is_never_exceeded_and_the_dual_bounds_the_value(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, collected: int
) -> None:
    """In memory, and by bisection with those collected who are at the margin."""
    monkeypatch.setattr(allocation, "_COLLECTED", collected)
    customers = _choosers(spark, alike=400)
    items = [item for row in customers.collect() for item in row["eligible"]]
    unlimited = Unlimited.of(customers.agg(*unlimited_sums(F.lit(True))).first())
    assert unlimited.choosers == 1000
    assert unlimited.steepest == pytest.approx(max(v / c for _, v, c in items if c))
    earlier = -1.0
    for budget in (0.0, 60.0, 400.0):
        result = allocation.allocate(customers, unlimited, budget=budget)
        assert result.cost <= budget + 1e-9
        assert result.value <= result.value_bound + 1e-9
        assert result.value >= earlier
        assert result.shadow_price >= 0
        assert result.value_bound - result.value <= 0.005 * max(result.value_bound, 1e-9)
        earlier = result.value
        # What was found is what each customer then takes.
        greedy = _greedy(customers, result)
        assert greedy == pytest.approx((result.cost, result.value))


def _greedy(customers: DataFrame, result: Allocation) -> tuple[float, float]:
    """Cost and value of the action that each customer takes."""
    chosen = deciding.with_greedy(customers, F.col("lot"), result)
    sums = chosen.agg(F.sum("greedy.cost"), F.sum("greedy.value")).first()
    assert sums is not None
    return sums[0], sums[1]


@pytest.mark.covers("S12")
def test_many_customers_who_are_alike_are_served_by_lot(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allocation, "_COLLECTED", 100)
    customers = _choosers(spark, alike=3000).where("customer_id LIKE 'd%'")
    unlimited = Unlimited.of(customers.agg(*unlimited_sums(F.lit(True))).first())
    result = allocation.allocate(customers, unlimited, budget=1500.0)
    assert result.cost == pytest.approx(1500.0)
    assert len(result.chosen) <= 100
    assert _greedy(customers, result) == pytest.approx((1500.0, 1500.0))


def _offers(config: Config) -> Catalogue:
    return parse_catalogue(
        parse_yaml(config.text("offers.yml"), where="offers.yml"), where="offers.yml"
    )


def _customers(spark: SparkSession, config: Config, *, live_cart: bool = False) -> DataFrame:
    """4,000 customers with their candidates; a tenth may not be addressed."""
    offers, settings = _offers(config), config.section(StrategySettings)
    shown = "array<struct<product_id:string,reason:string>>"
    cart = "array(struct('p1' AS product_id, 'in the cart' AS reason))" if live_cart else "array()"
    context = spark.range(4000).selectExpr(
        "concat('c', id) customer_id", "'v1-0' segment_id", "'v1-0' strategy_id", "1 version", "1.0D benefit", "map('activity', 1.0D) z",
        "CASE WHEN id % 4 = 0 THEN 'prospect' WHEN id % 4 = 1 THEN 'active' ELSE 'lost' END life_cycle", "cast(50 AS decimal(18,4)) average_order",
        "0.2D discount_share", f"cast(array(struct('p1' AS product_id, 'bought before' AS reason)) AS {shown}) shown_interests",
        f"cast(array() AS {shown}) shown_neighbours", f"cast({cart} AS {shown}) shown_open_cart", f"cast(array() AS {shown}) shown_alerted",
        "0.1D churn_probability", "map('*', true) channels", "CASE WHEN id % 10 = 0 THEN 'none' ELSE 'recorded' END consent_basis",
        f"{str(live_cart).lower()} open_cart", "false market_alert", "6 month", "1 day_of_month", "60.0D shop_order_value",
    )  # fmt: skip
    check_conditions(context, offers)
    return deciding.with_holdout(
        with_candidates(context, offers, shop_order_value=F.col("shop_order_value")),
        settings,
    )


def _decide(spark: SparkSession, config: Config, *, live_cart: bool = False) -> DataFrame:
    offers, draw = _offers(config), deciding.Draw(7, AS_OF, 0.1)
    customers = _customers(spark, config, live_cart=live_cart)
    return deciding.decide(
        deciding.with_exploration(customers, draw), offers, draw, allocation=NO_LIMIT, run_key="k"
    ).persist()


@pytest.mark.covers("S1")
def test_every_customer_has_a_decision_with_chances_that_sum_to_one(
    spark: SparkSession, config: Config
) -> None:
    decisions = _decide(spark, config)
    assert decisions.count() == 4000
    total = F.aggregate(
        "eligible_actions", F.lit(0.0), lambda left, right: left + right["probability"]
    )

    def holds(condition: Column) -> bool:
        """Whether a condition is true of every decision: unknown is not true."""
        return decisions.where(~F.coalesce(condition, F.lit(False))).isEmpty()

    assert holds(F.abs(total - 1) <= 1e-6)
    assert holds(F.expr("action_probability > 0"))
    assert holds(F.expr("NOT is_holdout OR action = 'nothing'"))
    assert holds(F.expr("consent_basis <> 'none' OR action = 'nothing'"))
    reasons = {
        row[0]
        for row in decisions.where("consent_basis = 'none'")
        .select(F.explode("refusals.reason"))
        .distinct()
        .collect()
    }
    assert reasons == {"no consent to marketing"}


def test_the_holdout_is_its_share_and_the_draws_follow_their_chances(
    spark: SparkSession, config: Config
) -> None:
    decisions = _decide(spark, config)
    holdout_share = decisions.where("is_holdout").count() / 4000
    assert holdout_share == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / 4000) ** 0.5)
    explored_share = decisions.where("explored").count() / decisions.where("NOT is_holdout").count()
    assert explored_share == pytest.approx(0.10, abs=3 * (0.10 * 0.90 / 3800) ** 0.5)


@pytest.mark.parametrize("collected", [10_000, 100])
def test_what_is_planned_is_what_the_decisions_cost_and_no_more_than_the_budget(
    spark: SparkSession, config: Config, monkeypatch: pytest.MonkeyPatch, collected: int
) -> None:
    monkeypatch.setattr(allocation, "_COLLECTED", collected)
    offers, draw = _offers(config), deciding.Draw(7, AS_OF, 0.1)
    customers = _customers(spark, config).persist()
    budget = 1e9
    for is_limited in (False, True):
        settings = replace(config.section(StrategySettings), budget=budget)
        plan = plan_decisions(customers, offers, settings, draw=draw, run_key="k")
        costs = plan.decisions.groupBy("explored").agg(
            F.sum("expected_cost"), F.sum("expected_value")
        )
        found = {explored: (float(cost), value) for explored, cost, value in costs.collect()}
        assert plan.explored_cost == pytest.approx(found[True][0])
        assert (plan.allocation.cost, plan.allocation.value) == pytest.approx(found[False])
        planned = plan.allocation.cost + plan.explored_cost
        assert 0 < planned <= budget
        assert (plan.allocation.shadow_price > 0) == is_limited
        budget = planned / 2


def test_an_open_cart_changes_the_decision_and_says_so(spark: SparkSession, config: Config) -> None:
    before, after = _decide(spark, config), _decide(spark, config, live_cart=True)
    assert before.where("trigger IS NOT NULL").isEmpty()
    triggered = after.where("action = 'cart_reminder'")
    assert triggered.count() > 500
    assert triggered.where("NOT (trigger <=> 'open_cart' AND products[0] <=> 'p1')").isEmpty()


def test_a_condition_that_speaks_of_unknown_things_is_refused(
    spark: SparkSession, config: Config
) -> None:
    written = parse_yaml(config.text("offers.yml"), where="offers.yml")
    written["offers"][0]["when"] = "shoe_size > 40"
    with pytest.raises(ConfigError, match="'when': invalid expression: shoe_size > 40"):
        check_conditions(spark.range(1), parse_catalogue(written, where="offers.yml"))


def test_neighbours_by_words_alone_are_of_the_own_planted_cluster_far_above_chance(
    world: World, config: Config
) -> None:
    settings, day = config.section(ProductSettings), world.as_of
    products = current_products(world.read("silver.products"), as_of=day, time_zone="Asia/Shanghai")
    facts = MarketFacts(world.read("gold.product_days"))
    declared = attributes(config)
    inputs = matrix.matrix_inputs(
        with_market_facts(products, facts, as_of=day, days=90), declared, chinese="bigrams"
    )
    fitted = model.fit(inputs, declared, settings=settings)
    # The category is a block of the matrix: only without it does agreement say something.
    words = {block: 1.0 if block == "text" else 0.0 for block in settings.weights}
    terms = matrix.weighted_terms(model.bin_model(fitted).transform(inputs), declared)
    vectors = matrix.product_vectors(
        terms, model.feature_list(fitted, inputs), words, as_of=day, version="1"
    ).persist()
    nearest = nearest_products(vectors, None, as_of=day, settings=settings)
    purity = category_purity(nearest.neighbours, vectors)
    assert purity is not None
    sizes = products.groupBy("category").count().toPandas()["count"]
    assert purity.chance == pytest.approx(
        float((sizes * (sizes - 1)).sum() / (sizes.sum() * (sizes.sum() - 1)))
    )
    assert purity.share > 3 * purity.chance
