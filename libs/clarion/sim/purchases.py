"""What orders are made of: products, prices, coupons, delivery, returns and reviews."""

from dataclasses import dataclass

import numpy as np

from clarion.sim.catalogue import Catalogue
from clarion.sim.draws import Bools, Draws, Floats, Ints
from clarion.sim.exposures import Exposures
from clarion.sim.kernel import Outcome
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import Members
from clarion.sim.walk import REDEEMED, Sends

_CANDIDATES = 3  # products between which a customer chooses
_MAX_QUANTITY = 12
_COUPON_LIMIT = 0.5  # a coupon pays at most this share of the line it stands on
PROMISE = 2.0  # a delivery is promised within so many times the usual days
_CLICK_DECIDES = 0.5  # chance that a recommended product that was clicked is the one bought


@dataclass(frozen=True, slots=True)
class Lines:
    """Order lines; one entry each.

    Args:
        customer, day, number: whose order it is, and its place in it (from 1).
        product: number of the product.
        quantity: units.
        price: list price of the day, the same for everybody.
        reduction: taken off the line by a public promotion, the same for everybody.
        coupon: taken off the line by a coupon.
        send: place of the message whose coupon was redeemed, among the sends; -1 for none.
    """

    customer: Ints
    day: Ints
    number: Ints
    product: Ints
    quantity: Ints
    price: Floats
    reduction: Floats
    coupon: Floats
    send: Ints

    def __len__(self) -> int:
        return len(self.customer)


def order_lines(
    surroundings: Surroundings,
    draws: Draws,
    members: Members,
    outcome: Outcome,
    sends: Sends,
    exposures: Exposures,
) -> Lines:
    """The lines of the orders of an outcome.

    Args:
        surroundings: what surrounds the customers.
        draws: random draws, with the replicate of the events.
        members: who the customers are.
        outcome: what they did.
        sends: the messages they got.
        exposures: what was recommended to them.
    """
    customer, day = outcome.line_customer, outcome.line_day
    number = outcome.line_no
    product = _products(surroundings, draws, members, outcome)
    product = _recommended(surroundings.catalogue, draws, outcome, exposures, product)
    quantity = draws.geometric("line/quantity", 1.2, customer, day, number)
    quantity = np.minimum(quantity, _MAX_QUANTITY)
    price: Floats = surroundings.catalogue.prices(product, day)
    reduction = np.round(price * quantity * surroundings.catalogue.reductions(product, day), 2)
    send = _redeemed(draws, outcome, sends)
    face = np.where(send >= 0, sends.benefit[send] if len(sends) else 0.0, 0.0)
    limit = _COUPON_LIMIT * (price * quantity - reduction)
    coupon: Floats = np.round(np.minimum(face, limit), 2).astype(np.float64)
    return Lines(customer, day, number, product, quantity, price, reduction, coupon, send)


def _products(surroundings: Surroundings, draws: Draws, members: Members, outcome: Outcome) -> Ints:
    """The product of each line: of three that come to mind, the one that suits best.

    A product suits whose price stands where the customer prefers it, and that is reduced. What is
    not in stock is bought only if nothing else came to mind.
    """
    catalogue = surroundings.catalogue
    keys = (outcome.line_customer, outcome.line_day, outcome.line_no)
    elasticity = np.array([item.elasticity for item in surroundings.shop.personas])
    pull = elasticity[members.persona(outcome.line_customer, outcome.line_day)]
    tier = members.tier(outcome.line_customer, outcome.line_day)
    best = np.full(len(tier), -np.inf)
    chosen = np.zeros(len(tier), np.int64)
    for candidate in range(_CANDIDATES):
        chance = draws.uniform(f"line/product/{candidate}", *keys)
        product = catalogue.at_rank(outcome.line_category, chance, outcome.line_day)
        suits = -np.abs(catalogue.tier[product] - tier)
        suits = suits + pull * catalogue.reductions(product, outcome.line_day)
        suits = suits - 1e3 * ~catalogue.in_stock(product, outcome.line_day)
        better = suits > best
        chosen, best = np.where(better, product, chosen), np.where(better, suits, best)
    return chosen


def _recommended(
    catalogue: Catalogue, draws: Draws, outcome: Outcome, exposures: Exposures, product: Ints
) -> Ints:
    """Products of lines, some of them replaced by a product that was clicked on the same day.

    It replaces the product of the first line, if it is of the same category.
    """
    clicked = np.full(len(outcome.visit_day), -1, np.int64)  # by visit; of several the last
    clicked[exposures.visit[exposures.clicked]] = exposures.product[exposures.clicked]
    recommended = clicked[outcome.visit_of(outcome.line_customer, outcome.line_day)]
    category = catalogue.category[recommended]
    decides = draws.uniform("line/click", outcome.line_customer, outcome.line_day) < _CLICK_DECIDES
    decides &= (recommended >= 0) & (category == outcome.line_category) & (outcome.line_no == 1)
    return np.where(decides, recommended, product)


def _redeemed(draws: Draws, outcome: Outcome, sends: Sends) -> Ints:
    """The message whose coupon stands on each line; -1 for none.

    An order within the window of a coupon that was viewed redeems it with a chance of 0.75, whoever
    caused the order. It stands on the first line.
    """
    if not len(sends):
        return np.full(len(outcome.line_customer), -1, np.int64)
    send = outcome.visit_send[outcome.visit_of(outcome.line_customer, outcome.line_day)]
    redeems = draws.uniform("redeem", outcome.line_customer, outcome.line_day) < REDEEMED
    counts = (send >= 0) & redeems & (outcome.line_no == 1)
    counts &= sends.benefit[send] > 0
    return np.where(counts, send, -1)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What becomes of order lines; one entry per line.

    Args:
        delivery_days: days from the order to the delivery; the same for all lines of an order.
        promised_days: days within which the shop promises it: twice its usual days.
        late: whether that is later than usual.
        returned: whether the line is returned, 3 to 20 days after its delivery.
        return_days: days from the order to the return.
        reviewed: whether it is reviewed, two days after its delivery.
        rating: stars, from 1 to 5 in halves.
    """

    delivery_days: Floats
    promised_days: Floats
    late: Bools
    returned: Bools
    return_days: Floats
    reviewed: Bools
    rating: Floats


def aftermath(surroundings: Surroundings, draws: Draws, lines: Lines) -> Aftermath:
    """Delivery, returns and reviews of order lines. Late orders are rated a star lower."""
    service = surroundings.shop.service
    order, line = (lines.customer, lines.day), (lines.customer, lines.day, lines.number)
    late = draws.uniform("delivery/late", *order) < service.late
    spread = np.exp(0.25 * draws.normal("delivery/days", *order))
    days = service.delivery_days * spread * np.where(late, 3.0, 1.0)
    returned = draws.uniform("return", *line) < service.returns
    reviewed = draws.uniform("review", *line) < service.reviews
    stars = 4.3 - 1.0 * late - 1.0 * returned + 0.8 * draws.normal("review/stars", *line)
    return Aftermath(
        days,
        np.full(len(days), PROMISE * service.delivery_days),
        late,
        returned,
        days + 3.0 + 17.0 * draws.uniform("return/days", *line),
        reviewed,
        np.clip(np.round(stars * 2) / 2, 1.0, 5.0),
    )
