"""Groups, tags and the life cycle on the five frozen shops, at three difficulties, beside an oracle that was told the truth."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts import TABLES
from clarion.features.transforms import inputs, unpacked
from clarion.lake import Lake
from clarion.measures.intervals import Interval, NotComputable, share
from clarion.ops.shop import features as declared
from clarion.segments import features, model
from clarion.segments.settings import SegmentSettings
from clarion.sim import files
from clarion.sim.shop import parse
from clarion.tags import trees
from clarion.tags.settings import TagSettings

CUSTOMERS = 800
SPREAD = {"easy": 0.5, "default": 1.0, "hard": 1.6}  # how far customers of a persona differ, times the shop's own; the shop's file stays as it is
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Described:
    """A shop after profiles and features.

    Args:
        inputs: what the groups compare.
        everything: every declared feature beside what was planted, in order of the customers' ids.
        planted: number of personas.
    """

    inputs: DataFrame
    everything: pd.DataFrame
    planted: int


@pytest.fixture
def described(spark: SparkSession, config: Config, clarion: Callable[..., int], tmp_path: Path) -> Callable[[str, str], Described]:
    """A function that takes a shop through profiles and features."""

    def make(name: str, difficulty: str) -> Described:
        written = parse(parse_yaml(config.text(f"shops/{name}.yml"), where=name), where=name)
        shop = written.model_copy(update={"customers": CUSTOMERS, "spread": written.spread * SPREAD[difficulty]})
        as_of = shop.starts_on + timedelta(days=shop.history_days)
        world = files.world(spark, shop, seed=17)
        files.deliver_history(world, str(tmp_path / "inbox"), last=as_of, live_from=as_of)
        (tmp_path / "key").write_text("ab" * 32)
        settings = {
            "shop.sources": "[sim]", "shop.time_zone": shop.time_zone, "shop.currency": shop.currency,
            "data": str(tmp_path / "inbox"), "privacy.key": f"file:{tmp_path / 'key'}",
        }  # fmt: skip
        flags = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        for job in ("ingest", "clean", "profiles", "features"):
            assert clarion("run", job, "--lake", str(tmp_path / "lake"), "--as-of", str(as_of), "--quiet", *flags) == 0
        lake = Lake(spark, str(tmp_path / "lake"))
        wide = unpacked(lake.read(TABLES["gold.customer_features"]), declared(config))
        names = lake.read(TABLES["silver.identities"]).select("customer_id", F.col("ref").alias("customer_ref"))
        gone = (F.col("left_day") < shop.history_days).alias("gone")
        truth = world.customers.join(names, "customer_ref").select("customer_id", "persona", gone)
        compared = {name: item.value for name, item in config.section(SegmentSettings).features.items()}
        return Described(inputs(wide, compared).persist(), wide.join(truth, "customer_id").orderBy("customer_id").toPandas(), len(shop.personas))

    return make


def _portrait_accuracy(groups: Labels, truth: Labels, half: npt.NDArray[np.bool_]) -> Interval:
    """Share of one half's customers who are of their group's persona: the one that most of the other half's are."""
    persona = {group: np.bincount(truth[half & (groups == group)]).argmax() for group in np.unique(groups[half])}
    right = sum(persona.get(group) == planted for group, planted in zip(groups[~half], truth[~half], strict=True))
    found = share(float(right), float((~half).sum()))
    assert isinstance(found, Interval)
    return found


def _rand(truth: Labels, groups: Labels) -> Interval:
    """Adjusted Rand index with the 95 % interval of 500 bootstrap samples of the customers."""
    rng, n = np.random.default_rng(1), len(truth)
    drawn = [adjusted_rand_score(truth[rows], groups[rows]) for rows in (rng.integers(0, n, n) for _ in range(500))]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(adjusted_rand_score(truth, groups)), float(low), float(high))


def _fidelity(points: npt.NDArray[np.float64], groups: Labels, names: tuple[str, ...], half: npt.NDArray[np.bool_], settings: TagSettings) -> list[float]:
    found = [trees.explained(points, groups == group, ~half, names, settings=settings, seed=1) for group in np.unique(groups)]
    return [item.fidelity.value for item in found if not isinstance(item, NotComputable)]


def _life_cycle(everything: pd.DataFrame) -> tuple[Interval, float]:
    """Share of buyers whose stage says rightly whether they have left (dormant, lost) or not (new, active), and the share of the commoner truth."""
    buyers = everything[everything["life_cycle"] != "prospect"]
    told = buyers["life_cycle"].isin(["dormant", "lost"])
    found = share(float((told == buyers["gone"]).sum()), float(len(buyers)))
    assert isinstance(found, Interval)
    return found, float(max(buyers["gone"].mean(), 1 - buyers["gone"].mean()))


def _told(interval: Interval) -> str:
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


@pytest.mark.slow
@pytest.mark.covers("P2", "P5", "P7")
@pytest.mark.parametrize("difficulty", ["easy", "default", "hard"])
@pytest.mark.parametrize("shop", ["beauty", "electronics", "fashion", "gifts", "grocery"])
def test_groups_are_as_tight_as_scikit_learns_and_all_is_shown_beside_an_oracle(
    described: Callable[[str, str], Described], config: Config, shop: str, difficulty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = described(shop, difficulty)
    settings = replace(config.section(SegmentSettings), k=known.planted)
    found = model.fit(features.sample(known.inputs, at_most=200_000, customers=CUSTOMERS), settings=settings, seed=1)
    rows = model.assign(found.pipeline, known.inputs).orderBy("customer_id").toPandas()
    reference = float(KMeans(known.planted, n_init=50, random_state=0).fit(np.array(rows["scaled"].tolist())).inertia_)
    everything = known.everything.merge(rows[["customer_id", "cluster"]], on="customer_id")
    truth, groups = everything["persona"].to_numpy(), everything["cluster"].to_numpy()
    half = np.random.default_rng(0).random(len(everything)) < 0.5
    numbers = everything[[item.name for item in declared(config) if item.type == "number"]]
    told = numbers.loc[:, numbers.nunique() > 2]
    oracle = HistGradientBoostingClassifier(random_state=0).fit(told[half], truth[half]).predict(told[~half])
    best = share(float((oracle == truth[~half]).sum()), float((~half).sum()))
    assert isinstance(best, Interval)
    accuracy = _portrait_accuracy(groups, truth, half)
    fidelity = _fidelity(told.to_numpy(dtype=np.float64), groups, tuple(told.columns), half, config.section(TagSettings))
    stages, commoner = _life_cycle(everything)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{shop}, {difficulty}: {len(everything)} customers, {known.planted} personas; inertia {found.chosen.inertia / reference:.4f} x the best of 50 starts; "
            f"adjusted Rand {_told(_rand(truth, groups))}, oracle {_told(_rand(truth[~half], oracle))}; portrait accuracy {_told(accuracy)}, "
            f"oracle {_told(best)}; fidelity of {len(fidelity)} tags {min(fidelity):.3f} to {max(fidelity):.3f}; gone or not {_told(stages)}, commoner {commoner:.3f}\n"
        )
    assert found.chosen.inertia <= 1.01 * reference
    assert len(everything) > 0.9 * CUSTOMERS * 0.9
    assert adjusted_rand_score(truth, groups) > 0
    assert accuracy.value > np.bincount(truth).max() / len(truth)
    assert np.mean(fidelity) >= 0.85
