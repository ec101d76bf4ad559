"""Fit groups by a Spark ML pipeline: KMeans, bisecting KMeans or a Gaussian mixture."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.clustering import BisectingKMeans, GaussianMixture, KMeans
from pyspark.ml.feature import (
    PCA,
    Imputer,
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

from clarion.customers.segments import candidates, metrics
from clarion.customers.segments.candidates import Candidate
from clarion.customers.segments.gate import missed_limits
from clarion.customers.segments.scoring import FILLED, cluster_centres
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.errors import ClarionError
from clarion.kernel.seeds import derive

# The input of the single group of a shop whose customers cannot be grouped: the same for everybody.
EVERYBODY = "everybody"
EVERYBODY_SQL = "0"

# Between 1.0001 and 1.0003 times the best inertia, groups of Online Retail still differ by 3 %.
_CLOSE = 1.0001


@dataclass(frozen=True, slots=True)
class Segmentation:
    """A fitted grouping.

    Args:
        pipeline: medians for unknown values, assembler, scaler, principal components if the
            settings ask for them, and the clustering model.
        features: the inputs that vary; a constant one is left out.
        candidates: the quality of each k.
        chosen: the quality of the fitted grouping.
        variance_kept: share of the scaled inputs' variance that the components keep; 1 without
            components.
    """

    pipeline: PipelineModel
    features: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    chosen: Candidate
    variance_kept: float


class TooFewCustomersError(ClarionError):
    """There are not enough different customers to group."""


class NothingToGroupError(TooFewCustomersError):
    """No input varies over the customers."""


@dataclass(frozen=True, slots=True)
class _FitData:
    """What a model is fitted on: scaled rows, the same in memory, settings and seed."""

    scaled: DataFrame
    points: metrics.Array
    settings: SegmentSettings
    seed: int

    def spark_seed(self, start: int) -> int:
        """Seed of one of Spark's own starts."""
        return derive(self.seed, "segment", "model", str(start))


def fit(sample: DataFrame, *, settings: SegmentSettings, seed: int) -> Segmentation:
    """Group customers; k is given by the settings, or chosen by silhouette and stability.

    Args:
        sample: customer_id and inputs, in one sorted partition. An unknown input (null) counts as
            the median.
        settings: model, scaling, range of k and limits.
        seed: seed of the starts.

    Raises:
        TooFewCustomersError: fewer different customers than groups, or all alike.
    """
    varying = _varying_inputs(sample)
    if not varying:
        raise NothingToGroupError(
            "there is nothing to group",
            found="every customer is alike, or there is one or none",
            fix="add more customers",
        )
    filled = [f"{FILLED}{name}" for name in varying]
    medians = Imputer(
        strategy="median", relativeError=0.0001, inputCols=list(varying), outputCols=filled
    ).fit(sample)
    assembler = VectorAssembler(inputCols=filled, outputCol="assembled")
    assembled = assembler.transform(medians.transform(sample)).select("customer_id", "assembled")

    output = "scaled" if settings.pca_variance else "features"
    scaler = _scaler(settings, output).fit(assembled)
    stages: list[Transformer] = [medians, assembler, scaler]
    points = scaler.transform(assembled).select("customer_id", output)
    variance_kept = 1.0
    if settings.pca_variance:
        components = _components(points, len(varying), settings.pca_variance)
        stages.append(components)
        points = components.transform(points).select("customer_id", "features")
        variance_kept = float(sum(components.explainedVariance))

    points.persist()
    try:
        model, tried, chosen = _fit_points(points, settings=settings, seed=seed)
    finally:
        points.unpersist()
    return Segmentation(
        PipelineModel(stages=[*stages, model]), varying, tried, chosen, variance_kept
    )


def fit_first(
    sample: DataFrame, *, settings: SegmentSettings, seed: int, say: Callable[[str], None]
) -> Segmentation:
    """The first groups of a shop, which meet the limits of stability and size.

    Where no number of groups that is asked for meets them, fewer groups are tried, down to two.
    Where these miss them, too, or customers are too few, all of them are one group.

    Args:
        sample: customer_id and inputs, in one sorted partition.
        settings: model, scaling, range of k and limits.
        seed: seed of the starts.
        say: takes what was tried and misses the limits, in words.
    """
    numbers = [settings.k, *range(settings.fewest_groups - 1, 1, -1)]
    for k in numbers:
        try:
            segmentation = fit(sample, settings=replace(settings, k=k), seed=seed)
        except NothingToGroupError as error:
            say(str(error))
            break
        except TooFewCustomersError as error:
            say(str(error))
            continue
        chosen = segmentation.chosen
        misses = missed_limits(chosen.stability, chosen.smallest_share, limits=settings.limits)
        if not misses:
            return segmentation
        say(f"with {chosen.k} groups {' and '.join(misses)}")
    say("all customers are one group")
    return _one_group(sample)


def _one_group(sample: DataFrame) -> Segmentation:
    """A grouping with a single group of everybody."""
    everybody = sample.select("customer_id", F.lit(0.0).alias(EVERYBODY))
    filled = f"{FILLED}{EVERYBODY}"
    medians = Imputer(strategy="median", inputCols=[EVERYBODY], outputCols=[filled]).fit(everybody)
    assembler = VectorAssembler(inputCols=[filled], outputCol="features")
    # Spark asks for two groups at least; of one point it makes one.
    point = assembler.transform(medians.transform(everybody.limit(1))).select("features")
    centre = KMeans(k=2, initMode="random", maxIter=1, seed=0).fit(point.coalesce(1))
    alone = Candidate(k=1, inertia=0.0, silhouette=0.0, stability=1.0, smallest_share=1.0)
    pipeline = PipelineModel(stages=[medians, assembler, centre])
    return Segmentation(pipeline, (EVERYBODY,), (), alone, variance_kept=1.0)


def _varying_inputs(sample: DataFrame) -> tuple[str, ...]:
    names = tuple(name for name in sample.columns if name != "customer_id")
    spreads = sample.select(*(F.stddev_samp(name).alias(name) for name in names)).first()
    if spreads is None:
        return ()
    return tuple(name for name in names if (spreads[name] or 0.0) > 1e-12)


def _scaler(settings: SegmentSettings, output: str) -> Any:
    columns: dict[str, Any] = {"inputCol": "assembled", "outputCol": output}
    # Spark's bisecting KMeans splits a group by noise in proportion to its centre's length. A
    # group that is centred at 0 is never split.
    is_centred = settings.algorithm != "bisecting"
    if settings.scaling == "standard":
        return StandardScaler(withMean=is_centred, withStd=True, **columns)
    if settings.scaling == "robust":
        return RobustScaler(
            withCentering=is_centred, withScaling=True, relativeError=0.0001, **columns
        )
    lowest = 0.0 if settings.scaling == "zero_to_one" else -1.0
    return MinMaxScaler(min=lowest, max=1.0, **columns)


def _components(scaled: DataFrame, dimensions: int, variance: float) -> PCAModel:
    """As few principal components as keep this share of the variance."""
    columns = {"inputCol": "scaled", "outputCol": "features"}
    full = PCA(k=dimensions, **columns).fit(scaled)
    cumulative = np.cumsum(full.explainedVariance)
    count = int(np.searchsorted(cumulative, min(variance, 1.0) - 1e-9) + 1)
    return PCA(k=min(count, dimensions), **columns).fit(scaled)


def _fit_points(
    scaled: DataFrame, *, settings: SegmentSettings, seed: int
) -> tuple[Transformer, tuple[Candidate, ...], Candidate]:
    """Spark's model for the chosen k, the quality of each k, and that of the model."""
    arrays = scaled.select(vector_to_array(F.col("features")).alias("point")).toPandas()
    points = np.vstack(arrays["point"].to_list())
    ks = _numbers_of_groups(points, settings)
    search = candidates.search(points, ks, settings=settings, seed=seed)
    chosen = search.chosen
    model = _fit_spark(_FitData(scaled, points, settings, seed), chosen, search.centres)
    predictions = model.transform(scaled).select("prediction").toPandas()["prediction"]
    fitted = candidates.measure(
        points,
        predictions.to_numpy(dtype=np.int64),
        cluster_centres(model),
        k=chosen.k,
        stability=chosen.stability,
    )
    return model, search.candidates, fitted


def _numbers_of_groups(points: metrics.Array, settings: SegmentSettings) -> list[int]:
    different = len(np.unique(points, axis=0))
    if settings.k:
        ks = [settings.k]
    else:
        ks = [k for k in range(settings.k_min, settings.k_max + 1) if k < different]
    if not ks or different < max(ks):
        raise TooFewCustomersError(
            f"{max(ks, default=settings.k_min)} groups cannot be made",
            found=f"{different} different customers",
            fix="lower segment.k or segment.k_min",
        )
    return ks


def _fit_spark(data: _FitData, chosen: Candidate, best_centres: metrics.Array) -> Transformer:
    """Spark's model for the chosen k.

    Args:
        data: what it is fitted on.
        chosen: the k, and the inertia that was reached in memory.
        best_centres: the centres that reached it, shape (k, d).
    """
    settings = data.settings
    if settings.algorithm == "kmeans":
        return _fit_kmeans(data, chosen, best_centres)
    seeds = [data.spark_seed(start) for start in range(max(settings.spark_starts, 1))]
    if settings.algorithm == "bisecting":
        splits = [
            BisectingKMeans(k=chosen.k, seed=seed, maxIter=settings.max_iter).fit(data.scaled)
            for seed in seeds
        ]
        return min(splits, key=lambda model: metrics.inertia(data.points, cluster_centres(model)))
    iterations = max(settings.max_iter, 100)
    mixtures = [
        GaussianMixture(k=chosen.k, seed=seed, maxIter=iterations).fit(data.scaled)
        for seed in seeds
    ]
    return max(mixtures, key=lambda model: model.summary.logLikelihood)


def _fit_kmeans(data: _FitData, chosen: Candidate, best_centres: metrics.Array) -> Transformer:
    """The first of Spark's own starts that comes close to the best inertia.

    Where groups overlap, most starts end 3 to 15 % above it (one of eight came close at 348
    customers and k = 8). Then the model takes over the best centres.
    """
    for start in range(data.settings.spark_starts):
        kmeans = KMeans(
            k=chosen.k,
            seed=data.spark_seed(start),
            maxIter=data.settings.max_iter,
            solver="block",
            tol=candidates.TOLERANCE,
        )
        model = kmeans.fit(data.scaled)
        if metrics.inertia(data.points, cluster_centres(model)) <= _CLOSE * chosen.inertia:
            return model
    rows = data.scaled.sparkSession.createDataFrame(
        [(Vectors.dense(centre),) for centre in best_centres.tolist()], ["features"]
    )
    # k points and k groups: drawn without replacement, each point is a centre, and stays one.
    return KMeans(k=chosen.k, initMode="random", maxIter=1, seed=0, solver="row").fit(
        rows.coalesce(1)
    )
