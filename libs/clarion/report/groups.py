"""The groups in the report: their charts, tags and rules, and who joined and left."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clarion.customers.segments.pictures import principal_components
from clarion.measures.columns.flows import NOWHERE
from clarion.report.charts import colour
from clarion.report.figures import Figures

_TAGS_SHOWN = 6
_GREY = "#9aa5ad"


def customer_map(figures: Figures) -> go.Figure | None:
    """Customers on the two directions in which they differ most, coloured by group."""
    features = figures.compared_features
    names = _feature_names(features)
    if len(features) < 3 or not names:
        return None
    values = features[names].fillna(features[names].median()).fillna(0.0)
    positions = principal_components(values.to_numpy(dtype=np.float64))
    figure = go.Figure()
    for index, segment in enumerate(figures.segments.to_dict("records")):
        is_member = (features["segment_id"] == segment["segment_id"]).to_numpy()
        figure.add_scatter(
            x=positions[is_member, 0],
            y=positions[is_member, 1],
            mode="markers",
            name=f"{segment['segment_id']} {segment['name_en']}",
            marker={"color": colour(index), "size": 6, "opacity": 0.6},
        )
    figure.update_xaxes(title="first principal component")
    figure.update_yaxes(title="second")
    return figure


def flow_chart(figures: Figures) -> go.Figure | None:
    """Customers by their group on the day grouped before and their group now."""
    flows = figures.flows
    if flows.empty:
        return None
    names = {
        segment["segment_id"]: f"{segment['segment_id']} {segment['name_en']}"
        for segment in figures.segments.to_dict("records")
    }
    colours = {segment_id: colour(index) for index, segment_id in enumerate(names)}
    ends = {"from_segment": "was new", "to_segment": "is gone"}
    nodes = [(end, segment_id) for end in ends for segment_id in sorted(set(flows[end]))]
    position = {node: index for index, node in enumerate(nodes)}
    labels = [
        ends[end] if segment_id == NOWHERE else names.get(segment_id, segment_id)
        for end, segment_id in nodes
    ]
    node = {
        "label": labels,
        "color": [colours.get(segment_id, _GREY) for _, segment_id in nodes],
        "pad": 12,
        "thickness": 14,
    }
    link = {
        "source": [position["from_segment", segment_id] for segment_id in flows["from_segment"]],
        "target": [position["to_segment", segment_id] for segment_id in flows["to_segment"]],
        "value": list(flows["customers"]),
        "color": "rgba(120,135,145,0.28)",
    }
    return go.Figure(go.Sankey(node=node, link=link))


def feature_spread(figures: Figures, segment_id: str, line_colour: str) -> go.Figure | None:
    """The group's values of each compared feature, in standard deviations from all customers."""
    features = figures.compared_features
    names = _feature_names(features)
    members = features[features["segment_id"] == segment_id]
    if members.empty or not names:
        return None
    mean = features[names].mean()
    standard_deviation = features[names].std(ddof=0).replace(0.0, 1.0)
    figure = go.Figure()
    for label, rows, line in (
        ("all customers", features, _GREY),
        ("the group", members, line_colour),
    ):
        z_scores = (rows[names] - mean) / standard_deviation
        long = z_scores.melt(var_name="feature", value_name="z")
        figure.add_box(
            x=long["z"],
            y=long["feature"],
            name=label,
            orientation="h",
            line={"color": line, "width": 1},
            boxpoints=False,
        )
    figure.update_layout(boxmode="group", yaxis={"automargin": True})
    figure.update_xaxes(title="standard deviations from the mean of all")
    return figure


def group_details(figures: Figures, segment: dict[str, Any]) -> dict[str, Any]:
    """A group's tags beside everyone's, the rule that identifies it, and who joined and left.

    Args:
        figures: of the report.
        segment: segment_id and customers of the group.
    """
    segment_id = segment["segment_id"]
    rules = figures.tags[figures.tags["segment_id"] == segment_id].to_dict("records")
    return {
        "tags": _distinctive_tags(figures, segment_id, customers=int(segment["customers"])),
        "rule": rules[0] if rules else None,
        "joined": _moves(figures.flows, segment_id, end="to_segment"),
        "left": _moves(figures.flows, segment_id, end="from_segment"),
    }


def _feature_names(features: pd.DataFrame) -> list[str]:
    return [name for name in features.columns if name != "segment_id"]


def _distinctive_tags(figures: Figures, segment_id: str, *, customers: int) -> list[dict[str, Any]]:
    """Declared tags that are more frequent in the group than overall, by difference."""
    declared = figures.tags[figures.tags["kind"] == "declared"]
    of_group = figures.group_tags[figures.group_tags["segment_id"] == segment_id]
    counts = of_group.set_index("tag")["count"]
    rows = [
        {
            "label_en": tag["label_en"],
            "label_zh": tag["label_zh"],
            "share": counts[tag["tag"]] / customers,
            "everyone": tag["support"],
        }
        for tag in declared.to_dict("records")
        if tag["tag"] in counts.index
    ]
    distinctive = [row for row in rows if row["share"] > row["everyone"]]
    distinctive.sort(key=lambda row: row["everyone"] - row["share"])
    return distinctive[:_TAGS_SHOWN]


def _moves(flows: pd.DataFrame, segment_id: str, *, end: str) -> int:
    """Customers who joined the group (end: to_segment) or left it (end: from_segment).

    Customers who are new to the shop, or no longer grouped, count as well.
    """
    other_end = "from_segment" if end == "to_segment" else "to_segment"
    rows = flows[(flows[end] == segment_id) & (flows[other_end] != segment_id)]
    return int(rows["customers"].sum())
