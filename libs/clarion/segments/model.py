"""KMeans in a Spark ML pipeline, and the choice of k."""

from dataclasses import dataclass, replace

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.feature import StandardScaler, StandardScalerModel, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.kernel.errors import ClarionError
from clarion.kernel.seeds import derive
from clarion.segments import metrics
from clarion.segments.settings import SegmentSettings

_TOLERANCE = 1e-5  # a start ends when no centre moves farther
_NEAR = 1.01


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was found for one k."""

    k: int
    inertia: float
    silhouette: float
    stability: float
    smallest_share: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A fitted grouping.

    Args:
        pipeline: assembler, scaler and KMeans.
        features: the features that vary; a constant one says nothing and is left out.
        candidates: what was found for each k.
        chosen: the one that was taken.
    """

    pipeline: PipelineModel
    features: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    chosen: Candidate


class TooFewCustomers(ClarionError):
    """There is nothing to group."""


def fit(sample: DataFrame, *, settings: SegmentSettings, seed: int) -> Segmentation:
    """Group customers; k is given or chosen by silhouette and stability.

    Args:
        sample: customer_id and features, in one sorted partition.
        settings: range of k and limits.
        seed: seed of the starts.

    Raises:
        TooFewCustomers: fewer different customers than groups, or all alike.
    """
    names = tuple(name for name in sample.columns if name != "customer_id")
    spread = sample.select(*(F.stddev_samp(name).alias(name) for name in names)).first()
    varying = tuple(name for name in names if spread is not None and (spread[name] or 0.0) > 1e-12)
    if not varying:
        raise TooFewCustomers("there is nothing to group", found="every customer is alike, or there is one or none", fix="take in more customers")
    assembler = VectorAssembler(inputCols=list(varying), outputCol="assembled")
    assembled = assembler.transform(sample).select("customer_id", "assembled")
    scaler = StandardScaler(inputCol="assembled", outputCol="features", withMean=True, withStd=True).fit(assembled)
    scaled = scaler.transform(assembled).select("customer_id", "features").persist()
    try:
        return _fit_scaled(scaled, assembler, scaler, varying, settings=settings, seed=seed)
    finally:
        scaled.unpersist()


def _fit_scaled(
    scaled: DataFrame, assembler: VectorAssembler, scaler: StandardScalerModel, varying: tuple[str, ...], *, settings: SegmentSettings, seed: int
) -> Segmentation:
    points = np.array([row[0] for row in scaled.select(vector_to_array(F.col("features"))).collect()], dtype=np.float64)  # at most fit_at_most rows
    different = len(np.unique(points, axis=0))
    ks = [settings.k] if settings.k else [k for k in range(settings.k_min, settings.k_max + 1) if k < different]
    if not ks or different < max(ks):
        raise TooFewCustomers(
            f"{max(ks, default=settings.k_min)} groups cannot be made",
            found=f"{different} different customers",
            fix="lower segment.k or segment.k_min",
        )
    tried = {k: _candidate(points, k, settings, seed) for k in ks}
    candidates = tuple(candidate for candidate, _ in tried.values())
    chosen = choose(candidates, settings)
    model, centres = _fitted(scaled, points, chosen, tried[chosen.k][1], settings, seed)
    labels = metrics.assign(points, centres)
    silhouette = metrics.silhouette(points, labels) if len(np.unique(labels)) > 1 else 0.0
    final = replace(chosen, inertia=metrics.inertia(points, centres), silhouette=silhouette)
    return Segmentation(PipelineModel(stages=[assembler, scaler, model]), varying, candidates, final)


def _candidate(points: metrics.Array, k: int, settings: SegmentSettings, seed: int) -> tuple[Candidate, metrics.Array]:
    """The best of several starts with its centres, and how far the others agree with it.

    Tried on the sample in memory: a start of Spark's takes a second however few the customers are, and there are
    as many as `seeds` for each k.
    """
    from sklearn import cluster as driver  # a second: only this job pays
    from sklearn.metrics import adjusted_rand_score

    starts = [
        driver.KMeans(k, n_init=1, max_iter=settings.max_iter, tol=_TOLERANCE, random_state=derive(seed, "segment", str(k), str(start))).fit(points)
        for start in range(settings.seeds)
    ]
    best = min(starts, key=lambda start: float(start.inertia_))
    agreements = [float(adjusted_rand_score(best.labels_, other.labels_)) for other in starts if other is not best]
    groups, sizes = np.unique(best.labels_, return_counts=True)
    found = Candidate(
        k=k,
        inertia=metrics.inertia(points, best.cluster_centers_),
        silhouette=metrics.silhouette(points, best.labels_) if len(groups) > 1 else 0.0,
        stability=float(np.mean(agreements)) if agreements else 1.0,
        smallest_share=float(sizes.min() / len(points)) if len(groups) == k else 0.0,
    )
    return found, best.cluster_centers_


def _fitted(
    scaled: DataFrame, points: metrics.Array, chosen: Candidate, best: metrics.Array, settings: SegmentSettings, seed: int
) -> tuple[KMeansModel, metrics.Array]:
    """Spark's model for the chosen k, and its centres.

    The first of Spark's own starts whose inertia comes within 1 % of the best known. Where groups overlap most of them
    end 3 to 15 % above it (one of eight came near at 348 customers and k = 8); then the model carries the best centres.
    """
    for start in range(settings.spark_starts):
        kmeans = KMeans(k=chosen.k, seed=derive(seed, "segment", "model", str(start)), maxIter=settings.max_iter, solver="block", tol=_TOLERANCE)
        model = kmeans.fit(scaled)
        centres = np.array(model.clusterCenters(), dtype=np.float64)
        if metrics.inertia(points, centres) <= _NEAR * chosen.inertia:
            return model, centres
    rows = scaled.sparkSession.createDataFrame([(Vectors.dense(centre),) for centre in best.tolist()], ["features"])
    # k points and k groups: drawn without replacement, each point is a centre, and stays it.
    model = KMeans(k=chosen.k, initMode="random", maxIter=1, seed=0, solver="row").fit(rows.coalesce(1))
    return model, np.array(model.clusterCenters(), dtype=np.float64)


def choose(candidates: tuple[Candidate, ...], settings: SegmentSettings) -> Candidate:
    """Among stable k without tiny groups, the largest whose silhouette is within the slack of the best.

    Where none is stable, the most stable one; where each has a tiny group, that limit is waived last.
    """
    sized = [candidate for candidate in candidates if candidate.smallest_share >= settings.min_share] or list(candidates)
    stable = [candidate for candidate in sized if candidate.stability >= settings.min_stability]
    if not stable:
        return max(sized, key=lambda candidate: (candidate.stability, -candidate.k))
    best = max(candidate.silhouette for candidate in stable)
    return max((candidate for candidate in stable if candidate.silhouette >= best - settings.silhouette_slack), key=lambda candidate: candidate.k)


def assign(pipeline: PipelineModel, features: DataFrame) -> DataFrame:
    """Each customer's group.

    Returns:
        customer_id, cluster (int), distance from the centre in scaled features, scaled (array of double).
    """
    centres = centres_of(pipeline)
    literal = F.array(*(F.array(*(F.lit(float(value)) for value in centre)) for centre in centres))
    scored = pipeline.transform(features).select("customer_id", F.col("prediction").alias("cluster"), vector_to_array(F.col("features")).alias("scaled"))
    squares = F.zip_with("scaled", F.get(literal, F.col("cluster")), lambda left, right: (left - right) * (left - right))
    return scored.withColumn("distance", F.sqrt(F.aggregate(squares, F.lit(0.0), lambda total, item: total + item)))


def centres_of(pipeline: PipelineModel) -> metrics.Array:
    """Centres in scaled features, shape (k, d)."""
    model = pipeline.stages[-1]
    assert isinstance(model, KMeansModel)
    return np.array(model.clusterCenters(), dtype=np.float64)


def features_of(pipeline: PipelineModel) -> tuple[str, ...]:
    """The features a fitted pipeline uses."""
    assembler = pipeline.stages[0]
    assert isinstance(assembler, VectorAssembler)
    return tuple(assembler.getInputCols())
