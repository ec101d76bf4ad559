"""Groups over retrains: who stays, who is new, who is retired, and what the tables say against what was planted."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import functions as F
from worlds import Desk

from clarion.contracts import TABLES
from clarion.measures.columns.frames import local_frame

pytestmark = pytest.mark.deep  # retrains over months

START = date(2026, 1, 1)
# Means by persona: active days a month, views per active day, cart adds per view, orders per active day, units per order, paid per unit, discount
# share; each customer varies by a tenth.
PERSONAS = {
    "regulars": (8, 10, 0.20, 0.40, 3, 15, 0.05),
    "hunters": (4, 30, 0.20, 0.15, 2, 8, 0.60),
    "lookers": (9, 70, 0.01, 0.01, 1, 10, 0.10),
    "big": (1, 7, 0.30, 0.80, 12, 40, 0.05),
    "fans": (20, 12, 0.15, 0.50, 3, 90, 0.02),
    "hunters_gone_app": (25, 30, 0.60, 0.15, 2, 8, 0.62),
}
ORDERS = {"orders": {"where": "${data}/none/*.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "EUR",
    "consent": {"basis": "declared", "purposes": ["analytics", "marketing"], "note": "planted"},
    "columns": {name: name for name in ("order_ref", "happened_at", "product_ref", "quantity", "unit_price")}}}  # fmt: skip


def _plant(desk: Desk, as_of: date, sizes: dict[str, int]) -> dict[str, str]:
    """Profiles and features of a day; returns each customer's persona. A customer's number tells the persona and never changes."""
    rng = np.random.default_rng(as_of.toordinal())
    features: list[Any] = []
    profiles: list[Any] = []
    personas: dict[str, str] = {}
    for persona, size in sizes.items():
        for number in range(size):
            # Those who split off from the hunters were hunters before.
            name = (
                f"hunters-{100 + number:04d}"
                if persona == "hunters_gone_app"
                else f"{persona}-{number:04d}"
            )
            values = [float(mean * rng.lognormal(0, 0.1)) for mean in PERSONAS[persona]]
            personas[name] = persona
            features.append((as_of, name, _features(*values), {}))
            profiles.append((as_of, name))
    spark, lake = desk.lake.spark, desk.lake
    slice_ = f"as_of = DATE'{as_of}'"
    lake.replace(
        TABLES["gold.customer_features"],
        local_frame(spark, features, TABLES["gold.customer_features"].ddl),
        where=slice_,
    )
    table = TABLES["gold.customer_profiles"]
    rows = [_profile(day, name, table.column_names) for day, name in profiles]
    lake.replace(table, local_frame(spark, rows, table.ddl), where=slice_)
    consents = TABLES["silver.consents"]
    stated = [_consent(name, as_of, consents.column_names) for name in personas]
    lake.replace(
        consents, local_frame(spark, stated, consents.ddl), where=f"_batch = 'planted {as_of}'"
    )
    return personas


def _features(
    active_days: float,
    views: float,
    carts: float,
    orders: float,
    units: float,
    price: float,
    discount: float,
) -> dict[str, float]:
    """What the groups compare, of a customer known for a year."""
    sums = {
        "active_days_365d": 12 * active_days,
        "views_365d": 12 * active_days * views,
        "orders_365d": 12 * active_days * orders,
    }
    sums |= {
        "cart_adds_365d": sums["views_365d"] * carts,
        "units_365d": sums["orders_365d"] * units,
    }
    return sums | {
        "active_days_month": active_days,
        "event_days_365d": sums["active_days_365d"],
        "views_per_active_day": views,
        "carts_per_view": carts,
        "orders_per_active_day": orders,
        "units_per_order": units,
        "unit_price_paid": price,
        "discount_share": discount,
    }


def _profile(day: date, name: str, columns: tuple[str, ...]) -> tuple[Any, ...]:
    values = {
        "as_of": day, "customer_id": name, "tenure_days": 400.0, "recency_days": 9.0, "orders": 4, "monetary": Decimal("80.0000"),
        "average_order": Decimal("20.0000"), "discount_share": 0.1, "views": 40, "cart_adds": 6, "events": 10, "active_days": 5, "idle_days": 1.0,
        "life_cycle": "active", "interests": [],
    }  # fmt: skip
    return tuple(values.get(column) for column in columns)


def _consent(name: str, day: date, columns: tuple[str, ...]) -> tuple[Any, ...]:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    values = {
        "record_id": f"{name}/{day}", "customer_id": name, "purpose": "analytics", "channel": "*", "granted": True, "at": at, "basis": "declared",
        "arrived_at": at, "_source": "planted.orders", "_file": "planted", "_row": 1, "_batch": f"planted {day}",
    }  # fmt: skip
    return tuple(values.get(column) for column in columns)


def _groups(desk: Desk, as_of: date) -> dict[str, str]:
    """Group of each customer on a day."""
    return {
        row["customer_id"]: row["segment_id"]
        for row in desk.read("gold.segment_members").where(F.col("as_of") == F.lit(as_of)).collect()
    }


def _of(groups: dict[str, str], personas: dict[str, str], persona: str) -> tuple[str, float]:
    """The group in which most of a persona stand, and the share of them."""
    own_groups = [groups[name] for name, planted in personas.items() if planted == persona]
    most = max(set(own_groups), key=own_groups.count)
    return most, own_groups.count(most) / len(own_groups)


def _model(desk: Desk, as_of: date) -> dict[str, Any]:
    row = desk.read("gold.segment_models").where(F.col("as_of") == F.lit(as_of)).first()
    assert row is not None
    return row.asDict(recursive=True)


@pytest.mark.covers("P2")
def test_a_persona_that_grows_stays_one_that_splits_brings_a_new_group_and_one_that_vanishes_is_retired(
    desk: Callable[..., Desk],
) -> None:
    shop = desk({"planted": ORDERS}, **{"segment.min_stability": "0.5"})
    days = [START + timedelta(days=30 * month) for month in range(4)]
    first = _plant(shop, days[0], {"regulars": 60, "hunters": 160, "lookers": 80, "big": 40})
    shop.run("train_segments", "segment", as_of=days[0])
    before = _groups(shop, days[0])
    names = {
        persona: _of(before, first, persona)
        for persona in ("regulars", "hunters", "lookers", "big")
    }
    assert len({group for group, _ in names.values()}) == 4
    assert all(share > 0.95 for _, share in names.values())

    # Nothing has moved: the model goes on.
    again = _plant(shop, days[1], {"regulars": 60, "hunters": 160, "lookers": 80, "big": 40})
    shop.run("train_segments", "segment", as_of=days[1])
    quiet = _model(shop, days[1])
    assert quiet["retrained_because"] is None
    assert quiet["model_version"] == _model(shop, days[0])["model_version"]
    assert max(quiet["feature_drift"].values()) < 0.25
    assert _groups(shop, days[1]) == {name: before[name] for name in again}

    # Regulars grow, half of the hunters turn into something else, the big baskets vanish.
    later = _plant(
        shop, days[2], {"regulars": 140, "hunters": 100, "hunters_gone_app": 60, "lookers": 80}
    )
    shop.run("train_segments", "segment", as_of=days[2])
    model, after = _model(shop, days[2]), _groups(shop, days[2])
    assert model["retrained_because"].startswith("drift of ")
    assert model["promoted"]
    assert model["retired"] == [names["big"][0]]
    for persona in ("regulars", "hunters", "lookers"):
        assert _of(after, later, persona)[0] == names[persona][0], persona
    split, share = _of(after, later, "hunters_gone_app")
    assert split not in set(before.values())
    assert share > 0.95
    states = {
        row["segment_id"]: row["state"]
        for row in shop.read("gold.segment_groups")
        .where(F.col("as_of") == F.lit(days[2]))
        .collect()
    }
    assert states == {
        names["regulars"][0]: "kept",
        names["hunters"][0]: "kept",
        names["lookers"][0]: "kept",
        split: "new",
    }
    flows = {
        (row["from_segment"], row["to_segment"]): row["customers"]
        for row in shop.read("gold.segment_flows").where(F.col("as_of") == F.lit(days[2])).collect()
    }
    assert flows[names["hunters"][0], split] == 60
    assert flows[names["big"][0], "(none)"] == 40
    assert flows["(none)", names["regulars"][0]] == 80
    moves = shop.read("gold.segment_moves").where(F.col("as_of") == F.lit(days[2]))
    assert moves.where(F.col("to_segment") == split).count() == 60
    # A day computed again is the same day.
    versions = [_model(shop, day)["model_version"] for day in days[:3]]
    shop.run("train_segments", "segment", as_of=days[2])
    assert _groups(shop, days[2]) == after
    assert [_model(shop, day)["model_version"] for day in days[:3]] == versions


def test_a_challenger_that_is_worse_is_rejected(desk: Callable[..., Desk]) -> None:
    shop = desk({"planted": ORDERS}, **{"segment.min_stability": "0.5"})
    personas = _plant(shop, START, {"regulars": 60, "hunters": 60, "lookers": 60, "big": 60})
    shop.run("train_segments", as_of=START)
    # Two groups where there are four: other settings ask for a new model, and the gate keeps it out.
    shop.configure(**{"segment.k": "2"})
    day = START + timedelta(days=30)
    assert _plant(shop, day, {"regulars": 60, "hunters": 60, "lookers": 60, "big": 60}) == personas
    shop.run("train_segments", "segment", as_of=day)
    model = _model(shop, day)
    assert model["retrained_because"] == "other settings"
    assert not model["promoted"]
    assert (
        model["verdict"]
        == [reason for reason in model["verdict"] if reason.startswith("its ")]
        != []
    )
    assert model["model_version"] == _model(shop, START)["model_version"]
    assert model["challenger_version"] != model["model_version"]
    assert len(set(_groups(shop, day).values())) == 4
    # Customers and settings are the same: it is tried again after a week, not every day.
    sizes = {"regulars": 60, "hunters": 60, "lookers": 60, "big": 60}
    for days_later, reason in ((1, None), (7, "other settings")):
        _plant(shop, day + timedelta(days=days_later), sizes)
        shop.run("train_segments", as_of=day + timedelta(days=days_later))
        assert _model(shop, day + timedelta(days=days_later))["retrained_because"] == reason


def test_groups_without_their_inputs_say_which_command_to_run(
    clarion: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = ("--as-of", "2026-06-01", "--lake", str(tmp_path / "lake"))
    assert clarion("run", "segment", *day) == 2
    message = capsys.readouterr().err
    assert "there is no model of groups for 2026-06-01" in message
    assert "clarion run train_segments --as-of 2026-06-01" in message
    assert clarion("run", "train_segments", *day) == 2
    message = capsys.readouterr().err
    assert "there are no customers to group on 2026-06-01" in message
    assert "clarion run features --as-of 2026-06-01" in message


@pytest.mark.slow
@pytest.mark.covers("P2")
def test_a_year_of_retrains_brings_new_groups_and_retires_old_ones(
    desk: Callable[..., Desk], capsys: pytest.CaptureFixture[str]
) -> None:
    """Regulars grow every month, half of the hunters turn into another sort from the fifth month on, the fans vanish in the ninth."""
    shop = desk(
        {"planted": ORDERS}, **{"segment.min_stability": "0.5", "segment.retrain_days": "28"}
    )
    days = [START + timedelta(days=30 * month) for month in range(12)]
    months = []
    for month, day in enumerate(days):
        sizes = {
            "regulars": 60 + 12 * month,
            "lookers": 80,
            "big": 50,
            "hunters": 160 if month < 5 else 100,
        }
        sizes |= {"hunters_gone_app": 60} if month >= 5 else {}
        sizes |= {"fans": 40} if month < 9 else {}
        personas = _plant(shop, day, sizes)
        shop.run("train_segments", "segment", as_of=day)
        groups, model = _groups(shop, day), _model(shop, day)
        months.append(
            {persona: _of(groups, personas, persona) for persona in sizes}
            | {"retired": model["retired"], "promoted": model["promoted"]}
        )
        with capsys.disabled():
            named = ", ".join(
                f"{persona} {months[-1][persona][0]} {months[-1][persona][1]:.0%}"
                for persona in sizes
            )
            sys.stdout.write(
                f"\n{day}: {named}; retired {model['retired']}; {model['retrained_because']}"
            )
    for persona in ("regulars", "lookers", "big", "hunters"):
        assert len({month[persona][0] for month in months}) == 1, persona
    new = {month["hunters_gone_app"][0] for month in months[5:]}
    assert len(new) == 1
    assert not new & {
        month[persona][0]
        for month in months[:5]
        for persona in ("regulars", "lookers", "big", "hunters", "fans")
    }
    assert [month for month in range(12) if months[month]["retired"]] == [9]
    assert months[9]["retired"] == [months[8]["fans"][0]]
    newcomers = (
        shop.read("gold.segment_flows")
        .where(F.col("from_segment") == "(none)")
        .groupBy("to_segment")
        .agg(F.sum("customers").alias("n"))
        .collect()
    )
    # Newcomers of every month but the first: none is entered twice, none is lost.
    assert {row["to_segment"]: row["n"] for row in newcomers} == {months[0]["regulars"][0]: 132}
