"""Groups on the five frozen shops: as tight as scikit-learn's, and how near they come to the planted personas."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts import TABLES
from clarion.features.transforms import unpacked
from clarion.lake import Lake
from clarion.ops.shop import features as declared
from clarion.segments import features, model
from clarion.segments.settings import SegmentSettings
from clarion.sim import files
from clarion.sim.shop import parse

CUSTOMERS = 800


@pytest.fixture
def grouped(spark: SparkSession, config: Config, clarion: Callable[..., int], tmp_path: Path) -> Callable[[str], tuple[DataFrame, DataFrame, int]]:
    """A function that takes a shop through profiles: features of its customers, their personas, number of personas."""

    def make(name: str) -> tuple[DataFrame, DataFrame, int]:
        shop = parse(parse_yaml(config.text(f"shops/{name}.yml"), where=name), where=name).model_copy(update={"customers": CUSTOMERS})
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
        compared = {name: item.value for name, item in config.section(SegmentSettings).features.items()}
        found = features.inputs(unpacked(lake.read(TABLES["gold.customer_features"]), declared(config)), compared)
        names = lake.read(TABLES["silver.identities"]).select("customer_id", F.col("ref").alias("customer_ref"))
        personas = world.customers.join(names, "customer_ref").select("customer_id", "persona")
        return found, personas, len(shop.personas)

    return make


@pytest.mark.slow
@pytest.mark.covers("P2")
@pytest.mark.parametrize("shop", ["beauty", "electronics", "fashion", "gifts", "grocery"])
def test_groups_are_as_tight_as_scikit_learns_and_are_shown_beside_an_oracle(
    grouped: Callable[[str], tuple[DataFrame, DataFrame, int]], config: Config, shop: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame, personas, planted = grouped(shop)
    frame = frame.persist()
    settings = replace(config.section(SegmentSettings), k=planted)
    found = model.fit(features.sample(frame, at_most=200_000, customers=CUSTOMERS), settings=settings, seed=1)
    rows = model.assign(found.pipeline, frame).join(personas, "customer_id").orderBy("customer_id").toPandas()
    points, truth = np.array(rows["scaled"].tolist()), rows["persona"].to_numpy()
    everyone = np.array([row[0] for row in model.assign(found.pipeline, frame).select("scaled").collect()])
    reference = float(KMeans(planted, n_init=50, random_state=0).fit(everyone).inertia_)
    half = np.random.default_rng(0).random(len(points)) < 0.5
    oracle = HistGradientBoostingClassifier(random_state=0).fit(points[half], truth[half])
    ours, theirs = adjusted_rand_score(truth, rows["cluster"]), adjusted_rand_score(truth[~half], oracle.predict(points[~half]))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{shop}: {len(rows)} customers, {planted} personas; inertia {found.chosen.inertia / reference:.4f} x the best of 50 starts; "
            f"adjusted Rand against personas {ours:.3f}, oracle {theirs:.3f}\n"
        )
    assert found.chosen.inertia <= 1.01 * reference
    assert len(rows) > 0.9 * CUSTOMERS * 0.9
    assert ours > 0
