"""What customers will do: the models that act, how well they are calibrated, and common reasons."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import PREDICTION_MODELS, PREDICTIONS
from clarion.lake import Lake
from clarion.report.reads import of_day

_REASONS = 3


def prediction_frames(lake: Lake, as_of: date) -> dict[str, DataFrame]:
    """The models of a day and why customers have high predictions.

    Returns:
        prediction_models (PREDICTION_MODELS of the day), prediction_reasons (label, en, customers:
        how many of the band `high` have this reason for a higher prediction).
    """
    reasons = (
        of_day(lake, PREDICTIONS, as_of)
        .where("band = 'high'")
        .select("label", F.explode("reasons").alias("reason"))
        .where("reason.effect > 0")
        .groupBy("label", F.col("reason.en").alias("en"))
        .agg(F.count("*").alias("customers"))
    )
    return {
        "prediction_models": of_day(lake, PREDICTION_MODELS, as_of).orderBy("label"),
        "prediction_reasons": reasons.orderBy("label", F.desc("customers"), "en"),
    }


def prediction_rows(models: pd.DataFrame, reasons: pd.DataFrame) -> list[dict[str, Any]]:
    """One row per label: the model, its figures in words, and the commonest reasons.

    Args:
        models: prediction_models.
        reasons: prediction_reasons.
    """
    rows = []
    for model in models.to_dict("records"):
        common = reasons[reasons["label"] == model["label"]].head(_REASONS)["en"]
        is_event = model["kind"] == "event"
        acts = isinstance(model["model"], str)
        rows.append(
            {
                "label": f"{model['label']}, {model['horizon_days']} days",
                "model": model["model"] if acts else "none",
                "customers": f"{int(model['customers']):,}" if acts else "",
                "base": _figure(model["base_rate"], is_share=is_event),
                "auc": _with_interval(model, "auc"),
                "loss": _figure(model["loss"], is_share=False),
                "base_loss": _figure(model["base_loss"], is_share=False),
                "lift": _figure(model["lift"], is_share=False),
                "reasons": "; ".join(common) if acts else model["reason"],
            }
        )
    return rows


def calibration_chart(models: pd.DataFrame) -> go.Figure | None:
    """Predicted against observed shares of events, by tenths of the customers."""
    events = models[(models["kind"] == "event") & models["model"].notna()]
    return reliability_chart(
        {
            label: ([item["predicted"] for item in bins], [item["observed"] for item in bins])
            for label, bins in zip(events["label"], events["calibration"], strict=True)
        }
    )


def reliability_chart(lines: Mapping[str, tuple[list[float], list[float]]]) -> go.Figure | None:
    """Predicted against observed shares, beside the line on which they are equal.

    Args:
        lines: predicted and observed shares of groups of customers, by name.
    """
    if not lines:
        return None
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="as predicted",
        line={"color": "#9aa5ad", "dash": "dot"},
    )  # fmt: skip
    for name, (predicted, observed) in lines.items():
        figure.add_scatter(x=predicted, y=observed, mode="lines+markers", name=name)
    figure.update_xaxes(title="predicted", tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(title="observed", tickformat=".0%", rangemode="tozero")
    return figure


def _with_interval(model: Mapping[Any, Any], name: str) -> str:
    value, low, high = (model[f"{name}{end}"] for end in ("", "_low", "_high"))
    return "" if _is_unknown(value) else f"{value:.3f} ({low:.3f} to {high:.3f})"


def _figure(value: Any, *, is_share: bool) -> str:
    if _is_unknown(value):
        return ""
    return f"{value:.1%}" if is_share else f"{value:,.3f}"


def _is_unknown(value: Any) -> bool:
    return value is None or value != value
