"""From one day's plan to the next: versions, multipliers and adjustments, worked out by hand."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from chispa import assert_df_equality
from lake_rows import append_rows
from pyspark.sql import DataFrame, SparkSession
from worlds import Desk

from clarion.campaigns.decisions.settings import StrategySettings
from clarion.campaigns.decisions.versions import next_versions
from clarion.config import Config

TODAY, LAST, FIRST = date(2026, 7, 27), date(2026, 6, 29), date(2026, 6, 1)
BETWEEN, SINCE = date(2026, 6, 15), date(2026, 7, 13)
SEGMENTS = "segment_id string, name_en string, name_zh string"
PLANS = "as_of date, strategy_id string, version int, benefit double"
ADJUSTED = "strategy_id string, benefit_after double, acted boolean, reason string"
VERSIONS = (
    "as_of date, strategy_id string, version int, segment_id string, name_en string, name_zh string, benefit double, "
    "target_ctr double, target_cr double, target_apu decimal(18,4), target_rpr double, changed_because string"
)
Rows = Callable[..., DataFrame]


@pytest.mark.covers("S2")
def test_a_version_rises_only_with_an_adjustment_that_acts(rows: Rows, config: Config) -> None:
    settings = config.section(StrategySettings)
    groups = [(f"g{n}", f"group {n}", f"第{n}组") for n in (1, 2, 3, 4)]
    earlier = rows(
        PLANS,
        (FIRST, "g1", 1, 1.0), (LAST, "g1", 2, 1.1),
        (LAST, "g2", 1, 0.9), (FIRST, "g2", 1, 0.9),
        (FIRST, "g3", 3, 1.2),  # not there at the last day, and back again
        (LAST, "g9", 7, 1.4),  # of a group that is gone
    )  # fmt: skip
    adjusted = rows(
        ADJUSTED,
        ("g1", 1.045, True, "beyond its targets"),
        ("g2", 0.9, False, "too few messages"),
        ("g9", 1.5, True, "short of its targets"),
    )
    found = next_versions(rows(SEGMENTS, *groups), earlier, adjusted, settings, as_of=TODAY)
    aims = (
        settings.target_ctr,
        settings.target_cr,
        Decimal(str(settings.target_apu)),
        settings.target_rpr,
    )
    expected = rows(
        VERSIONS,
        (TODAY, "g1", 3, "g1", "group 1", "第1组", 1.045, *aims, "beyond its targets"),
        (TODAY, "g2", 1, "g2", "group 2", "第2组", 0.9, *aims, None),
        (TODAY, "g3", 3, "g3", "group 3", "第3组", 1.2, *aims, None),
        (
            TODAY,
            "g4",
            1,
            "g4",
            "group 4",
            "第4组",
            1.0,
            *aims,
            None,
        ),  # a new group: version 1, multiplier 1
    )
    assert_df_equality(found, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_shop_without_groups_has_no_strategies(rows: Rows, config: Config) -> None:
    plans = rows(PLANS, (LAST, "g1", 2, 1.1))
    found = next_versions(
        rows(SEGMENTS), plans, rows(ADJUSTED), config.section(StrategySettings), as_of=TODAY
    )
    assert found.isEmpty()


def plan(
    strategy: str, version: int, benefit: float, *, as_of: date = LAST, times: int = 1
) -> dict[str, Any]:
    """A row of gold.strategies; its targets are `times` those that the tests reckon with."""
    targets = {
        "target_ctr": 0.1 * times,
        "target_cr": 0.5 * times,
        "target_apu": Decimal(60 * times),
        "target_rpr": 0.25 * times,
    }
    return {
        "as_of": as_of,
        "strategy_id": strategy,
        "segment_id": strategy,
        "version": version,
        "benefit": benefit,
        **targets,
    }


def measured(
    strategy: str,
    version: int,
    delivered: int,
    clickers: int,
    buyers: int,
    revenue: int,
    repeat: int,
) -> dict[str, Any]:
    def part(of: int, whole: int) -> float | None:
        return of / whole if whole else None

    return {
        "as_of": TODAY, "decided_on": LAST, "strategy_id": strategy, "strategy_version": version,
        "delivered": delivered, "clickers": clickers, "buyers": buyers, "revenue": Decimal(revenue), "repeat_buyers": repeat,
        "ctr": part(clickers, delivered), "cr": part(buyers, clickers), "rpr": part(repeat, buyers),
        "apu": Decimal(revenue) / buyers if buyers else None,
    }  # fmt: skip


@pytest.mark.covers("S2")
def test_what_was_measured_moves_the_benefit_multiplier_of_the_version_that_was_measured(
    spark: SparkSession, tmp_path: Path
) -> None:
    even = {f"adjust.weight_{kpi}": "0.25" for kpi in ("ctr", "cr", "apu", "rpr")}
    desk = Desk(
        spark,
        tmp_path,
        {},
        **even,
        **{"adjust.gain": "0.2", "adjust.step": "0.1", "adjust.min_delivered": "50"},
    )
    append_rows(
        desk.lake,
        "gold.strategies",
        # The version that was measured stood on other days as well, with targets of their own.
        plan("short", 1, 1.0, as_of=FIRST, times=2), plan("short", 2, 1.1),
        plan("short", 2, 1.1, as_of=BETWEEN, times=2), plan("short", 2, 1.1, as_of=SINCE, times=2),
        plan("beyond", 1, 1.0), plan("silent", 4, 0.8), plan("few", 1, 1.0),
    )  # fmt: skip
    append_rows(
        desk.lake,
        "gold.strategy_kpis",
        measured("short", 2, 1000, 50, 20, 600, 4),  # ctr 0.05, cr 0.4, apu 30, rpr 0.2
        measured("beyond", 1, 1000, 200, 100, 6000, 25),  # ctr 0.2, the others on their targets
        measured(
            "silent", 4, 200, 30, 0, 0, 0
        ),  # nobody bought: no revenue per buyer, no repurchase
        measured("few", 1, 49, 1, 1, 60, 0),
    )
    desk.run("adjust", as_of=TODAY)
    adjustments = desk.read("gold.adjustments").collect()
    found = {row["strategy_id"]: row for row in adjustments}
    assert len(found) == len(adjustments) == 4

    short = found["short"]
    # Relative gaps 0.5, 0.2, 0.5 and 0.2, a quarter each: 1.4 / 4. Literal: (0.05 + 0.1 + 30 + 0.05) / 4.
    assert (short["relative_factor"], short["factor"], short["absolute_gap"]) == pytest.approx(
        (0.35, 7.55, 0.35)
    )
    assert short["dominance"] == pytest.approx(0.5 / 1.4)
    # 1 + 0.2 x 0.35 = 1.07, of the multiplier that was measured.
    assert (short["strategy_version"], short["benefit_before"], short["benefit_after"]) == (
        2,
        1.1,
        pytest.approx(1.1 * 1.07),
    )
    assert short["acted"]

    beyond = found["beyond"]
    assert beyond["relative_factor"] == pytest.approx(-0.25)  # (0.1 - 0.2) / 0.1, a quarter
    assert (beyond["dominance"], beyond["benefit_after"]) == pytest.approx((1.0, 0.95))

    silent = found["silent"]
    unknown = ("factor", "relative_factor", "dominance", "absolute_gap")
    assert [silent[name] for name in unknown] == [None] * 4
    assert (
        silent["terms"],
        silent["acted"],
        silent["benefit_before"],
        silent["benefit_after"],
    ) == ([], False, 0.8, 0.8)
    assert silent["reason"] == (
        "Nothing changes: there is no revenue per buyer and no repurchase rate yet. Of 200 messages "
        "delivered, 30 were clicked, and 0 of these customers ordered."
    )
    assert silent["reason_zh"] == (
        "不调整：还没有每位买家收入、复购率。送达 200 条消息，30 条被点击，其中 0 位客户下单。"
    )

    few = found["few"]
    assert (few["acted"], few["benefit_after"], few["reason"]) == (
        False,
        1.0,
        "Nothing changes: 49 messages were delivered, and it takes 50 to judge.",
    )
