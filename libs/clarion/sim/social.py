"""What customers say in public, and what live streams and social networks report of them."""

import numpy as np
import pandas as pd

from clarion.sim import visits
from clarion.sim.catalogue import Texts, only, product_refs
from clarion.sim.clock import Instants
from clarion.sim.draws import Bools, Floats, Ints
from clarion.sim.records import Course, later, order_refs, session_refs
from clarion.sim.shop import Text

LIVE_STREAM, SOCIAL = (visits.CHANNELS.index(name) for name in ("live_stream", "social"))
ORIGINS = ("web shop", "live stream", "social")
MENTIONED = 0.03  # share of order lines that are mentioned on a social network
FOLLOWS, SHARES = 0.1, 0.08  # share of visits through streams and networks
_SIGNED = 0.6  # share of the mentions whose author the shop knows
_STREAMS = (
    Text(en="Evening stream", zh="晚间直播间"),
    Text(en="Weekend stream", zh="周末直播间"),
    Text(en="New arrivals live", zh="新品直播间"),
)
_NETWORKS = (
    Text(en="Instagram", zh="微博"),
    Text(en="TikTok", zh="抖音"),
    Text(en="Pinterest", zh="小红书"),
)
_SENTIMENTS = np.array(["negative", "neutral", "positive"], dtype=object)
_MENTIONS = (  # by sentiment
    (Text(en="not worth the money", zh="不值这个价"), Text(en="disappointed", zh="有点失望")),
    (Text(en="it is alright", zh="一般般"), Text(en="does what it says", zh="还可以")),
    (Text(en="love it", zh="太喜欢了"), Text(en="would buy it again", zh="会回购")),
)


def origins(channel: Ints) -> Texts:
    """Where what came through a channel has its origin."""
    origin = np.where(channel == LIVE_STREAM, 1, np.where(channel == SOCIAL, 2, 0))
    return np.array(ORIGINS, dtype=object)[origin]


def source_names(course: Course, visit: Ints) -> Texts:
    """The names of the streams and networks through which visits came; None for other visits."""
    shop, outcome = course.surroundings.shop, course.outcome
    keys = (outcome.visit_customer[visit], outcome.visit_day[visit])
    names = np.array([[shop.local(name) for name in group] for group in (_STREAMS, _NETWORKS)],
                     dtype=object)  # fmt: skip
    which = course.draws.index("social/name", len(_STREAMS), *keys)
    channel = course.channel[visit]
    named = names[(channel == SOCIAL).astype(int), which]
    return only(named, np.isin(channel, (LIVE_STREAM, SOCIAL)))


def review_records(course: Course, *, until: Instants) -> pd.DataFrame:
    """Records of the kind 'reviews', two days after the delivery.

    `origin` says where the order came from, and `source_name` through which stream or network.

    Args:
        course: what the customers of a block did.
        until: the instant after which nothing has happened yet.
    """
    lines, after = course.lines, course.aftermath
    at = later(course.ordered_at, after.delivery_days + 2.0, until)
    visit = course.outcome.visit_of(lines.customer, lines.day)
    orders = order_refs(lines.customer, lines.day)
    frame = pd.DataFrame(
        {
            "review_ref": [
                f"V{order}-{number}" for order, number in zip(orders, lines.number, strict=True)
            ],
            "product_ref": product_refs(lines.product),
            "happened_at": at,
            "customer_ref": course.refs(lines.customer, lines.day),
            "rating": after.rating,
            "text": np.where(after.rating >= 4, "good", "so so"),
            "origin": origins(course.channel[visit]),
            "source_name": source_names(course, visit),
        }
    )
    return frame[after.reviewed & ~np.isnat(at)]


def social_records(course: Course, *, until: Instants) -> pd.DataFrame:
    """Records of the kind 'events' that live streams and social networks deliver.

    Types: live_view (a stream was watched), live_order (an order came from it), follow, share,
    and mention (a product was spoken of, with text, rating and sentiment).

    Args:
        course: what the customers of a block did.
        until: the instant after which nothing has happened yet.
    """
    frame = pd.concat([*_on_visits(course), _mentions(course, until)], ignore_index=True)
    return frame.sort_values(["happened_at", "event_ref"]).astype({"dwell_ms": "Int64"})


def _on_visits(course: Course) -> list[pd.DataFrame]:
    """What happens around visits through a stream or a network."""
    draws, outcome = course.draws, course.outcome
    keys = (outcome.visit_customer, outcome.visit_day)
    live = course.channel == LIVE_STREAM
    social = live | (course.channel == SOCIAL)
    dwell = 60_000 * (1.0 + np.floor(30.0 * draws.uniform("social/watched", *keys)))
    follows = social & (draws.uniform("social/follows", *keys) < FOLLOWS)
    shares = social & (draws.uniform("social/shares", *keys) < SHARES)
    first = np.full(len(live), -1, np.int64)  # the product of each order's first line
    lines = course.lines
    is_first = lines.number == 1
    first[outcome.visit_of(lines.customer[is_first], lines.day[is_first])] = lines.product[is_first]
    viewed = np.full(len(live), -1, np.int64)  # the last product of each visit
    seen = course.steps.product >= 0
    viewed[course.steps.visit[seen]] = course.steps.product[seen]
    nothing = np.full(len(live), -1, np.int64)
    return [
        _events(course, "live_view", live, nothing, seconds=0, dwell=dwell),
        _events(course, "follow", follows, nothing, seconds=40),
        _events(course, "share", shares & (viewed >= 0), viewed, seconds=300),
        _events(course, "live_order", live & outcome.visit_ordered, first, seconds=15 * 60),
    ]


def _events(
    course: Course,
    kind: str,
    chosen: Bools,
    product: Ints,
    *,
    seconds: int,
    dwell: Floats | None = None,
) -> pd.DataFrame:
    """An event of a type for each of some visits, so many seconds after its start."""
    visit = np.flatnonzero(chosen)
    customer, day = course.outcome.visit_customer[visit], course.outcome.visit_day[visit]
    session, product = session_refs(customer, day), product[visit]
    orders = order_refs(customer, day)
    return pd.DataFrame(
        {
            "event_ref": session + f"-{kind}",
            "happened_at": course.started[visit] + np.timedelta64(seconds, "s"),
            "type": kind,
            "customer_ref": course.refs(customer, day),
            "device_ref": visits.devices(customer, course.device[visit]),
            "product_ref": only(product_refs(np.maximum(product, 0)), product >= 0),
            "dwell_ms": np.nan if dwell is None else dwell[visit],
            "channel": np.array(visits.CHANNELS, dtype=object)[course.channel[visit]],
            "source_name": source_names(course, visit),
            "session_ref": session,
            "order_ref": only(orders, np.full(len(visit), kind == "live_order")),
        }
    )


def _mentions(course: Course, until: Instants) -> pd.DataFrame:
    """What buyers say of products on social networks, up to two weeks after the delivery."""
    lines, draws, shop = course.lines, course.draws, course.surroundings.shop
    keys = (lines.customer, lines.day, lines.number)
    days = course.aftermath.delivery_days + 1.0 + 14.0 * draws.uniform("mention/days", *keys)
    at = later(course.ordered_at, days, until)
    rows = np.flatnonzero((draws.uniform("mention/written", *keys) < MENTIONED) & ~np.isnat(at))
    keys = (lines.customer[rows], lines.day[rows], lines.number[rows])
    rating = course.aftermath.rating[rows]
    sentiment = np.where(rating >= 4.0, 2, np.where(rating >= 3.0, 1, 0))
    texts = np.array([[shop.local(text) for text in group] for group in _MENTIONS], dtype=object)
    names = np.array([shop.local(name) for name in _NETWORKS], dtype=object)
    signed = draws.uniform("mention/signed", *keys) < _SIGNED
    refs = zip(order_refs(keys[0], keys[1]), keys[2], strict=True)
    return pd.DataFrame(
        {
            "event_ref": [f"M{order}-{number}" for order, number in refs],
            "happened_at": at[rows],
            "type": "mention",
            "customer_ref": only(course.refs(keys[0], keys[1]), signed),
            "product_ref": product_refs(lines.product[rows]),
            "dwell_ms": np.nan,
            "channel": "social",
            "source_name": names[draws.index("mention/where", len(_NETWORKS), *keys)],
            "text": texts[sentiment, draws.index("mention/text", 2, *keys)],
            "rating": rating,
            "sentiment": _SENTIMENTS[sentiment],
        }
    )
