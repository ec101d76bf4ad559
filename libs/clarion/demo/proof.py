"""The demo's plan on a large shop in memory: what too few customers cannot show."""

import os
from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.config import Config
from clarion.contracts.gold import DECISIONS, STRATEGIES, STRATEGY_KPIS
from clarion.contracts.silver import IDENTITIES
from clarion.declarations import shop as declared
from clarion.lake import Lake
from clarion.measures.statistics.intervals import NotComputable
from clarion.measures.statistics.power import Lift, lift_of, share_lift_of
from clarion.report.lifts import LiftRow, Proof, strategy_names
from clarion.sim import experiment
from clarion.sim.experiment import Plan, Readout
from clarion.sim.records import customer_number
from clarion.sim.shop import Shop

_ALL = "all groups · 全部客群"


def prove(lake: Lake, config: Config, shop: Shop, *, customers: int) -> Proof | None:
    """The last plan that was measured, on a shop of the same kind with more customers.

    Args:
        lake: of the demo.
        config: its settings.
        shop: its shop.
        customers: of the large shop.

    Returns:
        What it shows; None where no plan was measured yet.
    """
    measured = lake.read(STRATEGY_KPIS).agg(F.max("decided_on").alias("day")).first()
    decided_on: date | None = measured["day"] if measured else None
    if decided_on is None:
        return None
    large = shop.model_copy(update={"customers": customers})
    plan = read_plan(lake, config, shop, decided_on=decided_on)
    seed, processes = int(config.get("seed")), min(os.cpu_count() or 1, 8)
    readouts = experiment.run((shop, large), seed, plan, processes=processes)
    names = strategy_names(lake.read(STRATEGIES).toPandas())  # some rows a day
    return proof_of(readouts, plan, names, customers=customers, decided_on=decided_on)


def read_plan(lake: Lake, config: Config, shop: Shop, *, decided_on: date) -> Plan:
    """Who is written to by the decisions of a day, for each customer outside the holdout.

    Customers without a decision, or without a strategy, get nothing.

    Args:
        lake: of the demo.
        config: offers, window and holdout.
        shop: its shop.
        decided_on: as-of day of the decisions.
    """
    is_of_day = F.col("as_of") == F.lit(decided_on)
    benefits = lake.read(STRATEGIES).where(is_of_day).select("strategy_id", "benefit")
    names = lake.read(IDENTITIES).select("customer_id", F.col("ref").alias("customer_ref"))
    decisions = (
        lake.read(DECISIONS)
        .where(is_of_day)
        .join(benefits, "strategy_id", "left")
        .join(names, "customer_id")
        .select("customer_ref", "strategy_id", "action", "is_holdout", "benefit")
        .toPandas()  # one row a customer of a shop that one machine simulates
    )
    settings = config.section(StrategySettings)
    faces = {offer.id: offer.benefit for offer in declared.offers(config).offers}
    return plan_of(
        decisions, faces, customers=shop.customers, day=shop.day_number(decided_on),
        settings=settings,
    )  # fmt: skip


def plan_of(
    decisions: pd.DataFrame,
    faces: Mapping[str, float],
    *,
    customers: int,
    day: int,
    settings: StrategySettings,
) -> Plan:
    """A plan from decisions.

    Args:
        decisions: customer_ref, strategy_id, action, is_holdout and benefit (the multiplier).
        faces: face value of each offer.
        customers: of the shop; those without a decision get nothing.
        day: the day of the decisions, since the shop's start.
        settings: window and holdout.
    """
    number = [customer_number(ref) for ref in decisions["customer_ref"]]
    by_customer = decisions.assign(number=number).drop_duplicates("number").set_index("number")
    everyone = by_customer.reindex(np.arange(customers, dtype=np.int64))
    treated = everyone[~everyone["is_holdout"].eq(True)]
    is_written_to = treated["action"].isin(list(faces))
    offer = treated["action"].where(is_written_to, "")
    face = offer.map(faces).fillna(0.0) * treated["benefit"].astype(float).fillna(0.0)
    return Plan(
        day=day,
        days=settings.window_days,
        holdout=settings.holdout,
        customer=treated.index.to_numpy(dtype=np.int64),
        strategy=treated["strategy_id"].fillna("").tolist(),
        offer=offer.tolist(),
        benefit=np.asarray(face, dtype=np.float64),
    )


def proof_of(
    readouts: Mapping[str, Readout],
    plan: Plan,
    names: Mapping[str, str],
    *,
    customers: int,
    decided_on: date,
) -> Proof:
    """What the experiment shows, by strategy, and of all together.

    Args:
        readouts: by strategy.
        plan: the plan.
        names: of the groups, by strategy.
        customers: of the large shop.
        decided_on: as-of day of the plan.
    """
    as_of = decided_on + timedelta(days=plan.days)
    rows = [
        _row(readout, strategy, names.get(strategy, ""), as_of)
        for strategy, readout in readouts.items()
    ]
    if len(rows) > 1:
        rows.append(_row(experiment.total(list(readouts.values())), "", _ALL, as_of))
    return Proof(customers, decided_on, plan.days, plan.holdout, tuple(rows))


def _row(readout: Readout, strategy: str, name: str, as_of: date) -> LiftRow:
    treated, held_out = readout.treated_orders, readout.held_out_orders
    return LiftRow(
        strategy=strategy,
        name=name,
        as_of=as_of,
        treated=treated.n,
        held_out=held_out.n,
        treated_rate=treated.mean if treated.n else None,
        held_out_rate=held_out.mean if held_out.n else None,
        orders=_or_none(share_lift_of(treated, held_out)),
        revenue=_or_none(lift_of(readout.treated_revenue, readout.held_out_revenue)),
        true_effect=readout.effect.mean if readout.effect.n else None,
    )


def _or_none(lift: Lift | NotComputable) -> Lift | None:
    return None if isinstance(lift, NotComputable) else lift
