"""What the shop's pages recommended, and which of it was clicked."""

from dataclasses import dataclass

import numpy as np

from clarion.sim.draws import Bools, Draws, Floats, Ints, logistic
from clarion.sim.kernel import Outcome
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import Members

SHOWN_SHARE = 0.12  # of the visits in which a slot is logged
ITEMS = 4
EXPERIMENT = "product_page"
ARMS = ("A", "B")
_ARM_EFFECT = 0.25  # arm B adds it to the log-odds of a click
_POSITION = 0.3  # each further rank takes it off
_BASE = -4.2


@dataclass(frozen=True, slots=True)
class Exposures:
    """Products shown in the home slot; one entry each.

    Args:
        visit: place of the visit in its outcome.
        rank: place within the slot, from 1.
        product: number of the product.
        category: its category.
        probability: chance that the slot shows this product at this rank.
        arm: index of the variant of the page; each customer always sees the same.
        clicked: whether it was clicked.
    """

    visit: Ints
    rank: Ints
    product: Ints
    category: Ints
    probability: Floats
    arm: Ints
    clicked: Bools


def show(surroundings: Surroundings, draws: Draws, members: Members, outcome: Outcome) -> Exposures:
    """What the shop's own slot shows: at each rank a category by its size, then a popular product.

    The slot knows nothing of the customer, and logs with which chance it showed each product.
    """
    customer, day = outcome.visit_customer, outcome.visit_day
    logged = np.flatnonzero(draws.uniform("slot/logged", customer, day) < SHOWN_SHARE)
    visit = np.repeat(logged, ITEMS)
    rank = np.tile(np.arange(1, ITEMS + 1, dtype=np.int64), len(logged))
    keys = (customer[visit], day[visit], rank)
    shares = [item.share for item in surroundings.shop.categories]
    category = draws.choice("slot/category", shares, *keys)
    catalogue = surroundings.catalogue
    product = catalogue.at_rank(category, draws.uniform("slot/product", *keys), day[visit])
    arm = arms(draws, customer[visit])
    chance = click_chance(
        surroundings,
        members,
        customer[visit],
        day[visit],
        outcome.visit_focus[visit],
        product,
        rank,
        arm,
    )
    clicked = draws.uniform("slot/click", *keys) < chance
    probability = np.array(shares)[category] / sum(shares)
    probability = probability * catalogue.rank_chance(product, day[visit])
    return Exposures(visit, rank, product, category, probability, arm, clicked)


def arms(draws: Draws, customer: Ints) -> Ints:
    """The variant of the product page that customers see; half of them each."""
    return draws.index("page/arm", len(ARMS), customer)


def click_chance(
    surroundings: Surroundings,
    members: Members,
    customer: Ints,
    day: Ints,
    focus: Ints,
    product: Ints,
    rank: Ints,
    arm: Ints,
) -> Floats:
    """The chance that customers click products that are shown to them, whoever chose them.

    It needs taste or need: it is higher for a category that the customer likes, for the one that
    the visit is about, for its accessories, and for prices where the customer prefers them.

    Args:
        surroundings: what surrounds the customers.
        members: who they are.
        customer: whose visit it is.
        day: its day.
        focus: category that the visit is about.
        product: what is shown.
        rank: where it is shown, from 1.
        arm: variant of the page.
    """
    catalogue = surroundings.catalogue
    category = catalogue.category[product]
    tastes = members.taste(customer, day)
    taste = tastes[np.arange(len(category)), category] / tastes.max(axis=1, initial=1e-9)
    fits = 1.0 - np.abs(catalogue.tier[product] - members.tier(customer, day))
    log_odds = (
        _BASE
        + 1.5 * taste
        + 1.0 * (category == focus)
        + 1.5 * surroundings.accessories[focus, category]
        + 1.0 * fits
        - _POSITION * (rank - 1)
        + _ARM_EFFECT * arm
    )
    return logistic(log_odds)
