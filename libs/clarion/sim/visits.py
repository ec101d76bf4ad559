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
        key: names the step within its visit, whatever is added to it.
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
    key: Ints
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


@dataclass(frozen=True, slots=True)
class NamedSteps:
    """Steps of visits in their order, without times and numbers; see `Steps`."""

    visit: Ints
    key: Ints
    type: Ints
    product: Ints
    category: Ints
    dwell: Floats
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


def devices(customer: Ints, device: Ints) -> Texts:
    """The names of devices.

    Args:
        customer: whose they are.
        device: which of the customer's: 0 the phone, 1 the computer, 2 that of a second account.
    """
    return np.array(
        [f"D{number:06d}-{kind}" for number, kind in zip(customer, device, strict=True)],
        dtype=object,
    )


def devices_of_visits(draws: Draws, customer: Ints, channel: Ints, on_own: Bools) -> Ints:
    """Which device each visit uses: a phone, or for the web a computer in half of the cases.

    Args:
        draws: random draws.
        customer: whose visit it is.
        channel: index of its channel.
        on_own: whether it runs under a second account on the device of that.
    """
    has_computer = draws.uniform("device/second", customer) < 0.5
    return np.where(on_own, 2, ((channel == 1) & has_computer).astype(np.int64))


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
) -> NamedSteps:
    """The steps of all visits of an outcome, as customers intend them.

    A visit begins with a login. Products of its category are looked at, some are put into the
    cart. An order puts its own products into the cart; then it is paid, at the first attempt or a
    later one. Some full carts are left because no attempt worked.

    Args:
        surroundings: what surrounds the customers.
        draws: random draws, with the replicate of the events.
        members: who the customers are.
        outcome: their visits, from the shop's start on.
        lines: the lines of their orders.
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
    key = numbers_within(visit)
    keys = (outcome.visit_customer[visit], outcome.visit_day[visit], key)
    dwell = np.where(
        np.isin(type_, (VIEW, REVIEW_VIEW)), 3.0 + 40.0 * draws.uniform("step/dwell", *keys), 4.0
    )
    lost = lost_steps(surroundings, draws, keys)
    return NamedSteps(visit, key, type_, product[order], category[order], dwell, lost)


def in_time(
    surroundings: Surroundings,
    draws: Draws,
    members: Members,
    outcome: Outcome,
    device: Ints,
    steps: NamedSteps,
) -> Steps:
    """Steps with their times and numbers: each begins when the one before has ended.

    Args:
        surroundings: what surrounds the customers.
        draws: random draws.
        members: who the customers are.
        outcome: their visits.
        device: which of the customer's devices each visit uses.
        steps: the steps, in their order.
    """
    visit, whole = steps.visit, np.floor(steps.dwell).astype(np.int64) + 1
    number = numbers_within(visit)
    before = np.cumsum(whole) - whole
    seconds = before - before[np.arange(len(visit)) - number]
    earlier = steps_before_registering(surroundings, draws, members.traits)
    customer = outcome.visit_customer[visit]
    sequence = _sequence(members.traits, earlier, customer, device[visit])
    return Steps(visit, steps.key, number, steps.type, steps.product, steps.category, steps.dwell,
                 seconds, sequence, steps.lost)  # fmt: skip


def numbers_within(visit: Ints) -> Ints:
    """The place of each step within its visit, from 0, of steps in order of visits."""
    first = np.flatnonzero(np.diff(visit, prepend=-1))
    lengths = np.diff(np.append(first, len(visit)))
    return np.asarray(np.arange(len(visit)) - np.repeat(first, lengths))


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


def _sequence(traits: Traits, earlier: Ints, customer: Ints, device: Ints) -> Ints:
    """Numbers without gaps for the steps of each device, in the order of the steps' days.

    Steps are in order of days, as visits are. The phone of a customer who was seen before the
    registration goes on from there.

    Args:
        traits: who the customers are.
        earlier: steps on each customer's phone before the registration.
        customer: whose step it is.
        device: which of the customer's devices it is on.
    """
    owned = customer * 3 + device
    order = np.argsort(owned, kind="stable")
    sequence = np.empty(len(owned), np.int64)
    sequence[order] = numbers_within(owned[order]) + 1
    before = earlier[np.searchsorted(traits.ids, customer)]
    return sequence + np.where(device == 0, before, 0)


def lost_steps(surroundings: Surroundings, draws: Draws, keys: tuple[Ints, Ints, Ints]) -> Bools:
    """Steps that never land: single ones, those of whole visits, and the last ones of visits."""
    losses = surroundings.shop.losses
    customer, day, number = keys
    single = draws.uniform("lost/event", *keys) < losses.events
    session = draws.uniform("lost/session", customer, day) < losses.sessions
    end = (draws.uniform("lost/end", customer, day) < losses.ends) & (number >= 2)
    return np.asarray(single | session | end)
