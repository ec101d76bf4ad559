"""Records of what is stated about customers: registrations, consents, traits and ties."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from clarion.sim.catalogue import Texts
from clarion.sim.clock import Instants
from clarion.sim.draws import Bools, Draws, Ints
from clarion.sim.records import Course, customer_refs
from clarion.sim.second_accounts import account_refs, stated_again
from clarion.sim.shop import Shop
from clarion.sim.traits import time_zones

_FAMILY_NAMES = (
    ("Miller", "王"), ("Smith", "李"), ("Garcia", "张"), ("Novak", "刘"), ("Tanaka", "陈"),
    ("Rossi", "杨"), ("Silva", "赵"), ("Kim", "黄"),
)  # fmt: skip
_GIVEN_NAMES = (
    ("Anna", "伟"), ("Ben", "芳"), ("Carla", "娜"), ("David", "敏"), ("Eva", "静"),
    ("Felix", "磊"), ("Grace", "强"), ("Hugo", "洋"),
)  # fmt: skip
_REGIONS = (("North", "华北"), ("East", "华东"), ("South", "华南"), ("West", "西南"))
_PHONES = 10**8
_SPREAD_PHONES = 48_271_001  # has no factor in common with the number of phones


def stated_by_people(shop: Shop, draws: Draws, ids: Ints) -> pd.DataFrame:
    """What people state when they register: phone, mail, name, address, region and channel.

    Args:
        shop: the shop.
        draws: random draws.
        ids: numbers of the accounts.
    """
    side = int(shop.language == "zh")

    def drawn(name: str, pairs: tuple[tuple[str, str], ...]) -> list[str]:
        return [pairs[index][side] for index in draws.index(f"customer/{name}", len(pairs), ids)]

    names = zip(drawn("family", _FAMILY_NAMES), drawn("given", _GIVEN_NAMES), strict=True)
    regions = drawn("region", _REGIONS)
    return pd.DataFrame(
        {
            "phone": [f"139{(number * _SPREAD_PHONES) % _PHONES:08d}" for number in ids.tolist()],
            "mail": [f"user{number:06d}@shop.example" for number in ids],
            "name": [
                f"{family}{given}" if side else f"{given} {family}" for family, given in names
            ],
            "address": [
                f"{number % 97 + 1} {region}" for number, region in zip(ids, regions, strict=True)
            ],
            "region": regions,
            "channel": "app",
        }
    )


def registration_records(course: Course, joined: Ints, *, second: bool = False) -> pd.DataFrame:
    """Records of the kind 'registrations'.

    Args:
        course: what the customers of a block did.
        joined: rows of the customers who registered.
        second: whether they opened their second accounts.
    """
    draws, ids = course.draws, course.traits.ids[joined]
    stated = stated_by_people(course.surroundings.shop, draws, ids)
    if second:
        stated = stated_again(draws, ids, stated)
    return registrations(
        account_refs(ids, second), registered_at(course, joined, second=second), stated
    )


def registrations(refs: Texts, at: Instants, stated: pd.DataFrame) -> pd.DataFrame:
    """Records of the kind 'registrations' of accounts, with what is stated for each."""
    named = {"customer_ref": refs, "registered_at": at}
    return pd.concat([pd.DataFrame(named, index=stated.index), stated], axis=1)


def registered_at(course: Course, joined: Ints, *, second: bool = False) -> Instants:
    """When customers registered, or opened their second accounts."""
    day = course.accounts.opened if second else course.traits.registered
    return course.clock.instants(day[joined], 7 * 3600)


def consent_records(course: Course, joined: Ints, *, second: bool = False) -> pd.DataFrame:
    """Records of the kind 'consents': a statement on each purpose by new customers.

    Who opens a second account states the same there.

    Args:
        course: what the customers of a block did.
        joined: rows of the customers who registered.
        second: whether they opened their second accounts.
    """
    traits = course.traits
    refs, at = (
        account_refs(traits.ids[joined], second),
        registered_at(course, joined, second=second),
    )
    collection = traits.collection[joined]
    granted = {
        "collection": collection,
        "analytics": collection,
        "marketing": collection & traits.marketing[joined],
    }
    return consents(refs, at, granted)


def consents(refs: Texts, at: Instants, granted: Mapping[str, Bools]) -> pd.DataFrame:
    """Records of the kind 'consents' of accounts: a statement on each purpose, for all channels."""
    frames = [
        pd.DataFrame(
            {
                "customer_ref": refs,
                "purpose": purpose,
                "channel": "*",
                "granted": np.where(values, "true", "false"),
                "at": at,
            }
        )
        for purpose, values in granted.items()
    ]
    return pd.concat(frames, ignore_index=True)


def trait_records(course: Course, joined: Ints) -> pd.DataFrame:
    """Records of the kind 'traits': the zone of each new customer, surveys, and bought data."""
    draws, traits = course.draws, course.traits
    ids, at = traits.ids[joined], registered_at(course, joined)
    level = np.clip(np.floor(traits.tier[joined] * 3 + draws.normal("trait/bought", ids)), 0, 2)
    asked = draws.uniform("trait/asked", ids) < 0.2
    bought = draws.uniform("trait/is_bought", ids) < 0.25
    size = 1 + draws.index("trait/size", 4, ids)

    def stated(name: str, values: object, method: str, rows: Bools) -> pd.DataFrame:
        frame = pd.DataFrame({"customer_ref": customer_refs(ids), "name": name, "value": values})
        return frame.assign(at=at, method=method).loc[rows]

    return pd.concat(
        [
            stated("time_zone", time_zones(course.surroundings.shop, draws, ids), "app",
                   np.ones(len(ids), bool)),
            stated("household_size", size.astype(str), "survey", asked),
            stated("consumption", np.array(["low", "middle", "high"])[level.astype(int)],
                   "purchase of data", bought),
        ],
        ignore_index=True,
    )  # fmt: skip


def tie_records(course: Course, joined: Ints) -> pd.DataFrame:
    """Records of the kind 'ties': some new customers were invited by an earlier one."""
    draws, ids = course.draws, course.traits.ids[joined]
    invited = (draws.uniform("tie/invited", ids) < 0.15) & (ids > 0)
    inviter = draws.index("tie/by", np.maximum(ids, 1), ids)
    frame = pd.DataFrame(
        {
            "from_ref": customer_refs(inviter),
            "to_ref": customer_refs(ids),
            "kind": "invited",
            "at": registered_at(course, joined),
        }
    )
    return frame[invited]
