"""Warnings of price cuts on simulated shops, week by week, against what was planted."""

import sys
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.measures.statistics.intervals import Interval, share
from clarion.prediction.market.observed import Observed
from clarion.prediction.market.settings import MarketSettings
from clarion.prediction.market.warnings import WarningRules, price_cuts
from clarion.sim import market
from clarion.sim.catalogue import product_refs
from clarion.sim.course import World, build_world
from clarion.sim.shop import parse_shop

SEEDS = (11, 12, 13, 14)
DAYS = range(10, 364, 7)  # prices are seen on these days
LEAST = 3
PLANTED, NOTHING = 0.88, 0.95  # what is left of a category's prices after a week


def _world(config: Config, seed: int) -> World:
    shop = parse_shop(parse_yaml(config.text("shops/gifts.yml"), where="gifts"), where="gifts")
    categories = tuple(item.model_copy(update={"share": 0.05}) for item in shop.categories)
    return build_world(
        shop.model_copy(update={"products": 300, "categories": categories}), seed=seed
    )


def _prices(world: World, listings: market.Listings, day: int) -> npt.NDArray[np.float64]:
    goods, own = listings.goods, world.surroundings.catalogue
    factors, _ = market.listing_factors(own, listings, day)
    prices = np.maximum(np.round(goods.base[listings.product] * listings.level * factors, 2), 0.01)
    return np.where(listings.since <= day, prices, np.nan)


def _seen(world: World, day: int) -> Observed:
    """What is seen on a day and a week before, of listings that are products of the shop."""
    listings, shop = world.surroundings.listings, world.shop
    theirs = np.stack([_prices(world, listings, day - 7 * week) for week in (0, 1)], axis=1)
    frame = pd.DataFrame(
        {
            "competitor": np.array(shop.competitors, dtype=object)[listings.competitor],
            "product_id": product_refs(listings.product),
            "category": listings.goods.category[listings.product].astype(str),
        }
    )
    none = pd.DataFrame()
    as_of = shop.starts_on + timedelta(days=day + 1)
    return Observed(as_of, frame, theirs, theirs, none, none, {})


def test_planted_cuts_of_a_category_warn_and_other_weeks_do_not(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = MarketSettings(
        weeks=2, new_days=28, min_trend_weeks=6, warn_trend=0.03, warn_share=0.2, warn_least=LEAST,
        min_category_accuracy=0.8, examples=2, sizes=(),
    )  # fmt: skip
    rules = WarningRules(price_move=0.1, settings=settings)
    planted: list[bool] = []
    quiet: list[bool] = []
    for seed in SEEDS:
        world = _world(config, seed)
        own, names = world.surroundings.catalogue, world.shop.competitors
        for day in DAYS:
            seen = _seen(world, day)
            left = market.category_factors(own, day) / market.category_factors(own, day - 7)
            on_sale = np.isfinite(seen.theirs).all(axis=1)
            for category in range(left.shape[1]):
                chosen = on_sale & seen.is_in(str(category))
                texts = [warning.evidence for warning in price_cuts(seen, chosen, rules)]
                for number, name in enumerate(names):
                    of_rival = chosen & (seen.listings["competitor"] == name).to_numpy(dtype=bool)
                    warns = any(text.startswith(f"{name} cut ") for text in texts)
                    if of_rival.sum() < 2 * LEAST:
                        continue
                    if left[number, category] <= PLANTED:
                        planted.append(warns)
                    elif left[number, category] >= NOTHING:
                        quiet.append(warns)
    recall = share(sum(planted), len(planted))
    false = share(sum(quiet), len(quiet))
    assert isinstance(recall, Interval)
    assert isinstance(false, Interval)
    with capsys.disabled():
        for name, value, of in (("recall", recall, planted), ("false alarms", false, quiet)):
            sys.stdout.write(
                f"\n{name} {value.value:.3f} [{value.low:.3f}, {value.high:.3f}] of {len(of)}\n"
            )
    assert len(planted) >= 60
    assert recall.low >= 0.95
    assert false.high <= 0.02
