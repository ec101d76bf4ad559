"""Each record that a simulated shop delivers, and the row that came of it; none is lost or changed."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from delivered import (
    RECORD,
    WEB_SHOP,
    as_rows,
    delivered_records,
    only_where,
    silver_rows,
    table_rows,
    unequal,
)
from worlds import World

from clarion.measures.statistics.intervals import Interval, share
from clarion.sim import course as sim
from clarion.sim import environment_records, records
from clarion.sim.deliveries import Period, events_of, people_records
from clarion.sim.intruders import events_of_unknown, intruders_of
from clarion.sim.social import review_records
from clarion.sim.walk import Sends

# Kinds whose records say nothing without the person, and so are refused where one does not consent.
OF_PEOPLE = ("registrations", "traits", "ties")
KEYS = {
    "registrations": ("customer_id",), "consents": ("customer_id", "purpose", "at"),
    "products": ("product_id",), "orders": ("order_id", "line_no"), "events": ("event_ref",),
    "market": ("competitor", "title", "observed_at"), "reviews": ("review_ref",),
    "traits": ("customer_id", "name"), "ties": ("from_id", "to_id"),
    "costs": ("day", "channel", "note"), "touches": ("touch_ref",), "exposures": ("exposure_ref",),
}  # fmt: skip


@pytest.fixture(scope="module")
def inbox(world: World) -> Path:
    return world.folder / "inbox"


@pytest.fixture(scope="module")
def consenting(inbox: Path) -> frozenset[str]:
    """The shop's names of the people who consent to collection, as its files say."""
    consents = delivered_records(inbox, WEB_SHOP["consents"])
    granted = (consents["purpose"] == "collection") & (consents["granted"] == "true")
    return frozenset(consents.loc[granted, "customer_id"])


def without_refused(records: pd.DataFrame, kind: str, consenting: frozenset[str]) -> pd.DataFrame:
    """Records as they may be kept: nobody is named who does not consent, nor their devices.

    A refusal itself is kept under its name.
    """
    people = () if kind == "consents" else WEB_SHOP[kind].people
    kept = records.assign(
        **{name: only_where(records[name], records[name].isin(consenting)) for name in people}
    )
    if "device_ref" in kept:
        kept["device_ref"] = only_where(kept["device_ref"], kept["customer_id"].notna())
    return kept


def damages(records: pd.DataFrame, kind: str) -> pd.Series:
    """What is wrong with each record, as somebody sees who reads the file; empty for nothing."""
    found = pd.Series("", index=records.index, dtype=object)
    if kind not in ("orders", "events"):
        return found
    found[records["happened_at"].isna()] = "bad_dates"
    found[[str(product).startswith("X") for product in records["product_id"]]] = "unknown_products"
    if kind == "orders":
        found[(records["unit_price"] < 0).to_numpy(bool)] = "negative_prices"
        found[records["customer_id"].isna()] = "missing_ids"
    found[records.duplicated(["event_ref"] if kind == "events" else WEB_SHOP[kind].columns)] = (
        "duplicates"
    )
    return found


@pytest.mark.covers("C1", "C2")
@pytest.mark.parametrize("kind", WEB_SHOP)
def test_each_record_delivered_is_one_row_that_says_the_same(
    world: World, inbox: Path, consenting: frozenset[str], kind: str
) -> None:
    """Damaged records, repeats and people who refused are known from the files, not from the run."""
    delivery = WEB_SHOP[kind]
    delivered = delivered_records(inbox, delivery)
    damage = damages(delivered, kind)
    planted = Counter({name: n for (of, name), n in world.planted.items() if of == kind})
    if kind == "events":
        del planted["missing_ids"]  # an event of nobody is an event
    assert Counter(damage[damage != ""]) == planted

    expected = without_refused(delivered, kind, consenting)
    lands = damage == ""
    if kind in OF_PEOPLE:
        lands &= expected[list(delivery.people)].notna().all(axis=1)
    rows = silver_rows(world.lake.root, delivery)
    assert lands.any()
    assert sorted(map(tuple, rows[RECORD].to_numpy())) == sorted(
        map(tuple, delivered.loc[lands, RECORD].to_numpy())
    )
    differs = unequal(rows, expected, RECORD)
    assert differs.sum().sum() == 0, differs.sum()
    # Coupons come with messages, and this shop has sent none yet.
    stated = expected[lands].drop(columns="coupon_ref", errors="ignore").notna().any()
    assert stated.all(), f"never stated: {stated[~stated].index.tolist()}"


def true_records(world: World) -> dict[str, pd.DataFrame]:
    """What happened in the shop, by kind, before anything of it was damaged or refused."""
    shop = world.shop
    last = shop.day_number(world.as_of)
    course = sim.follow(shop, shop.ids, last=last)
    around, clock = shop.surroundings, shop.clock
    until = clock.instants(last)
    whole = Period(0, last, last, True, Sends.none())
    rings = intruders_of(shop, whole)
    of_unknown, _ = events_of_unknown(shop, rings, 0, last)
    events = pd.concat([events_of(course), of_unknown], ignore_index=True)
    records_of_people = {
        **people_records(course, whole),
        "orders": records.order_records(course, until=until),
    }
    for kind, added in rings.records.items():
        records_of_people[kind] = pd.concat([records_of_people[kind], added], ignore_index=True)
    return {
        **records_of_people,
        "products": records.product_records(around, first=None, last=last),
        "events": events[(events["_day"] >= 0) & (events["_day"] < last)],
        "market": environment_records.price_records(around, clock, 0, last),
        "reviews": review_records(course, until=until),
        "costs": environment_records.cost_records(around, clock, 0, last),
        "touches": records.touch_records(course),
        "exposures": records.exposure_records(course),
    }


@pytest.mark.covers("C9")
def test_of_the_rows_that_are_accepted_99_of_100_say_what_happened_in_every_kind(
    world: World,
) -> None:
    truth = true_records(world)
    assert truth.keys() == WEB_SHOP.keys()
    for kind, happened in truth.items():
        delivery = WEB_SHOP[kind]
        rows = silver_rows(world.lake.root, delivery)
        differs = unequal(rows, as_rows(happened, delivery), KEYS[kind])
        for name in {*delivery.people, "device_ref"}.intersection(differs):
            # A person whom the row does not name is no wrong person.
            differs[name] &= rows[name].notna()
        right = share(float(np.count_nonzero(~differs.any(axis=1))), float(len(rows)))
        assert isinstance(right, Interval), kind
        assert right.value >= 0.99, (kind, right, differs.sum())


@pytest.mark.covers("F1")
def test_each_live_minute_counts_what_the_files_of_the_stream_hold(
    world: World, inbox: Path, consenting: frozenset[str]
) -> None:
    """Events of products that cleaning rejects count, too: the stream does not know the list."""
    events = delivered_records(inbox, WEB_SHOP["events"])
    live = events[events["_file"].str.contains("/live_events/") & events["happened_at"].notna()]
    live = live.drop_duplicates("event_ref")
    # Nobody is told from others who does not consent, and no device without a name.
    visitor = live["customer_id"].where(live["customer_id"].isin(consenting))
    by_minute = live.assign(visitor=visitor).groupby(live["happened_at"].str.slice(0, 16))
    expected = pd.DataFrame(
        {
            "events": by_minute.size(),
            **{
                name: by_minute["type"].agg(lambda types, one=one: int((types == one).sum()))
                for name, one in (
                    ("views", "view"),
                    ("searches", "search"),
                    ("cart_adds", "cart_add"),
                    ("checkouts", "checkout"),
                )
            },
            "visitors": by_minute["visitor"].nunique(),
        }
    )
    minutes = table_rows(world.lake.root, "live.kpi_minutes")
    is_counted = (minutes["source"] == "sim_live.events") & (minutes["dimension"] == "all")
    minutes = minutes[is_counted]
    minutes.index = minutes["minute"].dt.strftime("%Y-%m-%d %H:%M")
    assert minutes.index.is_unique
    assert len(expected) > 20
    assert min(expected[["views", "cart_adds"]].sum()) > 0
    pd.testing.assert_frame_equal(
        minutes[expected.columns].sort_index(), expected, check_names=False, check_dtype=False
    )


@pytest.mark.covers("F1")
def test_each_live_minute_holds_the_orders_and_the_revenue_of_the_files(
    world: World, inbox: Path, consenting: frozenset[str]
) -> None:
    lines = delivered_records(inbox, WEB_SHOP["orders"])
    is_live = lines["_file"].str.contains("/live_orders/") & lines["happened_at"].notna()
    is_sale = (lines["kind"] == "sale") & (lines["unit_price"].astype(float) > 0)
    sales = lines[is_live & is_sale & lines["customer_id"].isin(consenting)]
    sales = sales.drop_duplicates(["order_id", "line_no"])
    sales = sales.assign(amount=sales["amount"].astype(float))
    by_minute = sales.groupby(sales["happened_at"].str.slice(0, 16))
    expected = pd.DataFrame(
        {"orders": by_minute["order_id"].nunique(), "revenue": by_minute["amount"].sum()}
    )
    minutes = table_rows(world.lake.root, "live.kpi_minutes")
    is_counted = (minutes["source"] == "sim_live.orders") & (minutes["dimension"] == "all")
    counted = minutes[is_counted].set_index(
        minutes[is_counted]["minute"].dt.strftime("%Y-%m-%d %H:%M")
    )
    assert len(expected) > 1
    assert set(counted.index) == set(expected.index)
    counted = counted.loc[expected.index]
    assert list(counted["orders"]) == list(expected["orders"])
    assert np.allclose(counted["revenue"].astype(float), expected["revenue"])
