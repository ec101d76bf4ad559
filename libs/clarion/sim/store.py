"""What happens beside the web shop, delivered into folders of its own.

Shops on the street, apps, surveys, service, stock, competitors' promotions and plain files.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from clarion.sim import environment_records
from clarion.sim.catalogue import only, product_refs
from clarion.sim.clock import Instants
from clarion.sim.course import World
from clarion.sim.draws import Bools, Draws, Floats, Ints, numbered
from clarion.sim.files import open_store, write_counts, write_records
from clarion.sim.records import customer_refs
from clarion.sim.traits import draw_traits

_STORES = np.array(["store-north", "store-south"], dtype=object)
_TOPICS = np.array(["delivery", "return", "complaint", "question", "payment"], dtype=object)
_RETURN_REASONS = np.array(["too small", "damaged", "not as shown"], dtype=object)
_SERVICES = ("delivery", "advice", "store")
# Type, page and share of the customers who take the step.
_APP_PATH = (
    ("login", "start", 1.0),
    ("search", "search", 0.7),
    ("view", "detail", 1.0),
    ("favourite", "detail", 0.4),
    ("cart_add", "detail", 0.5),
)
_MINI_PROGRAM_PATH = (
    ("login", "start", 1.0),
    ("view", "detail", 1.0),
    ("review_view", "reviews", 0.6),
    ("cart_add", "detail", 0.3),
)
_OF_PRODUCTS = ("view", "favourite", "cart_add", "review_view")
_MOST_VISITS = 3


@dataclass(frozen=True, slots=True)
class DeliveredRecords:
    """Number of records delivered.

    Args:
        records: by source of the mapping `sim_store`.
    """

    records: dict[str, int]


@dataclass(frozen=True, slots=True)
class StoreVisits:
    """Visits to a shop on the street by customers who consent; two per customer on average.

    Args:
        draws: random draws.
        customer: number of the customer.
        number: number of the visit, from 0.
        at: UTC instant.
        product: number of the product that was tried.
        price: its list price of the day.
    """

    draws: Draws
    customer: Ints
    number: Ints
    at: Instants
    product: Ints
    price: Floats

    def chance(self, name: str) -> Floats:
        """A number in (0, 1) for each visit."""
        return self.draws.uniform(f"store/{name}", self.customer, self.number)

    def where(self, chosen: Bools) -> "StoreVisits":
        """Some of the visits."""
        rows = np.flatnonzero(chosen)
        return StoreVisits(
            self.draws, self.customer[rows], self.number[rows], self.at[rows], self.product[rows],
            self.price[rows],
        )  # fmt: skip

    def later(self, seconds: int) -> Instants:
        """The instants so many seconds after the visits."""
        return self.at + np.timedelta64(seconds, "s")

    def delayed(self, seconds: int) -> "StoreVisits":
        """The same visits so many seconds later."""
        return replace(self, at=self.later(seconds))

    @property
    def refs(self) -> list[str]:
        """Names of the visits."""
        return [
            f"V{customer:06d}-{number}"
            for customer, number in zip(self.customer, self.number, strict=True)
        ]

    @property
    def orders(self) -> list[str]:
        """Names of the orders in which visits end."""
        return [f"T{ref}" for ref in self.refs]

    @property
    def stores(self) -> object:
        """The shop on the street that each customer goes to."""
        return _STORES[self.draws.choice("store/which", [0.6, 0.4], self.customer)]


def deliver_store(world: World, inbox: str, *, last: date) -> DeliveredRecords:
    """Deliver everything before a day.

    Args:
        world: the shop.
        inbox: folder of the files.
        last: first day that is not delivered.
    """
    days = world.day_number(last)
    visits = store_visits(world, days)
    purchases = visits.where(visits.chance("buys") < 0.5)
    frames = {
        "store_events": _store_events(visits),
        "app_events": _app_events(world, visits.where(visits.number == 0)),
        "tills": _till_lines(purchases),
        "returns": _returns(purchases.where(purchases.chance("returns") < 0.2)),
        "surveys": _surveys(visits.where(visits.number == 0)),
        "coupons": _coupons(purchases.where(purchases.chance("coupon") < 0.3)),
        "contacts": _contacts(visits.where(visits.chance("contact") < 0.25)),
        "stock": environment_records.stock_records(world.surroundings, world.clock, days),
        "promotions": environment_records.promotion_records(world.surroundings, world.clock, days),
        "rates": environment_records.rate_records(world.surroundings, world.clock, days),
    }
    for kind, frame in frames.items():
        write_records(inbox, kind, str(last), frame)
    records = {kind: len(frame) for kind, frame in frames.items()}
    records["assets"] = _write_assets(world, inbox, last)
    write_counts(inbox, str(last), records, name="beside")
    return DeliveredRecords(records)


def store_visits(world: World, days: int) -> StoreVisits:
    """The visits to a shop on the street before a day."""
    draws = world.draws
    traits = draw_traits(world.shop, draws, world.ids)
    consents = traits.ids[traits.collection]
    count = 1 + draws.index("store/often", _MOST_VISITS, consents)
    row, number = numbered(count)
    customer = consents[row]
    day = draws.index("store/day", days, customer, number)
    seconds = 10 * 3600 + draws.index("store/time", 8 * 3600, customer, number)
    shares = [item.share for item in world.shop.categories]
    category = draws.choice("store/category", shares, customer, number)
    goods = world.surroundings.catalogue
    product = goods.at_rank(category, draws.uniform("store/product", customer, number), day)
    at = world.clock.instants(day, seconds)
    return StoreVisits(draws, customer, number, at, product, goods.prices(product, day))


def _store_events(visits: StoreVisits) -> pd.DataFrame:
    """Steps of a visit: arrival by radio, count at the door, dwell, and trial with a guide.

    The guide notes who the customer is in 40 % of the trials.
    """
    radio = np.where(visits.draws.uniform("store/radio", visits.customer) < 0.5, "wifi",
                     "bluetooth")  # fmt: skip
    phones = np.array([f"phone-{number:06d}" for number in visits.customer], dtype=object)
    guided = visits.chance("guided") < 0.4
    dwell = 30_000 + np.floor(visits.chance("dwell") * 1_200_000)
    own: list[dict[str, object]] = [
        {"type": "arrival", "signal": radio, "device_ref": phones},
        {"type": "visit", "signal": "door"},
        {"type": "dwell", "signal": radio, "device_ref": phones, "dwell_ms": dwell},
        {
            "type": "trial",
            "signal": "guide",
            "customer_ref": only(customer_refs(visits.customer), guided),
            "product_ref": product_refs(visits.product),
        },
    ]
    refs = np.array(visits.refs, dtype=object)
    frames = [
        pd.DataFrame(
            {
                "event_ref": refs + f"-{number}",
                "happened_at": visits.later(60 * number),
                "type": values["type"],
                "signal": values["signal"],
                "customer_ref": values.get("customer_ref"),
                "device_ref": values.get("device_ref"),
                "product_ref": values.get("product_ref"),
                "dwell_ms": values.get("dwell_ms"),
                "store_ref": visits.stores,
                "channel": "store",
                "sequence_no": number,
                "session_ref": refs,
            }
        ).astype({"dwell_ms": "Int64"})
        for number, values in enumerate(own, start=1)
    ]
    return pd.concat([frame.astype(object) for frame in frames], ignore_index=True).astype(
        {"happened_at": "datetime64[s]"}
    )


def _app_events(world: World, visits: StoreVisits) -> pd.DataFrame:
    """One person on two devices: a login and a path in the app, then in the mini-program."""
    frames = [
        *_steps(world, visits, "app", "phone", _APP_PATH),
        *_steps(world, visits.delayed(3600), "mini_program", "mini", _MINI_PROGRAM_PATH),
    ]
    events = pd.concat(frames, ignore_index=True)
    events = events.sort_values(["session_ref", "happened_at"], ignore_index=True)
    return events.assign(sequence_no=events.groupby("session_ref").cumcount() + 1)


def _steps(
    world: World,
    visits: StoreVisits,
    channel: str,
    device: str,
    path: tuple[tuple[str, str, float], ...],
) -> list[pd.DataFrame]:
    """The steps of each customer's path on a device, two hours before the visits begin."""
    shop, category_of = world.shop, world.surroundings.catalogue.category
    categories = np.array([shop.local(item.category) for item in shop.categories], dtype=object)
    frames = []
    for step, (kind, page, share) in enumerate(path):
        own = visits.where(visits.chance(f"{channel}/{step}") < share)
        has_product = np.full(len(own.customer), kind in _OF_PRODUCTS)
        dwell = 3_000 + np.floor(own.chance(f"{channel}/dwell/{step}") * 40_000)
        frame = pd.DataFrame(
            {
                "event_ref": [f"A{number:06d}-{channel}-{step}" for number in own.customer],
                "happened_at": own.later(30 * step - 2 * 3600),
                "type": kind,
                "page": page,
                "channel": channel,
                "customer_ref": customer_refs(own.customer),
                "device_ref": [f"{device}-{number:06d}" for number in own.customer],
                "product_ref": only(product_refs(own.product), has_product),
                "category": only(categories[category_of[own.product]], has_product),
                "dwell_ms": np.where(has_product, dwell, np.nan),
                "session_ref": [f"{channel}-{number:06d}" for number in own.customer],
            }
        )
        frames.append(frame.astype({"dwell_ms": "Int64"}))
    return frames


def _till_lines(purchases: StoreVisits) -> pd.DataFrame:
    """Sales at the till; the member's card identifies the customer, where it was shown."""
    cards = np.array([f"M{number:06d}" for number in purchases.customer], dtype=object)
    return pd.DataFrame(
        {
            "order_ref": purchases.orders,
            "happened_at": purchases.later(600),
            "product_ref": product_refs(purchases.product),
            "quantity": 1,
            "unit_price": purchases.price,
            "member_ref": only(cards, purchases.chance("card") < 0.7),
            "store_ref": purchases.stores,
            "channel": "store",
        }
    )


def _returns(returned: StoreVisits) -> pd.DataFrame:
    reason = returned.draws.choice("store/why", [0.5, 0.2, 0.3], returned.customer, returned.number)
    return pd.DataFrame(
        {
            "order_ref": returned.orders,
            "happened_at": returned.later(6 * 86400),
            "product_ref": product_refs(returned.product),
            "quantity": -1,
            "unit_price": returned.price,
            "customer_ref": customer_refs(returned.customer),
            "reason": _RETURN_REASONS[reason],
            "store_ref": returned.stores,
            "channel": "store",
        }
    )


def _surveys(visits: StoreVisits) -> pd.DataFrame:
    """Answers of half of the customers: how satisfied they are with each service."""
    asked = visits.where(visits.draws.uniform("store/survey", visits.customer) < 0.5)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "customer_ref": customer_refs(asked.customer),
                    "question": f"satisfaction with {service}" if number else "satisfaction",
                    "answer": 1 + asked.draws.index(f"store/score/{service}", 5, asked.customer),
                    "at": asked.later(86400),
                    "survey": "autumn survey",
                }
            )
            for number, service in enumerate(_SERVICES)
        ],
        ignore_index=True,
    )


def _coupons(used: StoreVisits) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_ref": customer_refs(used.customer),
            "coupon_ref": [f"K{ref[1:]}" for ref in used.refs],
            "order_ref": used.orders,
            "happened_at": used.later(600),
            "campaign_ref": "autumn",
        }
    )


def _contacts(asked: StoreVisits) -> pd.DataFrame:
    topic = asked.draws.choice(
        "store/topic", [0.3, 0.2, 0.1, 0.3, 0.1], asked.customer, asked.number
    )
    return pd.DataFrame(
        {
            "contact_ref": [f"H{ref}" for ref in asked.refs],
            "happened_at": asked.later(2 * 86400),
            "customer_ref": customer_refs(asked.customer),
            "topic": _TOPICS[topic],
            "channel": "chat",
            "satisfaction": np.floor(asked.chance("content") * 6).astype(np.int64).astype(str),
            "resolved_at": asked.later(3 * 86400),
        }
    )


def _write_assets(world: World, inbox: str, last: date) -> int:
    """Write a picture of each product and the web server's log; returns how many files."""
    store, root = open_store(inbox)
    refs = product_refs(world.surroundings.catalogue.numbers)
    contents = {f"{ref}.png": picture(number) for number, ref in enumerate(refs)}
    contents["web.log"] = b"".join(
        b"10.0.0.%d GET /p/%05d 200\n" % (number, number) for number in range(50)
    )
    folder = str(PurePosixPath(root, "assets", str(last)))
    store.create_dir(folder, recursive=True)
    for name, content in contents.items():
        with store.open_output_stream(str(PurePosixPath(folder, name))) as stream:
            stream.write(content)
    return len(contents)


def picture(number: int) -> bytes:
    """A PNG of eight by eight points in a colour of the product's own."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    row = b"\x00" + bytes((number * 20 % 256, 120, 200 - number * 10 % 200)) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * 8))
        + chunk(b"IEND", b"")
    )
