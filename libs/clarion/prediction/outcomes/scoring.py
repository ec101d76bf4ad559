"""The predictions of a day."""

from dataclasses import dataclass
from datetime import date

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.prediction.outcomes.fitting import PREDICTED
from clarion.prediction.outcomes.reasons import strongest_reasons
from clarion.prediction.outcomes.settings import Label, PredictSettings


@dataclass(frozen=True, slots=True)
class Acting:
    """The model that acts for a label.

    Args:
        pipeline: from inputs to predictions.
        model: name of its kind.
        version: registered version.
        inputs: its inputs.
    """

    pipeline: PipelineModel
    model: str
    version: str
    inputs: tuple[str, ...]


def predictions(
    customers: DataFrame,
    acting: Acting,
    name: str,
    label: Label,
    *,
    as_of: date,
    settings: PredictSettings,
) -> DataFrame:
    """PREDICTIONS of a label without their band.

    Args:
        customers: customer_id, the inputs, and the feature that the label is about; of the label's
            population.
        acting: the model.
        name: the label's name.
        label: the label.
        as_of: the day.
        settings: horizons, and the words of the inputs.
    """
    scored = acting.pipeline.transform(customers)
    value = F.round(PREDICTED, 9)
    unknown = F.lit(None).cast("double")
    is_event = label.kind == "event"
    return scored.select(
        F.lit(as_of).alias("as_of"),
        "customer_id",
        F.lit(name).alias("label"),
        (F.col(label.about) if label.about else F.lit(None).cast("string")).alias("about"),
        F.lit(settings.horizon_of(label)).alias("horizon_days"),
        (value if is_event else unknown).alias("probability"),
        (unknown if is_event else value).alias("expected"),
        (value >= label.threshold if is_event else F.lit(None).cast("boolean")).alias("is_warned"),
        strongest_reasons(acting.inputs, settings).alias("reasons"),
        F.lit(acting.model).alias("model"),
        F.lit(acting.version).alias("model_version"),
    )


def with_bands(rows: DataFrame) -> DataFrame:
    """Predictions with their band: low, medium or high, thirds of the label's customers by rank.

    Args:
        rows: predictions of some labels; persisted, since they are read twice.
    """
    value = F.coalesce("probability", "expected")
    limits = rows.groupBy("label").agg(
        F.percentile(value, F.array(F.lit(1 / 3), F.lit(2 / 3))).alias("_limits")
    )
    band = (
        F.when(value <= F.col("_limits")[0], "low")
        .when(value <= F.col("_limits")[1], "medium")
        .otherwise("high")
    )
    return rows.join(F.broadcast(limits), "label").withColumn("band", band).drop("_limits")
