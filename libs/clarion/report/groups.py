"""The page of each group in the report: where it lies, what sets it apart, what it buys, who came and went."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from clarion.customers.segments.pictures import principal_components
from clarion.measures.columns.flows import NOWHERE
from clarion.report.figures import Figures

_TAGS_SHOWN = 6


def map_of(found: Figures, colours: tuple[str, ...]) -> go.Figure | None:
    """Customers on the two directions in which they differ most, by group."""
    names = [name for name in found.compared.columns if name != "segment_id"]
    if len(found.compared) < 3 or not names:
        return None
    flat = principal_components(
        found.compared[names]
        .fillna(found.compared[names].median())
        .fillna(0.0)
        .to_numpy(dtype=np.float64)
    )
    figure = go.Figure()
    for place, segment in enumerate(found.segments.to_dict("records")):
        mine = (found.compared["segment_id"] == segment["segment_id"]).to_numpy()
        marker = {"color": colours[place % len(colours)], "size": 6, "opacity": 0.6}
        figure.add_scatter(
            x=flat[mine, 0],
            y=flat[mine, 1],
            mode="markers",
            name=f"{segment['segment_id']} {segment['name_en']}",
            marker=marker,
        )
    figure.update_xaxes(title="first principal component")
    figure.update_yaxes(title="second")
    return figure


def flows(found: Figures, colours: tuple[str, ...]) -> go.Figure | None:
    """Who went from which group to which since the day grouped before."""
    if found.flows.empty:
        return None
    names = {
        row["segment_id"]: f"{row['segment_id']} {row['name_en']}"
        for row in found.segments.to_dict("records")
    }
    colour = {segment: colours[place % len(colours)] for place, segment in enumerate(names)}
    sides = {"from_segment": "was new", "to_segment": "is gone"}
    places = {(side, segment): None for side in sides for segment in sorted(set(found.flows[side]))}
    numbers = {key: number for number, key in enumerate(places)}
    labels = [
        sides[side] if segment == NOWHERE else names.get(segment, segment)
        for side, segment in places
    ]
    return go.Figure(
        go.Sankey(
            node={
                "label": labels,
                "color": [colour.get(segment, "#9aa5ad") for _, segment in places],
                "pad": 12,
                "thickness": 14,
            },
            link={
                "source": [
                    numbers["from_segment", segment] for segment in found.flows["from_segment"]
                ],
                "target": [numbers["to_segment", segment] for segment in found.flows["to_segment"]],
                "value": list(found.flows["customers"]),
                "color": "rgba(120,135,145,0.28)",
            },
        )
    )


def spread(found: Figures, segment_id: str, colour: str) -> go.Figure | None:
    """What the group's customers have of each compared feature, in deviations from all customers."""
    names = [name for name in found.compared.columns if name != "segment_id"]
    mine = found.compared[found.compared["segment_id"] == segment_id]
    if mine.empty or not names:
        return None
    standard_deviation = found.compared[names].std(ddof=0).replace(0.0, 1.0)
    figure = go.Figure()
    for label, rows, line in (
        ("all customers", found.compared, "#9aa5ad"),
        ("the group", mine, colour),
    ):
        scaled = (rows[names] - found.compared[names].mean()) / standard_deviation
        long = scaled.melt(var_name="feature", value_name="z")
        figure.add_box(
            x=long["z"],
            y=long["feature"],
            name=label,
            orientation="h",
            line={"color": line, "width": 1},
            boxpoints=False,
        )
    figure.update_layout(boxmode="group", yaxis={"automargin": True})
    figure.update_xaxes(title="deviations from the mean of all")
    return figure


def described(found: Figures, segment: dict[str, Any]) -> dict[str, Any]:
    """What the group's page says in words: its tags beside everyone's, the rule that tells it, who came and went."""
    segment_id = segment["segment_id"]
    rules = found.tags[found.tags["segment_id"] == segment_id].to_dict("records")
    to, away = (_others(found.flows, side, segment_id) for side in ("to_segment", "from_segment"))
    return {
        "tags": _tags(found, segment_id, int(segment["customers"])),
        "rule": rules[0] if rules else None,
        "came": to,
        "went": away,
    }


def _tags(found: Figures, segment_id: str, customers: int) -> list[dict[str, Any]]:
    """Declared tags that the group bears more often than everyone, the most telling first."""
    declared = found.tags[found.tags["kind"] == "declared"]
    mine = found.group_tags[found.group_tags["segment_id"] == segment_id].set_index("tag")["count"]
    rows = [
        {
            "label_en": tag["label_en"],
            "label_zh": tag["label_zh"],
            "share": mine[tag["tag"]] / customers,
            "everyone": tag["support"],
        }
        for tag in declared.to_dict("records")
        if tag["tag"] in mine.index
    ]
    return sorted(
        (row for row in rows if row["share"] > row["everyone"]),
        key=lambda row: row["everyone"] - row["share"],
    )[:_TAGS_SHOWN]


def _others(moved: pd.DataFrame, side: str, segment_id: str) -> int:
    """Customers who came into the group (or went out of it), newcomers and those no longer described included."""
    other = "from_segment" if side == "to_segment" else "to_segment"
    rows = moved[(moved[side] == segment_id) & (moved[other] != segment_id)]
    return int(rows["customers"].sum())
