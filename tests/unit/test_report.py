"""The report says what the figures say: each table, each group's page and each chart, by hand."""

from pathlib import Path
from typing import Any

import pytest
from pages import Page
from small_figures import LAST, PROOF, TODAY, nothing, small_figures

from clarion.jobs.registry import JOBS
from clarion.kernel.errors import UsageError
from clarion.report import charts, groups
from clarion.report.figures import Figures
from clarion.report.lifts import lift_rows
from clarion.report.loop_run import LoopRun
from clarion.report.missing import PARTS
from clarion.report.needs import due_chart
from clarion.report.predictions import calibration_chart
from clarion.report.report import write_report
from clarion.runtime.pipeline import select


def reported(figures: Figures, folder: Path) -> Page:
    run = LoopRun("Plum & Co", "EUR", (LAST, TODAY), planted={("orders", "bad_dates"): 6})
    path = write_report(run, figures, folder / "report.html")
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return reported(small_figures(), tmp_path_factory.mktemp("report"))


def test_every_row_that_came_in_is_counted_by_kind_and_in_all(page: Page) -> None:
    assert page.rows("kind") == [
        ["events", "20", "10", "10", "0"],
        ["orders", "1,500", "1,490", "6", "4"],
        ["all", "1,520", "1,500", "16", "4"],
    ]
    assert "Planted by the simulated shop: 6 bad dates in orders." in page.words
    assert page.rows("table") == [["silver.order_lines", "1,200", "measure, profiles"]]


def test_the_head_states_shop_day_turns_and_money(page: Page) -> None:
    assert "Plum & Co" in page.words
    assert "as of 2026-06-29, after 2 turns of the loop" in page.words
    assert "1,202messages planned" in page.words.replace("\n", "")  # 1,200 + 1 + 1
    assert "1,340.77 of 2,000.00 EUR planned, 12.50 of it for randomised choices" in page.words


def test_campaigns_stand_with_reach_cost_and_value(page: Page) -> None:
    assert page.rows("offer") == [
        ["Coupon · 券", "g2 v3", "1,500", "1,200", "340.50", "410.25", "one each"],
        ["Coupon · 券", "g1 v1", "2", "1", "0.25", "0.50", "one each"],
        ["News · 新闻", "g1 v1", "1", "1", "0.02", "-0.01", "no benefit"],
    ]


def test_what_is_not_computable_is_a_dash_and_never_a_number(page: Page) -> None:
    measured, corrected = (table[1:] for table in page.tables if table[0][0] == "as of")
    assert measured == [
        ["2026-06-29", "g1 v1", "3", "0.0%", "–", "–", "–"],
        ["2026-06-29", "g2 v2", "40", "25.0%", "50.0%", "61.50", "20.0%"],
    ]
    assert corrected == [
        [
            "2026-06-29",
            "g1 v1silent · 沉默",
            "–",
            "–",
            "1.000 → 1.000",
            "Nothing changes: there is no conversion yet.不调整：还没有转化率。",
        ],
        [
            "2026-06-29",
            "g2 v2loyal · 忠诚",
            "+7.55",
            "+0.350",
            "1.100 → 1.177",
            "So a larger benefit is tried.",
        ],
    ]
    assert page.rows("target")[1:] == [["A2", "late rows", "", "", "", "not measurable: no stream"]]
    assert "nan" not in page.words.lower()
    assert "None" not in page.words


def test_every_lift_stands_with_its_interval_and_with_what_so_many_customers_can_show(
    page: Page,
) -> None:
    assert page.rows("group") == [
        [
            "g1 v1silent · 沉默", "2026-06-29", "2 / 0", "50.0% / –",
            "not computable", "–", "not computable", "–",
            "Nothing can be said: too few customers are held out, or nobody ordered."
            "无法判断：对照客户太少，或无人下单。",
        ],
        [
            "g2 v2loyal · 忠诚", "2026-06-29", "310 / 78", "21.0% / 14.1%",
            "+6.9 (+0.1 to +13.6)", "9.1", "+12.3 (-1.5 to +26.2)", "19.8",
            "With 310 and 78 customers, a true difference below 9.1 points or 19.8 EUR may well go "
            "unnoticed. More orders because of the messages."
            "310 人对 78 人时，低于 9.1 个百分点或 19.8 EUR 的真实差异很可能看不出来。"
            "消息带来了更多下单。",
        ],
    ]  # fmt: skip
    assert "The same plan with" not in page.words


def test_a_lift_whose_interval_holds_zero_shows_nothing() -> None:
    kpis = small_figures().kpis.assign(order_rate_low=-0.001)
    row = lift_rows(kpis, small_figures().strategies)[1]
    assert row.meaning("EUR").endswith("Nothing is shown: the difference may be chance.")
    assert row.meaning_zh("EUR").endswith("尚未看出效果：差异可能只是偶然。")
    fewer = kpis.assign(lift=-12.0, lift_low=-20.0, lift_high=-4.0)
    row = lift_rows(fewer, small_figures().strategies)[1]
    assert row.meaning("EUR").endswith("unnoticed. Less revenue because of the messages.")
    assert row.meaning_zh("EUR").endswith("看不出来。消息带来了更少收入。")


def test_the_plan_on_the_large_shop_stands_beside_the_truth(tmp_path: Path) -> None:
    run = LoopRun("Plum & Co", "EUR", (LAST, TODAY), proof=PROOF)
    path = write_report(run, small_figures(), tmp_path / "report.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert page.rows("customers the plan writes to") == [
        [
            "g2loyal · 忠诚", "2026-06-29", "80,000 / 20,000", "10.7% / 10.0%",
            "+0.72 (+0.30 to +1.14)", "0.60", "+0.65", "+1.3 (-2.0 to +4.6)", "4.7",
            "With 80,000 and 20,000 customers, a true difference below 0.60 points or 4.7 EUR may "
            "well go unnoticed. More orders because of the messages."
            "80,000 人对 20,000 人时，低于 0.60 个百分点或 4.7 EUR 的真实差异很可能看不出来。"
            "消息带来了更多下单。",
        ]
    ]  # fmt: skip
    assert "The same plan with 200,000 customers" in page.words
    assert "20% are held out at random, and what they do in 28 days is seen once" in page.words


def test_each_group_has_a_card_and_a_page(page: Page) -> None:
    assert "g2 loyal <b>" in page.words  # escaped, not a tag
    assert "4.2 orders on average, 75.50 an order, last one 12 days ago" in page.words
    assert "0.5 orders on average" in page.words.replace("\n", "")
    assert "g2 loyal <b> · 忠诚: 3 customers, 2 joined, 3 left" in page.words
    assert (
        "g1 silent · 沉默: 2 customers, 4 joined, 6 left" in page.words
    )  # 1 + 3 joined, 4 + 2 left
    assert "assigns 95% of unseen customers to their group (85% to 99%)" in page.words


def test_products_forecasts_and_alerts_are_shown(page: Page) -> None:
    assert page.rows("product") == [
        ["Cream", "Creams", "Lotion", "Creams", "0.912"],
        ["", "", "Soap", "", "0.500"],
    ]
    assert page.rows("measure") == [
        [
            "revenue",
            "all",
            "all",
            "seasonal naive",
            "0.875",
            "0.875",
            "80%",
            "it has the lowest error",
        ],
        ["revenue", "brand", "New", "–", "–", "–", "–", "too short: 3 days"],
        ["units", "all", "all", "ets", "0.500", "0.875", "80%", ""],
    ]
    assert page.rows("what") == [
        ["price cut", "Alpha", "p1", "2026-06-28 12:00:00", "100.00", "80.00", "-20%"],
        ["price war", "several", "Soaps", "2026-06-28 13:00:00", "", "", ""],
    ]


def test_predictions_are_shown_with_their_quality_and_common_reasons(page: Page) -> None:
    assert page.rows("outcome") == [
        ["brand, 30 days", "none", "", "", "", "", "", "", "0 customers to train with"],
        ["churn, 56 days", "logistic", "956", "57.0%", "0.737 (0.705 to 0.768)", "0.206", "0.249", "1.517",
         "last order long ago; few orders in a year; new as a customer"],
        ["value, 56 days", "linear", "956", "41.500", "0.410 (0.350 to 0.470)", "30.250", "33.500", "", ""],
    ]  # fmt: skip
    chart = calibration_chart(small_figures().prediction_models)
    assert chart is not None
    assert [trace.name for trace in chart.data] == ["as predicted", "churn"], "shares only"
    assert calibration_chart(small_figures().prediction_models.iloc[:1]) is None


def test_needs_are_shown_with_how_they_are_known_and_what_is_due(page: Page) -> None:
    assert page.rows("model of needs") == [
        ["own", "compared", "1,500", "62.5% (60.0% to 65.0%)", "—", "the simplest model"],
        [
            "markov",
            "acts",
            "1,500",
            "70.0% (67.5% to 72.5%)",
            "+7.5% (+5.0% to +10.0%)",
            "above it",
        ],
        ["gru", "not fitted", "0", "—", "—", "needs the extra deep"],
    ]
    assert page.rows("likeliest next category") == [
        ["Creams", "1,100", "38%"],
        ["Soaps", "2", "50%"],
    ]
    assert page.rows("due category") == [["Creams", "1,400", "30", "12", "5", "42"]]
    chart = due_chart(small_figures().due_calibration)
    assert chart is not None
    assert [(trace.name, list(trace.x), list(trace.y)) for trace in chart.data[1:]] == [
        ("within 7 days", [0.01, 0.2], [0.02, 0.25]),
        ("within 14 days", [0.02], [0.02]),
    ]
    assert due_chart(nothing("due_calibration")) is None


def test_the_shop_of_the_last_day_is_shown_with_alerts_problems_and_requests(page: Page) -> None:
    assert page.rows("origin") == [["live stream", "12", "1,234.50"], ["own shop", "7", "99.00"]]
    assert page.rows("figure") == [
        ["orders", "drop", "2026-06-28 11:00:00", "still open", "3 in 15 min", "41", "-5.9"]
    ]
    assert page.rows("step") == [
        ["/pay", "card", "31", "17", "25.0%", "simplify"],
        ["/pay", "wallet", "2", "1", "1.0%", ""],
    ]
    assert page.rows("occasion") == [["abandoned cart", "36"]]
    assert page.rows("running campaign") == [
        ["2026-06-01/g1/coupon", "1,200", "84", "9", "11", "410.50", "95.25"]
    ]


def test_a_group_is_told_by_the_tags_it_bears_more_often_than_everyone() -> None:
    found = groups.group_details(small_figures(), {"segment_id": "g2", "customers": 3})
    told = [
        (tag["label_en"], pytest.approx(tag["share"]), tag["everyone"]) for tag in found["tags"]
    ]
    # fan: 3 of 3 and 20 % of all; buyer: 2 of 3 and 40 %; two of three lookers are fewer than 70 % of all.
    expected: list[Any] = [("fan", 1.0, 0.2), ("buyer", 2 / 3, 0.4)]
    assert told == expected
    assert (found["joined"], found["left"]) == (2, 3)
    assert found["rule"]["rule"] == "frequency > 3.5"
    silent = groups.group_details(small_figures(), {"segment_id": "g1", "customers": 2})
    assert (silent["tags"], silent["rule"], silent["joined"], silent["left"]) == ([], None, 4, 6)


def test_the_flows_join_each_group_then_with_each_group_now() -> None:
    chart = groups.flow_chart(small_figures())
    assert chart is not None
    node, link = chart.data[0].node, chart.data[0].link
    labels = [
        (node.label[start], node.label[end], value)
        for start, end, value in zip(link.source, link.target, link.value, strict=True)
    ]
    assert labels == [
        ("was new", "g1 silent", 1),
        ("g1 silent", "is gone", 4),
        ("g1 silent", "g2 loyal <b>", 2),
        ("g2 loyal <b>", "g1 silent", 3),
        ("g2 loyal <b>", "g2 loyal <b>", 7),
    ]
    assert groups.flow_chart(small_figures(flows=nothing("flows"))) is None


def test_a_feature_is_drawn_in_deviations_from_all_customers() -> None:
    chart = groups.feature_spread(small_figures(), "g1", "#000000")
    assert chart is not None
    everyone, group = chart.data
    assert (everyone.name, group.name) == ("all customers", "the group")
    # frequency 4, 5, 6, 1, 4: mean 4, deviation sqrt(14 / 5); spend is the same for all.
    unit = (14 / 5) ** 0.5
    assert list(zip(group.y, group.x, strict=True)) == [
        ("frequency", pytest.approx(-3 / unit)),
        ("frequency", pytest.approx(0.0)),
        ("spend", 0.0),
        ("spend", 0.0),
    ]
    assert groups.feature_spread(small_figures(), "g9", "#000000") is None


def test_the_map_places_every_customer_once_and_too_few_are_not_drawn() -> None:
    chart = groups.customer_map(small_figures())
    assert chart is not None
    assert [(trace.name, len(trace.x)) for trace in chart.data] == [
        ("g2 loyal <b>", 3),
        ("g1 silent", 2),
    ]
    # One feature varies: the first direction holds all of it, in its deviations of sqrt(14 / 5) and up to its sign.
    first = [value for trace in chart.data for value in trace.x]
    far = [abs(value - first[0]) * (14 / 5) ** 0.5 for value in first]
    assert far == pytest.approx([0, 1, 2, 3, 0], abs=1e-6)
    two = small_figures().compared_features.iloc[:2]
    assert groups.customer_map(small_figures(compared_features=two)) is None


def test_a_shop_that_has_not_got_far_still_gets_a_report(tmp_path: Path) -> None:
    names = (
        "segments",
        "customers",
        "compared_features",
        "flows",
        "tags",
        "group_tags",
        "neighbours",
        "minutes",
        "alerts",
        "running_campaigns",
        "prediction_models",
        "prediction_reasons",
        "need_models",
        "next_needs",
        "due_needs",
        "due_calibration",
        "forecasts",
        "backtests",
        "market_position",
        "competitors",
        "grey_relations",
    )
    later = ("campaigns", "budgets", "kpis", "adjustments", "strategies", "targets")
    intake = ("reasons", "without_rate")
    page = reported(
        small_figures(purity=None, **{name: nothing(name) for name in (*names, *later, *intake)}),
        tmp_path,
    )
    assert page.rows("kind")[-1] == ["all", "1,520", "1,500", "16", "4"]
    assert [row[0] for row in page.rows("part")] == [
        "Groups",
        "Products",
        "Live",
        "Predictions",
        "Forecast",
        "Market",
        "Campaigns",
        "The loop",
        "Scorecard",
    ]
    assert page.rows("part")[0][2] == "clarion run all --to segment"
    assert {table[0][0] for table in page.tables} == {"part", "kind"}
    assert "The loop: measured and corrected" not in page.words


def test_the_loops_multiplier_is_drawn_once_it_has_two_days() -> None:
    chart = charts.loop_chart(small_figures())
    assert chart is not None
    assert [(trace.name, list(trace.x), list(trace.y)) for trace in chart.data] == [
        ("g1 silent", ["2026-06-29"], [1.0]),
        ("g2 loyal", ["2026-06-01", "2026-06-29"], [1.1, 1.177]),
    ]
    one_day = small_figures().strategies.iloc[1:]
    assert charts.loop_chart(small_figures(strategies=one_day)) is None


def test_a_report_replaces_a_report_and_nothing_else(tmp_path: Path) -> None:
    run = LoopRun("Plum & Co", "EUR", (TODAY,))
    path = write_report(run, small_figures(), tmp_path / "report.html")
    assert write_report(run, small_figures(), path) == path
    (tmp_path / "letter.html").write_text("<p>precious</p>")
    for other in (tmp_path / "letter.html", tmp_path, tmp_path / "nowhere" / "report.html"):
        with pytest.raises(UsageError, match="fix:"):
            write_report(run, small_figures(), other)
    assert (tmp_path / "letter.html").read_text() == "<p>precious</p>"


def test_each_part_names_a_job_that_fills_it() -> None:
    for part in PARTS:
        assert hasattr(small_figures(), part.figure)
        assert part.job in {job.name for job in select(JOBS, "all", last=part.job)}
