"""What happens beside the web shop: shops on the street, apps, surveys, service, stock, competitors' promotions, files."""

import struct
import zlib
from collections.abc import Callable
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
from clarion.sim.files import instant, write

_STORES = ("store-north", "store-south")
_TOPICS = ("delivery", "return", "complaint", "question", "payment")
_REASONS = ("too small", "damaged", "not as shown")
IMAGES = 12


@dataclass(frozen=True, slots=True)
class Delivered:
    """Records delivered, by source of the mapping `sim_store`."""

    records: dict[str, int]


def deliver(world: World, inbox: str, *, last: date) -> Delivered:
    """Everything up to a day, into folders of its own.

    Args:
        world: the shop.
        inbox: folder of the files.
        last: first day that is not delivered.
    """
    days = (last - world.shop.starts_on).days
    visits = _visits(world, days).persist()
    writes: dict[str, tuple[DataFrame, str, tuple[str, ...]]] = {
        "store_events": (_store_events(world, visits), "json", ("event_ref",)),
        "app_events": (_app_events(visits), "json", ("event_ref",)),
        "tills": (_tills(world, visits), "csv", ("order_ref",)),
        "returns": (_returns(world, visits), "csv", ("order_ref",)),
        "surveys": (_surveys(world, visits), "csv", ("customer_ref",)),
        "coupons": (_coupons(world, visits), "csv", ("customer_ref",)),
        "contacts": (_contacts(world, visits), "json", ("contact_ref",)),
        "stock": (_stock(world, days), "csv", ("product_ref", "at")),
        "promotions": (_promotions(world, days), "csv", ("competitor", "starts_at")),
        "rates": (_rates(world, days), "csv", ("currency", "at")),
    }
    try:
        tasks: list[Callable[[], int]] = [
            partial(_written, frame, inbox, name, last, form, order)
            for name, (frame, form, order) in writes.items()
        ]
        counts = run_concurrently(tasks)
    finally:
        visits.unpersist()
    files = _files(inbox, last)
    return Delivered({**dict(zip(writes, counts, strict=True)), "assets": files})


def _written(
    frame: DataFrame, inbox: str, name: str, last: date, form: str, order: tuple[str, ...]
) -> int:
    write(frame, inbox, name, last, form, order)
    return frame.count()


def _visits(world: World, days: int) -> DataFrame:
    """Visits to a shop on the street by customers who consent: some two a customer in a year; visit, at (UTC), store_ref, number."""
    draws, shop = world.draws, world.shop
    often = F.floor(draws.uniform("store/often", "id") * 3).cast("int")
    chosen = (
        world.customers.where("collection")
        .withColumn("visit", F.explode(F.sequence(F.lit(0), often)))
        .where("visit < 3")
    )
    day = F.floor(draws.uniform("store/day", "id", "visit") * days).cast("int")
    seconds = (
        day * 86400
        + F.lit(10 * 3600)
        + F.floor(draws.uniform("store/time", "id", "visit") * 8 * 3600).cast("int")
    )
    return chosen.select(
        "id", "customer_ref", "visit",
        instant(shop, seconds).alias("at"),
        lookup(_STORES, draws.choice("store/which", [0.6, 0.4], "id")).alias("store_ref"),
        F.format_string("P%05d", F.floor(draws.uniform("store/product", "id", "visit") * world.shop.products * 0.9).cast("int")).alias("product_ref"),
        F.format_string("V%06d-%d", "id", "visit").alias("visit_ref"),
    )  # fmt: skip


def _later(seconds: int) -> Column:
    return F.date_format(
        F.col("at") + F.make_dt_interval(secs=F.lit(seconds)), "yyyy-MM-dd HH:mm:ss"
    )


def _store_events(world: World, visits: DataFrame) -> DataFrame:
    """Arrival by the telephone's radio, the visit counted at the door, dwell, trial, and the guide's note of who it was."""
    draws = world.draws
    radio = F.when(draws.uniform("store/radio", "id") < 0.5, "wifi").otherwise("bluetooth")
    known = draws.uniform("store/guided", "id", "visit") < 0.4
    nobody = F.lit(None).cast("string")

    def step(place: int, kind: str, signal: Column, who: Column, **values: Column) -> Column:
        device = F.format_string("phone-%06d", "id") if kind in ("arrival", "dwell") else nobody
        return F.struct(
            F.concat("visit_ref", F.lit(f"-{place}")).alias("event_ref"), _later(60 * place).alias("happened_at"), F.lit(kind).alias("type"),
            signal.alias("signal"), who.alias("customer_ref"), device.alias("device_ref"),
            values.get("product_ref", nobody).alias("product_ref"), values.get("dwell_ms", F.lit(None).cast("bigint")).alias("dwell_ms"),
            "store_ref", F.lit("store").alias("channel"), F.lit(place).alias("sequence_no"), F.col("visit_ref").alias("session_ref"),
        )  # fmt: skip

    dwell = (F.floor(draws.uniform("store/dwell", "id", "visit") * 1_200_000) + 30_000).cast(
        "bigint"
    )
    who = F.when(known, F.col("customer_ref"))
    steps = F.array(
        step(1, "arrival", radio, nobody),
        step(2, "visit", F.lit("door"), nobody),
        step(3, "dwell", radio, nobody, dwell_ms=dwell),
        step(4, "trial", F.lit("guide"), who, product_ref=F.col("product_ref")),
    )
    return visits.select(F.inline(steps))


def _app_events(visits: DataFrame) -> DataFrame:
    """One person on two devices: a login and a path in the app, then in the mini-program."""
    first = visits.where("visit = 0")

    def path(
        channel: str, device: str, offset: int, pages: tuple[tuple[str, str], ...]
    ) -> list[Column]:
        return [
            F.struct(
                F.format_string(f"A%06d-{channel}-{place}", "id").alias("event_ref"), _later(offset + 30 * place).alias("happened_at"),
                F.lit(kind).alias("type"), F.lit(page).alias("page"), F.lit(channel).alias("channel"),
                F.col("customer_ref"), F.format_string(f"{device}-%06d", "id").alias("device_ref"),
                F.when(F.lit(kind).isin("view", "cart_add", "favourite"), F.col("product_ref")).alias("product_ref"),
                F.format_string(f"{channel}-%06d", "id").alias("session_ref"), F.lit(place + 1).alias("sequence_no"),
            )
            for place, (kind, page) in enumerate(pages)
        ]  # fmt: skip

    app = path(
        "app",
        "phone",
        -7200,
        (
            ("login", "start"),
            ("search", "search"),
            ("view", "detail"),
            ("favourite", "detail"),
            ("cart_add", "detail"),
        ),
    )
    mini = path(
        "mini_program",
        "mini",
        -3600,
        (("login", "start"), ("view", "detail"), ("review_view", "reviews")),
    )
    return first.select(F.inline(F.array(*app, *mini)))


def _sold(world: World, visits: DataFrame) -> DataFrame:
    buys = world.draws.uniform("store/buys", "id", "visit") < 0.5
    return visits.where(buys).join(world.products.select("product_ref", "price"), "product_ref")


def _tills(world: World, visits: DataFrame) -> DataFrame:
    """Sales at the till: the member's card says who, where it was shown."""
    shown = world.draws.uniform("store/card", "id", "visit") < 0.7
    return _sold(world, visits).select(
        F.concat(F.lit("T"), "visit_ref").alias("order_ref"), _later(600).alias("happened_at"), "product_ref", F.lit(1).alias("quantity"),
        F.col("price").alias("unit_price"), F.when(shown, F.format_string("M%06d", "id")).alias("member_ref"), "store_ref", F.lit("store").alias("channel"),
    )  # fmt: skip


def _returns(world: World, visits: DataFrame) -> DataFrame:
    draws = world.draws
    back = draws.uniform("store/returns", "id", "visit") < 0.2
    why = lookup(_REASONS, draws.choice("store/why", [0.5, 0.2, 0.3], "id", "visit"))
    return _sold(world, visits).where(back).select(
        F.concat(F.lit("T"), "visit_ref").alias("order_ref"), _later(6 * 86400).alias("happened_at"), "product_ref", F.lit(-1).alias("quantity"),
        F.col("price").alias("unit_price"), F.col("customer_ref"), why.alias("reason"), "store_ref", F.lit("store").alias("channel"),
    )  # fmt: skip


def _surveys(world: World, visits: DataFrame) -> DataFrame:
    answered = visits.where("visit = 0").where(world.draws.uniform("store/survey", "id") < 0.5)
    score = F.floor(1 + world.draws.uniform("store/score", "id") * 5).cast("string")
    return answered.select(
        "customer_ref",
        F.lit("satisfaction").alias("question"),
        score.alias("answer"),
        _later(86400).alias("at"),
        F.lit("autumn survey").alias("survey"),
    )


def _coupons(world: World, visits: DataFrame) -> DataFrame:
    used = _sold(world, visits).where(world.draws.uniform("store/coupon", "id", "visit") < 0.3)
    return used.select(
        "customer_ref", F.format_string("K%06d-%d", "id", "visit").alias("coupon_ref"), F.concat(F.lit("T"), "visit_ref").alias("order_ref"),
        _later(600).alias("happened_at"), F.lit("autumn").alias("campaign_ref"),
    )  # fmt: skip


def _contacts(world: World, visits: DataFrame) -> DataFrame:
    draws = world.draws
    came = visits.where(draws.uniform("store/contact", "id", "visit") < 0.25)
    return came.select(
        F.concat(F.lit("H"), "visit_ref").alias("contact_ref"), _later(2 * 86400).alias("happened_at"), "customer_ref",
        lookup(_TOPICS, draws.choice("store/topic", [0.3, 0.2, 0.1, 0.3, 0.1], "id", "visit")).alias("topic"), F.lit("chat").alias("channel"),
        F.floor(draws.uniform("store/content", "id", "visit") * 6).cast("string").alias("satisfaction"), _later(3 * 86400).alias("resolved_at"),
    )  # fmt: skip


def _stock(world: World, days: int) -> DataFrame:
    """Units and price of every fifth product, month by month."""
    months = world.spark.range(0, days, 30).select(F.col("id").alias("day"))
    left = F.floor(world.draws.uniform("store/stock", "number", "day") * 300).cast("int")
    at = instant(world.shop, (F.col("day") * 86400).cast("int"))
    every = world.products.where("number % 5 = 0").crossJoin(months)
    return every.select(
        "product_ref",
        F.date_format(at, "yyyy-MM-dd HH:mm:ss").alias("at"),
        left.alias("stock"),
        "price",
    )


def _promotions(world: World, days: int) -> DataFrame:
    shop, draws = world.shop, world.draws
    months = world.spark.range(0, days, 30).withColumn(
        "competitor", F.explode(F.array(*(F.lit(name) for name in shop.competitors)))
    )
    starts = instant(shop, ((F.col("id") + 5) * 86400).cast("int"))
    ends = starts + F.make_dt_interval(days=F.lit(7))
    off = F.round(0.1 + 0.3 * draws.uniform("store/off", "id", "competitor"), 2)
    return months.select(
        "competitor", F.format_string("deal %d", "id").alias("name"), F.date_format(starts, "yyyy-MM-dd HH:mm:ss").alias("starts_at"),
        F.date_format(ends, "yyyy-MM-dd HH:mm:ss").alias("ends_at"), off.alias("discount_share"), F.lit("from two pieces").alias("condition"),
    )  # fmt: skip


def _rates(world: World, days: int) -> DataFrame:
    """Rates of two currencies on working days, each wandering about its mean."""
    mean = F.create_map(F.lit("USD"), F.lit(7.1), F.lit("JPY"), F.lit(0.048))
    shop = world.shop
    every = world.spark.range(days).withColumn("currency", F.explode(F.map_keys(mean)))
    at = instant(shop, (F.col("id") * 86400 + 9 * 3600).cast("int"))
    wander = F.exp(0.01 * world.draws.normal("store/rate", "id", "currency"))
    working = every.where(F.pmod(F.col("id") + shop.starts_on.weekday(), F.lit(7)) < 5)
    return working.select(
        "currency",
        F.date_format(at, "yyyy-MM-dd HH:mm:ss").alias("at"),
        F.round(F.element_at(mean, F.col("currency")) * wander, 6).alias("rate"),
    )


def _files(inbox: str, last: date) -> int:
    """Pictures of the first products and the web server's log."""
    store, root = fs.FileSystem.from_uri(inbox) if "://" in inbox else (fs.LocalFileSystem(), inbox)
    contents = {f"P{number:05d}.png": _picture(number) for number in range(IMAGES)}
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
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    row = b"\x00" + bytes((number * 20 % 256, 120, 200 - number * 10 % 200)) * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * 8))
        + chunk(b"IEND", b"")
    )
