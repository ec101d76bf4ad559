"""Pictures of a grouping, stored with its model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clarion.customers.segments.candidates import Candidate
from clarion.customers.segments.metrics import Array, Labels, standardise

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MAX_POINTS = 2_000  # more points of a map hide each other


def choice_figure(candidates: Sequence[Candidate], *, chosen_k: int) -> "go.Figure":
    """Silhouette and stability by number of groups, the chosen one marked."""
    import plotly.graph_objects as go

    ks = [candidate.k for candidate in candidates]
    curves = {
        "silhouette": [candidate.silhouette for candidate in candidates],
        "stability": [candidate.stability for candidate in candidates],
    }
    figure = go.Figure()
    for name, values in curves.items():
        figure.add_scatter(x=ks, y=values, mode="lines+markers", name=name)
    figure.add_vline(x=chosen_k, line_dash="dot")
    figure.update_xaxes(title="groups", dtick=1)
    return figure


def map_figure(points: Array, labels: Labels) -> "go.Figure":
    """Customers on the two directions in which they differ most, by group.

    Args:
        points: features, unscaled, shape (n, d).
        labels: groups, shape (n,).
    """
    import plotly.graph_objects as go

    flat = principal_components(points)
    figure = go.Figure()
    for group in np.unique(labels):
        is_member = labels == group
        limit = max(1, _MAX_POINTS * int(is_member.sum()) // len(labels))
        members = np.flatnonzero(is_member)[:limit]
        figure.add_scatter(
            x=flat[members, 0],
            y=flat[members, 1],
            mode="markers",
            name=str(group),
            marker={"size": 5, "opacity": 0.6},
        )
    return figure


def principal_components(points: Array) -> Array:
    """The first two principal components of the standardised features.

    Args:
        points: features, shape (n, d).

    Returns:
        Shape (n, 2); the second column is zero if there is one feature only.
    """
    standardised = standardise(points)
    _, _, directions = np.linalg.svd(standardised, full_matrices=False)
    first_two = directions[:2]
    # The sign of a direction is arbitrary; its largest weight is made positive each time.
    largest = np.take_along_axis(first_two, np.abs(first_two).argmax(1)[:, None], 1)
    first_two = first_two * np.where(largest < 0, -1.0, 1.0)
    flat: Array = np.zeros((len(points), 2))
    flat[:, : len(first_two)] = standardised @ first_two.T
    return flat
