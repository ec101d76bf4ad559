"""A sample of customers in the groups of a model: its quality, and its drift since the training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame

from clarion.customers.segments import matching, metrics, scoring
from clarion.customers.segments.rows import FeatureBins
from clarion.measures.statistics import drift


@dataclass(frozen=True, slots=True)
class GroupedSample:
    """Customers in the groups of a model.

    Args:
        points: the inputs of the model, unscaled, shape (n, d).
        labels: the group of each customer, shape (n,).
        features: names of the d inputs.
        groups: number of groups.
        is_known: which inputs are known of the customer, and no median, shape (n, d); None for all.
    """

    points: metrics.Array
    labels: metrics.Labels
    features: tuple[str, ...]
    groups: int
    is_known: metrics.Flags | None = None

    @property
    def standardised(self) -> metrics.Array:
        """The inputs in standard deviations from the sample's mean; a constant one is 0."""
        return metrics.standardise(self.points)

    @property
    def shares(self) -> metrics.Array:
        """Share of each group, shape (groups,)."""
        return np.bincount(self.labels, minlength=self.groups) / max(len(self.labels), 1)

    @property
    def smallest_share(self) -> float:
        """Share of the smallest group."""
        return float(self.shares.min())

    @property
    def known_shares(self) -> metrics.Array:
        """Share of each group's customers of whom an input is known, shape (groups, d)."""
        if self.is_known is None:
            return np.ones((self.groups, len(self.features)))
        return matching.group_means(self.is_known.astype(np.float64), self.labels, self.groups)

    @property
    def silhouette(self) -> float:
        """Mean silhouette over the standardised inputs, whatever the model compares.

        0 for a single group.
        """
        if len(np.unique(self.labels)) < 2:
            return 0.0
        return metrics.silhouette(self.standardised, self.labels)

    @property
    def baseline(self) -> tuple[FeatureBins, ...]:
        """The distribution of each input, with which later days are compared."""
        bins = []
        for index, name in enumerate(self.features):
            values = self.points[:, index]
            edges = drift.bin_edges(values)
            shares = drift.bin_shares(values, edges)
            bins.append(FeatureBins(name, tuple(edges.tolist()), tuple(shares.tolist())))
        return tuple(bins)

    def drift_since(self, baseline: Sequence[FeatureBins]) -> dict[str, float]:
        """Population stability index of each input since the training.

        Args:
            baseline: the distribution of each input in the training.
        """
        bins = {item.feature: item for item in baseline}
        return {
            name: drift.population_stability(
                np.array(bins[name].shares),
                drift.bin_shares(self.points[:, index], np.array(bins[name].edges)),
            )
            for index, name in enumerate(self.features)
        }


def group_sample(pipeline: PipelineModel, sample: DataFrame) -> GroupedSample:
    """A sample (at most `max_fit_rows` customers) in the groups of a fitted model."""
    points, is_known, labels = scoring.predict_groups(pipeline, sample)
    groups = len(scoring.centres_of(pipeline))
    return GroupedSample(points, labels, scoring.features_of(pipeline), groups, is_known)
