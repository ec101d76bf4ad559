"""The plan on a large shop: alike customers are treated alike, and what is read out is true."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.cli.main import main
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.demo.proof import plan_of, proof_of
from clarion.jobs.registry import JOBS
from clarion.measures.statistics.intervals import Moments
from clarion.sim import experiment
from clarion.sim.course import World, build_world, follow
from clarion.sim.effects import Offer, effects_on, expected_effects
from clarion.sim.experiment import Plan, Readout, choose_models, model_customers, read_out
from clarion.sim.kernel import record_days, simulate, walk_to, with_messages
from clarion.sim.margins import baskets_of
from clarion.sim.shop import parse_shop
from clarion.sim.walk import Sends

DAY, DAYS = 60, 28
IDS = np.arange(400, dtype=np.int64)


@cache
def world(
    customers: int = 400,
    *,
    effect: float | None = None,
    name: str = "beauty",
    changed_from: int | None = None,
) -> World:
    """A shop; where an effect is given, all personas have it, and with 0 nobody responds.

    Where `changed_from` is given, its personas change in the 30 days from that day on.
    """
    written: dict[str, Any] = parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name)
    if effect is not None:
        alike = {"effect": effect, "effects": {}}
        written = written | {"personas": [item | alike for item in written["personas"]]}
        written = written | ({"response": 0.0} if effect == 0 else {})
    if changed_from is not None:
        sooner = {"from_day": changed_from, "over_days": 30}
        written = written | {"changes": [item | sooner for item in written["changes"]]}
    return build_world(parse_shop(written | {"customers": customers}, where=name), seed=7)


def plan(offer: Sequence[str], *, holdout: float = 0.2, benefit: float = 20.0) -> Plan:
    number = len(offer)
    strategies = ["g1" if place % 2 else "g2" for place in range(number)]
    ids = np.arange(number, dtype=np.int64)
    return Plan(DAY, DAYS, holdout, ids, strategies, offer, np.full(number, benefit))


def test_messages_to_customers_on_the_way_are_those_of_a_walk_from_the_start() -> None:
    surroundings = world(name="changing", changed_from=20).surroundings
    sends = Offer("spend_and_save", 20.0).to(IDS[::2], DAY)
    walk = walk_to(surroundings, IDS, DAY)
    at_once = simulate(surroundings, IDS, first=DAY, last=DAY + 20, sends=sends)
    before = walk.state.load.copy()
    on_the_way = record_days(with_messages(walk, sends), first=DAY, last=DAY + 20)
    assert at_once.clicked.sum() > 3
    assert (walk.persona != walk.traits.persona).sum() > 10  # whom their change has reached
    for name in ("visit_customer", "visit_day", "visit_send", "line_category", "clicked"):
        np.testing.assert_array_equal(getattr(on_the_way, name), getattr(at_once, name))
    np.testing.assert_array_equal(on_the_way.state.load, at_once.state.load)
    np.testing.assert_array_equal(walk.state.load, before)  # and the walk stays where it was


def test_each_customer_has_the_effect_of_the_own_message() -> None:
    surroundings = world().surroundings
    offers = [Offer("spend_and_save", 20.0), Offer("new_for_you", 0.0)]
    alone = [expected_effects(surroundings, IDS, day=DAY, offer=offer).uplift for offer in offers]
    is_first = IDS % 2 == 0
    names = np.where(is_first, "spend_and_save", "new_for_you").tolist()
    mixed = Sends(IDS, np.full(400, DAY), names, np.where(is_first, 20.0, 0.0))
    walk = walk_to(surroundings, IDS, DAY)
    found = effects_on(walk, mixed, day=DAY)
    np.testing.assert_allclose(found.uplift, np.where(is_first, alone[0], alone[1]), atol=1e-12)
    longer = effects_on(walk, mixed, day=DAY, days=28)
    assert (longer.without >= found.without).all()
    assert longer.without.mean() > 1.5 * found.without.mean()


def test_a_customer_is_treated_as_one_of_the_same_persona_consent_orders_and_recency() -> None:
    surroundings = world(1200).surroundings
    every = walk_to(surroundings, np.arange(1200, dtype=np.int64), DAY)
    traits, state = every.traits, every.state
    gap = np.where(state.orders > 0, np.digitize(state.since.min(axis=1), [28, 84]), 9)
    alike = list(
        zip(
            traits.persona,
            traits.collection & traits.marketing,
            np.minimum(state.orders, 2),
            gap,
            strict=True,
        )
    )
    models = model_customers(surroundings, plan(["news"] * 400))
    chosen = choose_models(models, every)
    there = set(alike[:400])
    same = [alike[own] == alike[model] for own, model in enumerate(chosen)]
    assert all(is_same for own, is_same in enumerate(same) if alike[own] in there)
    assert sum(own not in there for own in alike) > 3  # the others: at least the same persona
    assert all(alike[own][:1] == alike[model][:1] for own, model in enumerate(chosen))
    assert len(set(chosen.tolist())) > 250  # not always the same one of those who are alike


def test_blocks_and_processes_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    small = world().shop
    offers = ["spend_and_save" if number % 3 else "" for number in IDS]
    models = model_customers(world().surroundings, plan(offers))
    whole = read_out(world().surroundings, models, IDS)
    monkeypatch.setattr(experiment, "BLOCK", 150)
    for processes in (1, 2):
        summed = experiment.run((small, small), 7, plan(offers), processes=processes)
        assert sorted(summed) == sorted(whole) == ["g1", "g2"]
        for name, readout in summed.items():
            for part in ("treated_orders", "held_out_orders", "held_out_revenue", "effect"):
                found, expected = getattr(readout, part), getattr(whole[name], part)
                assert found.n == expected.n > 10
                assert (found.mean, found.m2) == pytest.approx((expected.mean, expected.m2))


def test_only_those_the_plan_writes_to_are_read_out_and_a_fifth_is_held_out() -> None:
    surroundings = world(1200).surroundings
    nobody = model_customers(surroundings, plan([""] * 400))
    assert read_out(surroundings, nobody, IDS) == {}
    some = model_customers(surroundings, plan(["news" if number % 4 else "" for number in IDS]))
    found = experiment.total(list(read_out(surroundings, some, np.arange(1200)).values()))
    number = found.treated_orders.n + found.held_out_orders.n
    joined = int((walk_to(surroundings, np.arange(1200), DAY).traits.joined < DAY).sum())
    assert number == pytest.approx(0.75 * joined, rel=0.06)
    assert found.held_out_orders.n == pytest.approx(0.2 * number, rel=0.15)
    assert found.effect.n == number


def test_what_those_held_out_pay_is_what_the_shop_without_messages_sells() -> None:
    surroundings = world().surroundings
    models = model_customers(surroundings, plan(["spend_and_save"] * 400, holdout=1.0))
    found = experiment.total(list(read_out(surroundings, models, IDS).values()))
    last = DAY + DAYS
    course = follow(world(), IDS, last=last)
    lines, after = course.lines, course.aftermath
    sold = baskets_of(course, last).lines
    sold = sold[(sold["day"] >= DAY)]
    kept = sold["amount"] * np.sign(sold["units"])
    joined = set(IDS[course.traits.joined < DAY].tolist())
    expected = kept[sold["buyer"].isin(joined)].sum()
    assert (after.returned & (lines.day >= DAY) & (lines.day + after.return_days < last)).any()
    assert found.held_out_revenue.n == len(joined)
    assert found.held_out_revenue.n * found.held_out_revenue.mean == pytest.approx(expected)
    buyers = set(sold["buyer"][sold["units"] > 0]) & joined
    assert found.held_out_orders.mean == pytest.approx(len(buyers) / len(joined))
    assert found.treated_orders.n == 0


def test_the_lift_is_the_true_effect_within_its_error() -> None:
    strong = world(4000, effect=3.0)
    models = model_customers(strong.surroundings, plan(["spend_and_save"] * 400, holdout=0.5))
    readouts = {"g1": read_out(strong.surroundings, models, np.arange(4000))["g1"]}
    proof = proof_of(readouts, models.plan, {}, customers=4000, decided_on=date(2026, 3, 2))
    (row,) = proof.rows
    assert row.orders is not None
    assert row.true_effect is not None
    assert row.orders.excludes_zero
    error = (row.orders.high - row.orders.low) / 3.92
    assert row.true_effect > 0.05
    assert abs(row.orders.value - row.true_effect) < 3 * error


def test_in_a_shop_without_effects_the_true_effect_is_zero() -> None:
    surroundings = world(effect=0.0).surroundings
    models = model_customers(surroundings, plan(["spend_and_save"] * 400))
    found = experiment.total(list(read_out(surroundings, models, IDS).values()))
    # A single message tires nobody, and no persona responds: neither alike nor each in its own way.
    assert (found.effect.mean, found.effect.m2) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_a_plan_is_read_from_decisions() -> None:
    decisions = pd.DataFrame(
        [
            ("C000003", "g1", "coupon", False, 0.9),
            ("C000001", "g1", "nothing", False, 0.9),
            ("C000004", "g2", "news", False, 1.0),
            ("C000000", "g2", "nothing", True, 1.0),  # held out: what would it have got?
            ("C000002", None, "nothing", False, None),  # not profiled
        ],
        columns=["customer_ref", "strategy_id", "action", "is_holdout", "benefit"],
    )
    settings = replace(Config.load().section(StrategySettings), window_days=21, holdout=0.2)
    found = plan_of(
        decisions, {"coupon": 50.0, "news": 0.0}, customers=7, day=40, settings=settings
    )
    assert (found.day, found.days, found.holdout) == (40, 21, 0.2)
    # 5 and 6 have no decision: they get nothing, as does whoever is like them.
    assert found.customer.tolist() == [1, 2, 3, 4, 5, 6]
    assert found.strategy == ["g1", "", "g1", "g2", "", ""]
    assert found.offer == ["", "", "coupon", "news", "", ""]
    assert found.benefit.tolist() == [0.0, 0.0, 45.0, 0.0, 0.0, 0.0]


def test_a_proof_has_a_row_per_strategy_and_one_of_all() -> None:
    def readout(treated: int, held_out: int, effect: float) -> Readout:
        money = Moments(800, 5.0, 8000.0), Moments(200, 4.0, 2000.0)
        rates = Moments.of_share(treated, 800), Moments.of_share(held_out, 200)
        return Readout(*rates, *money, Moments(1000, effect, 1.0))

    readouts = {"g1": readout(160, 20, 0.05), "g2": readout(80, 20, 0.01)}
    found = proof_of(
        readouts, plan(["news"]), {"g1": "loyal · 忠诚"}, customers=9000, decided_on=date(2026, 5, 1)
    )  # fmt: skip
    assert (found.customers, found.days, found.holdout) == (9000, DAYS, 0.2)
    one, two, every = found.rows
    assert (one.strategy, one.name, one.as_of) == ("g1", "loyal · 忠诚", date(2026, 5, 29))
    assert (one.treated, one.held_out, one.treated_rate, one.held_out_rate) == (800, 200, 0.2, 0.1)
    assert one.orders is not None
    assert two.orders is not None
    assert one.orders.value == pytest.approx(0.1)
    assert one.orders.excludes_zero
    assert not two.orders.excludes_zero
    assert (one.true_effect, two.true_effect) == (0.05, 0.01)
    assert every.name == "all groups · 全部客群"
    assert every.true_effect == pytest.approx(0.03)
    assert every.treated == 1600
    assert every.treated_rate == pytest.approx(0.15)
    assert every.revenue is not None
    assert every.revenue.value == pytest.approx(1.0)


def test_one_strategy_needs_no_row_of_all_and_a_holdout_of_nobody_no_lift() -> None:
    nobody = Moments(0, 0.0, 0.0)
    alone = Readout(
        Moments.of_share(3, 30), nobody, Moments(30, 1.0, 9.0), nobody, Moments(30, 0.01, 0.0)
    )
    found = proof_of({"g1": alone}, plan(["news"]), {}, customers=99, decided_on=date(2026, 5, 1))
    (row,) = found.rows
    assert (row.orders, row.revenue, row.held_out_rate) == (None, None, None)
    assert row.meaning("EUR").startswith("Nothing can be said")


@pytest.mark.parametrize("others", [["--data", "complete-journey"], ["--turns", "1"]])
def test_a_demo_without_a_measured_plan_of_a_simulated_shop_has_no_proof(
    others: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(JOBS, ["demo", "--proof", "200000", *others]) == 2
    assert "--proof needs a simulated shop" in capsys.readouterr().err
