"""Next needs: what counts as a trial, what each model says, which of them acts, and when none does."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from need_histories import SETTINGS, Fact, histories_of, purchase

from clarion.kernel.errors import ConfigError
from clarion.measures.statistics.intervals import Interval, NotComputable
from clarion.prediction.need.comparison import compare_models, mean_by_customer
from clarion.prediction.need.histories import (
    BOUGHT,
    CARTED,
    OTHER,
    VIEWED,
    Floats,
    Histories,
    Past,
    Trials,
)
from clarion.prediction.need.inputs import INPUTS, pair_inputs, shop_rates
from clarion.prediction.need.interface import top_categories
from clarion.prediction.need.models import Markov, Own, Shop
from clarion.prediction.need.rolling import choose_model, rolling_split

CUT, WINDOW = 100, 100


def _input(histories: Histories, name: str, *, cut: int = CUT) -> Floats:
    """An input by customer and category."""
    rates = shop_rates(histories, until=cut, window=WINDOW)
    inputs = pair_inputs(histories.past(cut, window=WINDOW), rates)
    return np.asarray(inputs[:, :, INPUTS.index(name)])


def test_a_trial_had_bought_before_the_cut_and_buys_within_the_horizon() -> None:
    histories = histories_of(
        *purchase(0, 1, 90), *purchase(0, 2, 103), *purchase(0, 3, 101),  # the next one counts
        *purchase(1, 1, 90), *purchase(1, 2, 114),  # after the horizon
        *purchase(2, 1, 100),  # new
        *purchase(3, 1, 99), *purchase(3, OTHER, 100),  # a category that is not predicted
        *purchase(4, 1, 99), (4, 2, VIEWED, 101),  # looks only
    )  # fmt: skip
    trials = histories.trials(CUT, window=WINDOW, horizon=14)
    assert trials.customer.tolist() == [0, 3]
    assert trials.label.tolist() == [3, OTHER]
    assert trials.population == 4


def test_what_had_not_arrived_before_the_cut_is_not_known_there() -> None:
    """The canary: a fact of before the cut that tells the label, and came after it."""
    before = [*purchase(0, 1, 80), (0, 2, VIEWED, 99)]
    with_canary = histories_of(*before, (0, 3, VIEWED, 99, 100), (0, 3, VIEWED, 100))
    assert _input(with_canary, "days_looked_at")[0].tolist() == [0.0, 0.0, np.log(2), 0.0, 0.0]
    one_day_later = with_canary.past(CUT + 1, window=WINDOW).of_kind(VIEWED)
    assert one_day_later.sums()[0].tolist() == [0.0, 0.0, 1.0, 2.0, 0.0]
    late_order = histories_of((0, 1, BOUGHT, 80, 100), (0, 1, 1, 80, 100), *purchase(0, 2, 105))
    assert len(late_order.trials(CUT, window=WINDOW, horizon=14)) == 0  # it was no customer yet


def test_a_cut_looks_back_no_further_than_the_window() -> None:
    histories = histories_of(*purchase(0, 1, 89), *purchase(1, 2, 90))
    past = histories.past(CUT, window=10)
    assert past.buyers().tolist() == [1]
    assert past.age.tolist() == [10, 10]


def test_own_commonest_categories_come_first_and_the_shops_break_ties() -> None:
    histories = histories_of(
        *purchase(0, 4, 50), *purchase(0, 4, 60), *purchase(0, 3, 70),
        *(fact for customer in (1, 2, 3) for fact in purchase(customer, 2, 50)),
        *(fact for customer in (1, 2) for fact in purchase(customer, 0, 60)),
    )  # fmt: skip
    rates = shop_rates(histories, until=CUT, window=WINDOW)
    past = histories.past(CUT, window=WINDOW)
    own = top_categories(Own(rates).probabilities(past))
    assert own[0].tolist() == [4, 3, 2]
    assert own[3].tolist() == [2, 0, 4]  # bought once; of 0 and 4, both bought twice, by number
    shares = np.array([2.5, 0.5, 3.5, 1.5, 2.5]) / 10.5
    assert Shop(rates).probabilities(past) == pytest.approx(np.tile(shares, (4, 1)))


def test_the_markov_chain_follows_the_last_purchase_the_less_the_older_it_is() -> None:
    """Category 0 is followed by 1 four times out of four."""
    pairs = [fact for who in range(4) for fact in (*purchase(who, 0, 50), *purchase(who, 1, 60))]
    histories = histories_of(*pairs, *purchase(4, 0, 99), *purchase(5, 0, 72))
    rates = shop_rates(histories, until=CUT, window=WINDOW)
    bought = np.array([6.5, 4.5, 0.5, 0.5, 0.5]) / 12.5
    assert rates.follows[0] == pytest.approx((np.array([0, 4, 0, 0, 0]) + 20 * bought) / 24)
    chances = Markov(rates).probabilities(histories.past(CUT, window=WINDOW))
    weight = 0.5  # 28 days after the last purchase
    usual = (1 - weight) * bought + weight * rates.follows[0]
    assert chances[5] == pytest.approx((np.array([1, 0, 0, 0, 0]) + 2 * usual) / 3)
    assert chances[4, 1] > chances[5, 1]
    assert chances.sum(axis=1) == pytest.approx(1)


def test_half_of_a_need_is_back_after_the_usual_gap() -> None:
    """Twenty gaps of 30 days make it usual; who never bought in a category needs all of it."""
    regulars = [fact for who in range(20) for day in (10, 40) for fact in purchase(who, 1, day)]
    histories = histories_of(*regulars, *purchase(20, 1, 70), *purchase(21, 1, 40))
    need = _input(histories, "need")
    assert need[20, 1] == pytest.approx(0.5)
    assert need[21, 1] == pytest.approx(4 / 5)
    assert need[21, 0] == pytest.approx(1)


def test_a_cart_that_was_ordered_is_no_open_wish() -> None:
    open_cart = histories_of(*purchase(0, 1, 60), (0, 2, CARTED, 99))
    ordered = histories_of(*purchase(0, 1, 60), *purchase(0, 2, 99), (0, 2, CARTED, 99))
    none = histories_of(*purchase(0, 1, 60), *purchase(0, 2, 99))
    assert _input(open_cart, "carted")[0, 2] > _input(open_cart, "carted")[0, 3]
    assert _input(ordered, "carted").tolist() == _input(none, "carted").tolist()


def test_shares_are_shrunk_to_the_usual_ones() -> None:
    histories = histories_of(
        *purchase(0, 0, 10), (0, 0, VIEWED, 98), (0, 0, VIEWED, 99), (0, 1, VIEWED, 99)
    )
    usual = np.array([2.5, 1.5, 0.5, 0.5, 0.5]) / 5.5
    expected = np.log((np.array([2, 1, 0, 0, 0]) + 3 * usual) / 6)
    assert _input(histories, "looked_at")[0] == pytest.approx(expected)


def test_an_interval_counts_customers_and_not_their_trials() -> None:
    values = np.array([1.0, 0.0, 0.0, 1.0, 1.0])
    single = mean_by_customer(values, np.arange(5))
    assert isinstance(single, Interval)
    # By hand: deviations .4, .6; sum of squares 1.2; 5/4 * 1.2 = 1.5; root 1.2247 / 5; t(4) 2.7764.
    assert single.high - single.value == pytest.approx(2.776445 * np.sqrt(1.5) / 5)
    doubled = mean_by_customer(np.repeat(values, 2), np.repeat(np.arange(5), 2))
    assert isinstance(doubled, Interval)
    assert doubled.low == pytest.approx(single.low)
    assert isinstance(mean_by_customer(np.ones(3), np.zeros(3, np.int64)), NotComputable)


@dataclass(frozen=True, slots=True)
class _Says:
    """A model that names the label of given trials first, and misses the others."""

    name: str
    right: int

    def probabilities(self, past: Past) -> Floats:
        chances = np.tile([0.0, 0.3, 0.3, 0.3, 0.1], (past.size, 1))
        chances[: self.right, 0], chances[: self.right, 3] = 0.9, 0.0
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def _trials(number: int) -> Trials:
    nothing = np.empty(0, np.int64)
    past = Past(number, 5, nothing, nothing, nothing, nothing)
    return Trials(past, np.arange(number), np.zeros(number, np.int64), number)


def test_a_model_acts_only_where_it_beats_the_simpler_ones_by_more_than_chance() -> None:
    models = [_Says("shop", 10), _Says("own", 12), _Says("markov", 40), _Says("boosted", 41)]
    rows = compare_models(models, choosing=[_trials(100)], judging=_trials(80))
    assert [row.state for row in rows] == ["compared", "compared", "acts", "compared"]
    by_name = {row.model: row for row in rows}
    assert by_name["own"].reason.startswith("not above it on the choosing cuts: +0.020")
    assert by_name["boosted"].reason.endswith("against markov")
    markov = by_name["markov"]
    assert (markov.trials, markov.hits, markov.choice_trials) == (80, 40, 100)
    assert markov.gain
    assert markov.gain.value == pytest.approx(28 / 80)
    assert markov.choice_gain
    assert markov.choice_gain.value == pytest.approx(0.3)
    assert markov.choice_gain.low > 0


def test_a_model_that_is_worse_on_the_last_cut_does_not_act() -> None:
    @dataclass(frozen=True, slots=True)
    class Fades:
        name: str = "markov"

        def probabilities(self, past: Past) -> Floats:
            return _Says("", 40 if past.size == 100 else 5).probabilities(past)

    rows = compare_models(
        [_Says("shop", 10), Fades()], choosing=[_trials(100)], judging=_trials(80)
    )
    assert [row.state for row in rows] == ["acts", "compared"]
    assert rows[1].reason.endswith("but -0.062 on the last one")


def test_all_cuts_look_back_as_far_as_the_first_one_can() -> None:
    settings = replace(SETTINGS, cuts=6)
    split = rolling_split(0, 148, settings=settings)
    assert not isinstance(split, NotComputable)
    assert split.training == (64, 78, 92)
    assert (split.choosing, split.judging, split.window) == ((106, 120), 134, 64)
    fewer = rolling_split(0, 120, settings=settings)
    assert not isinstance(fewer, NotComputable)
    assert (fewer.training, fewer.window) == ((64,), 64)
    too_short = rolling_split(0, 111, settings=settings)
    assert too_short == NotComputable("111 days of history, fewer than the 112 that are needed")


def _customers(number: int, days: tuple[int, ...]) -> list[Fact]:
    return [
        fact
        for who in range(number)
        for day in days
        for fact in purchase(who, (who + day) % 5, day)
    ]


@pytest.mark.parametrize(
    ("histories", "reason"),
    [
        (histories_of(), "no purchase of a customer is known"),
        (histories_of((0, 1, VIEWED, 3)), "no purchase of a customer is known"),
        (
            histories_of(*_customers(1, (1, 90)), categories=1),
            "1 categories were bought: 3 predicted ones would hold all",
        ),
        (
            histories_of(*_customers(50, (90, 110))),
            "30 days of history, fewer than the 112 that are needed",
        ),
        (
            histories_of((0, 1, VIEWED, 0), *_customers(50, (50,))),
            "nobody who had bought before a cut bought in the 14 days after it",
        ),
        (
            histories_of((0, 1, VIEWED, 0), *_customers(50, (115,))),
            "no customer had bought in the 64 days before the last cut",
        ),
        (
            histories_of((0, 1, VIEWED, 0), *_customers(5, (70, 80, 110))),
            "5 trials to compare by, fewer than 30",
        ),
    ],
    ids=["empty", "nobody buys", "one category", "short", "no trial", "all new", "few"],
)  # fmt: skip
def test_nothing_is_predicted_without_a_basis_and_every_model_says_why(
    histories: Histories, reason: str
) -> None:
    choice = choose_model(histories, as_of=120, settings=SETTINGS, seed=1)
    assert choice.model is None
    assert [row.model for row in choice.comparisons] == [
        "shop",
        "own",
        "markov",
        "logistic",
        "boosted",
    ]
    assert {(row.state, row.reason) for row in choice.comparisons} == {("not_fitted", reason)}
    assert choice.summary == f"next needs are not predicted: {reason}"


def test_models_that_learn_are_left_out_where_there_is_too_little_to_learn_from() -> None:
    """Purchases of the choosing cuts and of the last one only."""
    histories = histories_of((0, 1, VIEWED, 0), *_customers(40, (70, 80, 95, 110)))
    choice = choose_model(histories, as_of=120, settings=SETTINGS, seed=1)
    states = {row.model: row.state for row in choice.comparisons}
    assert states["logistic"] == states["boosted"] == "not_fitted"
    assert choice.model
    assert choice.model.name in ("shop", "own", "markov")


def test_a_model_that_does_not_exist_is_refused() -> None:
    settings = replace(SETTINGS, models=("markov", "oracle"))
    with pytest.raises(ConfigError, match="oracle"):
        choose_model(histories_of(), as_of=120, settings=settings, seed=1)


def _lookers(*, tells: bool) -> Histories:
    """Customers who buy every ten days; what they look at tells the next purchase, or nothing."""
    draws = np.random.default_rng(3)
    facts: list[Fact] = []
    for who in range(300):
        for day in range(0, 200, 10):
            bought, other = (int(number) for number in draws.integers(0, 12, 2))
            viewed = bought if tells else other
            facts += [*purchase(who, bought, day), (who, viewed, VIEWED, max(day - 10, 0))]
    return histories_of(*facts, categories=12)


def test_models_learn_what_customers_look_at_before_they_buy_and_nothing_from_shuffled_labels() -> (
    None
):
    learned = choose_model(_lookers(tells=True), as_of=199, settings=SETTINGS, seed=1)
    assert learned.model
    assert learned.model.name in ("logistic", "boosted")
    acting = next(row for row in learned.comparisons if row.state == "acts")
    assert acting.rate
    assert acting.rate.low > 0.9
    shuffled = choose_model(_lookers(tells=False), as_of=199, settings=SETTINGS, seed=1)
    for row in shuffled.comparisons:
        assert row.rate
        assert row.rate.low < 3 / 12 < row.rate.high, row.model


def test_the_same_histories_give_the_same_model() -> None:
    histories = _lookers(tells=True)
    past = histories.past(199, window=90)
    choices = [choose_model(histories, as_of=199, settings=SETTINGS, seed=1) for _ in range(2)]
    first, again = (
        choice.model.probabilities(past) for choice in choices if choice.model is not None
    )
    assert np.array_equal(first, again)
    assert first.sum(axis=1) == pytest.approx(1)


def test_a_model_has_learned_nothing_from_the_days_that_choose_and_judge() -> None:
    histories = _lookers(tells=True)
    later = (histories.day >= 157) & (histories.customer < 40)  # the first choosing cut of day 199
    category = np.where(later, (histories.category + 1) % 12, histories.category)
    choices = [
        choose_model(some, as_of=199, settings=SETTINGS, seed=1)
        for some in (histories, replace(histories, category=category))
    ]
    past = histories.past(157, window=90)
    first, other = (choice.model.probabilities(past) for choice in choices if choice.model)
    assert np.array_equal(first, other)
