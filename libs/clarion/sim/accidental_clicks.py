"""Products that customers open by accident; most of them return to the one before at once."""

import numpy as np

from clarion.sim.difficulty import ACTIVITY_DIFFICULTIES
from clarion.sim.draws import Bools, Draws, Floats, Ints
from clarion.sim.kernel import Outcome
from clarion.sim.surroundings import Surroundings
from clarion.sim.visits import (
    CART_ADD,
    FAVOURITE,
    REVIEW_VIEW,
    VIEW,
    NamedSteps,
    Steps,
    lost_steps,
)

ACCIDENTAL, RETURN = 100, 200  # added to the key of the view before: those of added steps
_RETURN_SECONDS = 6.0
_SPREAD = 0.4


def with_accidental_clicks(
    surroundings: Surroundings, draws: Draws, outcome: Outcome, steps: NamedSteps
) -> NamedSteps:
    """Steps of visits with accidental clicks.

    The steps that were there keep their keys, and with them all that is drawn for them.

    Args:
        surroundings: what surrounds the customers.
        draws: random draws.
        outcome: the visits.
        steps: the steps that customers intend.
    """
    difficulty = ACTIVITY_DIFFICULTIES["default"]
    share = surroundings.shop.invalid_activity.accidental_clicks
    if not share:
        return steps
    views = np.flatnonzero(_leads_to_nothing(steps))
    visit, key = steps.visit[views], steps.key[views]
    ids = (outcome.visit_customer[visit], outcome.visit_day[visit], key)
    category = surroundings.catalogue.category[steps.product[views]]
    wrong = surroundings.catalogue.at_rank(category, draws.uniform("accident/product", *ids),
                                           ids[1])  # fmt: skip
    happens = (draws.uniform("accident/happens", *ids) < share) & (wrong != steps.product[views])
    returns = happens & (draws.uniform("accident/back", *ids) < difficulty.accidental_back)
    short = difficulty.accidental_dwell * np.exp(_SPREAD * draws.normal("accident/dwell", *ids))
    again = _RETURN_SECONDS * np.exp(_SPREAD * draws.normal("accident/again", *ids))
    added = [
        _added(surroundings, draws, ids, visit, chosen, offset, product, dwell)
        for chosen, offset, product, dwell in (
            (happens, ACCIDENTAL, wrong, short),
            (returns, RETURN, steps.product[views], again),
        )
    ]
    place = np.concatenate([3 * np.arange(len(steps)), 3 * views[happens] + 1,
                            3 * views[returns] + 2])  # fmt: skip
    return _merged([steps, *added], np.argsort(place))


def is_accidental(steps: Steps) -> Bools:
    """Whether steps are accidental clicks."""
    return np.asarray((steps.key >= ACCIDENTAL) & (steps.key < RETURN))


def _leads_to_nothing(steps: NamedSteps) -> Bools:
    """Whether a step is a view, and the next one does nothing with its product."""
    acts = np.isin(steps.type, (REVIEW_VIEW, FAVOURITE, CART_ADD))
    followed = np.zeros(len(steps), bool)
    followed[:-1] = acts[1:] & (steps.visit[1:] == steps.visit[:-1])
    return np.asarray((steps.type == VIEW) & ~followed)


def _added(
    surroundings: Surroundings,
    draws: Draws,
    ids: tuple[Ints, Ints, Ints],
    visit: Ints,
    chosen: Bools,
    offset: int,
    product: Ints,
    dwell: Floats,
) -> NamedSteps:
    """Views that are added after some of the steps with these ids."""
    customer, day, key = (values[chosen] for values in ids)
    nothing = np.full(len(key), -1, np.int64)
    return NamedSteps(
        visit[chosen],
        key + offset,
        np.full(len(key), VIEW, np.int64),
        product[chosen],
        nothing,
        dwell[chosen],
        lost_steps(surroundings, draws, (customer, day, key + offset)),
    )


def _merged(parts: list[NamedSteps], order: Ints) -> NamedSteps:
    """All steps in an order."""
    return NamedSteps(
        np.concatenate([part.visit for part in parts])[order],
        np.concatenate([part.key for part in parts])[order],
        np.concatenate([part.type for part in parts])[order],
        np.concatenate([part.product for part in parts])[order],
        np.concatenate([part.category for part in parts])[order],
        np.concatenate([part.dwell for part in parts])[order],
        np.concatenate([part.lost for part in parts])[order],
    )
