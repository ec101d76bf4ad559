"""What happens beside the web shop, delivered into folders of its own.

Shops on the street, apps, surveys, service, stock, competitors' promotions and plain files.
"""

import struct
import zlib
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import PurePosixPath

import pyarrow.fs as fs
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.kernel.parallel import run_concurrently
from clarion.sim.behaviour import World
from clarion.sim.draws import lookup
from clarion.sim.files import Delivery, write_delivery

_STORES = ("store-north", "store-south")
_TOPICS = ("delivery", "return", "complaint", "question", "payment")
_RETURN_REASONS = ("too small", "damaged", "not as shown")
_VISIT = ("id", "visit")
_APP_PATH = (
    ("login", "start"),
    ("search", "search"),
    ("view", "detail"),
    ("favourite", "detail"),
    ("cart_add", "detail"),
)
_MINI_PROGRAM_PATH = (("login", "start"), ("view", "detail"), ("review_view", "reviews"))
_IMAGES = 12


@dataclass(frozen=True, slots=True)
class DeliveredRecords:
    """Number of records delivered.

    Args:
        records: by source of the mapping `sim_store`.
    """

    records: dict[str, int]


def deliver_store(world: World, inbox: str, *, last: date) -> DeliveredRecords:
    """Deliver everything before a day.

    Args:
        world: the shop.
        inbox: folder of the files.
        last: first day that is not delivered.
    """
    visits = _visits(world, world.day_number(last)).persist()
    try:
        deliveries = _deliveries(world, visits, last=last)
        writes = [partial(_write_and_count, delivery, inbox) for delivery in deliveries]
        counts = run_concurrently(writes)
    finally:
        visits.unpersist()
    records = {delivery.kind: count for delivery, count in zip(deliveries, counts, strict=True)}
    return DeliveredRecords({**records, "assets": _write_assets(inbox, last)})


def _deliveries(world: World, visits: DataFrame, *, last: date) -> list[Delivery]:
    days = world.day_number(last)
    by_event = ("event_ref",)
    by_order = ("order_ref",)
    by_customer = ("customer_ref",)
    return [
        Delivery("store_events", last, _store_events(world, visits), by_event, "json"),
        Delivery("app_events", last, _app_events(visits), by_event, "json"),
        Delivery("tills", last, _till_lines(world, visits), by_order),
        Delivery("returns", last, _returns(world, visits), by_order),
        Delivery("surveys", last, _surveys(world, visits), by_customer),
        Delivery("coupons", last, _coupons(world, visits), by_customer),
        Delivery("contacts", last, _contacts(world, visits), ("contact_ref",), "json"),
        Delivery("stock", last, _stock(world, days), ("product_ref", "at")),
        Delivery("promotions", last, _promotions(world, days), ("competitor", "starts_at")),
        Delivery("rates", last, _rates(world, days), ("currency", "at")),
    ]


def _write_and_count(delivery: Delivery, inbox: str) -> int:
    write_delivery(delivery, inbox)
    return delivery.records.count()


def _text_of(instant: Column) -> Column:
    return F.date_format(instant, "yyyy-MM-dd HH:mm:ss")


def _after(seconds: int) -> Column:
    """Text of the instant so many seconds after a visit."""
    return _text_of(F.col("at") + F.make_dt_interval(secs=F.lit(seconds)))


def _visits(world: World, days: int) -> DataFrame:
    """Visits to a shop on the street by customers who consent; some two per customer and year.

    Returns:
        One row per visit: id, customer_ref, visit (number), at (UTC), store_ref, product_ref,
        visit_ref.
    """
    draws = world.draws
    last_visit = draws.index("store/often", 3, "id")
    day = draws.index("store/day", days, *_VISIT)
    hours = draws.uniform("store/time", *_VISIT) * 8
    seconds = day * 86400 + F.lit(10 * 3600) + F.floor(hours * 3600).cast("int")
    product = F.floor(draws.uniform("store/product", *_VISIT) * world.shop.products * 0.9)
    return (
        world.customers.where("collection")
        .withColumn("visit", F.explode(F.sequence(F.lit(0), last_visit)))
        .where("visit < 3")
        .select(
            "id",
            "customer_ref",
            "visit",
            world.instant(seconds).alias("at"),
            lookup(_STORES, draws.choice("store/which", [0.6, 0.4], "id")).alias("store_ref"),
            F.format_string("P%05d", product.cast("int")).alias("product_ref"),
            F.format_string("V%06d-%d", *_VISIT).alias("visit_ref"),
        )
    )


def _store_events(world: World, visits: DataFrame) -> DataFrame:
    """Steps of a visit: arrival by radio, count at the door, dwell, and trial with a guide.

    The guide notes who the customer is in 40 % of the trials.
    """
    draws = world.draws
    no_text = F.lit(None).cast("string")
    no_number = F.lit(None).cast("bigint")
    phone = F.format_string("phone-%06d", "id")
    radio = F.when(draws.uniform("store/radio", "id") < 0.5, "wifi").otherwise("bluetooth")
    is_guided = draws.uniform("store/guided", *_VISIT) < 0.4
    dwell_ms = F.floor(draws.uniform("store/dwell", *_VISIT) * 1_200_000) + 30_000
    own_values = [
        {"type": F.lit("arrival"), "signal": radio, "device_ref": phone},
        {"type": F.lit("visit"), "signal": F.lit("door")},
        {
            "type": F.lit("dwell"),
            "signal": radio,
            "device_ref": phone,
            "dwell_ms": dwell_ms.cast("bigint"),
        },
        {
            "type": F.lit("trial"),
            "signal": F.lit("guide"),
            "customer_ref": F.when(is_guided, F.col("customer_ref")),
            "product_ref": F.col("product_ref"),
        },
    ]

    def step(number: int, values: dict[str, Column]) -> Column:
        return F.struct(
            F.concat("visit_ref", F.lit(f"-{number}")).alias("event_ref"),
            _after(60 * number).alias("happened_at"),
            values["type"].alias("type"),
            values["signal"].alias("signal"),
            values.get("customer_ref", no_text).alias("customer_ref"),
            values.get("device_ref", no_text).alias("device_ref"),
            values.get("product_ref", no_text).alias("product_ref"),
            values.get("dwell_ms", no_number).alias("dwell_ms"),
            "store_ref",
            F.lit("store").alias("channel"),
            F.lit(number).alias("sequence_no"),
            F.col("visit_ref").alias("session_ref"),
        )

    steps = [step(number, values) for number, values in enumerate(own_values, start=1)]
    return visits.select(F.inline(F.array(*steps)))


def _app_events(visits: DataFrame) -> DataFrame:
    """One person on two devices: a login and a path in the app, then in the mini-program."""

    def step(channel: str, device: str, number: int, page: tuple[str, str]) -> Column:
        kind, name = page
        has_product = kind in ("view", "cart_add", "favourite")
        hours_before = 2 if channel == "app" else 1
        return F.struct(
            F.format_string(f"A%06d-{channel}-{number}", "id").alias("event_ref"),
            _after(30 * number - 3600 * hours_before).alias("happened_at"),
            F.lit(kind).alias("type"),
            F.lit(name).alias("page"),
            F.lit(channel).alias("channel"),
            F.col("customer_ref"),
            F.format_string(f"{device}-%06d", "id").alias("device_ref"),
            F.when(F.lit(has_product), F.col("product_ref")).alias("product_ref"),
            F.format_string(f"{channel}-%06d", "id").alias("session_ref"),
            F.lit(number + 1).alias("sequence_no"),
        )

    app = [step("app", "phone", number, page) for number, page in enumerate(_APP_PATH)]
    mini_program = [
        step("mini_program", "mini", number, page) for number, page in enumerate(_MINI_PROGRAM_PATH)
    ]
    return visits.where("visit = 0").select(F.inline(F.array(*app, *mini_program)))


def _purchases(world: World, visits: DataFrame) -> DataFrame:
    """Visits that end in a purchase, with its price."""
    buys = world.draws.uniform("store/buys", *_VISIT) < 0.5
    return visits.where(buys).join(world.products.select("product_ref", "price"), "product_ref")


def _order_ref() -> Column:
    return F.concat(F.lit("T"), "visit_ref").alias("order_ref")


def _till_lines(world: World, visits: DataFrame) -> DataFrame:
    """Sales at the till; the member's card identifies the customer, where it was shown."""
    shows_card = world.draws.uniform("store/card", *_VISIT) < 0.7
    return _purchases(world, visits).select(
        _order_ref(),
        _after(600).alias("happened_at"),
        "product_ref",
        F.lit(1).alias("quantity"),
        F.col("price").alias("unit_price"),
        F.when(shows_card, F.format_string("M%06d", "id")).alias("member_ref"),
        "store_ref",
        F.lit("store").alias("channel"),
    )


def _returns(world: World, visits: DataFrame) -> DataFrame:
    draws = world.draws
    returns = draws.uniform("store/returns", *_VISIT) < 0.2
    reason = lookup(_RETURN_REASONS, draws.choice("store/why", [0.5, 0.2, 0.3], *_VISIT))
    return (
        _purchases(world, visits)
        .where(returns)
        .select(
            _order_ref(),
            _after(6 * 86400).alias("happened_at"),
            "product_ref",
            F.lit(-1).alias("quantity"),
            F.col("price").alias("unit_price"),
            F.col("customer_ref"),
            reason.alias("reason"),
            "store_ref",
            F.lit("store").alias("channel"),
        )
    )


def _surveys(world: World, visits: DataFrame) -> DataFrame:
    answers = visits.where("visit = 0").where(world.draws.uniform("store/survey", "id") < 0.5)
    score = F.floor(1 + world.draws.uniform("store/score", "id") * 5).cast("string")
    return answers.select(
        "customer_ref",
        F.lit("satisfaction").alias("question"),
        score.alias("answer"),
        _after(86400).alias("at"),
        F.lit("autumn survey").alias("survey"),
    )


def _coupons(world: World, visits: DataFrame) -> DataFrame:
    uses_coupon = world.draws.uniform("store/coupon", *_VISIT) < 0.3
    return (
        _purchases(world, visits)
        .where(uses_coupon)
        .select(
            "customer_ref",
            F.format_string("K%06d-%d", *_VISIT).alias("coupon_ref"),
            _order_ref(),
            _after(600).alias("happened_at"),
            F.lit("autumn").alias("campaign_ref"),
        )
    )


def _contacts(world: World, visits: DataFrame) -> DataFrame:
    draws = world.draws
    topic = draws.choice("store/topic", [0.3, 0.2, 0.1, 0.3, 0.1], *_VISIT)
    satisfaction = F.floor(draws.uniform("store/content", *_VISIT) * 6)
    return visits.where(draws.uniform("store/contact", *_VISIT) < 0.25).select(
        F.concat(F.lit("H"), "visit_ref").alias("contact_ref"),
        _after(2 * 86400).alias("happened_at"),
        "customer_ref",
        lookup(_TOPICS, topic).alias("topic"),
        F.lit("chat").alias("channel"),
        satisfaction.cast("string").alias("satisfaction"),
        _after(3 * 86400).alias("resolved_at"),
    )


def _stock(world: World, days: int) -> DataFrame:
    """Units and price of every fifth product, month by month."""
    months = world.spark.range(0, days, 30).select(F.col("id").alias("day"))
    return (
        world.products.where("number % 5 = 0")
        .crossJoin(months)
        .select(
            "product_ref",
            _text_of(world.instant((F.col("day") * 86400).cast("int"))).alias("at"),
            world.draws.index("store/stock", 300, "number", "day").alias("stock"),
            "price",
        )
    )


def _promotions(world: World, days: int) -> DataFrame:
    """A promotion of a week by each competitor, month by month."""
    competitors = F.explode(F.array(*(F.lit(name) for name in world.shop.competitors)))
    starts_at = world.instant(((F.col("id") + 5) * 86400).cast("int"))
    discount_share = 0.1 + 0.3 * world.draws.uniform("store/off", "id", "competitor")
    months = world.spark.range(0, days, 30).withColumn("competitor", competitors)
    return months.select(
        "competitor",
        F.format_string("deal %d", "id").alias("name"),
        _text_of(starts_at).alias("starts_at"),
        _text_of(starts_at + F.make_dt_interval(days=F.lit(7))).alias("ends_at"),
        F.round(discount_share, 2).alias("discount_share"),
        F.lit("from two pieces").alias("condition"),
    )


def _rates(world: World, days: int) -> DataFrame:
    """Rates of two currencies on working days; each varies around its mean."""
    means = F.create_map(F.lit("USD"), F.lit(7.1), F.lit("JPY"), F.lit(0.048))
    first_weekday = world.shop.starts_on.weekday()
    is_working_day = F.pmod(F.col("id") + first_weekday, F.lit(7)) < 5
    at = world.instant((F.col("id") * 86400 + 9 * 3600).cast("int"))
    factor = F.exp(0.01 * world.draws.normal("store/rate", "id", "currency"))
    return (
        world.spark.range(days)
        .withColumn("currency", F.explode(F.map_keys(means)))
        .where(is_working_day)
        .select(
            "currency",
            _text_of(at).alias("at"),
            F.round(F.element_at(means, F.col("currency")) * factor, 6).alias("rate"),
        )
    )


def _write_assets(inbox: str, last: date) -> int:
    """Write pictures of the first products and the web server's log; returns how many files."""
    if "://" in inbox:
        store, root = fs.FileSystem.from_uri(inbox)
    else:
        store, root = fs.LocalFileSystem(), inbox
    contents = {f"P{number:05d}.png": _picture(number) for number in range(_IMAGES)}
    contents["web.log"] = b"".join(
        b"10.0.0.%d GET /p/%05d 200\n" % (number, number) for number in range(50)
    )
    for name, content in contents.items():
        path = PurePosixPath(root, "assets", str(last), name)
        store.create_dir(str(path.parent), recursive=True)
        with store.open_output_stream(str(path)) as stream:
            stream.write(content)
    return len(contents)


def _picture(number: int) -> bytes:
    """A PNG of eight by eight points in a colour of its own."""

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
