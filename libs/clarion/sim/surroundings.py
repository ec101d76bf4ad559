"""What is the same for all customers of a simulated shop: prices, seasons, stock, competitors."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from clarion.sim import market
from clarion.sim.catalogue import PROMOTED_SHARE, Catalogue, build_catalogue, festival_days
from clarion.sim.draws import Draws, Floats
from clarion.sim.shop import Shop

RIVAL_ELASTICITY = 0.5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What surrounds the customers; drawn from the seed alone, and never changed by them.

    Args:
        shop: the shop.
        draws: its draws, with replicate 0.
        catalogue: its products.
        listings: the competitors' listings of its products.
        others: the listings of products that only competitors have.
        leads: 1 where an order in a category (row) makes another (column) more likely next.
        accessories: 1 where goods of a category (column) are accessories of another (row).
    """

    shop: Shop
    draws: Draws
    catalogue: Catalogue
    listings: market.Listings
    others: market.Listings
    leads: npt.NDArray[np.float32]
    accessories: npt.NDArray[np.float32]
    _factors: dict[int, npt.NDArray[np.float32]] = field(default_factory=dict)

    @property
    def channel_effects(self) -> Floats:
        """The effect of a touch of each channel."""
        return np.array([channel.effect for channel in self.shop.channels], dtype=float)

    def demand(self, day: int) -> float:
        """Factor of all orders on a day: weekday, season and festivals."""
        weekday = self.shop.weekday[(self.shop.starts_on.weekday() + day) % 7]
        day_of_year = self.shop.starts_on.timetuple().tm_yday + day
        season = 1.0 + self.shop.season * math.sin(2.0 * math.pi * day_of_year / 365.25)
        factor = weekday * season
        for festival in self.shop.festivals:
            if festival_days(self.shop, festival.first, festival.days)(day):
                factor *= festival.demand
        return factor

    def factors(self, day: int) -> npt.NDArray[np.float32]:
        """Factor of the demand of each persona (row) for each category (column) on a day.

        It holds what the shop's prices, its competitors' and its stock do to the demand.
        """
        if day not in self._factors:
            reduction = self.catalogue.category_reductions(day)
            own = np.log1p(-PROMOTED_SHARE * reduction)
            rivals = np.log(market.category_factors(self.catalogue, day).mean(axis=0))
            elasticity = np.array([persona.elasticity for persona in self.shop.personas])
            response = np.exp(-elasticity[:, None] * own[None, :] + RIVAL_ELASTICITY * rivals)
            stocked = response * self.catalogue.available_share(day)
            self._factors[day] = stocked.astype(np.float32)
        return self._factors[day]


def build_surroundings(shop: Shop, seed: int) -> Surroundings:
    """What surrounds the customers of a shop."""
    draws = Draws(seed)
    catalogue = build_catalogue(shop, draws)
    accessories = [item.accessories for item in shop.categories]
    leads = [(*item.leads_to, *item.accessories) for item in shop.categories]
    listings = market.build_listings(catalogue)
    return Surroundings(
        shop,
        draws,
        catalogue,
        listings,
        market.build_others(catalogue, listings),
        _links(shop, leads),
        _links(shop, accessories),
    )


def _links(shop: Shop, names: list[tuple[str, ...]]) -> npt.NDArray[np.float32]:
    links = np.zeros((len(names), len(names)), np.float32)
    for row, linked in enumerate(names):
        for name in linked:
            links[row, shop.category_index(name)] = 1.0
    return links
