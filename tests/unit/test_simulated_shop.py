"""The simulated shop: one price for all, the same whatever the blocks, and effects that are true."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.kernel.errors import ConfigError
from clarion.sim import exposures, files, margins, market, truth, visits
from clarion.sim.answers import response_records
from clarion.sim.course import World, build_world, follow
from clarion.sim.draws import numbered
from clarion.sim.effects import Offer, expected_effects, realised_effects
from clarion.sim.kernel import Outcome, simulate
from clarion.sim.records import Course, customer_refs, event_records
from clarion.sim.shop import BURN_IN_DAYS, Shop, parse_shop
from clarion.sim.surroundings import build_surroundings
from clarion.sim.traits import draw_members
from clarion.sim.visitors import steps_before_registering
from clarion.sim.walk import WINDOW_DAYS, Sends, Walk

IDS = np.arange(600, dtype=np.int64)
LAST = 90
SPEND = Offer("spend_and_save", 20.0)


@cache
def shop_file(name: str = "beauty") -> dict[str, Any]:
    return parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name)


def shop(**changes: Any) -> Shop:
    return parse_shop(shop_file() | {"customers": len(IDS)} | changes, where="beauty")


@cache
def world() -> World:
    return build_world(shop(), seed=7)


@cache
def course() -> Course:
    return follow(world(), IDS, last=LAST)


def course_of_few_products() -> Course:
    """Customers who often buy the same product on the same day."""
    return follow(build_world(shop(products=44), seed=7), IDS, last=60)


def rows_of(outcome: Outcome) -> set[tuple[int, ...]]:
    lines = (outcome.line_customer, outcome.line_day, outcome.line_no, outcome.line_category)
    touches = (outcome.touch_customer, outcome.touch_day, outcome.touch_channel)
    seen = (
        *(outcome.visit_customer, outcome.visit_day, outcome.visit_focus, outcome.visit_other),
        outcome.visit_ordered,
    )
    return {
        (kind, *map(int, row))
        for kind, columns in enumerate((lines, touches, seen))
        for row in zip(*columns, strict=True)
    }


@pytest.mark.parametrize("size", [1, 7])
def test_the_same_seed_makes_the_same_shop_whatever_the_blocks(size: int) -> None:
    ids = np.arange(14, dtype=np.int64)
    surroundings = world().surroundings
    together = rows_of(simulate(surroundings, ids, first=0, last=60))
    in_blocks = [
        rows_of(simulate(surroundings, ids[start : start + size], first=0, last=60))
        for start in range(0, len(ids), size)
    ]
    assert together
    assert set().union(*in_blocks) == together
    other = build_surroundings(shop(), 8)
    assert rows_of(simulate(other, ids, first=0, last=60)) != together


def test_a_product_costs_the_same_for_everybody_on_a_day() -> None:
    lines = course_of_few_products().lines
    frame = pd.DataFrame(
        {
            "product": lines.product,
            "day": lines.day,
            "customer": lines.customer,
            "price": lines.price,
            "share": np.round(lines.reduction / (lines.price * lines.quantity), 2),
        }
    )
    grouped = frame.groupby(["product", "day"])
    shared = grouped["customer"].nunique() > 1
    assert shared.sum() > 10
    assert grouped["price"].nunique().max() == 1
    assert grouped["share"].nunique().max() == 1
    # Some products are reduced, and not all.
    assert 0 < (frame["share"] > 0).mean() < 0.5


def test_a_price_that_depended_on_a_person_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from clarion.sim.catalogue import Catalogue

    fair = Catalogue.prices
    monkeypatch.setattr(
        Catalogue, "prices",
        lambda self, product, day: fair(self, product, day) * (1 + 0.01 * np.arange(np.size(product))),
    )  # fmt: skip
    with pytest.raises(AssertionError, match="nunique"):
        test_a_product_costs_the_same_for_everybody_on_a_day()


def test_the_exact_effect_of_a_message_is_the_one_that_is_realised() -> None:
    keen = shop_file() | {
        "customers": len(IDS),
        "personas": [
            persona | {"effect": 1.5, "effects": {}} for persona in shop_file()["personas"]
        ],
    }
    surroundings = build_surroundings(parse_shop(keen, where="keen"), 7)
    expected = expected_effects(surroundings, IDS, day=40, offer=SPEND)
    realised = realised_effects(surroundings, IDS, day=40, offer=SPEND, replicates=range(6))
    # The state on the day differs between replicates: the exact effect is that of the first one.
    error = realised.mean(axis=1).std(ddof=1) / np.sqrt(len(realised))
    assert expected.uplift.mean() > 0.01
    assert abs(realised.mean() - expected.uplift.mean()) < 3 * error
    assert expected.without.min() >= 0
    assert expected.with_it.max() <= 1


def test_effects_differ_by_persona_and_offer_and_some_are_negative() -> None:
    surroundings = world().surroundings
    from clarion.sim.draws import Draws
    from clarion.sim.traits import draw_traits

    persona = draw_traits(world().shop, Draws(7), IDS).persona
    spend = expected_effects(surroundings, IDS, day=40, offer=SPEND).uplift
    plain = expected_effects(surroundings, IDS, day=40, offer=Offer("new_for_you", 0.0)).uplift
    hunters = persona == world().shop.persona_index("bargain_hunters")
    premium = persona == world().shop.persona_index("premium")
    assert spend[hunters].mean() > 3 * plain[hunters].mean()
    assert spend[premium].mean() < 0
    larger = expected_effects(surroundings, IDS, day=40, offer=Offer("spend_and_save", 80.0)).uplift
    assert larger[hunters].mean() > 1.3 * spend[hunters].mean()


def test_in_a_shop_without_effects_a_message_changes_nothing() -> None:
    null = shop_file() | {
        "customers": len(IDS),
        "response": 0,
        "personas": [persona | {"effect": 0, "effects": {}} for persona in shop_file()["personas"]],
    }
    surroundings = build_surroundings(parse_shop(null, where="null"), 7)
    realised = realised_effects(surroundings, IDS, day=40, offer=SPEND, replicates=range(2))
    assert not realised.any()


def test_what_is_sent_to_others_does_not_matter() -> None:
    surroundings = world().surroundings
    sends = SPEND.to(IDS[IDS % 2 == 0], 30)
    alone = simulate(surroundings, IDS, first=0, last=60)
    sent = simulate(surroundings, IDS, first=0, last=60, sends=sends)

    def of(outcome: Outcome, rest: int) -> set[tuple[int, ...]]:
        return {row for row in rows_of(outcome) if row[1] % 2 == rest}

    assert of(alone, 1) == of(sent, 1)
    assert of(alone, 0) != of(sent, 0)
    assert 0.9 < sent.delivered.mean() <= 1
    assert sent.clicked.sum() < sent.viewed.sum() < sent.delivered.sum()
    assert not (sent.clicked & ~sent.viewed).any()


def test_a_channel_that_causes_nothing_can_be_taken_away_and_one_that_works_cannot() -> None:
    channels = shop_file()["channels"]

    def orders(*without: str) -> Outcome:
        kept = [channel for channel in channels if channel["name"] not in without]
        surroundings = build_surroundings(shop(channels=kept), 7)
        return simulate(surroundings, IDS, first=0, last=LAST)

    full, no_display = orders(), orders("display")
    display = [channel["name"] for channel in channels].index("display")
    assert (full.touch_channel == display).sum() > 100
    assert full.visit_ordered.sum() == no_display.visit_ordered.sum()
    assert orders("search", "email", "store").visit_ordered.sum() < full.visit_ordered.sum()
    # It looks as if it worked: buyers met it more often than the others did.
    met = np.bincount(full.touch_customer[full.touch_channel == display], minlength=len(IDS))
    buyers = np.isin(IDS, full.visit_customer[full.visit_ordered])
    assert met[buyers].mean() > 1.1 * met[~buyers].mean()


def test_channels_that_ask_reach_only_those_who_agreed() -> None:
    outcome, traits = course().outcome, course().traits
    asks = np.array([channel.get("asks", False) for channel in shop_file()["channels"]])
    refuses = ~(traits.collection & traits.marketing)
    reached = outcome.touch_customer[asks[outcome.touch_channel]]
    assert asks.sum() == 2
    assert len(reached) > 100
    assert not refuses[reached].any()
    assert refuses[outcome.touch_customer[~asks[outcome.touch_channel]]].any()


def test_who_clicks_comes_at_once_and_buys_afterwards() -> None:
    sends = replace(SPEND.to(IDS, 30), ref=[f"m{number}" for number in IDS])
    messaged = follow(world(), IDS, last=31, sends=sends)
    answers = response_records(messaged, np.arange(len(IDS)))
    clicked = answers[answers["type"] == "clicked"].set_index("customer_ref")["happened_at"]
    visit_day = messaged.outcome.visit_day == 30
    started = pd.Series(
        messaged.started[visit_day],
        index=customer_refs(messaged.outcome.visit_customer[visit_day]),
    )
    assert len(clicked) > 10
    assert (started[clicked.index] == clicked).all()
    assert started[clicked.index].min() > world().clock.instants(30, 8 * 3600)


def test_a_coupon_is_redeemed_by_three_in_four_orders_of_those_who_saw_it() -> None:
    everybody = replace(Offer("spend_and_save", 1e6).to(IDS, 30), ref=[str(n) for n in IDS])
    after = follow(world(), IDS, last=44, sends=everybody)
    lines, outcome = after.lines, after.outcome
    used = lines.send >= 0
    assert (lines.number[used] == 1).all()
    assert (everybody.customer[lines.send[used]] == lines.customer[used]).all()
    assert outcome.viewed[lines.send[used]].all()
    assert ((lines.day[used] >= 30) & (lines.day[used] < 44)).all()
    # Whatever its face value, a coupon pays half of its line.
    paid = lines.price[used] * lines.quantity[used] - lines.reduction[used]
    assert lines.coupon[used] == pytest.approx(0.5 * paid, abs=0.0051)
    assert not lines.coupon[~used].any()
    could = (lines.number == 1) & (lines.day >= 30) & np.isin(lines.customer, IDS[outcome.viewed])
    assert could.sum() > 20
    assert 0.55 < used[could].mean() < 0.95
    free = follow(world(), IDS, last=44, sends=Offer("new_for_you", 0.0).to(IDS, 30))
    assert (free.lines.send == -1).all()


def test_what_was_clicked_in_the_slot_is_bought_if_the_order_is_of_its_category(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exposures, "SHOWN_SHARE", 1.0)
    seen = follow(world(), IDS, last=LAST)
    shown, outcome, lines = seen.exposures, seen.outcome, seen.lines
    first = lines.number == 1
    visit = outcome.visit_of(lines.customer[first], lines.day[first])
    clicked = np.full(len(outcome.visit_day), -1, np.int64)
    clicked[shown.visit[shown.clicked]] = shown.product[shown.clicked]
    goods = world().surroundings.catalogue
    offered, bought = clicked[visit], lines.product[first]
    fits = (offered >= 0) & (goods.category[offered] == outcome.line_category[first])
    assert fits.sum() > 3
    assert 0.2 < (bought[fits] == offered[fits]).mean() < 0.95
    others = (offered >= 0) & ~fits
    assert not (bought[others] == offered[others]).any()


def test_customers_who_change_buy_as_their_new_persona_does() -> None:
    changing = parse_shop(shop_file("changing") | {"customers": 1200}, where="changing")
    surroundings = build_surroundings(changing, 5)
    ids = np.arange(1200, dtype=np.int64)
    outcome = simulate(surroundings, ids, first=0, last=480)
    members = draw_members(changing, surroundings.draws, ids)
    before, after = members.traits, members.later
    grown = before.persona == changing.persona_index("occasional")
    grown &= after.persona == changing.persona_index("regulars")
    gone = before.leaves & (before.changed < 430)
    assert min(grown.sum(), gone.sum()) > 30
    orders = outcome.visit_customer[outcome.visit_ordered], outcome.visit_day[outcome.visit_ordered]
    late = orders[1] >= 440
    assert not np.isin(orders[0][late], ids[gone]).any()
    changed = before.changed[orders[0]] <= orders[1]
    of_grown = grown[orders[0]]
    days = np.clip(480 - np.maximum(before.changed[grown], 0), 0, None).sum()
    earlier = np.clip(
        np.minimum(before.changed[grown], 480) - np.maximum(before.joined[grown], 0), 0, None
    )
    assert (of_grown & changed).sum() / days > 1.5 * (of_grown & ~changed).sum() / earlier.sum()


def test_many_messages_tire_and_lead_to_withdrawals() -> None:
    surroundings = world().surroundings
    days = np.arange(0, 28, 2, dtype=np.int64)
    customer, day = np.repeat(IDS, len(days)), np.tile(days, len(IDS))
    many = Sends(customer, day, ["new_for_you"] * len(day), np.zeros(len(day)))
    tired = simulate(surroundings, IDS, first=0, last=28, sends=many)
    once = simulate(surroundings, IDS, first=0, last=28, sends=Offer("new_for_you", 0.0).to(IDS, 0))
    assert tired.unsubscribes[:].sum() / tired.delivered.sum() > 0.004
    assert tired.state.unsubscribed.sum() > 5 * once.state.unsubscribed.sum()
    # Who has withdrawn gets nothing more.
    gone = tired.state.unsubscribed
    assert tired.delivered.reshape(len(IDS), -1)[gone].mean() < tired.delivered.mean()


def test_a_message_is_viewed_within_ten_hours_from_two_minutes_after_it_was_sent() -> None:
    ids, days = np.meshgrid(IDS, np.arange(10, dtype=np.int64))
    waited = visits.view_seconds(world().draws, ids.ravel(), days.ravel()) - visits.SENT_AT
    assert (waited.min() // 60, waited.max() // 60) == (2, 10 * 60 + 1)


def test_a_message_works_half_as_much_after_a_week_and_not_beyond_its_window() -> None:
    days = np.array([0, 7, WINDOW_DAYS - 1, WINDOW_DAYS])
    state = SimpleNamespace(
        sent=-days, strength=np.full(4, 0.8), touched=np.zeros((4, 1)), load=np.zeros(4)
    )
    surroundings = SimpleNamespace(channel_effects=np.zeros(1))
    walk = cast(Walk, SimpleNamespace(state=state, surroundings=surroundings))
    effects = np.log(Walk.hazard(walk, 0, np.ones(4)))
    last = 0.8 * 0.5 ** ((WINDOW_DAYS - 1) / 7)
    assert effects == pytest.approx([0.8, 0.4, last, 0.0])


def test_half_of_the_customers_are_there_from_the_beginning_and_nobody_joins_at_the_end() -> None:
    joined = draw_members(shop(), world().draws, np.arange(4000, dtype=np.int64)).traits.joined
    assert (joined == -BURN_IN_DAYS).mean() == pytest.approx(0.5, abs=0.03)
    assert joined.max() < 0.9 * shop().history_days
    late = joined[joined > -BURN_IN_DAYS]
    assert np.median(late) == pytest.approx((0.9 * shop().history_days - BURN_IN_DAYS) / 2, abs=12)


def test_a_price_war_is_told_with_its_first_day_and_no_other() -> None:
    names = [item.category.en for item in world().shop.categories]
    wars = truth.surroundings(world(), 400)["wars"]
    assert len(wars) > 0
    for name, day in zip(wars["category"], wars["first_day"], strict=True):
        category = np.array([names.index(name)], np.int64)
        goods, first = world().surroundings.catalogue, np.zeros(1, np.int64)
        before, on = (market.war_depth(goods, first, category, day + step)[0] for step in (-1, 0))
        assert (before, on > 0) == (0, True)


def test_numbers_of_a_device_have_no_gaps_but_where_events_were_lost() -> None:
    steps, outcome = course().steps, course().outcome
    devices = visits.devices(outcome.visit_customer, course().device)
    frame = pd.DataFrame(
        {"device": devices[steps.visit], "number": steps.sequence, "lost": steps.lost}
    )
    grouped = frame.groupby("device")["number"]
    before = steps_before_registering(world().surroundings, course().draws, course().traits)
    earlier = {f"D{number:06d}-0": steps for number, steps in zip(IDS, before, strict=True)}
    counts = grouped.size()
    seen = pd.Series([earlier.get(device, 0) for device in counts.index], index=counts.index)
    assert (seen > 0).sum() > 20
    assert (grouped.min() == seen + 1).all()
    assert (grouped.max() == counts + seen).all()
    assert (grouped.nunique() == counts).all()
    assert 0.002 < frame["lost"].mean() < 0.02
    assert len(event_records(course())) == len(frame) - frame["lost"].sum()


def test_what_is_not_there_yet_is_neither_sold_nor_looked_at_nor_shown() -> None:
    goods, lines, steps = world().surroundings.catalogue, course().lines, course().steps
    shown, day = course().exposures, course().outcome.visit_day
    assert (goods.launched > 0).sum() > 10
    few = build_world(shop(products=44), seed=7).surroundings.catalogue
    assert (few.launched[few.first[:-1]] < 0).all()  # no category is ever empty
    assert (goods.launched[lines.product] <= lines.day).all()
    seen = steps.product >= 0
    assert (goods.launched[steps.product[seen]] <= day[steps.visit[seen]]).all()
    assert (goods.launched[shown.product] <= day[shown.visit]).all()
    # The logged probabilities of a category sum to one, before and after launches.
    for on in (0, 300):
        chances = goods.rank_chance(goods.numbers, np.full(len(goods), on))
        assert np.bincount(goods.category, chances) == pytest.approx(np.ones(22))
    assert 0 < shown.probability.min() <= shown.probability.max() < 1
    assert 0.005 < shown.clicked.mean() < 0.15


def test_a_period_goes_on_where_the_history_ended(tmp_path: Path) -> None:
    small = build_world(shop(customers=120), seed=3)
    start = small.shop.starts_on
    middle, end = start + timedelta(days=60), start + timedelta(days=88)
    whole, parts = str(tmp_path / "whole" / "inbox"), str(tmp_path / "parts" / "inbox")
    files.deliver_history(small, whole, last=end, live_from=end)
    files.deliver_history(small, parts, last=middle, live_from=middle)
    files.deliver_period(small, parts, Sends.none(), first=middle, last=end)

    def landed(inbox: str, kind: str) -> pd.DataFrame:
        read = pd.read_csv if kind == "orders" else pd.read_json
        options: dict[str, Any] = {} if kind == "orders" else {"lines": True}
        paths = sorted(Path(inbox, kind).rglob("*.csv" if kind == "orders" else "*.json"))
        frame = pd.concat([read(path, **options) for path in paths], ignore_index=True)
        # A column that a file leaves empty is read as numbers.
        frame = frame.astype(object).where(frame.notna(), None)
        ordered: pd.DataFrame = frame.sort_values(list(frame.columns[:2]))
        return ordered.reset_index(drop=True)

    for kind in ("orders", "events"):
        # When an order arrived is known later only.
        columns = [name for name in landed(whole, kind) if name != "delivered_at"]
        pd.testing.assert_frame_equal(landed(whole, kind)[columns], landed(parts, kind)[columns])


def test_a_period_without_a_coupon_delivers_a_file_without_records(tmp_path: Path) -> None:
    few = build_world(shop(customers=20), seed=3)
    middle, end = (few.shop.starts_on + timedelta(days=days) for days in (40, 50))
    files.deliver_period(few, str(tmp_path / "inbox"), Sends.none(), first=middle, last=end)
    (file,) = (tmp_path / "inbox" / "redemptions").rglob("*.csv")
    assert file.read_text() == "customer_ref,coupon_ref,order_ref,happened_at\n"


def test_damage_is_counted_and_is_in_the_files(tmp_path: Path) -> None:
    small = build_world(shop(customers=120), seed=3)
    end = small.shop.starts_on + timedelta(days=80)
    delivered = files.deliver_history(small, str(tmp_path / "inbox"), last=end, live_from=end)
    orders = pd.concat(map(pd.read_csv, (tmp_path / "inbox" / "orders").rglob("*.csv")))
    sales = orders[orders["quantity"] > 0]
    assert delivered.records["orders"] == len(orders)
    planted = delivered.damaged
    assert planted["orders", "duplicates"] == len(orders) - len(orders.drop_duplicates())
    assert (sales["unit_price"] < 0).sum() == planted.get(("orders", "negative_prices"), 0)
    assert sales["happened_at"].str.contains("-13-").sum() == planted.get(
        ("orders", "bad_dates"), 0
    )
    assert (tmp_path / "truth" / "customers").is_dir()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"personas": [shop_file()["personas"][0] | {"likes": ["Toys"]}]}, "'Toys'.*a department"),
        (
            {"categories": [item | {"leads_to": ["Toys"]} for item in shop_file()["categories"]]},
            "Moisturisers names 'Toys', which is not a category",
        ),
        ({"festivals": [{"name": "x", "first": "5 March", "days": 1, "demand": 1}]}, "festivals.0.first"),
        ({"personas": [shop_file()["personas"][0] | {"share": 0}]}, "no persona has customers"),
    ],
)  # fmt: skip
def test_a_shop_file_that_names_what_is_not_there_is_refused(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        shop(**change)


def test_the_margins_of_a_shop_are_those_of_real_shops() -> None:
    """All shops are compared in `test-slow`; this one always."""
    ranges = margins.parse_ranges(
        parse_yaml(Config.load().text("margins.yml"), where="margins"), where="margins"
    )
    whole = build_world(parse_shop(shop_file(), where="beauty"), seed=7)
    values = margins.of_shop(whole, last=120)
    assert set(values) == set(ranges)
    outside = {name: value for name, value in values.items() if not ranges[name].holds(value)}
    assert not outside


def test_the_three_commonest_categories_of_a_customer_do_not_foretell_the_next() -> None:
    outcome = course().outcome
    order = np.lexsort((outcome.line_no, outcome.line_day, outcome.line_customer))
    bought: dict[int, Counter[int]] = {}
    hits = trials = 0
    for place in order:
        own = bought.setdefault(int(outcome.line_customer[place]), Counter())
        category = int(outcome.line_category[place])
        if outcome.line_no[place] == 1 and own:
            trials += 1
            hits += category in [name for name, _ in own.most_common(3)]
        own[category] += 1
    assert trials > 100
    assert hits / trials <= 0.70


def test_fewer_effects_of_the_response_leave_the_draws_alone() -> None:
    """The same customers come on the same days when an offer that nobody got changes."""
    stronger = replace_effect(world().shop, 3.0)
    one = simulate(world().surroundings, IDS, first=0, last=60)
    two = simulate(build_surroundings(stronger, 7), IDS, first=0, last=60)
    assert rows_of(one) == rows_of(two)


def replace_effect(written: Shop, effect: float) -> Shop:
    personas = tuple(persona.model_copy(update={"effect": effect}) for persona in written.personas)
    return written.model_copy(update={"personas": personas})


def test_entries_are_numbered_by_their_count() -> None:
    place, number = numbered(np.array([2, 0, 3]))
    assert (place.tolist(), number.tolist()) == ([0, 0, 2, 2, 2], [0, 1, 0, 1, 2])


def test_the_sends_of_a_block_are_those_to_its_customers() -> None:
    sends = replace(SPEND.to(IDS, 3), ref=[f"m{number}" for number in IDS])
    part = sends.to(100, 103)
    assert (part.customer.tolist(), list(part.ref)) == ([100, 101, 102], ["m100", "m101", "m102"])
