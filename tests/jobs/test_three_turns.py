"""A shop passes through three turns of the loop; every number is computed again from its facts with pandas."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, ttest_ind
from turns import LOOP, TURN_DAYS, Turns

from clarion.config.load import parse_yaml

pytestmark = pytest.mark.deep

ARRIVED = ["delivered", "viewed", "clicked"]
KEYS = ["strategy_id", "strategy_version"]
_STATEMENT = ("customer_id", "channel", "at", "arrived_at", "granted", "basis")


@dataclass(frozen=True, slots=True)
class Books:
    """The shop's tables in pandas, and its settings."""

    shop: Turns
    lines: pd.DataFrame
    responses: pd.DataFrame
    consents: pd.DataFrame
    decisions: pd.DataFrame
    messages: pd.DataFrame
    strategies: pd.DataFrame

    def start(self, day: date) -> pd.Timestamp:
        """The instant (UTC) at which a day begins in the shop."""
        return pd.Timestamp(day, tz=self.shop.time_zone).tz_convert("UTC").tz_localize(None)

    def setting(self, name: str) -> float:
        return float(self.shop.config.get(name))

    def person(self, names: pd.Series, day: date) -> pd.Series:
        """The surrogate of each account's person, as accounts were joined on a day."""
        found = self.shop.read("silver.resolutions").toPandas()
        of_day = found[(found["as_of"] == day) & (found["kind"] == "customer")]
        return names.replace(dict(zip(of_day["ref"], of_day["customer_id"], strict=True)))

    def known(self, facts: pd.DataFrame, day: date) -> pd.DataFrame:
        """Facts that had arrived before a day, each under its person."""
        found = facts[facts["arrived_at"] < self.start(day)]
        return found.assign(customer_id=self.person(found["customer_id"], day))

    def consenting(self, purpose: str, day: date) -> set[str]:
        """People who consent to a purpose on some channel; to one other than marketing, on all.

        For a channel, the last statement about it or about all channels counts, and of two at one
        time the refusal. Who unsubscribes or complains states a refusal for the message's channel.
        """
        stated = self.consents[self.consents["purpose"] == purpose]
        if purpose == "marketing":
            withdraws = self.responses["type"].isin(["unsubscribed", "complained"])
            sent = self.messages.set_index("message_id")
            answers = self.responses[withdraws].assign(
                customer_id=lambda rows: rows["message_ref"].map(sent["customer_id"]),
                channel=lambda rows: rows["message_ref"].map(sent["channel"]),
                at=lambda rows: rows["happened_at"],
                granted=False,
                basis="recorded",
            )
            stated = pd.concat([stated, answers])[[*_STATEMENT]]
        of_all = any if purpose == "marketing" else all
        consenting = set()
        for customer, own in self.known(stated, day).groupby("customer_id"):
            rows = own.to_dict("records")
            last_by_channel = [
                max(
                    (row["basis"] != "declared", row["at"], not row["granted"])
                    for row in rows
                    if row["channel"] in (channel, "*")
                )
                for channel in {row["channel"] for row in rows}
            ]
            if of_all(not is_refused for _, _, is_refused in last_by_channel):
                consenting.add(str(customer))
        return consenting

    def lines_until(self, day: date, sent_on: date) -> pd.DataFrame:
        """Lines sold or returned before the window of what was sent ends, as known on a day, without invalid activity.

        `counts` says whether a line is of the window.
        """
        found = self.shop.read("silver.invalid_activity").toPandas()
        invalid = set(
            found[(found["as_of"] <= day) & (found["fact_table"] == "silver.order_lines")][
                "record_id"
            ]
        )
        known = self.known(self.lines, day)
        begin, end = self.start(sent_on), self.start(sent_on + timedelta(days=TURN_DAYS))
        is_used = (known["happened_at"] < end) & known["kind"].isin(["sale", "return"])
        return known[is_used & ~known["order_line_id"].isin(invalid)].assign(
            amount=lambda frame: frame["amount"].astype(float),
            quantity=lambda frame: frame["quantity"].astype(float),
            counts=lambda frame: frame["happened_at"] >= begin,
        )


@pytest.fixture(scope="module")
def books(turns: Turns) -> Books:
    def read(name: str) -> pd.DataFrame:
        return turns.read(name).toPandas()

    names = (
        "silver.order_lines",
        "silver.responses",
        "silver.consents",
        "gold.decisions",
        "gold.messages",
        "gold.strategies",
    )
    return Books(turns, *(read(name) for name in names))


def kept_orders(lines: pd.DataFrame) -> "pd.Series[float]":
    """What a customer kept of each order that counts, where something is left.

    A return counts against the order that it names. One that names none is of the latest purchase
    before it of which there are units left. No return takes more than was paid for the product.
    """
    sales = lines[lines["kind"] == "sale"]
    bought = (
        sales.groupby(["order_id", "product_id"])
        .agg(at=("happened_at", "min"), units=("quantity", "sum"), amount=("amount", "sum"))
        .reset_index()
        .sort_values(["at", "order_id"], ignore_index=True)
    )
    of_order = dict.fromkeys(bought["order_id"], 0.0)
    returns = lines[lines["kind"] == "return"].sort_values(["happened_at", "order_id"])
    names_order = returns["order_id"].isin(set(bought["order_id"]))
    for row in pd.concat([returns[names_order], returns[~names_order]]).to_dict("records"):
        same: Any = bought["product_id"] == row["product_id"]
        if row["order_id"] in of_order:
            own = bought[same & (bought["order_id"] == row["order_id"])]
        else:
            own = bought[same & (bought["at"] <= row["happened_at"]) & (bought["units"] > 0)]
        if len(own):
            place = own.index[-1]
            bought.loc[place, "units"] = max(bought.loc[place, "units"] - row["quantity"], 0.0)
            bought.loc[place, "amount"] = max(bought.loc[place, "amount"] - row["amount"], 0.0)
        elif row["order_id"] in of_order:
            of_order[row["order_id"]] -= row["amount"]
    kept = bought.groupby("order_id")["amount"].sum() + pd.Series(of_order, dtype=float)
    counts = sales.groupby("order_id")["counts"].any()
    return kept[(kept > 0.00005) & counts.reindex(kept.index)]


def on(frame: pd.DataFrame, day: date) -> pd.DataFrame:
    return frame[frame["as_of"] == day]


def profiled(books: Books, day: date, sent_on: date) -> pd.DataFrame:
    """Decisions by a strategy about those who consent to analytics on the day that measures."""
    decided = on(books.decisions, sent_on).query("strategy_version > 0")
    return decided[decided["customer_id"].isin(books.consenting("analytics", day))]


def steps(books: Books) -> list[tuple[date, date]]:
    """Each day that measures, with the day whose decisions it measures."""
    days = books.shop.days
    return list(zip(days[1:], days[:-1], strict=True))


def counted(books: Books, day: date, sent_on: date) -> Any:
    """The KPIs of each strategy and version, message by message."""
    begin, end = books.start(sent_on), books.start(sent_on + timedelta(days=TURN_DAYS))
    decided = profiled(books, day, sent_on)
    sent = on(books.messages, sent_on).query("state == 'sent'")
    answers = books.known(books.responses, day)
    answers = answers[(answers["happened_at"] >= begin) & (answers["happened_at"] < end)]
    lines = books.lines_until(day, sent_on)
    rows = []
    for message in sent.merge(decided[["decision_id", *KEYS]], on="decision_id").to_dict("records"):
        mine = answers[answers["message_ref"] == message["message_id"]]
        clicks = mine[mine["type"] == "clicked"]["happened_at"]
        own = lines[lines["customer_id"] == message["customer_id"]]
        is_after = own["happened_at"] >= clicks.min() if len(clicks) else False
        kept = kept_orders(own.assign(counts=own["counts"] & is_after))
        # A click converts where an order that counts follows soon.
        ordered = own[own["order_id"].isin(kept.index) & own["counts"] & is_after]["happened_at"]
        soon = pd.Timedelta(days=books.setting("measure.conversion_days"))
        if not (ordered < clicks.min() + soon).any():
            kept = kept.iloc[:0]
        rows.append(
            {
                **{key: message[key] for key in KEYS},
                "delivered": int(mine["type"].isin(ARRIVED).any()),
                "clickers": int(len(clicks) > 0),
                "buyers": int(len(kept) > 0),
                "repeat_buyers": int(len(kept) > 1),
                "revenue": kept.sum(),
            }
        )
    return pd.DataFrame(rows).groupby(KEYS).sum()


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def rates(row: pd.Series) -> dict[str, float | None]:
    return {
        "ctr": share(row["clickers"], row["delivered"]),
        "cr": share(row["buyers"], row["clickers"]),
        "apu": share(row["revenue"], row["buyers"]),
        "rpr": share(row["repeat_buyers"], row["buyers"]),
    }


def plain(value: Any) -> float | None:
    """A cell as a number, or None where it is empty."""
    return None if value is None or pd.isna(value) else float(value)


def test_the_first_turn_measures_nothing_and_starts_every_strategy_at_one(books: Books) -> None:
    first = books.shop.days[0]
    for name in ("gold.strategy_kpis", "gold.adjustments"):
        assert on(books.shop.read(name).toPandas(), first).empty, name
    plans = on(books.strategies, first)
    assert len(plans) == int(LOOP["segment.k"])
    assert set(plans["version"]) == {1}
    assert set(plans["benefit"]) == {1.0}


@pytest.mark.covers("S2")
def test_click_rate_conversion_revenue_and_repurchase_follow_from_the_facts(books: Books) -> None:
    found = books.shop.read("gold.strategy_kpis").toPandas()
    bought = 0
    for day, sent_on in steps(books):
        expected = counted(books, day, sent_on)
        measured: Any = on(found, day).set_index(KEYS)
        assert set(measured["decided_on"]) == {sent_on}
        assert set(measured.index) == set(
            map(tuple, profiled(books, day, sent_on)[KEYS].drop_duplicates().to_numpy())
        )
        for key, row in expected.iterrows():
            for name in ("delivered", "clickers", "buyers", "repeat_buyers", "revenue"):
                assert float(measured.loc[key, name]) == pytest.approx(row[name]), (day, key, name)
            for kpi, value in rates(row).items():
                assert plain(measured.loc[key, kpi]) == (
                    value if value is None else pytest.approx(value, abs=1e-4)
                ), (day, key, kpi)
        bought += int(expected["buyers"].sum())
    assert bought >= 5  # the shop's customers do answer


def test_the_lift_is_revenue_per_customer_outside_the_holdout_less_inside(books: Books) -> None:
    found = books.shop.read("gold.strategy_kpis").toPandas()
    for day, sent_on in steps(books):
        lines = books.lines_until(day, sent_on)
        spent = pd.Series(
            {name: kept_orders(own).sum() for name, own in lines.groupby("customer_id")},
            dtype=float,
        )
        for strategy, people in profiled(books, day, sent_on).groupby("strategy_id"):
            amounts = people["customer_id"].map(spent).fillna(0.0)
            treated, held_out = amounts[~people["is_holdout"]], amounts[people["is_holdout"]]
            row = on(found, day).set_index("strategy_id").loc[strategy]
            assert (row["treated"], row["held_out"]) == (len(treated), len(held_out))
            assert min(len(treated), len(held_out)) >= 2
            ends = ttest_ind(treated, held_out, equal_var=False).confidence_interval(0.95)
            expected = (treated.mean() - held_out.mean(), ends.low, ends.high)
            assert (row["lift"], row["lift_low"], row["lift_high"]) == pytest.approx(
                expected, abs=1e-5
            ), (day, strategy)


def explains(part: float, whole: float, target: float) -> bool:
    """Whether a share of `target` could have given so few or so many: neither tail is below 2.5 %."""
    upper, lower = binom.sf(part - 1, whole, target), binom.cdf(part, whole, target)
    return bool(min(upper, lower) >= 0.025)


def moved(books: Books, row: pd.Series, before: float) -> tuple[float, float | None]:
    """The multiplier after a measurement and the relative factor, by the formula of the founding document."""
    actual = rates(row)
    if None in actual.values():
        return before, None
    target = {kpi: books.setting(f"strategy.target_{kpi}") for kpi in actual}
    weight = {kpi: books.setting(f"adjust.weight_{kpi}") for kpi in actual}
    factor = sum(
        weight[kpi] * (target[kpi] - float(actual[kpi] or 0)) / target[kpi] for kpi in actual
    )
    chance = explains(row["clickers"], row["delivered"], target["ctr"]) and explains(
        row["buyers"], row["clickers"], target["cr"]
    )
    if row["delivered"] < books.setting("adjust.min_delivered") or chance:
        return before, factor
    step = books.setting("adjust.step")
    wanted = before * np.clip(1 + books.setting("adjust.gain") * factor, 1 - step, 1 + step)
    return float(
        np.clip(wanted, books.setting("adjust.lowest"), books.setting("adjust.highest"))
    ), factor


@pytest.mark.covers("S2")
def test_the_next_version_has_the_benefit_multiplier_that_the_measurement_asks_for(
    books: Books,
) -> None:
    adjustments = books.shop.read("gold.adjustments").toPandas()
    acted = 0
    for day, sent_on in steps(books):
        before: Any = on(books.strategies, sent_on).set_index("strategy_id")
        after: Any = on(books.strategies, day).set_index("strategy_id")
        written: Any = on(adjustments, day).set_index("strategy_id")
        assert set(after.index) == set(
            before.index
        )  # the model is in force all the time: its groups stay
        for (strategy, version), row in counted(books, day, sent_on).iterrows():
            multiplier, factor = moved(books, row, before.loc[strategy, "benefit"])
            assert (
                before.loc[strategy, "version"]
                == version
                == written.loc[strategy, "strategy_version"]
            )
            assert plain(written.loc[strategy, "relative_factor"]) == (
                factor if factor is None else pytest.approx(factor, abs=1e-6)
            )
            assert written.loc[strategy, "benefit_after"] == pytest.approx(multiplier, abs=1e-6), (
                day,
                strategy,
            )
            assert after.loc[strategy, "benefit"] == pytest.approx(multiplier, abs=1e-6), (
                day,
                strategy,
            )
            changed = abs(multiplier - before.loc[strategy, "benefit"]) > 1e-9
            assert after.loc[strategy, "version"] == version + int(changed)
            assert (after.loc[strategy, "changed_because"] is not None) == changed
            acted += int(changed)
    assert acted >= 1


def test_the_budget_is_kept_and_the_multipliers_price_every_decision(books: Books) -> None:
    offers = {
        offer["id"]: offer
        for offer in parse_yaml(books.shop.config.text("offers.yml"), where="offers.yml")["offers"]
    }
    budgets = books.shop.read("gold.budgets").toPandas()
    campaigns = books.shop.read("gold.campaigns").toPandas()
    for day in books.shop.days:
        multipliers = on(books.strategies, day).set_index("strategy_id")["benefit"]
        decided = on(books.decisions, day).assign(
            cost=lambda frame: frame["expected_cost"].astype(float)
        )
        chosen = decided[decided["action"] != "nothing"]
        for row in chosen.to_dict("records"):
            offer = offers[row["action"]]
            expected = (
                offer["redemption"] * offer["benefit"] * multipliers[row["strategy_id"]]
                + offer["contact_cost"]
            )
            assert row["cost"] == pytest.approx(expected, abs=5.1e-5)
        budget = on(budgets, day).iloc[0]
        assert float(budget["budget"]) == books.setting("strategy.budget")
        assert decided["expected_cost"].sum() <= Decimal(str(books.setting("strategy.budget")))
        assert float(budget["planned"]) == pytest.approx(decided["cost"].sum(), abs=1e-3)
        assert float(budget["explored"]) == pytest.approx(
            decided[decided["explored"]]["cost"].sum(), abs=1e-3
        )
        assert budget["shadow_price"] > 0  # there is more to spend on than money
        planned: Any = on(campaigns, day).set_index(["strategy_id", "offer_id"])
        by_offer: Any = chosen.groupby(["strategy_id", "action"])["cost"].agg(["size", "sum"])
        assert set(planned.index) == set(by_offer.index)
        for key, row in by_offer.iterrows():
            assert planned.loc[key, "reach"] == row["size"]
            assert float(planned.loc[key, "expected_cost"]) == pytest.approx(row["sum"], abs=1e-3)


@pytest.mark.covers("S1")
def test_who_is_held_out_is_held_out_in_every_turn_and_sent_nothing(books: Books) -> None:
    by_customer = books.decisions.groupby("customer_id")["is_holdout"].agg(
        ["nunique", "first", "size"]
    )
    assert (by_customer["nunique"] == 1).all()
    assert by_customer["size"].max() == len(books.shop.days)
    share_held = by_customer["first"].mean()
    expected = books.setting("strategy.holdout")
    assert share_held == pytest.approx(
        expected, abs=3 * (expected * (1 - expected) / len(by_customer)) ** 0.5
    )
    held_out = set(by_customer[by_customer["first"]].index)
    assert not held_out & set(books.messages["customer_id"])
    assert set(books.decisions[books.decisions["is_holdout"]]["action"]) == {"nothing"}
    by_position = books.decisions["bucket"] < int(expected * 1_000_000)
    assert (by_position == books.decisions["is_holdout"]).all()


def test_every_message_goes_to_someone_who_consents_on_its_day(books: Books) -> None:
    for day in books.shop.days:
        sent = on(books.messages, day).query("state == 'sent'")
        decided = on(books.decisions, day).query("action != 'nothing'")
        consenting = books.consenting("marketing", day)
        assert set(sent["customer_id"]) == set(decided["customer_id"]) <= consenting
        assert len(sent) == len(decided) > 10
    first, *_, last = books.shop.days
    lost = books.consenting("marketing", first) - books.consenting("marketing", last)
    written_to = set(on(books.messages, first)["customer_id"])
    assert lost & written_to  # a message annoyed someone, who said so
    assert not lost & set(on(books.messages, last)["customer_id"])


def test_every_message_of_a_turn_is_answered_before_the_next(books: Books) -> None:
    for _, sent_on in steps(books):
        sent = set(on(books.messages, sent_on).query("state == 'sent'")["message_id"])
        back = books.responses[books.responses["type"] == "sent"]
        assert sent <= set(back["message_ref"])
    last = set(on(books.messages, books.shop.days[-1])["message_id"])
    assert not last & set(books.responses["message_ref"])


@pytest.mark.covers("F1")
def test_who_comes_into_another_group_or_becomes_dormant_is_a_request(books: Books) -> None:
    requests = books.shop.read("live.requests").toPandas()
    for kind, table, column in (
        ("group_entry", "gold.segment_members", "segment_id"),
        ("dormancy", "gold.customer_profiles", "life_cycle"),
    ):
        states = books.shop.read(table).toPandas()[["as_of", "customer_id", column]]
        expected = set()
        for before, day in zip(books.shop.days, books.shop.days[1:], strict=False):
            was, now = (
                states[states["as_of"] == of_day].set_index("customer_id")[column]
                for of_day in (before, day)
            )
            was = was.reindex(now.index)
            changed = now != was.fillna("(none)")
            if kind == "dormancy":
                changed &= (now == "dormant") & was.notna()
            for customer in now.index[changed]:
                origin = was.fillna("(none)")[customer]
                expected.add((customer, books.start(day), origin, now[customer]))
        own = requests[requests["kind"] == kind]
        found = {
            (row["customer_id"], row["occurred_at"], evidence["from"], evidence["to"])
            for row in own.to_dict("records")
            for evidence in [dict(row["evidence"])]
        }
        assert found == expected
        assert len(own) == len(expected) > 0
