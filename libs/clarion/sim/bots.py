"""Visits of bots to a simulated shop: page after page, without an intention to buy."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clarion.sim.catalogue import only, product_refs
from clarion.sim.clock import Clock
from clarion.sim.difficulty import ACTIVITY_DIFFICULTIES
from clarion.sim.draws import Bools, Draws, Ints, numbered
from clarion.sim.second_accounts import account_refs
from clarion.sim.shop import Shop
from clarion.sim.surroundings import Surroundings

_DIFFICULTY = ACTIVITY_DIFFICULTIES["default"]
_DAYS_A_MONTH = 5  # on which a bot comes
_LOGS_IN = 0.5  # share of the bots that visit under an account of their own
_FIRST_ACCOUNT = 8_000_000_000  # no customer has such a number
_DEVICES = 90_000_000  # added to a bot's number: devices look like those of other strangers


@dataclass(frozen=True, slots=True)
class _Visits:
    """Visits of bots; one entry each, in order of days.

    Args:
        day: the day.
        number: which of the day's visits it is.
        bot: number of the bot.
        pages: number of pages.
        before: pages of the bot on earlier days.
    """

    day: Ints
    number: Ints
    bot: Ints
    pages: Ints
    before: Ints


def bot_events(
    surroundings: Surroundings, draws: Draws, clock: Clock, first: int, last: int
) -> pd.DataFrame:
    """Records of the kind 'events': visits of bots between two days.

    A bot goes through the catalogue, page after page, in even gaps. Half of the bots log in. `_day`
    is the day of each.
    """
    shop, goods = surroundings.shop, surroundings.catalogue
    visits = _visits(shop, draws, last)
    chosen = np.flatnonzero(visits.day >= first)
    row, page = numbered(visits.pages[chosen])
    row = chosen[row]
    day, visit = visits.day[row], visits.number[row]
    keys = (day, visit, page)
    gap = _DIFFICULTY.visit_gap * np.exp(_DIFFICULTY.gap_spread * draws.normal("bot/gap", *keys))
    until = np.cumsum(gap)
    begins = until - gap
    elapsed = begins - begins[np.arange(len(row)) - page]
    start = 3600 * 8 * draws.uniform("bot/start", day, visit)
    product = (draws.index("bot/first", len(goods), day, visit) + page) % len(goods)
    product = goods.launched_by(product, day)
    adds = draws.uniform("bot/adds", *keys) < _DIFFICULTY.bot_cart_rate
    sessions = np.array([f"N9{on:05d}{number:04d}" for on, number in zip(day, visit, strict=True)],
                        dtype=object)  # fmt: skip
    refs = zip(sessions, page, strict=True)
    nothing = np.full(len(row), None, dtype=object)
    bot = visits.bot[row]
    accounts = only(account_refs(_FIRST_ACCOUNT + bot, second=False), _logs_in(draws, bot))
    return pd.DataFrame(
        {
            "event_ref": [f"{session}-{number:02d}" for session, number in refs],
            "happened_at": clock.instants(day, np.floor(start + elapsed).astype(np.int64)),
            "type": np.where(adds, "cart_add", "view"),
            "customer_ref": accounts,
            "device_ref": [f"N{_DEVICES + number:08d}" for number in bot],
            "product_ref": product_refs(product),
            "query": nothing,
            "dwell_ms": np.floor(900 * gap).astype(np.int64),
            "channel": "web",
            "session_ref": sessions,
            "sequence_no": page + 1,
            "device_sequence_no": visits.before[row] + page + 1,
            "_day": day,
        }
    ).astype({"dwell_ms": "Int64"})


def bot_count(shop: Shop) -> int:
    """Number of bots; each comes on some days of a month."""
    rate = shop.invalid_activity.bots * shop.customers / 1000.0
    return max(math.ceil(rate), round(rate * 30 / _DAYS_A_MONTH))


def bot_accounts(shop: Shop, draws: Draws) -> tuple[Ints, Ints]:
    """Numbers of the accounts of bots that log in, and the days on which they were opened."""
    bots = np.arange(bot_count(shop), dtype=np.int64)
    bots = bots[_logs_in(draws, bots)]
    return _FIRST_ACCOUNT + bots, -1 - draws.index("bot/opened", 200, bots)


def _logs_in(draws: Draws, bot: Ints) -> Bools:
    """Whether bots have an account: a mapping may take the device from events of nobody."""
    return np.asarray(draws.uniform("bot/logs_in", bot) < _LOGS_IN)


def _visits(shop: Shop, draws: Draws, last: int) -> _Visits:
    """The visits of bots from the shop's start to a day."""
    rate = shop.invalid_activity.bots * shop.customers / 1000.0
    days = np.arange(last, dtype=np.int64)
    count = np.floor(rate + draws.uniform("bot/count", days)).astype(np.int64)
    day, number = numbered(count)
    bots = max(bot_count(shop), 1)
    # One after the other from a place of the day's own on: none comes twice on a day.
    bot = (draws.index("bot/from", bots, day) + number) % bots
    pages = np.floor(_DIFFICULTY.visits * (0.5 + draws.uniform("bot/pages", day, number)))
    frame = pd.DataFrame({"bot": bot, "pages": pages.astype(np.int64)})
    before = frame.groupby("bot")["pages"].cumsum() - frame["pages"]
    return _Visits(day, number, bot, frame["pages"].to_numpy(), before.to_numpy(dtype=np.int64))
