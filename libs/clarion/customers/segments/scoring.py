"""Groups of customers by a fitted pipeline, and what the pipeline consists of."""

from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.ml.clustering import GaussianMixtureModel
from pyspark.ml.feature import ImputerModel
from pyspark.ml.functions import vector_to_array
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.customers.segments.metrics import Array, Flags, Labels

FILLED = "known_"  # prefix of an input whose unknown values are filled with the median


def assign(pipeline: PipelineModel, inputs: DataFrame) -> DataFrame:
    """Each customer's group.

    Args:
        pipeline: a fitted model.
        inputs: customer_id and the inputs of the model.

    Returns:
        customer_id, cluster (int), scaled (array of double: what the model compares), distance
        from the centre of the own group.
    """
    centres = F.array(
        *(F.array(*(F.lit(float(value)) for value in centre)) for centre in centres_of(pipeline))
    )
    scored = pipeline.transform(inputs).select(
        "customer_id",
        F.col("prediction").alias("cluster"),
        vector_to_array(F.col("features")).alias("scaled"),
    )
    squares = F.zip_with(
        "scaled",
        F.get(centres, F.col("cluster")),
        lambda left, right: (left - right) * (left - right),
    )
    return scored.withColumn(
        "distance", F.sqrt(F.aggregate(squares, F.lit(0.0), lambda total, item: total + item))
    )


def predict_groups(pipeline: PipelineModel, sample: DataFrame) -> tuple[Array, Flags, Labels]:
    """The inputs and the group of each customer, in order of the customers' ids.

    Args:
        pipeline: a fitted model.
        sample: result of `sampling.fit_sample`: at most `max_fit_rows` rows.

    Returns:
        The inputs, unscaled, unknown ones as the median, shape (n, d); which of them are known,
        shape (n, d); the groups, shape (n,).
    """
    names = features_of(pipeline)
    filled = F.array(*(F.col(f"{FILLED}{name}") for name in names))
    is_known = F.array(*(F.col(name).isNotNull() for name in names))
    rows = (
        pipeline.transform(sample).select("customer_id", filled, is_known, "prediction").collect()
    )
    rows.sort(key=lambda row: str(row[0]))
    shape = (len(rows), len(names))
    points = np.array([row[1] for row in rows], dtype=np.float64).reshape(shape)
    known = np.array([row[2] for row in rows], dtype=np.bool_).reshape(shape)
    labels = np.array([row[3] for row in rows], dtype=np.int64)
    return points, known, labels


def centres_of(pipeline: PipelineModel) -> Array:
    """The centres in what the model compares, shape (k, d)."""
    return cluster_centres(pipeline.stages[-1])


def cluster_centres(model: Any) -> Array:
    """The centres of a fitted clustering model of Spark, shape (k, d)."""
    if isinstance(model, GaussianMixtureModel):
        return np.array([gaussian.mean.toArray() for gaussian in model.gaussians], dtype=np.float64)
    return np.array(model.clusterCenters(), dtype=np.float64)


def features_of(pipeline: PipelineModel) -> tuple[str, ...]:
    """The inputs that a fitted pipeline uses."""
    medians = pipeline.stages[0]
    assert isinstance(medians, ImputerModel)
    return tuple(medians.getInputCols())
