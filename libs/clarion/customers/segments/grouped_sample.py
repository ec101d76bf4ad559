"""A model over today's customers: what is measured of it, and how far they have moved from those it was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from clarion.customers.segments import metrics, model
from clarion.measures.statistics import drift


@dataclass(frozen=True, slots=True)
class GroupedSample:
    """Customers in the groups of a model.

    Args:
        points: the features it compares, unscaled, shape (n, d).
        labels: the group of each customer, shape (n,).
        features: names of the features.
        groups: number of groups.
    """

    points: metrics.Array
    labels: metrics.Labels
    features: tuple[str, ...]
    groups: int

    @property
    def standard(self) -> metrics.Array:
        """The features in deviations from the sample's mean; a constant one is 0."""
        spread = self.points.std(0)
        standard: metrics.Array = (self.points - self.points.mean(0)) / np.where(
            spread > 0, spread, 1.0
        )
        return standard

    @property
    def shares(self) -> metrics.Array:
        """Share of each group, shape (groups,)."""
        return np.bincount(self.labels, minlength=self.groups) / max(len(self.labels), 1)

    @property
    def silhouette(self) -> float:
        """Mean silhouette over the standardised features, whatever the model itself compares; 0 for one group."""
        return (
            metrics.silhouette(self.standard, self.labels)
            if len(np.unique(self.labels)) > 1
            else 0.0
        )

    @property
    def baseline(self) -> list[tuple[str, list[float], list[float]]]:
        """Name, bins (inner edges) and their shares of each feature: what later days are held against."""
        found = []
        for place, name in enumerate(self.features):
            inner = drift.bin_edges(self.points[:, place])
            found.append(
                (name, inner.tolist(), drift.bin_shares(self.points[:, place], inner).tolist())
            )
        return found

    def drift_since(self, baseline: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Population stability index of each feature against the baseline of a training (feature, edges, shares)."""
        then = {item["feature"]: item for item in baseline}
        return {
            name: drift.population_stability(
                np.array(then[name]["shares"]),
                drift.bin_shares(self.points[:, place], np.array(then[name]["edges"])),
            )
            for place, name in enumerate(self.features)
        }


def group_sample(pipeline: PipelineModel, sample: DataFrame) -> GroupedSample:
    """A fitted model over a sample (at most `max_fit_rows` customers)."""
    points, labels = model.predict_groups(pipeline, sample)
    return GroupedSample(
        points, labels, model.features_of(pipeline), len(model.centres_of(pipeline))
    )
