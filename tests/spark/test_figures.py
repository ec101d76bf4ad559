"""What the report is given of a lake, counted again from its tables with pandas."""

from collections import Counter

import pandas as pd
import pytest
from worlds import World

from clarion.report.figures import Figures, read_figures


@pytest.fixture(scope="session")
def figures(world: World) -> Figures:
    return read_figures(world.lake, days=[world.as_of])


def today(world: World, name: str) -> pd.DataFrame:
    found = world.read(name).toPandas()
    return found[found["as_of"] == world.as_of]


def test_reasons_are_counted_by_kind_and_rule_the_commonest_first(
    world: World, figures: Figures
) -> None:
    quarantined = world.read("silver.quarantine").toPandas()
    pairs = zip(quarantined["kind"], quarantined["reasons"], strict=True)
    expected = Counter((kind, reason["rule"]) for kind, reasons in pairs for reason in reasons)
    assert {
        (row["kind"], row["rule"]): row["count"] for row in figures.reasons.to_dict("records")
    } == expected
    assert list(figures.reasons["count"]) == sorted(figures.reasons["count"], reverse=True)


def test_groups_stand_by_revenue_with_their_buyers_and_tags(world: World, figures: Figures) -> None:
    members = today(world, "gold.segment_members").set_index("customer_id")["segment_id"]
    sizes = Counter(members)
    assert {
        row["segment_id"]: row["customers"] for row in figures.segments.to_dict("records")
    } == sizes
    revenues = [float(value) for value in figures.segments["revenue"]]
    assert revenues == sorted(revenues, reverse=True)

    profiles = today(world, "gold.customer_profiles").query("orders > 0")
    buyers = profiles.assign(segment_id=profiles["customer_id"].map(members)).dropna(
        subset="segment_id"
    )
    drawn = figures.customers.groupby("segment_id")[["orders", "monetary"]].sum()
    expected = (
        buyers.assign(monetary=buyers["monetary"].astype(float))
        .groupby("segment_id")[["orders", "monetary"]]
        .sum()
    )
    pd.testing.assert_frame_equal(drawn, expected, check_dtype=False)
    assert Counter(figures.compared_features["segment_id"]) == sizes

    borne = today(world, "gold.customer_tags")
    pairs = zip(borne["customer_id"].map(members), borne["tags"], strict=True)
    tags = Counter(
        (segment, tag["tag"])
        for segment, marks in pairs
        for tag in marks
        if isinstance(segment, str)
    )
    assert {
        (row["segment_id"], row["tag"]): row["count"]
        for row in figures.group_tags.to_dict("records")
    } == tags


def test_neighbours_and_their_purity_are_those_of_the_day(world: World, figures: Figures) -> None:
    near, vectors = (
        today(world, "gold.product_neighbours"),
        today(world, "gold.product_vectors").set_index("product_id"),
    )
    cosines = near.set_index(["product_id", "rank"])["cosine"]
    shown = figures.neighbours
    assert shown["product_id"].nunique() == 6
    assert set(shown["rank"]) == {1, 2, 3}
    for row in shown.to_dict("records"):
        assert row["cosine"] == cosines[row["product_id"], row["rank"]]
        assert row["title"] == vectors.loc[row["product_id"], "title"]
    own, its = (
        near["product_id"].map(vectors["category"]),
        near["neighbour_id"].map(vectors["category"]),
    )
    assert figures.purity is not None
    assert figures.purity[0] == pytest.approx((own == its).mean())


def test_of_what_is_planned_only_the_day_is_shown_and_the_loop_over_all_days(
    world: World, figures: Figures
) -> None:
    for name in ("campaigns", "forecasts", "targets", "tags"):
        pd.testing.assert_series_equal(
            getattr(figures, name)["as_of"].value_counts(),
            today(world, f"{'ops' if name == 'targets' else 'gold'}.{name}")[
                "as_of"
            ].value_counts(),
        )
    assert len(figures.strategies) == world.read("gold.strategies").count()
    assert list(figures.campaigns["reach"]) == sorted(figures.campaigns["reach"], reverse=True)
    assert len(figures.alerts) == min(10, world.read("live.market_alerts").count())
    assert list(figures.alerts["change"]) == sorted(figures.alerts["change"])
