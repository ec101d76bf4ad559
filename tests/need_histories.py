"""Histories of categories: from a few written facts, or of a simulated shop in memory."""

from dataclasses import dataclass

import numpy as np

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.prediction.need.histories import (
    BEGAN,
    BOUGHT,
    CARTED,
    VIEWED,
    Floats,
    Histories,
    Ints,
)
from clarion.prediction.need.settings import NeedSettings
from clarion.sim import visits
from clarion.sim.course import World, build_world, follow
from clarion.sim.kernel import walk_to
from clarion.sim.shop import parse_shop

Fact = tuple[int, int, int, int] | tuple[int, int, int, int, int]
SETTINGS = NeedSettings(
    models=("markov", "logistic", "boosted"), horizon_days=14, cuts=10, window_days=365,
    min_window_days=56, min_trials=30, max_customers=20_000, max_categories=60,
)  # fmt: skip


def histories_of(*facts: Fact, categories: int = 5) -> Histories:
    """Histories of facts (customer, category, kind, day, and the day of knowing where it is later)."""
    rows = np.array([fact if len(fact) == 5 else (*fact, fact[3]) for fact in facts], np.int64)
    rows = rows.reshape(-1, 5)
    customers = int(rows[:, 0].max(initial=-1)) + 1
    return Histories(
        [f"c{number}" for number in range(customers)],
        [f"k{number}" for number in range(categories)],
        *rows.T,
    )


def purchase(customer: int, category: int, day: int) -> tuple[Fact, Fact]:
    """An order of one line."""
    return (customer, category, BOUGHT, day), (customer, category, BEGAN, day)


@dataclass(frozen=True, slots=True)
class SimulatedNeeds:
    """A simulated shop's histories, and the truth behind them."""

    world: World
    histories: Histories

    def weights(self, day: int) -> Floats:
        """The generating weight of each customer's categories on a day: taste, need and leads."""
        walk = walk_to(self.world.surroundings, self.world.ids, day)
        return walk.needs(day).by_category.astype(np.float64)


def simulated_needs(name: str, *, customers: int, days: int, seed: int) -> SimulatedNeeds:
    """What a shop of the configuration knows of its customers after so many days."""
    file = f"shops/{name}.yml"
    shop = parse_shop(parse_yaml(Config.load().text(file), where=file), where=file)
    shop = shop.model_copy(update={"customers": customers, "history_days": days})
    world = build_world(shop, seed=seed)
    course = follow(world, world.ids, last=days)
    category = world.surroundings.catalogue.category
    lines, steps, outcome = course.lines, course.steps, course.outcome
    of_line = category[lines.product]
    began = lines.number == 1
    parts = [
        _once(lines.customer, lines.day, of_line, BOUGHT),
        _once(lines.customer[began], lines.day[began], of_line[began], BEGAN),
    ]
    landed = ~steps.lost & (steps.product >= 0)
    types = {VIEWED: (visits.VIEW,), CARTED: (visits.CART_ADD, visits.FAVOURITE)}
    for kind, own in types.items():
        rows = landed & np.isin(steps.type, own)
        visit = steps.visit[rows]
        parts.append(
            _once(
                outcome.visit_customer[visit],
                outcome.visit_day[visit],
                category[steps.product[rows]],
                kind,
            )
        )
    facts = np.concatenate(parts)
    names = [item.category.en for item in shop.categories]
    return SimulatedNeeds(
        world,
        Histories(
            [f"{number:06}" for number in world.ids],
            names,
            *(facts[:, column] for column in (0, 1, 2, 3, 3)),
        ),
    )


def _once(customer: Ints, day: Ints, category: Ints, kind: int) -> Ints:
    """Each customer, category and day once: customer, category, kind, day."""
    rows = np.stack([customer, category, np.full(len(day), kind), day], axis=1)
    return np.unique(rows, axis=0)
