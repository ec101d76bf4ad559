"""Groups by a Spark ML pipeline (KMeans, bisecting KMeans or a Gaussian mixture), and the choice of their number."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.clustering import BisectingKMeans, GaussianMixture, GaussianMixtureModel, KMeans
from pyspark.ml.feature import (
    PCA,
    Imputer,
    ImputerModel,
    MinMaxScaler,
    PCAModel,
    RobustScaler,
    StandardScaler,
    VectorAssembler,
)
from pyspark.ml.functions import vector_to_array
from pyspark.ml.linalg import Vectors
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.customers.segments import metrics
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.errors import ClarionError
from clarion.kernel.seeds import derive

_TOLERANCE = 1e-5  # a start ends when no centre moves farther
_KNOWN = "known_"  # in front of a feature once what is unknown has been filled in
_NEAR = 1.0001  # between 1.0001 and 1.0003 groups of Online Retail still differ by 3 % in size


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
        pipeline: medians for what is unknown, assembler, scaler, principal components where they are asked for, and the model.
        features: the features that vary; a constant one says nothing and is left out.
        candidates: what was found for each k.
        chosen: the one that was taken.
        variance_kept: share of the scaled features' variance that the components keep; 1 without components.
    """

    pipeline: PipelineModel
    features: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    chosen: Candidate
    variance_kept: float


class TooFewCustomersError(ClarionError):
    """There is nothing to group."""


def fit(sample: DataFrame, *, settings: SegmentSettings, seed: int) -> Segmentation:
    """Group customers; k is given or chosen by silhouette and stability.

    Args:
        sample: customer_id and features, in one sorted partition; one that is unknown (null) counts as the median.
        settings: model, scaling, range of k and limits.
        seed: seed of the starts.

    Raises:
        TooFewCustomersError: fewer different customers than groups, or all alike.
    """
    names = tuple(name for name in sample.columns if name != "customer_id")
    spread = sample.select(*(F.stddev_samp(name).alias(name) for name in names)).first()
    varying = tuple(name for name in names if spread is not None and (spread[name] or 0.0) > 1e-12)
    if not varying:
        raise TooFewCustomersError(
            "there is nothing to group",
            found="every customer is alike, or there is one or none",
            fix="take in more customers",
        )
    known = [f"{_KNOWN}{name}" for name in varying]
    medians = Imputer(
        strategy="median", relativeError=0.0001, inputCols=list(varying), outputCols=known
    ).fit(sample)
    assembler = VectorAssembler(inputCols=known, outputCol="assembled")
    assembled = assembler.transform(medians.transform(sample)).select("customer_id", "assembled")
    output = "scaled" if settings.pca_variance else "features"
    scaler = _scaler(settings, output).fit(assembled)
    scaled = scaler.transform(assembled).select("customer_id", output)
    components = (
        _components(scaled, len(varying), settings.pca_variance) if settings.pca_variance else None
    )
    points = (
        (components.transform(scaled) if components else scaled)
        .select("customer_id", "features")
        .persist()
    )
    try:
        stages: list[Transformer] = [
            medians,
            assembler,
            scaler,
            *([components] if components else []),
        ]
        model, candidates, chosen = _fit_points(points, settings=settings, seed=seed)
    finally:
        points.unpersist()
    kept = float(sum(components.explainedVariance)) if components else 1.0
    return Segmentation(PipelineModel(stages=[*stages, model]), varying, candidates, chosen, kept)


def _scaler(settings: SegmentSettings, output: str) -> Any:
    columns: dict[str, Any] = {"inputCol": "assembled", "outputCol": output}
    # Spark's bisecting KMeans parts a group by noise in proportion to its centre's length: one that lies at 0 is never split.
    centred = settings.algorithm != "bisecting"
    if settings.scaling == "standard":
        return StandardScaler(withMean=centred, withStd=True, **columns)
    if settings.scaling == "robust":
        return RobustScaler(
            withCentering=centred, withScaling=True, relativeError=0.0001, **columns
        )
    return MinMaxScaler(min=0.0 if settings.scaling == "zero_to_one" else -1.0, max=1.0, **columns)


def _components(scaled: DataFrame, dimensions: int, variance: float) -> PCAModel:
    """As few principal components as keep this share of the variance."""
    everything = PCA(k=dimensions, inputCol="scaled", outputCol="features").fit(scaled)
    enough = int(
        np.searchsorted(np.cumsum(everything.explainedVariance), min(variance, 1.0) - 1e-9) + 1
    )
    return PCA(k=min(enough, dimensions), inputCol="scaled", outputCol="features").fit(scaled)


@dataclass(frozen=True, slots=True)
class _Sample:
    """What a model is fitted on: the scaled rows, the same in memory (at most max_fit_rows), how and with which seed."""

    scaled: DataFrame
    points: metrics.Array
    settings: SegmentSettings
    seed: int

    def seed_of(self, start: int) -> int:
        """Seed of one of Spark's own starts."""
        return derive(self.seed, "segment", "model", str(start))


def _fit_points(
    scaled: DataFrame, *, settings: SegmentSettings, seed: int
) -> tuple[Transformer, tuple[Candidate, ...], Candidate]:
    points = np.vstack(
        scaled.select(vector_to_array(F.col("features")).alias("point"))
        .toPandas()["point"]
        .to_list()
    )
    different = len(np.unique(points, axis=0))
    ks = (
        [settings.k]
        if settings.k
        else [k for k in range(settings.k_min, settings.k_max + 1) if k < different]
    )
    if not ks or different < max(ks):
        raise TooFewCustomersError(
            f"{max(ks, default=settings.k_min)} groups cannot be made",
            found=f"{different} different customers",
            fix="lower segment.k or segment.k_min",
        )
    of = _Sample(scaled, points, settings, seed)
    tried = {k: _candidate(of, k) for k in ks}
    candidates = tuple(candidate for candidate, _ in tried.values())
    chosen = choose(candidates, settings)
    model = _fitted(of, chosen, tried[chosen.k][1])
    labels = (
        model.transform(scaled)
        .select("prediction")
        .toPandas()["prediction"]
        .to_numpy(dtype=np.int64)
    )
    groups, sizes = np.unique(labels, return_counts=True)
    final = replace(
        chosen,
        inertia=metrics.inertia_of(points, labels, _centres(model)),
        silhouette=metrics.silhouette(points, labels) if len(groups) > 1 else 0.0,
        smallest_share=float(sizes.min() / len(points)) if len(groups) == chosen.k else 0.0,
    )
    return model, candidates, final


@dataclass(frozen=True, slots=True)
class _Start:
    """What came of one start: each point's group, the centres, and what the model makes small."""

    labels: metrics.Labels
    centres: metrics.Array
    loss: float


def _start(points: metrics.Array, k: int, settings: SegmentSettings, seed: int) -> _Start:
    from sklearn import cluster, mixture  # a second: only this job pays

    if settings.algorithm == "mixture":
        found = mixture.GaussianMixture(
            k, max_iter=max(settings.max_iter, 100), random_state=seed
        ).fit(points)
        return _Start(found.predict(points), found.means_, -float(found.lower_bound_))
    if settings.algorithm == "bisecting":
        split = cluster.BisectingKMeans(
            k, n_init=1, max_iter=settings.max_iter, tol=_TOLERANCE, random_state=seed
        ).fit(points)
        return _Start(split.labels_, split.cluster_centers_, float(split.inertia_))
    nearest = cluster.KMeans(
        k, n_init=1, max_iter=settings.max_iter, tol=_TOLERANCE, random_state=seed
    ).fit(points)
    return _Start(nearest.labels_, nearest.cluster_centers_, float(nearest.inertia_))


def _candidate(of: _Sample, k: int) -> tuple[Candidate, metrics.Array]:
    """The best of several starts with its centres, and how far the others agree with it.

    Tried on the sample in memory: a start of Spark's takes a second however few the customers are, and there are
    as many as `seeds` for each k.
    """
    from sklearn.metrics import adjusted_rand_score

    points = of.points
    starts = [
        _start(points, k, of.settings, derive(of.seed, "segment", str(k), str(start)))
        for start in range(of.settings.seeds)
    ]
    best = min(starts, key=lambda start: start.loss)
    agreements = [
        float(adjusted_rand_score(best.labels, other.labels))
        for other in starts
        if other is not best
    ]
    groups, sizes = np.unique(best.labels, return_counts=True)
    found = Candidate(
        k=k,
        inertia=metrics.inertia_of(points, best.labels, best.centres),
        silhouette=metrics.silhouette(points, best.labels) if len(groups) > 1 else 0.0,
        stability=float(np.mean(agreements)) if agreements else 1.0,
        smallest_share=float(sizes.min() / len(points)) if len(groups) == k else 0.0,
    )
    return found, best.centres


def _fitted(of: _Sample, chosen: Candidate, best: metrics.Array) -> Transformer:
    """Spark's model for the chosen k.

    Args:
        of: what it is fitted on.
        chosen: the k, and the inertia that was reached in memory.
        best: the centres that reached it.
    """
    if of.settings.algorithm == "kmeans":
        return _kmeans(of, chosen, best)
    seeds = [of.seed_of(start) for start in range(max(of.settings.spark_starts, 1))]
    if of.settings.algorithm == "bisecting":
        splits = [
            BisectingKMeans(k=chosen.k, seed=seed, maxIter=of.settings.max_iter).fit(of.scaled)
            for seed in seeds
        ]
        return min(splits, key=lambda model: metrics.inertia(of.points, _centres(model)))
    mixtures = [
        GaussianMixture(k=chosen.k, seed=seed, maxIter=max(of.settings.max_iter, 100)).fit(
            of.scaled
        )
        for seed in seeds
    ]
    return max(mixtures, key=lambda model: model.summary.logLikelihood)


def _kmeans(of: _Sample, chosen: Candidate, best: metrics.Array) -> Transformer:
    """The first of Spark's own starts whose inertia is within a ten-thousandth of the best one.

    Where groups overlap most of them end 3 to 15 % above it (one of eight came near at 348
    customers and k = 8); then the model gets the best centres.
    """
    for start in range(of.settings.spark_starts):
        kmeans = KMeans(
            k=chosen.k,
            seed=of.seed_of(start),
            maxIter=of.settings.max_iter,
            solver="block",
            tol=_TOLERANCE,
        )
        model = kmeans.fit(of.scaled)
        if metrics.inertia(of.points, _centres(model)) <= _NEAR * chosen.inertia:
            return model
    rows = of.scaled.sparkSession.createDataFrame(
        [(Vectors.dense(centre),) for centre in best.tolist()], ["features"]
    )
    # k points and k groups: drawn without replacement, each point is a centre, and stays it.
    return KMeans(k=chosen.k, initMode="random", maxIter=1, seed=0, solver="row").fit(
        rows.coalesce(1)
    )


def choose(candidates: tuple[Candidate, ...], settings: SegmentSettings) -> Candidate:
    """Among stable k without tiny groups, the largest whose silhouette is within the slack of the best.

    Where none is stable, the most stable one; where each has a tiny group, that limit is waived last.
    """
    sized = [
        candidate for candidate in candidates if candidate.smallest_share >= settings.min_share
    ] or list(candidates)
    stable = [candidate for candidate in sized if candidate.stability >= settings.min_stability]
    if not stable:
        return max(sized, key=lambda candidate: (candidate.stability, -candidate.k))
    best = max(candidate.silhouette for candidate in stable)
    return max(
        (
            candidate
            for candidate in stable
            if candidate.silhouette >= best - settings.silhouette_slack
        ),
        key=lambda candidate: candidate.k,
    )


def assign(pipeline: PipelineModel, features: DataFrame) -> DataFrame:
    """Each customer's group.

    Returns:
        customer_id, cluster (int), distance from the centre in what the model compares, scaled (array of double).
    """
    centres = _centres(pipeline.stages[-1])
    literal = F.array(*(F.array(*(F.lit(float(value)) for value in centre)) for centre in centres))
    scored = pipeline.transform(features).select(
        "customer_id",
        F.col("prediction").alias("cluster"),
        vector_to_array(F.col("features")).alias("scaled"),
    )
    squares = F.zip_with(
        "scaled",
        F.get(literal, F.col("cluster")),
        lambda left, right: (left - right) * (left - right),
    )
    return scored.withColumn(
        "distance", F.sqrt(F.aggregate(squares, F.lit(0.0), lambda total, item: total + item))
    )


def predict_groups(
    pipeline: PipelineModel, sample: DataFrame
) -> tuple[metrics.Array, metrics.Labels]:
    """The sample's features, unscaled, unknown ones as the median (n, d), and each customer's group (n,), in order of the customers' ids.

    Args:
        pipeline: a fitted model.
        sample: what `sampling.fit_sample` gives: at most `max_fit_rows` rows.
    """
    names = [f"{_KNOWN}{name}" for name in features_of(pipeline)]
    rows = (
        pipeline.transform(sample)
        .select("customer_id", F.array(*(F.col(name) for name in names)), "prediction")
        .collect()
    )
    rows.sort(key=lambda row: str(row[0]))
    return np.array([row[1] for row in rows], dtype=np.float64).reshape(
        len(rows), len(names)
    ), np.array([row[2] for row in rows], dtype=np.int64)


def centres_of(pipeline: PipelineModel) -> metrics.Array:
    """Centres in what the model compares, shape (k, d)."""
    return _centres(pipeline.stages[-1])


def _centres(model: Any) -> metrics.Array:
    if isinstance(model, GaussianMixtureModel):
        return np.array([gaussian.mean.toArray() for gaussian in model.gaussians], dtype=np.float64)
    return np.array(model.clusterCenters(), dtype=np.float64)


def features_of(pipeline: PipelineModel) -> tuple[str, ...]:
    """The features a fitted pipeline uses."""
    medians = pipeline.stages[0]
    assert isinstance(medians, ImputerModel)
    return tuple(medians.getInputCols())
