"""Customers with a second account, under which some of their visits and orders run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clarion.sim.catalogue import Texts, only
from clarion.sim.difficulty import ACCOUNT_DIFFICULTIES
from clarion.sim.draws import Bools, Draws, Ints
from clarion.sim.shop import Shop
from clarion.sim.traits import NEVER, Traits

_SUFFIX = "-2"


@dataclass(frozen=True, slots=True)
class Accounts:
    """When the customers of a block opened a second account; one entry per customer.

    Args:
        shop: the shop.
        draws: random draws.
        ids: numbers of the customers, in ascending order.
        opened: the day, since the shop's start; NEVER for those who have one account.
        has_device: whether the second account has a device of its own.
    """

    shop: Shop
    draws: Draws
    ids: Ints
    opened: Ints
    has_device: Bools

    def is_second(self, customer: Ints, day: Ints) -> Bools:
        """Whether visits of customers on days run under their second account."""
        uses = self.draws.uniform("account/uses", customer, day) < self.shop.second_accounts.use
        return np.asarray(uses & (day > self.opened[self._rows(customer)]))

    def on_own_device(self, customer: Ints, day: Ints) -> Bools:
        """Whether visits run under a second account on a device that the first one never uses."""
        return np.asarray(self.is_second(customer, day) & self.has_device[self._rows(customer)])

    def _rows(self, customer: Ints) -> Ints:
        return np.searchsorted(self.ids, customer)


def draw_accounts(shop: Shop, draws: Draws, traits: Traits) -> Accounts:
    """Who opens a second account, and when: within the first half of what is left of the history.

    Args:
        shop: the shop.
        draws: random draws.
        traits: who the customers are.
    """
    steady, ids = Draws(draws.seed), traits.ids
    opens = steady.uniform("account/second", ids) < shop.second_accounts.share
    since = np.maximum(traits.joined, 0)
    span = np.maximum((shop.history_days - since) // 2, 1)
    day = since + 1 + steady.index("account/opened", span, ids)
    has_device = steady.uniform("account/device", ids) < shop.second_accounts.device
    return Accounts(shop, draws, ids, np.where(opens, day, NEVER), has_device)


def account_refs(customer: Ints, second: Bools | bool) -> Texts:
    """The shop's names of customers' accounts.

    Args:
        customer: numbers of the customers.
        second: whether it is the second account.
    """
    endings = np.where(np.broadcast_to(second, np.shape(customer)), _SUFFIX, "").tolist()
    refs = zip(np.asarray(customer).tolist(), endings, strict=True)
    return np.array([f"C{number:06d}{ending}" for number, ending in refs], dtype=object)


def stated_again(draws: Draws, ids: Ints, stated: pd.DataFrame) -> pd.DataFrame:
    """What people state for their second account, by what they stated for the first.

    Some fields are left out, some have changed since, and some have a typing error.

    Args:
        draws: random draws.
        ids: numbers of the customers.
        stated: phone, mail, name and address of their first accounts.
    """
    difficulty = ACCOUNT_DIFFICULTIES["default"]
    columns: dict[str, Texts] = {}
    for name in ("phone", "mail", "name", "address"):
        texts = stated[name].to_numpy(dtype=object)
        if name != "name":
            changed = draws.uniform(f"account/changed/{name}", ids) < difficulty.change_rate
            texts = np.where(changed, _changed(name, ids), texts)
        typed = draws.uniform(f"account/typo/{name}", ids) < difficulty.typo_rate
        texts = np.where(typed, [_mistyped(text) for text in texts], texts).astype(object)
        missing = draws.uniform(f"account/missing/{name}", ids) < difficulty.missing_rate
        columns[name] = only(texts, ~missing | (name == "name"))
    return stated.assign(**columns)


def _changed(name: str, ids: Ints) -> list[str]:
    """Another phone, mail or address of each person."""
    form = {"phone": "137{:08d}", "mail": "second{:06d}@shop.example", "address": "{} New Street"}
    return [form[name].format(number) for number in ids.tolist()]


def _mistyped(text: str) -> str:
    """A text whose last two letters have changed places."""
    return text[:-2] + text[-1] + text[-2] if len(text) > 1 else text
