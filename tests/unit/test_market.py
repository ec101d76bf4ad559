"""The market position of a small shop, each column by hand."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clarion.config import Config
from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import Interval, NotComputable
from clarion.prediction.market.categories import estimate_categories
from clarion.prediction.market.competitors import competitor_rows
from clarion.prediction.market.observed import Observed, weekly_prices
from clarion.prediction.market.position import Declared, position_rows
from clarion.prediction.market.prices import (
    PriceIndex,
    chained_index,
    price_index,
    weekly_trend,
)
from clarion.prediction.market.settings import MarketSettings, MarketSize
from clarion.prediction.market.warnings import WarningRules, dearer_trend

AS_OF = date(2026, 6, 1)
LONG_AGO = date(2026, 1, 5)
NAN = float("nan")
SETTINGS = MarketSettings(
    weeks=2,
    new_days=28,
    min_trend_weeks=6,
    warn_trend=0.03,
    warn_share=0.2,
    warn_least=3,
    min_category_accuracy=0.8,
    examples=2,
    sizes=(),
)
RULES = WarningRules(price_move=0.1, settings=SETTINGS)
NOTHING = Declared(wars={}, revenue={})
LISTING = {
    "competitor": "alpha",
    "brand": None,
    "product_id": None,
    "category": "tea",
    "is_estimated": False,
    "first_seen": LONG_AGO,
    "last_seen": date(2026, 5, 30),
    "promotion": None,
}
PRODUCT = {"brand": None, "category": "tea", "list_price": 10.0, "since": None}


def _market(
    listings: list[dict[str, Any]],
    products: list[dict[str, Any]] | None = None,
    promotions: list[dict[str, Any]] | None = None,
    since: dict[str, date] | None = None,
) -> Observed:
    """A market of listings with `theirs` and `ours` (newest first), by default seen long ago."""
    rows = [LISTING | {"title": f"t{number}"} | row for number, row in enumerate(listings)]
    frame = pd.DataFrame(rows, columns=[*LISTING, "title", "theirs", "ours"])
    weeks = len(rows[0]["theirs"]) if rows else SETTINGS.weeks
    shape = (len(rows), weeks)
    first = dict.fromkeys(frame["competitor"], LONG_AGO)
    return Observed(
        as_of=AS_OF,
        listings=frame.drop(columns=["theirs", "ours"]).astype({"product_id": object}),
        theirs=np.array([row["theirs"] for row in rows], dtype=float).reshape(shape),
        ours=np.array([row.get("ours", [NAN] * weeks) for row in rows], dtype=float).reshape(shape),
        products=pd.DataFrame(
            [PRODUCT | {"title": row["product_id"]} | row for row in products or []],
            columns=["product_id", "title", *PRODUCT],
        ),
        promotions=pd.DataFrame(promotions or [], columns=["competitor", "name", "category"]),
        observed_since=first | (since or {}),
    )


def _rows(seen: Observed, rules: WarningRules = RULES, declared: Declared = NOTHING) -> Any:
    return {row["category"]: row for row in position_rows(seen, rules, declared)}


def _competitors(seen: Observed, settings: MarketSettings = SETTINGS) -> Any:
    return {(row["competitor"], row["category"]): row for row in competitor_rows(seen, settings)}


def test_the_price_index_is_the_geometric_mean_with_its_interval() -> None:
    ratios = np.log([10 / 8, 10 / 10, 10 / 20, NAN])
    found = price_index(ratios)
    assert isinstance(found, PriceIndex)
    known = ratios[:3]
    half = stats.t.ppf(0.975, 2) * known.std(ddof=1) / np.sqrt(3)
    assert found.listings == 3
    assert found.index == pytest.approx((1.25 * 1 * 0.5) ** (1 / 3))
    assert found.low == pytest.approx(np.exp(known.mean() - half))
    assert found.high == pytest.approx(np.exp(known.mean() + half))
    # The second costs the same: it is neither.
    assert found.cheaper_share == pytest.approx(1 / 3)
    assert found.dearer_share == pytest.approx(1 / 3)


def test_one_listing_has_an_index_without_an_interval_and_none_has_no_index() -> None:
    one = price_index(np.log([0.5]))
    assert isinstance(one, PriceIndex)
    assert one.index == pytest.approx(0.5)
    assert (one.low, one.high) == (None, None)
    none = price_index(np.array([NAN]))
    assert none == NotComputable("no listing on sale is matched with a product that has a price")


def test_a_price_holds_until_the_next_one_or_for_as_many_weeks_as_it_may() -> None:
    seen = pd.DataFrame({"row": [0, 0, 1], "week": [5, 1, 4], "price": [9.0, 8.0, 7.0]})
    found = weekly_prices(seen, 3, weeks=4, carried=4)
    np.testing.assert_equal(found[0], [8, 8, 9, 9])
    np.testing.assert_equal(found[1], [NAN, 7, 7, 7])
    np.testing.assert_equal(found[2], [NAN] * 4)
    np.testing.assert_equal(
        weekly_prices(seen, 3, weeks=2, carried=1), [[NAN, 8], [NAN] * 2, [NAN] * 2]
    )


def test_a_listing_that_appears_does_not_move_the_chained_index() -> None:
    # Our price is 1.1 of theirs, and was equal a week before; a dear and a cheap listing come.
    ratios = np.log(np.array([[1.1, 1.0], [4.0, NAN], [0.5, NAN]]))
    chained = chained_index(ratios)
    assert chained[0] == pytest.approx((1.1 * 4.0 * 0.5) ** (1 / 3))
    assert chained[0] / chained[1] == pytest.approx(1.1)


def test_a_chain_ends_where_no_listing_is_in_both_weeks() -> None:
    ratios = np.log(np.array([[2.0, 2.0, NAN, NAN], [NAN, NAN, NAN, 3.0]]))
    np.testing.assert_allclose(chained_index(ratios), [2.0, 2.0, NAN, NAN])
    assert np.isnan(chained_index(np.full((2, 3), NAN))).all()


def test_the_trend_is_the_slope_of_theil_and_sen() -> None:
    rng = np.random.default_rng(4)
    oldest_first = np.exp(0.02 * np.arange(10) + rng.normal(0, 0.01, 10))
    trend = weekly_trend(oldest_first[::-1], least=6)
    slope, _, low, high = stats.theilslopes(np.log(oldest_first), np.arange(10), alpha=0.95)
    assert isinstance(trend, Interval)
    np.testing.assert_allclose(
        [trend.value, trend.low, trend.high], np.expm1([slope, low, high]), rtol=1e-9
    )
    assert trend.low < 0.02 < trend.high


def _share_of_trends(steps: float, scatter: float, *, trials: int = 400) -> tuple[float, float]:
    """How often an index without a trend shows one, and how often it would warn."""
    rng = np.random.default_rng(1)
    shown = warned = 0
    for _ in range(trials):
        walk = np.cumsum(rng.normal(0, steps, 13)) + rng.normal(0, scatter, 13)
        trend = weekly_trend(np.exp(walk)[::-1], least=6)
        assert isinstance(trend, Interval)
        shown += trend.low > 0 or trend.high < 0
        warned += bool(dearer_trend(trend, 13, SETTINGS))
    return shown / trials, warned / trials


def test_independent_weeks_show_a_trend_in_a_twentieth_and_a_random_walk_in_half() -> None:
    shown, warned = _share_of_trends(0.0, 0.01)
    assert shown <= 0.08
    assert warned <= 0.01
    # The README says so: here the size of the change limits the warnings.
    shown, warned = _share_of_trends(0.005, 0.0)
    assert 0.4 < shown < 0.7
    assert warned < 0.1


@pytest.mark.covers("F7")
def test_every_column_of_a_category_by_hand() -> None:
    recent = AS_OF - timedelta(days=3)
    seen = _market(
        [
            {"product_id": "p1", "theirs": [8, 10], "ours": [10, 10], "promotion": "sale"},
            {"product_id": "p2", "theirs": [20, 20], "ours": [10, 10], "competitor": "beta"},
            {"theirs": [5, NAN], "first_seen": recent, "is_estimated": True},
            {"product_id": "p1", "theirs": [NAN, 7], "ours": [10, 10]},  # gone
            {"theirs": [5, 5], "category": "cups"},
        ],
        [{"product_id": "p1"}, {"product_id": "p2"}, {"product_id": "p3", "category": "pots"}],
        [
            {"competitor": "alpha", "name": "tea week", "category": "tea"},
            {"competitor": "beta", "name": "everything", "category": None},
        ],
    )
    rows = _rows(seen)
    tea = rows["tea"]
    assert list(rows) == ["all", "cups", "pots", "tea"]
    assert (tea["competitors"], tea["listings"], tea["estimated_listings"]) == (2, 3, 1)
    assert (tea["matched_listings"], tea["promoted_listings"]) == (2, 1)
    assert tea["price_index"] == pytest.approx(np.sqrt(10 / 8 * 10 / 20))
    assert (tea["cheaper_share"], tea["dearer_share"]) == (0.5, 0.5)
    assert (tea["new_listings"], tea["promotions"]) == (1, 1)
    assert rows["all"]["promotions"] == 2
    assert tea["trend_weeks"] == 2
    assert tea["note"] == "no trend: weeks with an index: 2; a trend needs 6"
    before, now = tea["history"]
    assert before[:2] == (date(2026, 5, 24), 3)
    assert before[2] == pytest.approx((1 * 0.5 * 10 / 7) ** (1 / 3))
    assert now == (
        date(2026, 5, 31), 2, pytest.approx(0.790569, abs=1e-6),
        pytest.approx(0.790569, abs=1e-6), 0.5,
    )  # fmt: skip
    # Common listings went from 1 and .5 to 1.25 and .5.
    assert now[3] / before[3] == pytest.approx(np.sqrt(1.25))
    cups = rows["cups"]
    assert cups["matched_listings"] == 0
    assert "price_index" not in cups
    assert cups["note"].startswith("no listing is matched with a product of the shop; no trend")
    assert rows["pots"]["note"].startswith("no listing on sale")
    assert tea["warnings"] == tea["evidence"] == []
    assert not tea["is_warning"]


def test_a_competitor_that_cuts_many_prices_warns_with_the_numbers() -> None:
    cut = [{"product_id": f"p{n}", "theirs": [9, 10], "ours": [10, 10]} for n in range(3)]
    same = [{"product_id": f"q{n}", "theirs": [9.1, 10], "ours": [10, 10]} for n in range(7)]
    unmatched = [{"theirs": [5, 10]}] * 5
    other = [
        {"product_id": f"r{n}", "theirs": [5, 10], "ours": [9, 9], "competitor": "beta"}
        for n in range(2)
    ]
    rows = _rows(_market([*cut, *same, *unmatched, *other]))
    assert rows["tea"]["warnings"] == ["price_cuts"]
    assert rows["tea"]["evidence"] == ["alpha cut 3 of 10 matched prices in 7 days"]
    assert rows["tea"]["is_warning"]
    # Three in fifteen are a fifth; three in twenty are not.
    assert _rows(_market([*cut, *same, *same[:5]]))["tea"]["warnings"] == ["price_cuts"]
    more = [*same, *same, *cut, *[same[0]] * 3]
    assert _rows(_market(more))["tea"]["warnings"] == []


def test_prices_that_rise_against_theirs_warn_only_if_the_interval_says_so() -> None:
    weeks = np.arange(10)
    rising = [{"product_id": "p", "theirs": [10.0] * 10, "ours": list(10 * 1.01 ** (9.0 - weeks))}]
    row = _rows(_market(rising))["tea"]
    assert row["trend"] == pytest.approx(0.01)
    assert row["warnings"] == ["dearer_trend"]
    assert row["evidence"] == [
        "our prices rose against theirs by 9.4% in 9 weeks (95 % interval 9.4% to 9.4%)"
    ]
    up_and_down = [{"product_id": "p", "theirs": [10.0] * 10, "ours": [10, 12] * 5}]
    assert _rows(_market(up_and_down))["tea"]["warnings"] == []
    newest_first = [11.5, 9, 12, 10.5, 9.5, 11, 9, 10.5, 9.5, 10]
    unclear = [{"product_id": "p", "theirs": [10.0] * 10, "ours": newest_first}]
    row = _rows(_market(unclear))["tea"]
    assert row["trend_low"] < 0 < 0.03 / 9 < row["trend"]
    assert row["warnings"] == []
    falling = [{"product_id": "p", "theirs": [10.0] * 10, "ours": list(10 * 1.01**weeks)}]
    assert _rows(_market(falling))["tea"]["warnings"] == []


def test_new_listings_warn_and_what_nobody_watched_is_not_new() -> None:
    new = [{"theirs": [5, NAN], "first_seen": AS_OF - timedelta(days=28)}] * 3
    old = [{"theirs": [5, 5], "first_seen": AS_OF - timedelta(days=29)}] * 2
    row = _rows(_market([*new, *old]))["tea"]
    assert row["new_listings"] == 3
    assert row["evidence"] == [
        "3 of 5 listings were first seen in the last 28 days, most of them of alpha (3)"
    ]
    unwatched = _market([*new, *old], since={"alpha": AS_OF - timedelta(days=28)})
    assert _rows(unwatched)["tea"]["new_listings"] is None
    assert _rows(unwatched)["tea"]["warnings"] == []


def test_a_price_war_that_lasts_warns_in_its_category_and_in_all() -> None:
    seen = _market([{"theirs": [5, 5]}, {"theirs": [5, 5], "category": "cups"}])
    rows = _rows(seen, declared=Declared(wars={"tea": "price war since 2026-05-20"}, revenue={}))
    assert rows["tea"]["evidence"] == ["price war since 2026-05-20"]
    assert rows["all"]["evidence"] == ["tea: price war since 2026-05-20"]
    assert rows["cups"]["warnings"] == []


def test_a_market_share_comes_from_a_declared_size_alone() -> None:
    year = (date(2025, 1, 1), date(2025, 12, 31))
    sizes = tuple(
        MarketSize(category=name, amount=1000.0, first_day=year[0], last_day=year[1], source="X")
        for name in ("tea", "cups", "pots")
    )
    rules = WarningRules(0.1, replace(SETTINGS, sizes=sizes))
    revenue: dict[str, float | NotComputable] = {
        "tea": 50.0,
        "cups": NotComputable("the period is not over"),
        "pots": 2000.0,
    }
    rows = _rows(_market([{"theirs": [5, 5]}]), rules, Declared(wars={}, revenue=revenue))
    tea = rows["tea"]
    assert (tea["market_size"], tea["own_revenue"], tea["market_share"]) == (1000.0, 50.0, 0.05)
    assert (tea["market_size_from"], tea["market_size_to"]) == year
    assert tea["market_size_source"] == "X"
    assert rows["cups"]["market_share"] is None
    assert "no share: the period is not over" in rows["cups"]["note"]
    assert "the declared size is below the shop's own revenue" in rows["pots"]["note"]
    assert "market_size" not in rows["all"]


@pytest.mark.parametrize(
    "wrong",
    [{"amount": 0.0}, {"source": " "}, {"last_day": date(2024, 12, 31)}],
)
def test_a_declared_size_without_amount_period_or_source_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "category": "tea", "amount": 1.0, "first_day": date(2025, 1, 1),
        "last_day": date(2025, 1, 1), "source": "X",
    }  # fmt: skip
    MarketSize(**right)
    with pytest.raises(ValueError, match="needs an amount above 0"):
        MarketSize(**right | wrong)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ("[{category: tea, amount: 0, first_day: 2025-01-01, last_day: 2025-01-01, source: X}]",
         "needs an amount above 0"),
        ("[{category: tea, amount: 1, first_day: 2025-01-01, last_day: 2025-01-01, source: X}, "
         "{category: tea, amount: 2, first_day: 2024-01-01, last_day: 2024-01-01, source: X}]",
         "more than one size is declared for tea"),
        ("[{category: tea, amount: 1}]", "market_position.sizes.0"),
    ],
)  # fmt: skip
def test_a_wrong_size_in_the_configuration_is_a_clear_message(sizes: str, message: str) -> None:
    config = Config.load(overrides=(f"market_position.sizes={sizes}",))
    with pytest.raises(ConfigError, match=message):
        config.section(MarketSettings)


@pytest.mark.covers("X6", partly="no source states ratings of listings")
def test_every_column_of_a_competitor_by_hand() -> None:
    seen = _market(
        [
            {"product_id": "p1", "theirs": [8, 8], "ours": [10, 10], "brand": "Leaf"},
            {"product_id": "p2", "theirs": [8, 8], "ours": [11, 11], "brand": "Leaf "},
            {"theirs": [5, 5], "brand": "Zen", "title": "cheap"},
            {"theirs": [50, 5], "brand": "zen", "title": "dear"},
            {"theirs": [7, 5], "brand": "Moon", "title": "middle"},
            {"theirs": [9, 9], "brand": "Leaf", "category": "cups", "title": "cup"},
            {"theirs": [9, 9], "competitor": "beta", "brand": "Oak"},
        ],
        [
            {"product_id": "p1", "brand": "LEAF"},
            {"product_id": "p2", "brand": "Leaf"},
            {"product_id": "p3", "brand": "Hill", "list_price": 3.0},
            {"product_id": "p4", "brand": "Hill", "list_price": 4.0},
            {"product_id": "p5", "brand": "Moon", "category": "pots"},
        ],
        [{"competitor": "alpha", "name": "w", "category": "tea"}],
    )
    rows = _competitors(seen)
    assert list(rows) == [
        ("alpha", "all"), ("alpha", "cups"), ("alpha", "tea"), ("beta", "all"), ("beta", "tea"),
    ]  # fmt: skip
    tea = rows["alpha", "tea"]
    assert (tea["listings"], tea["matched_listings"], tea["promotions"]) == (5, 2, 1)
    assert tea["price_index"] == pytest.approx(np.sqrt(1.25 * 1.375))
    assert (tea["cheaper_share"], tea["dearer_share"]) == (0.0, 1.0)
    assert (tea["own_products"], tea["brands"], tea["own_brands"]) == (4, 3, 2)
    # Two ratios so far apart leave the interval open: nobody is said to be cheaper.
    assert tea["index_low"] < 1 < tea["index_high"]
    assert tea["strengths"] == ["broader", "more_brands"]
    assert tea["weaknesses"] == []
    assert (tea["only_theirs"], tea["only_theirs_examples"]) == (3, ["dear", "middle"])
    # The shop has Moon, in another category.
    assert tea["brands_only_theirs"] == ["Zen"]
    assert (tea["only_ours"], tea["only_ours_examples"]) == (2, ["p4", "p3"])
    assert tea["brands_only_ours"] == ["Hill"]
    beta = rows["beta", "tea"]
    assert (beta["strengths"], beta["weaknesses"]) == ([], ["narrower", "fewer_brands"])
    assert beta["note"] == "no listing is matched with a product of the shop"
    assert rows["alpha", "all"]["listings"] == 6
    assert rows["alpha", "all"]["only_ours"] == 3


@pytest.mark.parametrize(
    ("theirs", "strengths", "weaknesses"),
    [([8, 8.1, 7.9], ["cheaper"], []), ([12, 12.1, 11.9], [], ["dearer"]), ([8], [], [])],
)
def test_a_competitor_is_cheaper_or_dearer_where_the_interval_says_so(
    theirs: list[float], strengths: list[str], weaknesses: list[str]
) -> None:
    listings = [
        {"product_id": f"p{n}", "theirs": [price, price], "ours": [10, 10]}
        for n, price in enumerate(theirs)
    ]
    products = [{"product_id": f"p{n}"} for n in range(len(theirs))]
    row = _competitors(_market(listings, products))["alpha", "tea"]
    assert (row["strengths"], row["weaknesses"]) == (strengths, weaknesses)
    if len(theirs) == 1:
        assert row["note"] == "one matched listing: the index has no interval"


def test_who_was_first_is_said_only_where_both_beginnings_are_known() -> None:
    may, june = date(2026, 5, 10), date(2026, 5, 20)
    listings = [
        {"product_id": "new_ours_later", "first_seen": LONG_AGO},
        {"product_id": "new_theirs_later", "first_seen": june},
        {"product_id": "both_old", "first_seen": LONG_AGO},
        {"product_id": "undated", "first_seen": june},
        {"product_id": "same_day", "first_seen": may},
        {"product_id": "before_our_list", "first_seen": LONG_AGO},
    ]
    start = LONG_AGO + timedelta(days=30)  # of the shop's list
    since = [may, may, LONG_AGO, None, may, start]
    products = [
        {"product_id": row["product_id"], "since": day}
        for row, day in zip(listings, since, strict=True)
    ]
    priced = [row | {"theirs": [5, 5], "ours": [5, 5]} for row in listings]
    without_old = [row for row in products if row["product_id"] != "both_old"]
    row = _competitors(_market(priced, without_old))["alpha", "tea"]
    assert (row["dated_products"], row["first_share"]) == (2, 0.5)
    assert "earlier" not in row["strengths"]
    assert "later" not in row["weaknesses"]
    # Nobody watched when the competitor began to list it.
    old = {"product_id": "both_old", "since": LONG_AGO - timedelta(days=10)}
    assert _competitors(_market([priced[2]], [old]))["alpha", "tea"]["dated_products"] == 0
    only = _competitors(_market(priced[:1], [products[0], products[2]]))["alpha", "tea"]
    assert (only["dated_products"], only["first_share"]) == (1, 1.0)
    assert "earlier" in only["strengths"]
    assert "later" in _competitors(_market(priced[1:2], products))["alpha", "tea"]["weaknesses"]


def test_a_competitor_without_prices_or_long_unseen_has_a_clear_row() -> None:
    seen = _market(
        [{"theirs": [NAN, 5], "last_seen": date(2026, 4, 20)}],
        [{"product_id": "p1"}],
        [{"competitor": "gamma", "name": "w", "category": None}],
    )
    rows = _competitors(seen)
    assert list(rows) == [("alpha", "all"), ("gamma", "all"), ("gamma", "(unknown)")]
    assert rows["alpha", "all"]["note"] == "not seen since 2026-04-20"
    assert rows["gamma", "all"]["note"] == "no price of it was ever seen"
    assert (rows["gamma", "all"]["promotions"], rows["gamma", "all"]["listings"]) == (1, 0)
    assert rows["gamma", "all"]["only_ours"] == 1
    assert rows["gamma", "all"]["weaknesses"] == []
    assert rows["gamma", "(unknown)"]["promotions"] == 1


def test_a_shop_without_listings_has_a_row_per_category() -> None:
    rows = _rows(_market([], [{"product_id": "p1"}]))
    assert list(rows) == ["all", "tea"]
    assert rows["tea"]["note"].startswith("no listing on sale; no trend: weeks with an index: 0")
    assert (rows["all"]["listings"], rows["all"]["new_listings"]) == (0, None)
    assert competitor_rows(_market([], [{"product_id": "p1"}]), SETTINGS) == []


def test_categories_are_estimated_by_the_words_of_titles_or_not_at_all() -> None:
    nouns = {"tea": ("green tea", "black tea"), "pot": ("steel pot", "iron pot")}
    products = pd.DataFrame(
        [
            {"title": f"{noun} {size}", "category": category}
            for category, names in nouns.items()
            for noun in names
            for size in ("small", "large", "deluxe", "gift")
        ]
    )
    titles = np.array(["wild tea 7", "clay pot round"], dtype=object)
    found = estimate_categories(products, titles, least_accuracy=0.8)
    assert found.categories.tolist() == ["tea", "pot"]
    assert isinstance(found.accuracy, Interval)
    assert found.accuracy.value >= 0.8
    shuffled = products.assign(
        category=["tea", "pot", "tea", "pot", "pot", "tea", "pot", "tea"] * 2
    )
    refused = estimate_categories(shuffled, titles, least_accuracy=0.8)
    assert refused.categories.tolist() == [None, None]
    few = estimate_categories(products.head(3), titles, least_accuracy=0.8)
    assert few.categories.tolist() == [None, None]
    assert few.accuracy == NotComputable("too few titles or categories of the shop to learn from")
