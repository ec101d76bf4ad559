"""Rings of accounts that place fake orders, so that a product looks sold (brushing)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clarion.sim.catalogue import Texts, product_refs
from clarion.sim.clock import Clock, Instants
from clarion.sim.difficulty import ACTIVITY_DIFFICULTIES
from clarion.sim.draws import Bools, Draws, Floats, Ints, numbered
from clarion.sim.people import registrations, stated_by_people
from clarion.sim.purchases import PROMISE
from clarion.sim.records import END_OF_TIME, later, order_refs, session_refs
from clarion.sim.second_accounts import account_refs
from clarion.sim.surroundings import Surroundings

_WINDOW = 28  # days in which a number of rings is drawn
_FIRST_ACCOUNT = 9_000_000_000  # no customer has such a number
_OF_WINDOW, _OF_RING = 1_000_000, 100
_AHEAD = 112  # an account is opened at most so long before the end of its window
_DELIVERY_DAYS = 3.0


@dataclass(frozen=True, slots=True)
class Rings:
    """Accounts that place one fake order each; one entry per account.

    Args:
        account: number of the account.
        ring: number of the ring: that of its first account.
        hard: whether the ring looks like people.
        opened: the day on which the account was opened.
        day: the day of the order.
        started: UTC instant at which the visit of the order began.
        product: number of the product, one per ring.
        device: which of the ring's devices it uses.
        looks: whether it looks at the product first.
        shares_address: whether it states the ring's address.
    """

    account: Ints
    ring: Ints
    hard: Bools
    opened: Ints
    day: Ints
    started: Instants
    product: Ints
    device: Ints
    looks: Bools
    shares_address: Bools

    def where(self, chosen: Bools) -> "Rings":
        """Some of the accounts."""
        values = {name: getattr(self, name)[chosen] for name in self.__slots__}
        return Rings(**values)


def draw_rings(surroundings: Surroundings, draws: Draws, clock: Clock, last: int) -> Rings:
    """All rings of windows that begin before a day, and those whose accounts exist by then.

    Args:
        surroundings: what surrounds the customers.
        draws: random draws.
        clock: the shop's calendar.
        last: the day.
    """
    shop, goods = surroundings.shop, surroundings.catalogue
    declared = shop.invalid_activity
    windows = np.arange(0, (last + _AHEAD) // _WINDOW + 1, dtype=np.int64)
    rate = declared.rings * shop.customers / 1000.0
    count = np.floor(rate + draws.uniform("ring/count", windows)).astype(np.int64)
    window, number = numbered(count)
    is_hard = draws.uniform("ring/hard", window, number) < declared.hard_rings

    place, member = numbered(_whole("ring", is_hard))
    hard, ring = is_hard[place], _FIRST_ACCOUNT + _OF_WINDOW * window + _OF_RING * number
    ring = ring[place]
    keys = (ring, member)
    begins = window * _WINDOW + draws.index("ring/day", _WINDOW - 4, window, number)
    day = begins[place] + draws.index("ring/member_day", _whole("ring_days", hard), *keys)
    product = draws.index("ring/product", len(goods), window, number)
    product = goods.launched_by(product, begins)[place]
    age = np.floor(_of("account_days", hard) * draws.uniform("ring/age", *keys)).astype(np.int64)
    second = 9 * 3600 + draws.index("ring/second", 10 * 3600, *keys)
    return Rings(
        account=ring + member,
        ring=ring,
        hard=hard,
        opened=day - age,
        day=day,
        started=clock.instants(day, second),
        product=product,
        device=draws.index("ring/device", _whole("devices", hard), *keys),
        looks=draws.uniform("ring/looks", *keys) < _of("looks_first", hard),
        shares_address=draws.uniform("ring/address", *keys) < _of("shares_address", hard),
    )


def _of(name: str, hard: Bools) -> Floats:
    """A value of the difficulty of each ring."""
    easier, harder = (getattr(ACTIVITY_DIFFICULTIES[level], name) for level in ("default", "hard"))
    return np.where(hard, float(harder), float(easier))


def _whole(name: str, hard: Bools) -> Ints:
    return _of(name, hard).astype(np.int64)


def ring_names(ring: Ints) -> Texts:
    """What the truth calls the people behind rings."""
    return np.array([f"R{number}" for number in ring], dtype=object)


def ring_registrations(
    surroundings: Surroundings, draws: Draws, clock: Clock, rings: Rings
) -> pd.DataFrame:
    """Records of the kind 'registrations' of accounts of rings."""
    stated = stated_by_people(surroundings.shop, draws, rings.account)
    address = np.array([f"{number % 97 + 1} Ring Road" for number in rings.ring], dtype=object)
    stated["address"] = np.where(rings.shares_address, address, stated["address"])
    refs = account_refs(rings.account, second=False)
    return registrations(refs, clock.instants(rings.opened, 7 * 3600), stated)


def fake_orders(
    surroundings: Surroundings, draws: Draws, rings: Rings, *, until: Instants
) -> pd.DataFrame:
    """Records of the kind 'orders': one unit of the ring's product, at the price for everybody."""
    price = surroundings.catalogue.prices(rings.product, rings.day)
    reduced = np.round(price * surroundings.catalogue.reductions(rings.product, rings.day), 2)
    at = rings.started + np.timedelta64(15 * 60, "s")
    days = _DELIVERY_DAYS * np.exp(0.25 * draws.normal("ring/delivery", rings.account))
    promised = np.full(len(at), PROMISE * surroundings.shop.service.delivery_days)
    return pd.DataFrame(
        {
            "order_ref": order_refs(rings.account, rings.day),
            "line_no": 1,
            "happened_at": at,
            "customer_ref": account_refs(rings.account, second=False),
            "product_ref": product_refs(rings.product),
            "quantity": 1,
            "unit_price": price,
            "discount": reduced,
            "channel": "web",
            "currency": surroundings.shop.currency,
            "promised_at": later(at, promised, END_OF_TIME),
            "delivered_at": later(at, days, until),
            "coupon_ref": None,
        }
    )


def ring_events(draws: Draws, rings: Rings) -> pd.DataFrame:
    """Records of the kind 'events' of rings: a login, perhaps a view, and the checkout.

    `_day` is the day of each.
    """
    sessions = session_refs(rings.account, rings.day)
    refs = account_refs(rings.account, second=False)
    devices = np.array(
        [f"D{ring}-{device}" for ring, device in zip(rings.ring, rings.device, strict=True)],
        dtype=object,
    )
    dwell = 3_000 + draws.index("ring/dwell", 40_000, rings.account)
    always = np.ones(len(rings.account), bool)
    steps = (("login", always, 0), ("view", rings.looks, 5), ("checkout", always, 15 * 60))
    frames = [
        pd.DataFrame(
            {
                "event_ref": sessions[happens] + f"-{number:02d}",
                "happened_at": rings.started[happens] + np.timedelta64(seconds, "s"),
                "type": kind,
                "customer_ref": refs[happens],
                "device_ref": devices[happens],
                "product_ref": product_refs(rings.product[happens]) if kind == "view" else None,
                "query": None,
                "dwell_ms": dwell[happens] if kind == "view" else np.nan,
                "channel": "web",
                "session_ref": sessions[happens],
                "_day": rings.day[happens],
            }
        ).astype({"dwell_ms": "Int64", "product_ref": object, "query": object})
        for number, (kind, happens, seconds) in enumerate(steps)
    ]
    frame = pd.concat(frames, ignore_index=True).sort_values(["happened_at", "event_ref"])
    frame["sequence_no"] = frame.groupby("session_ref").cumcount() + 1
    frame["device_sequence_no"] = frame.groupby("device_ref").cumcount() + 1
    return frame
