"""Bots, accidental clicks, rings of fake orders and second accounts in the files of a shop."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from delivered import record_files

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.kernel.errors import ConfigError
from clarion.sim import files, intruders, visits
from clarion.sim.accidental_clicks import RETURN, is_accidental
from clarion.sim.bots import bot_events
from clarion.sim.course import World, build_world, follow
from clarion.sim.deliveries import Period
from clarion.sim.fake_orders import draw_rings
from clarion.sim.intruders import accounts_of
from clarion.sim.records import customer_number
from clarion.sim.shop import Shop, parse_shop
from clarion.sim.traits import NEVER
from clarion.sim.visitors import events_of_strangers
from clarion.sim.walk import Sends

DAYS = 90
NONE = {"accidental_clicks": 0, "bots": 0, "rings": 0}
MUCH = {"accidental_clicks": 0.1, "bots": 3, "rings": 8, "hard_rings": 0.5}
SHOPS = ("beauty", "changing", "electronics", "fashion", "gifts", "grocery")


@cache
def shop_file(name: str = "beauty") -> dict[str, Any]:
    return parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name)


def shop(name: str = "beauty", **changes: Any) -> Shop:
    return parse_shop(shop_file(name) | {"customers": 150} | changes, where=name)


def read(folder: Path, kind: str) -> pd.DataFrame:
    """All records of a kind, with missing values as None."""

    def records(path: Path) -> pd.DataFrame:
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=str)
        if path.suffix == ".json":
            return pd.read_json(path, lines=True, dtype=False, convert_dates=False)
        return pd.read_parquet(path)

    frame = pd.concat(map(records, record_files(folder / kind)), ignore_index=True)
    return frame.astype(object).replace({np.nan: None})


def deliver(folder: Path, *, until: int = DAYS, **changes: Any) -> Path:
    world = build_world(shop(**changes), seed=3)
    last = world.shop.starts_on + timedelta(days=until)
    files.deliver_history(world, str(folder / "inbox"), last=last, live_from=last)
    return folder


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with much invalid activity, and many second accounts."""
    many = {"share": 0.2, "use": 0.5}
    folder = tmp_path_factory.mktemp("busy")
    return deliver(folder, invalid_activity=MUCH, second_accounts=many)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same shop without any."""
    folder = tmp_path_factory.mktemp("quiet")
    return deliver(folder, invalid_activity=NONE, second_accounts={"share": 0})


def keyed(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    return frame[columns].astype(str).agg("|".join, axis=1)


def added(busy: Path, quiet: Path, kind: str, without: tuple[str, ...]) -> pd.DataFrame:
    """The records that only the busy shop has; no record of the quiet one is missing in it."""
    more, less = read(busy / "inbox", kind), read(quiet / "inbox", kind)
    columns = [name for name in less.columns if name not in without]
    rows, known = keyed(more, columns), keyed(less, columns)
    assert set(known) <= set(rows)
    return more[~rows.isin(set(known))]


def test_what_customers_do_stays_the_same(busy: Path, quiet: Path) -> None:
    people = shop()
    orders = added(busy, quiet, "orders", ("customer_ref",))
    assert 0 < len(orders) < 0.5 * len(read(quiet / "inbox", "orders"))
    assert (orders["quantity"] == "1").all()
    moved = ("customer_ref", "device_ref", "happened_at", "sequence_no", "device_sequence_no")
    assert len(added(busy, quiet, "events", moved)) > 100
    new = added(busy, quiet, "registrations", ())
    assert set(new["customer_ref"]).isdisjoint(
        read(quiet / "inbox", "registrations")["customer_ref"]
    )
    assert {customer_number(ref) < people.customers for ref in new["customer_ref"]} == {True, False}
    for kind in ("touches", "market", "products", "traits", "ties"):
        assert added(busy, quiet, kind, ()).empty, kind


def test_the_truth_names_each_invalid_record_and_no_other(busy: Path, quiet: Path) -> None:
    truth = read(busy / "truth", "invalid_records")
    kinds = {(row.kind, row.invalid_activity) for row in truth.itertuples()}
    assert kinds == {("events", "accidental_click"), ("events", "bot"), ("events", "fake_order"),
                     ("orders", "fake_order")}  # fmt: skip
    assert not truth.duplicated(["kind", "ref"]).any()
    orders = added(busy, quiet, "orders", ("customer_ref",))
    assert set(truth.loc[truth["kind"] == "orders", "ref"]) == set(orders["order_ref"])
    refs = set(read(busy / "inbox", "events")["event_ref"])
    refs -= set(read(quiet / "inbox", "events")["event_ref"])
    # After most accidental clicks the customer looks at the page before again, and means it.
    intended = {ref for ref in refs if ref.startswith("S") and int(ref[-3:]) >= RETURN}
    assert len(intended) > 10
    assert set(truth.loc[truth["kind"] == "events", "ref"]) == refs - intended
    assert read(quiet / "truth", "accounts")["account"].unique().tolist() == ["first"]


def test_the_files_are_the_same_whatever_the_blocks_and_the_periods(
    busy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BLOCK", 40)
    monkeypatch.setattr(intruders, "STRANGERS_AT_ONCE", 3_000)
    world = build_world(shop(invalid_activity=MUCH, second_accounts={"share": 0.2, "use": 0.5}),
                        seed=3)  # fmt: skip
    start = world.shop.starts_on
    middle, end = start + timedelta(days=50), start + timedelta(days=DAYS)
    files.deliver_history(world, str(tmp_path / "inbox"), last=middle, live_from=middle)
    files.deliver_period(world, str(tmp_path / "inbox"), Sends.none(), first=middle, last=end)
    assert len(list((tmp_path / "inbox" / "events").rglob("strangers-*.json"))) > 3
    for kind in ("orders", "events", "registrations", "consents"):
        whole, parts = read(busy / "inbox", kind), read(tmp_path / "inbox", kind)
        # When an order arrived is known later only.
        columns = [name for name in whole.columns if name != "delivered_at"]
        assert sorted(keyed(whole, columns)) == sorted(keyed(parts, columns)), kind
    tables = [read(folder / "truth", "invalid_records") for folder in (busy, tmp_path)]
    assert sorted(keyed(tables[0], ["kind", "ref"])) == sorted(keyed(tables[1], ["kind", "ref"]))


def test_bots_come_on_the_live_days_too(busy: Path, tmp_path: Path) -> None:
    world = build_world(shop(invalid_activity=MUCH, second_accounts={"share": 0.2, "use": 0.5}),
                        seed=3)  # fmt: skip
    last = world.shop.starts_on + timedelta(days=DAYS)
    live_from = last - timedelta(days=10)
    files.deliver_history(world, str(tmp_path / "inbox"), last=last, live_from=live_from)
    before, live = (read(tmp_path / "inbox", kind) for kind in ("events", "live_events"))
    assert sorted([*before["event_ref"], *live["event_ref"]]) == sorted(
        read(busy / "inbox", "events")["event_ref"]
    )
    truth = read(tmp_path / "truth", "invalid_records")
    bots = set(truth.loc[truth["invalid_activity"] == "bot", "ref"])
    assert 0 < live["event_ref"].isin(bots).sum() < len(bots)
    starts = live["happened_at"][~live["happened_at"].str.contains("-13-")].min()
    assert starts >= str(live_from - timedelta(days=1))


def shares(world: World, last: int) -> dict[str, float]:
    """Shares of invalid records; those of bots and rings as if there were many customers."""
    surroundings, draws, clock = world.surroundings, world.draws, world.clock
    times = 200
    customers = times * world.shop.customers
    crowd = replace(surroundings, shop=world.shop.model_copy(update={"customers": customers}))
    course = follow(world, world.ids, last=last)
    strangers = len(events_of_strangers(surroundings, draws, clock, 0, last))
    bots = len(bot_events(crowd, draws, clock, 0, last)) / times
    fake = (draw_rings(crowd, draws, clock, last).day < last).sum() / times
    accidental = is_accidental(course.steps).sum()
    return {
        "accidental": accidental / ((course.steps.type == visits.VIEW).sum() + strangers),
        "bots": bots / (len(course.steps) + strangers + bots),
        "fake": fake / (fake + course.outcome.visit_ordered.sum()),
    }


@pytest.mark.parametrize("name", SHOPS)
def test_as_much_is_invalid_as_in_real_shops(name: str) -> None:
    found = shares(build_world(shop(name, customers=500, history_days=120), seed=3), 120)
    assert 0.02 <= found["accidental"] <= 0.04
    assert 0.01 <= found["bots"] <= 0.03
    assert 0.005 <= found["fake"] <= 0.01


def test_bots_go_through_the_catalogue_on_devices_that_count_without_gaps(busy: Path) -> None:
    truth = read(busy / "truth", "invalid_records")
    bots = set(truth.loc[truth["invalid_activity"] == "bot", "ref"])
    events = read(busy / "inbox", "events")
    events = events[events["event_ref"].isin(bots)]
    # Some bots log in, and then always, with an account that the truth names.
    logged_in = events["customer_ref"].notna()
    assert 0.1 < logged_in.mean() < 0.9
    assert (logged_in.groupby(events["device_ref"]).nunique() == 1).all()
    accounts = read(busy / "truth", "accounts")
    own = set(accounts.loc[accounts["account"] == "bot", "customer_ref"])
    assert set(events.loc[logged_in, "customer_ref"]) <= own
    assert own <= set(read(busy / "inbox", "registrations")["customer_ref"])
    visits_of_bots = events.groupby("session_ref")
    assert (visits_of_bots["product_ref"].nunique() > 0.8 * visits_of_bots.size()).all()
    numbers = events.groupby("device_ref")["device_sequence_no"]
    assert (numbers.min() == 1).all()
    assert (numbers.max() == numbers.size()).all()
    assert (numbers.nunique() == numbers.size()).all()


def test_a_ring_buys_one_product_within_days_by_accounts_that_it_opened_before(busy: Path) -> None:
    accounts = read(busy / "truth", "accounts")
    fake = accounts[accounts["account"] == "fake"].set_index("customer_ref")["person_ref"]
    orders = read(busy / "inbox", "orders")
    orders = orders[orders["customer_ref"].isin(fake.index)]
    by_ring = orders.assign(ring=orders["customer_ref"].map(fake)).groupby("ring")
    assert len(by_ring) > 2
    assert (by_ring["product_ref"].nunique() == 1).all()
    days = pd.to_datetime(orders["happened_at"]).groupby(orders["customer_ref"].map(fake))
    assert ((days.max() - days.min()) < pd.Timedelta(days=5)).all()
    opened = read(busy / "inbox", "registrations").set_index("customer_ref")["registered_at"]
    assert (opened[orders["customer_ref"]].to_numpy() <= orders["happened_at"].to_numpy()).all()
    truth = read(busy / "truth", "invalid_records")
    levels = truth[truth["kind"] == "orders"].set_index("ref")["difficulty"]
    looked = read(busy / "inbox", "events").query("type == 'view'")["customer_ref"]
    looks = orders["customer_ref"].isin(set(looked)).groupby(orders["order_ref"].map(levels)).mean()
    # The hardest rings look like people.
    assert looks["hard"] > looks["default"] + 0.15


def test_a_second_account_is_used_once_it_is_open_and_the_truth_names_its_owner(busy: Path) -> None:
    accounts = read(busy / "truth", "accounts")
    second = accounts[accounts["account"] == "second"].set_index("customer_ref")
    people = read(busy / "truth", "customers")["customer_ref"]
    assert 0.1 < len(second) / len(people) < 0.3
    assert set(second["person_ref"]) <= set(people)
    registrations = read(busy / "inbox", "registrations").set_index("customer_ref")
    opened = registrations["registered_at"]
    events = read(busy / "inbox", "events")
    events = events[events["customer_ref"].isin(set(second.index))]
    events = events[~events["happened_at"].str.contains("-13-")]
    assert (events["happened_at"].to_numpy() > opened[events["customer_ref"]].to_numpy()).all()
    orders = read(busy / "inbox", "orders")
    of_second = orders["customer_ref"].isin(set(second.index))
    of_owner = orders["customer_ref"].isin(set(second["person_ref"]))
    assert 0 < of_second.sum() < of_owner.sum() + of_second.sum()
    own = events["device_ref"].str.endswith("-2")
    assert 0.2 < own.mean() < 0.8
    # What both accounts state is alike, and not the same.
    first = registrations.loc[second["person_ref"].to_list(), "phone"].to_numpy()
    same = registrations.loc[second.index.to_list(), "phone"].to_numpy() == first
    assert 0.4 < same.mean() < 0.95


def test_accounts_belong_to_the_period_in_which_they_were_opened() -> None:
    world = build_world(shop(customers=600), seed=3)
    course = follow(world, world.ids, last=1)
    opened = course.accounts.opened
    assert 0.02 < (opened < NEVER).mean() < 0.07
    assert (opened > course.traits.joined).all()
    early = accounts_of(course, Period(0, 40, 40, True, Sends.none()))
    assert (early["account"] == "second").sum() == (opened < 40).sum() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"invalid_activity": {"bots": -1}}, "invalid_activity.bots"),
        ({"invalid_activity": {"robots": 1}}, "invalid_activity.robots"),
        ({"second_accounts": {"share": 2}}, "second_accounts.share"),
        ({"variants": {"Toys": {"sizes": ["S"]}}}, "'Toys', which is not a department"),
    ],
)  # fmt: skip
def test_a_share_that_makes_no_sense_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        shop(**change)


def test_without_accidental_clicks_steps_are_as_intended() -> None:
    calm = build_world(shop(invalid_activity=NONE), seed=3)
    busy_world = build_world(shop(invalid_activity=MUCH), seed=3)
    few, many = (follow(world, world.ids, last=40).steps for world in (calm, busy_world))
    assert not is_accidental(few).any()
    assert 0.03 < is_accidental(many).sum() / (few.type == visits.VIEW).sum() < 0.15
    intended = many.key < 100
    for name in ("visit", "key", "type", "product", "category", "dwell", "lost"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[intended]), name
    # Each step begins when the one before has ended.
    same = many.visit[1:] == many.visit[:-1]
    gaps = np.diff(many.seconds)[same]
    assert (gaps == np.floor(many.dwell[:-1][same]) + 1).all()
