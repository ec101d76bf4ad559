"""A shop of two groups, five customers and two campaigns, as the report and the summary are given it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from clarion.measures.statistics.power import Lift
from clarion.report.figures import Figures
from clarion.report.lifts import LiftRow, Proof

LAST, TODAY = date(2026, 6, 1), date(2026, 6, 29)
NAN = float("nan")
PROOF = Proof(
    customers=200_000,
    decided_on=LAST,
    days=28,
    holdout=0.2,
    rows=(
        LiftRow(
            strategy="g2",
            name="loyal · 忠诚",
            as_of=TODAY,
            treated=80_000,
            held_out=20_000,
            treated_rate=0.1072,
            held_out_rate=0.1,
            orders=Lift(0.0072, 0.003, 0.0114, 0.006),
            revenue=Lift(1.3, -2.0, 4.6, 4.7),
            true_effect=0.0065,
        ),
    ),
)


def frame(columns: str, *rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns.split())


def small_figures(**changed: Any) -> Figures:
    """The figures, with any of them replaced."""
    found: dict[str, Any] = {
        "batches": frame(
            "kind rows_in accepted quarantined duplicates",
            ("orders", 1000, 990, 6, 4),
            ("orders", 500, 500, 0, 0),  # a second batch of the kind
            ("events", 20, 10, 10, 0),
        ),
        "reasons": frame("kind rule count", ("events", "malformed_record", 10), ("orders", "price_negative", 6)),
        "without_rate": frame("table rows jobs", ("silver.order_lines", 1200, "measure, profiles")),
        "segments": frame(
            "segment_id name_en name_zh customers customer_share revenue revenue_share recency_days orders average_order interests",
            ("g2", "loyal <b>", "忠诚", 3, 0.6, Decimal(900), 0.9, 12.4, 4.25, Decimal("75.50"), [{"category": "Masks", "share": 0.75}]),
            ("g1", "silent", "沉默", 2, 0.4, Decimal(100), 0.1, NAN, 0.5, None, []),  # has never ordered
        ),
        "customers": frame("segment_id orders monetary recency_days", ("g2", 4, 300.0, 3.0), ("g2", 5, 0.0, 9.0)),
        "compared_features": frame(
            "segment_id frequency spend",
            ("g2", 4.0, 1.0), ("g2", 5.0, 1.0), ("g2", 6.0, 1.0), ("g1", 1.0, 1.0), ("g1", 4.0, 1.0),
        ),
        "flows": frame(
            "from_segment to_segment customers",
            ("(none)", "g1", 1), ("g1", "(none)", 4), ("g1", "g2", 2), ("g2", "g1", 3), ("g2", "g2", 7),
        ),
        "tags": frame(
            "tag kind rule label_en label_zh segment_id support confidence recall fidelity fidelity_low fidelity_high",
            ("buyer", "declared", "orders > 3", "buyer", "买家", None, 0.4, NAN, NAN, NAN, NAN, NAN),
            ("fan", "declared", "views > 9", "fan", "粉丝", None, 0.2, NAN, NAN, NAN, NAN, NAN),
            ("looker", "declared", "views > 0", "looker", "浏览者", None, 0.7, NAN, NAN, NAN, NAN, NAN),
            ("like:g2", "tree", "frequency > 3.5", "like g2", "像g2", "g2", 0.6, 0.9, 0.75, 0.95, 0.85, 0.99),
        ),
        "group_tags": frame("segment_id tag count", ("g2", "buyer", 2), ("g2", "fan", 3), ("g2", "looker", 2), ("g1", "looker", 1)),
        "neighbours": frame(
            "product_id title category rank neighbour its_category cosine",
            ("p1", "Cream", "Creams", 1, "Lotion", "Creams", 0.91234),
            ("p1", "Cream", "Creams", 2, "Soap", None, 0.5),
        ),
        "purity": (0.8, 0.25),
        "minutes": frame("minute views cart_adds checkouts orders", (datetime(2026, 6, 28, 10, 1), 5, 2, 1, 1)),
        "origins": frame("origin orders revenue", ("live stream", 12, Decimal("1234.5")), ("own shop", 7, Decimal(99))),
        "kpi_alerts": frame(
            "metric direction opened_at closed_at window_minutes value usual z",
            ("orders", "drop", datetime(2026, 6, 28, 11), None, 15, 3.0, 41.0, -5.9),
        ),
        "problems": frame(
            "step payment_method failures given_up given_up_share simplify",
            ("/pay", "card", 31, 17, 0.25, True), ("/pay", "wallet", 2, 1, 0.01, False),
        ),
        "requests": frame("kind count", ("abandoned_cart", 36)),
        "running_campaigns": frame(
            "campaign_id as_of delivered clickers buyers orders revenue expected_cost",
            ("2026-06-01/g1/coupon", LAST, 1200, 84, 9, 11, Decimal("410.5000"), Decimal("95.2500")),
        ),
        "alerts": frame(
            "kind competitor title product_id category observed_at price_before price_after change",
            ("price_cut", "Alpha", "Alpha cream", "p1", "Creams", datetime(2026, 6, 28, 12), Decimal(100), Decimal(80), -0.2),
            ("price_war", None, None, None, "Soaps", datetime(2026, 6, 28, 13), None, None, NAN),
        ),
        "prediction_models": frame(
            "label kind horizon_days model customers base_rate auc auc_low auc_high loss base_loss lift reason calibration",
            ("brand", "event", 30, None, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, "0 customers to train with", []),
            ("churn", "event", 56, "logistic", 956.0, 0.57, 0.7367, 0.705, 0.768, 0.2058, 0.2493, 1.517, "better", [{"predicted": 0.1, "observed": 0.125}]),
            ("value", "amount", 56, "linear", 956.0, 41.5, 0.41, 0.35, 0.47, 30.25, 33.5, NAN, "better", [{"predicted": 20.0, "observed": 21.0}]),
        ),
        "prediction_reasons": frame(
            "label en customers",
            ("churn", "last order long ago", 300), ("churn", "few orders in a year", 200), ("churn", "new as a customer", 9), ("churn", "small orders", 1),
        ),
        "need_models": frame(
            "model state trials rate rate_low rate_high gain gain_low gain_high reason",
            ("own", "compared", 1500, 0.625, 0.6, 0.65, NAN, NAN, NAN, "the simplest model"),
            ("markov", "acts", 1500, 0.7, 0.675, 0.725, 0.075, 0.05, 0.1, "above it"),
            ("gru", "not_fitted", 0, NAN, NAN, NAN, NAN, NAN, NAN, "needs the extra deep"),
        ),
        "next_needs": frame("category customers probability", ("Creams", 1100, 0.375), ("Soaps", 2, 0.5)),
        "due_needs": frame("category customers due soon lapsed usual_gap_days", ("Creams", 1400, 30, 12, 5, 41.5)),
        "due_calibration": frame(
            "horizon_days decile predicted bought_share", (7, 1, 0.01, 0.02), (7, 2, 0.2, 0.25), (14, 1, 0.02, 0.02),
        ),
        "forecasts": frame(
            "measure level series day model expected low high",
            ("revenue", "all", "all", TODAY, "seasonal naive", 10.0, 8.0, 12.0),
            ("revenue", "all", "all", date(2026, 6, 30), "seasonal naive", 11.0, 8.0, 12.0),
            ("units", "all", "all", TODAY, "ets", 2.0, 1.0, 3.0),
        ),
        "backtests": frame(
            "measure level series model mase mase_naive coverage reason",
            ("revenue", "all", "all", "seasonal naive", 0.875, 0.875, 0.8, "it has the lowest error"),
            ("revenue", "brand", "New", None, NAN, NAN, NAN, "too short: 3 days"),
            ("units", "all", "all", "ets", 0.5, 0.875, 0.8, None),
        ),
        "market_position": frame(
            "category listings matched_listings price_index index_low index_high cheaper_share trend trend_low trend_high new_listings "
            "promotions evidence market_size market_size_from market_size_to market_size_source market_share",
            ("all", 1234, 9, 1.052, 1.001, 1.105, 0.25, 0.011, 0.002, 0.019, 7.0, 3, ["Alpha cut 12 of 40 matched prices in 7 days"],
             2.5e6, LAST, TODAY, "a study", 0.0125),
            ("Soaps", 2, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0, [], NAN, None, None, None, NAN),
        ),
        "competitors": frame(
            "competitor listings new_listings strengths weaknesses only_theirs only_theirs_examples only_ours only_ours_examples note",
            ("Alpha", 1200, 7.0, ["cheaper", "more_brands"], ["narrower"], 2, ["Rose soap", "Oil"], 0, [], None),
            ("Gamma", 0, NAN, [], [], 0, [], 5, ["Cream"], "no price of it was ever seen"),
        ),
        "grey_relations": frame(
            "driver weeks grade rank lowest_grade highest_grade best_rank worst_rank",
            ("units", 13, 0.981, 1, 0.9, 0.99, 1, 1), ("order_value", 13, 0.55, 2, 0.5, 0.75, 2, 3),
        ),
        "campaigns": frame(
            "campaign_id strategy_id strategy_version offer_id offer_name_en offer_name_zh public_rule eligible reach expected_cost expected_value",
            ("a", "g2", 3, "coupon", "Coupon", "券", "one each", 1500, 1200, Decimal("340.50"), 410.25),
            ("b", "g1", 1, "coupon", "Coupon", "券", "one each", 2, 1, Decimal("0.25"), 0.5),
            ("c", "g1", 1, "news", "News", "新闻", "no benefit", 1, 1, Decimal("0.02"), -0.01),
        ),
        "budgets": frame(
            "as_of budget planned explored",
            (LAST, Decimal(400), Decimal(399), Decimal(0)),
            (TODAY, Decimal("2000"), Decimal("1340.77"), Decimal("12.5")),
        ),
        "kpis": frame(
            "as_of strategy_id strategy_version delivered ctr cr apu rpr held_out treated lift lift_low lift_high lift_detectable "
            "held_out_buyers treated_buyers order_rate_lift order_rate_low order_rate_high order_rate_detectable",
            (TODAY, "g1", 1, 3, 0.0, NAN, None, NAN, 0, 2, NAN, NAN, NAN, NAN, 0, 1, NAN, NAN, NAN, NAN),
            (TODAY, "g2", 2, 40, 0.25, 0.5, Decimal("61.5"), 0.2, 78, 310, 12.34, -1.5, 26.18, 19.8, 11, 65, 0.0687, 0.001, 0.136, 0.0912),
        ),
        "adjustments": frame(
            "as_of strategy_id strategy_version factor relative_factor benefit_before benefit_after reason reason_zh",
            (TODAY, "g1", 1, NAN, NAN, 1.0, 1.0, "Nothing changes: there is no conversion yet.", "不调整：还没有转化率。"),
            (TODAY, "g2", 2, 7.55, 0.35, 1.1, 1.177, "So a larger benefit is tried.", None),  # of a lake before there was Chinese
        ),
        "strategies": frame(
            "as_of strategy_id name_en name_zh benefit",
            (LAST, "g2", "loyal", "忠诚", 1.1), (TODAY, "g2", "loyal", "忠诚", 1.177), (TODAY, "g1", "silent", "沉默", 1.0),
        ),
        "targets": frame(
            "target definition value low high goal verdict reason",
            ("A1", "rows that reconcile", 1.0, 0.99, 1.0, 1.0, "met", None),
            ("A2", "late rows", NAN, NAN, NAN, NAN, "not measurable", "no stream"),
        ),
    }  # fmt: skip
    return Figures(**{**found, **changed})


def nothing(name: str) -> pd.DataFrame:
    """A figure without rows."""
    figure: pd.DataFrame = getattr(small_figures(), name)
    return figure.iloc[:0]
