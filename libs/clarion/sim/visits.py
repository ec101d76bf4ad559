"""What customers do during a visit, step by step, and what of it is lost on the way."""

from dataclasses import dataclass

import numpy as np

from clarion.sim.catalogue import Texts
from clarion.sim.draws import Bools, Draws, Floats, Ints, numbered
from clarion.sim.kernel import Outcome
from clarion.sim.purchases import Lines
from clarion.sim.surroundings import Surroundings
from clarion.sim.traits import Members, Traits
from clarion.sim.visitors import steps_before_registering

LOGIN, SEARCH, VIEW, FAVOURITE, REVIEW_VIEW, CART_ADD, FAILED, GIVEN_UP, CHECKOUT = range(9)
TYPES = (
    "login", "search", "view", "favourite", "review_view", "cart_add", "payment_failed",
    "payment_given_up", "checkout",
)  # fmt: skip
CHANNELS = ("app", "web", "mini_program", "live_stream", "social")
SENT_AT = 8 * 3600  # seconds after midnight at which messages are sent
_MAX_VIEWS = 12
_BRAND_SEARCHES = 0.08  # share of the searches that name the shop itself
_TROUBLE_WINDOW = 30
_HOUR_SHARES = (1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 8, 9, 8, 7, 7, 7, 8, 9, 10, 11, 10, 7, 3)


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of visits; one entry each, in order of visits and, within one, of time.

    Args:
        visit: place of the visit in its outcome.
        number: place of the step in its visit, from 0.
        type: index of its type.
        product: number of the product; -1 for none.
        category: category searched for; -1 for none, -2 for a search for the shop itself.
        dwell: seconds spent.
        seconds: from the start of the visit.
        sequence: number that the device gives it, without gaps, over all its visits.
        lost: whether it never landed.
    """

    visit: Ints
    number: Ints
    type: Ints
    product: Ints
    category: Ints
    dwell: Floats
    seconds: Ints
    sequence: Ints
    lost: Bools

    def __len__(self) -> int:
        return len(self.visit)


def start_seconds(draws: Draws, customer: Ints, day: Ints) -> Ints:
    """Seconds from the customer's midnight to the start of each visit."""
    hour = draws.choice("visit/hour", _HOUR_SHARES, customer, day)
    return hour * 3600 + draws.index("visit/second", 3000, customer, day)


def view_seconds(draws: Draws, customer: Ints, day: Ints) -> Ints:
    """Seconds from the customer's midnight to the view of a message of a day: 8:02 to 18:02."""
    return SENT_AT + 120 + draws.index("answer/when", 10 * 3600, customer, day)


def channels(surroundings: Surroundings, draws: Draws, members: Members, outcome: Outcome) -> Ints:
    """Index of the channel through which each visit comes."""
    keys = (outcome.visit_customer, outcome.visit_day)
    live = np.array([item.live for item in surroundings.shop.personas])[members.persona(*keys)]
    usual = draws.choice("visit/channel", [0.55, 0.3, 0.15], *keys)
    social = 3 + draws.index("visit/social", 2, *keys)
    return np.where(draws.uniform("visit/live", *keys) < live, social, usual)


def devices(draws: Draws, customer: Ints, channel: Ints) -> Texts:
    """The device of each visit: a phone, or for the web a computer in half of the cases."""
    has_computer = draws.uniform("device/second", customer) < 0.5
    second = (channel == 1) & has_computer
    return np.array(
        [f"D{number:06d}-{int(kind)}" for number, kind in zip(customer, second, strict=True)],
        dtype=object,
    )


def trouble(draws: Draws, day: Ints) -> Bools:
    """Whether payments fail more often than usual on days: for two days in a month of three."""
    window = np.floor_divide(day, _TROUBLE_WINDOW)
    happens = draws.uniform("trouble/happens", window) < 1.0 / 3.0
    first = draws.index("trouble/first", _TROUBLE_WINDOW - 2, window)
    within = day - window * _TROUBLE_WINDOW
    return np.asarray(happens & (within >= first) & (within < first + 2))


def steps(
    surroundings: Surroundings,
    draws: Draws,
    members: Members,
    outcome: Outcome,
    lines: Lines,
    channel: Ints,
) -> Steps:
    """The steps of all visits of an outcome.

    A visit begins with a login. Products of its category are looked at, some are put into the
    cart. An order puts its own products into the cart; then it is paid, at the first attempt or a
    later one. Some full carts are left because no attempt worked.

    Args:
        surroundings: what surrounds the customers.
        draws: random draws, with the replicate of the events.
        members: who the customers are.
        outcome: their visits, from the shop's start on.
        lines: the lines of their orders.
        channel: the channel of each visit.
    """
    parts = [
        _logins(outcome),
        *_views(surroundings, draws, members, outcome),
        _ordered(outcome, lines),
        *_payments(surroundings, draws, outcome),
    ]
    visit, place, type_, product, category = (
        np.concatenate([part[index] for part in parts]) for index in range(5)
    )
    order = np.lexsort((type_, place, visit))
    visit, type_ = visit[order], type_[order]
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    number = np.arange(len(visit)) - np.repeat(first, np.diff(np.append(first, len(visit))))
    keys = (outcome.visit_customer[visit], outcome.visit_day[visit], number)
    dwell = np.where(
        np.isin(type_, (VIEW, REVIEW_VIEW)), 3.0 + 40.0 * draws.uniform("step/dwell", *keys), 4.0
    )
    elapsed = np.cumsum(np.floor(dwell).astype(np.int64) + 1)
    before = elapsed - np.floor(dwell).astype(np.int64) - 1
    seconds = before - np.repeat(before[first], np.diff(np.append(first, len(visit))))
    earlier = steps_before_registering(surroundings, draws, members.traits)
    sequence = _sequence(
        draws, members.traits, earlier, outcome.visit_customer[visit], channel[visit]
    )
    lost = _lost(surroundings, draws, keys)
    return Steps(
        visit, number, type_, product[order], category[order], dwell, seconds, sequence, lost
    )


Part = tuple[Ints, Ints, Ints, Ints, Ints]  # visit, place, type, product, category


def _part(visit: Ints, place: Ints | int, type_: int, product: Ints | int = -1,
          category: Ints | int = -1) -> Part:  # fmt: skip
    def full(value: Ints | int) -> Ints:
        return np.broadcast_to(np.asarray(value, dtype=np.int64), visit.shape)

    return visit, full(place), full(type_), full(product), full(category)


def _logins(outcome: Outcome) -> Part:
    """The login of each visit."""
    return _part(np.arange(len(outcome.visit_day), dtype=np.int64), 0, LOGIN)


def _views(
    surroundings: Surroundings, draws: Draws, members: Members, outcome: Outcome
) -> list[Part]:
    """Searches, products that are looked at, and what follows from looking."""
    shop, catalogue = surroundings.shop, surroundings.catalogue
    visits = np.arange(len(outcome.visit_day), dtype=np.int64)
    customer, day = outcome.visit_customer, outcome.visit_day
    persona = members.persona(customer, day)
    mean = np.array([item.views for item in shop.personas])[persona]
    count = np.minimum(draws.geometric("visit/views", mean, customer, day), _MAX_VIEWS)
    visit, number = numbered(count)
    keys = (customer[visit], day[visit], number)
    on_focus = draws.uniform("view/focus", *keys) < 0.7
    category = np.where(on_focus, outcome.visit_focus[visit], outcome.visit_other[visit])
    product = catalogue.at_rank(category, draws.uniform("view/product", *keys), day[visit])
    place = 10 + 4 * number
    in_cart = (
        draws.uniform("view/cart", *keys)
        < np.array([item.cart for item in shop.personas])[persona[visit]]
    )
    liked = draws.uniform("view/favourite", *keys) < 0.03
    reads = draws.uniform("view/reviews", *keys) < 0.08
    searches = draws.uniform("visit/search", customer, day) < 0.2
    brand = draws.uniform("visit/brand", customer, day) < _BRAND_SEARCHES
    searched = np.where(brand, -2, outcome.visit_focus)
    return [
        _part(visits[searches], 5, SEARCH, category=searched[searches]),
        _part(visit, place, VIEW, product),
        _part(visit[reads], place[reads] + 1, REVIEW_VIEW, product[reads]),
        _part(visit[liked], place[liked] + 2, FAVOURITE, product[liked]),
        _part(visit[in_cart], place[in_cart] + 3, CART_ADD, product[in_cart]),
    ]


def _ordered(outcome: Outcome, lines: Lines) -> Part:
    """The products of an order as they are put into the cart."""
    return _part(
        outcome.visit_of(lines.customer, lines.day),
        60 + lines.number,
        CART_ADD,
        lines.product,
    )


def _payments(surroundings: Surroundings, draws: Draws, outcome: Outcome) -> list[Part]:
    """Checkouts, attempts to pay that failed, and those after which the customer gave up."""
    customer, day = outcome.visit_customer, outcome.visit_day
    visits = np.arange(len(day), dtype=np.int64)
    share = surroundings.shop.service.payment_failures
    chance = np.where(trouble(draws, day), np.minimum(8 * share, 0.6), share)
    fails = draws.uniform("payment/fails", customer, day) < chance
    ordered = outcome.visit_ordered
    tries = ~ordered & (draws.uniform("payment/tries", customer, day) < 0.01)
    gives_up = tries & (draws.uniform("payment/gives_up", customer, day) < 4 * chance)
    return [
        _part(visits[ordered & fails], 90, FAILED),
        _part(visits[ordered], 99, CHECKOUT),
        _part(visits[gives_up], 90, FAILED),
        _part(visits[gives_up], 91, FAILED),
        _part(visits[gives_up], 92, GIVEN_UP),
    ]


def _sequence(draws: Draws, traits: Traits, earlier: Ints, customer: Ints, channel: Ints) -> Ints:
    """Numbers without gaps for the steps of each device, in the order of the steps' days.

    Steps are in order of days, as visits are. The phone of a customer who was seen before the
    registration goes on from there.

    Args:
        draws: random draws.
        traits: who the customers are.
        earlier: steps on each customer's phone before the registration.
        customer: whose step it is.
        channel: index of the channel of its visit.
    """
    has_computer = draws.uniform("device/second", customer) < 0.5
    device = customer * 2 + ((channel == 1) & has_computer)
    order = np.argsort(device, kind="stable")
    in_order = device[order]
    first = np.flatnonzero(np.diff(in_order, prepend=-1))
    lengths = np.diff(np.append(first, len(in_order)))
    sequence = np.empty(len(device), np.int64)
    sequence[order] = np.arange(len(device)) - np.repeat(first, lengths) + 1
    before = earlier[np.searchsorted(traits.ids, customer)]
    return sequence + np.where(device % 2 == 0, before, 0)


def _lost(surroundings: Surroundings, draws: Draws, keys: tuple[Ints, Ints, Ints]) -> Bools:
    """Steps that never land: single ones, those of whole visits, and the last ones of visits."""
    losses = surroundings.shop.losses
    customer, day, number = keys
    single = draws.uniform("lost/event", *keys) < losses.events
    session = draws.uniform("lost/session", customer, day) < losses.sessions
    end = (draws.uniform("lost/end", customer, day) < losses.ends) & (number >= 2)
    return np.asarray(single | session | end)
