"""Due dates of a simulated grocery, beside an oracle that knows every rate, taste and cycle."""

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from customers_in_memory import world_of
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from clarion.config import Config
from clarion.prediction.replenishment import calibration, due, gaps, model, summary
from clarion.prediction.replenishment.settings import ReplenishSettings
from clarion.sim.course import World
from clarion.sim.kernel import simulate
from clarion.sim.traits import draw_traits

pytestmark = pytest.mark.slow  # a shop of 8,000 customers
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CUSTOMERS, SEED, FOLLOWED, HORIZON = 8_000, 31, 180, 14
EPOCH = date(1970, 1, 1)
SCALE = 1.6  # of the hazard, as the README of the simulation has it


def _bought(world: World) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """customer, category and day of each purchase, until some months after the shop's history.

    Also whether each customer had dropped out or left by then.
    """
    last = world.shop.history_days
    outcome = simulate(world.surroundings, world.ids, first=0, last=last + FOLLOWED)
    bought = pd.DataFrame(
        {
            "customer": outcome.line_customer,
            "category": outcome.line_category,
            "day": outcome.line_day,
        }
    ).drop_duplicates()
    return bought, outcome.state.dropped | outcome.state.left


def _in_spark(spark: SparkSession, bought: pd.DataFrame, *, until: int) -> DataFrame:
    """The purchase days before a day, as the job has them."""
    rows = bought[bought["day"] < until]
    return (
        spark.createDataFrame(rows.astype("int64"))
        .groupBy(
            F.col("customer").cast("string").alias("customer_id"),
            F.col("category").cast("string").alias("category"),
        )
        .agg(F.array_sort(F.collect_set(F.col("day").cast("int"))).alias("days"))
    )


def _due(spark: SparkSession, config: Config, days: DataFrame, *, last: int) -> pd.DataFrame:
    """REPLENISHMENTS as of a day, fitted and calibrated two weeks before; days count from 1970."""
    settings = config.section(ReplenishSettings)
    cut, as_of = EPOCH + timedelta(days=last - HORIZON), EPOCH + timedelta(days=last)
    before = gaps.gaps_at(days, cut=cut)
    categories = model.fit_categories(
        gaps.grouped_gaps(before, cut=cut).toPandas(), settings=settings
    )
    of_shapes = spark.createDataFrame(model.rate_rows(categories), model.RATES)

    def rates(known: DataFrame, shapes: DataFrame) -> DataFrame:
        return due.with_rates(known, shapes, min_purchases=settings.min_purchases)

    scored = due.scored_pairs(rates(before, of_shapes))
    counts = calibration.outcomes(scored, cut=cut, horizons=due.HORIZONS).toPandas()
    chosen = summary.calibrate(counts, horizons=due.HORIZONS, settings=settings)
    of_best = of_shapes.where(F.col("gap_shape") == chosen.gap_shape)
    found = due.replenishments(
        rates(gaps.gaps_at(days, cut=as_of), of_best),
        chosen.calibrations,
        as_of=as_of,
        fitted_before=cut,
        settings=settings,
    ).toPandas()
    for name in ("last_on", "due_on", "earliest_on", "latest_on"):
        found[name] = [(value - EPOCH).days for value in found[name]]
    reminded = found["remind_on"].notna()
    found.loc[reminded, "remind"] = [
        (value - EPOCH).days for value in found.loc[reminded, "remind_on"]
    ]
    return found.astype({"customer_id": "int64", "category": "int64"})


def _planted(world: World, pairs: pd.DataFrame) -> tuple[Floats, Floats]:
    """The hazard at its highest, and the cycle, of each customer and category."""
    traits = draw_traits(world.shop, world.draws, world.ids)
    customer, category = pairs["customer_id"].to_numpy(), pairs["category"].to_numpy()
    highest = SCALE * traits.rate[customer] * traits.taste[customer, category]
    return highest, traits.cycle[customer, category]


def _hazard_until(days: Floats, highest: Floats, cycle: Floats) -> Floats:
    """Planted hazard summed from a purchase on: the integral of y² / (1 + y²), y = days / cycle."""
    return np.asarray(highest * (days - cycle * np.arctan(days / cycle)))


def _planted_median_gap(highest: Floats, cycle: Floats) -> Floats:
    """The gap within which half buy again, by bisection."""
    low, high = np.zeros_like(cycle), np.full_like(cycle, 1e5)
    for _ in range(60):
        middle = (low + high) / 2
        is_less = _hazard_until(middle, highest, cycle) < np.log(2)
        low, high = np.where(is_less, middle, low), np.where(is_less, high, middle)
    return low


def _lead(
    one: Floats, other: Floats, label: npt.NDArray[np.bool_], customers: Ints
) -> tuple[float, float]:
    """95 % interval of the AUC of one score less that of another, customers drawn again."""
    rng = np.random.default_rng(SEED)
    ids, at = np.unique(customers, return_inverse=True)
    rows_of = np.split(np.argsort(at, kind="stable"), np.cumsum(np.bincount(at))[:-1])
    leads = []
    for _ in range(200):
        rows = np.concatenate([rows_of[drawn] for drawn in rng.integers(0, len(ids), len(ids))])
        auc = [roc_auc_score(label[rows], score[rows]) for score in (one, other)]
        leads.append(auc[0] - auc[1])
    low, high = np.quantile(leads, [0.025, 0.975])
    return float(low), float(high)


def test_due_dates_of_a_shop_whose_cycles_are_known(
    spark: SparkSession, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    world = world_of("grocery", customers=CUSTOMERS, seed=SEED)
    last = world.shop.history_days
    bought, is_gone = _bought(world)
    found = _due(spark, config, _in_spark(spark, bought, until=last), last=last)
    after = bought[bought["day"] >= last].groupby(["customer", "category"])["day"].min()
    keys = pd.MultiIndex.from_frame(found[["customer_id", "category"]])
    next_day = after.reindex(keys).to_numpy(dtype=float)  # none: not within the months followed
    customers = found["customer_id"].to_numpy()
    within = next_day < last + HORIZON

    highest, cycle = _planted(world, found)
    silence = (last - found["last_on"]).to_numpy(dtype=float)
    oracle = _hazard_until(silence + HORIZON, highest, cycle) - _hazard_until(
        silence, highest, cycle
    )
    scores = {
        "due": found["probability_14d"].to_numpy(),
        "oracle": oracle,
        "purchases": found["purchases"].to_numpy(),
        "recency": -silence,
    }
    auc = {name: float(roc_auc_score(within, score)) for name, score in scores.items()}
    ahead = {
        name: _lead(scores["due"], scores[name], within, customers)
        for name in ("oracle", "purchases", "recency")
    }
    planted, usual = _planted_median_gap(highest, cycle), found["usual_gap_days"].to_numpy()
    of_category = found.groupby("category")["usual_gap_days"].transform("median").to_numpy()
    rank = {
        "usual gap": float(spearmanr(usual, planted).statistic),
        "category's": float(spearmanr(of_category, planted).statistic),
    }
    earliest, latest = found["earliest_on"].to_numpy(), found["latest_on"].to_numpy()
    is_seen = latest < last + FOLLOWED
    holds = (next_day >= earliest) & (next_day <= latest)
    stays = is_seen & ~is_gone[customers]
    predicted, true = float(scores["due"].mean()), float(within.mean())
    reminded = found["remind"].notna()
    with capsys.disabled():
        print(f"\n{len(found)} pairs of {len(np.unique(customers))} customers in")
        print(f"{found['category'].nunique()} categories; {true:.3f} bought within {HORIZON} days")
        print("AUC:", ", ".join(f"{name} {value:.3f}" for name, value in auc.items()))
        for name, (low, high) in ahead.items():
            print(f"AUC of the due dates less that of {name}: {low:.3f} to {high:.3f}")
        print(f"predicted {predicted:.3f}, by the oracle {(1 - np.exp(-oracle)).mean():.3f}")
        print("rank correlation with the planted median gap:", rank)
        print(f"interval of 80 %: holds {holds[is_seen].mean():.3f} of all {is_seen.sum()},")
        print(f"{holds[stays].mean():.3f} of the {stays.sum()} whose customers have not left")
        print(found["state"].value_counts().to_dict())
    assert auc["due"] > auc["oracle"] - 0.08
    assert ahead["purchases"][0] > 0
    assert ahead["recency"][0] > 0
    assert predicted == pytest.approx(true, abs=0.03)
    assert 0.7 < holds[stays].mean() < 0.9
    assert rank["usual gap"] > rank["category's"] + 0.1
    assert (found["remind"] <= found["due_on"])[reminded].all()
