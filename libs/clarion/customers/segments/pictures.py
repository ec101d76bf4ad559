"""Pictures of a grouping, kept with its model."""

from typing import TYPE_CHECKING

import numpy as np

from clarion.customers.segments.metrics import Array, Labels

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from clarion.customers.segments.model import Segmentation

_SHOWN = 2_000  # points of a map; more hide each other


def choice_figure(found: "Segmentation") -> "go.Figure":
    """Silhouette and stability by number of groups, the chosen one marked."""
    import plotly.graph_objects as go

    ks = [item.k for item in found.candidates]
    figure = go.Figure()
    figure.add_scatter(
        x=ks,
        y=[item.silhouette for item in found.candidates],
        mode="lines+markers",
        name="silhouette",
    )
    figure.add_scatter(
        x=ks,
        y=[item.stability for item in found.candidates],
        mode="lines+markers",
        name="stability",
    )
    figure.add_vline(x=found.chosen.k, line_dash="dot")
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
        mine = np.flatnonzero(labels == group)[
            : max(1, _SHOWN * int((labels == group).sum()) // len(labels))
        ]
        figure.add_scatter(
            x=flat[mine, 0],
            y=flat[mine, 1],
            mode="markers",
            name=str(group),
            marker={"size": 5, "opacity": 0.6},
        )
    return figure


def principal_components(points: Array) -> Array:
    """The first two principal components of the standardised features, shape (n, 2); zeros where there is but one feature."""
    spread = points.std(0)
    standard = (points - points.mean(0)) / np.where(spread > 0, spread, 1.0)
    _, _, directions = np.linalg.svd(standard, full_matrices=False)
    two = directions[:2]
    two = two * np.where(
        np.take_along_axis(two, np.abs(two).argmax(1)[:, None], 1) < 0, -1.0, 1.0
    )  # the sign is arbitrary: the same each time
    flat: Array = np.zeros((len(points), 2))
    flat[:, : len(two)] = standard @ two.T
    return flat
