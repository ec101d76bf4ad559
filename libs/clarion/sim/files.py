"""The shop's files as its systems deliver them: period by period, into an inbox."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.kernel.parallel import run_concurrently
from clarion.sim import answers, behaviour, catalogue, people, records
from clarion.sim.behaviour import World
from clarion.sim.dirt import add_dirt
from clarion.sim.draws import Draws
from clarion.sim.shop import Shop

_ROWS_PER_FILE = 500_000
_LIVE = "live_"  # prefix of the folders that streams read


@dataclass(frozen=True, slots=True)
class PlantedDamage:
    """Damaged records of one delivery.

    Args:
        counts: records by kind and problem.
    """

    counts: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Records of one kind that are written as files of one folder.

    Args:
        kind: name of the inbox's folder.
        day: name of the folder below it.
        records: what is written; `_dirt` is counted and left out.
        sort_by: columns that give the records a fixed order.
        format: format of the files.
        part: further name, where a kind has two deliveries on a day.
    """

    kind: str
    day: date
    records: DataFrame
    sort_by: tuple[str, ...]
    format: Literal["csv", "json", "parquet"] = "csv"
    part: str = ""


def build_world(spark: SparkSession, shop: Shop, *, seed: int) -> World:
    """The shop with its customers and products, all derived from the seed."""
    draws = Draws(seed)
    return World(
        shop, draws, people.customers(spark, shop, draws), catalogue.products(spark, shop, draws)
    )


def deliver_history(world: World, inbox: str, *, last: date, live_from: date) -> PlantedDamage:
    """Deliver everything before a day.

    Args:
        world: the shop.
        inbox: folder of the files.
        last: day after the last day.
        live_from: first day whose events and market prices go to the live folders instead.
    """
    first = world.shop.starts_on
    visits = behaviour.sessions(world, first=first, last=last)
    with _persist(visits), _persist(_order_lines(world, visits)) as order_lines:
        deliveries = [
            *_activity(world, visits, order_lines, last=last, live_from=live_from),
            *_market(world, first=first, last=last, live_from=live_from),
            *_customers(world, first=None, last=last),
            _products(world),
        ]
        return _write_all(deliveries, inbox)


def deliver_period(
    world: World, inbox: str, messages: DataFrame, *, first: date, last: date
) -> PlantedDamage:
    """Deliver a further period, with the answers to messages of its first day.

    Args:
        world: the shop.
        inbox: folder of the files.
        messages: message_ref, customer_ref, offer_id, benefit.
        first: first day of the period, on which the messages were sent.
        last: day after the period.
    """
    visits = behaviour.sessions(world, first=first, last=last)
    reactions = answers.reactions(world, messages, sent_on=first)
    extra_visits = answers.extra_visits(reactions)
    order_lines = _order_lines(world, visits, extra_visits)
    responses = answers.responses(reactions, sent_on=first, time_zone=world.shop.time_zone)
    withdrawals = records.withdrawal_records(reactions)
    redemptions = records.redemption_records(order_lines)
    with _persist(reactions), _persist(visits), _persist(order_lines):
        deliveries = [
            *_activity(world, visits, order_lines, last=last, live_from=last),
            *_market(world, first=first, last=last, live_from=last),
            Delivery("redemptions", last, redemptions, ("order_ref",)),
            *_customers(world, first=first, last=last),
            Delivery("responses", last, responses, ("message_ref", "happened_at"), "json"),
            Delivery("consents", last, withdrawals, ("customer_ref",), part="withdrawn"),
        ]
        return _write_all(deliveries, inbox)


def deliver_people(world: World, inbox: str, *, last: date) -> None:
    """Deliver the product list, and what is stated about customers who joined before a day."""
    _write_all([*_customers(world, first=None, last=last), _products(world)], inbox)


def write_delivery(delivery: Delivery, inbox: str) -> dict[str, int]:
    """Write records in their fixed order, and count damaged ones by problem.

    Args:
        delivery: the records.
        inbox: folder of the files.
    """
    if "_dirt" not in delivery.records.columns:
        _write_files(delivery, delivery.records, inbox, files=1)
        return {}
    with _persist(delivery.records) as dirty:
        rows = dirty.groupBy("_dirt").count().collect()
        files = max(1, sum(row["count"] for row in rows) // _ROWS_PER_FILE)
        _write_files(delivery, dirty.drop("_dirt"), inbox, files=files)
    counts = {row["_dirt"]: row["count"] for row in rows if row["_dirt"]}
    if "duplicates" in counts:
        counts["duplicates"] //= 2  # a record that occurs twice is one duplicate
    return counts


def _write_files(delivery: Delivery, frame: DataFrame, inbox: str, *, files: int) -> None:
    sort_by = delivery.sort_by
    by_range = frame.repartitionByRange(files, *sort_by)
    partitions = frame.repartition(1) if files == 1 else by_range
    writer = (
        partitions.sortWithinPartitions(*sort_by)
        .write.mode("overwrite")
        .option("timestampFormat", "yyyy-MM-dd HH:mm:ss")
    )
    if delivery.format == "csv":
        writer = writer.option("header", True)
    part = f"-{delivery.part}" if delivery.part else ""
    writer.format(delivery.format).save(f"{inbox}/{delivery.kind}/{delivery.day}{part}")


def _write_all(deliveries: Iterable[Delivery], inbox: str) -> PlantedDamage:
    deliveries = list(deliveries)
    writes = [partial(write_delivery, delivery, inbox) for delivery in deliveries]
    counts: dict[tuple[str, str], int] = {}
    for delivery, by_problem in zip(deliveries, run_concurrently(writes), strict=True):
        kind = delivery.kind.removeprefix(_LIVE)
        for problem, number in by_problem.items():
            counts[kind, problem] = counts.get((kind, problem), 0) + number
    return PlantedDamage(counts)


@contextmanager
def _persist(frame: DataFrame) -> Iterator[DataFrame]:
    frame.persist()
    try:
        yield frame
    finally:
        frame.unpersist()


def _order_lines(
    world: World, visits: DataFrame, extra_visits: DataFrame | None = None
) -> DataFrame:
    """Order lines of visits, and of extra visits that a campaign caused."""
    order_visits = behaviour.order_visits(visits)
    if extra_visits is not None:
        shared = [name for name in order_visits.columns if name in extra_visits.columns]
        order_visits = order_visits.select(*shared).unionByName(extra_visits.select(*shared))
    currency = F.lit(world.shop.currency)
    return behaviour.orders(world, order_visits).withColumn("currency", currency)


def _activity(
    world: World, visits: DataFrame, order_lines: DataFrame, *, last: date, live_from: date
) -> list[Delivery]:
    """Orders, events and reviews; some orders and events are damaged."""
    dirt = world.shop.dirt
    order_key = ("order_ref", "line_no")
    orders = add_dirt(order_lines, dirt, world.draws, name="orders", key=order_key)
    events = add_dirt(
        behaviour.events(world, visits), dirt, world.draws, name="events", key=("event_ref",)
    )
    reviews = records.review_records(world, order_lines)
    event_day = F.col("event_ref").substr(9, 5).cast("int")
    is_live = event_day >= world.day_number(live_from)
    deliveries = [
        Delivery("orders", last, orders, order_key),
        Delivery("events", last, events.where(~is_live), ("event_ref",), "json"),
        Delivery("reviews", last, reviews, ("review_ref",), "parquet"),
    ]
    if live_from < last:
        by_time = ("happened_at", "event_ref")
        live_events = events.where(is_live)
        deliveries.append(Delivery(f"{_LIVE}events", last, live_events, by_time, "json"))
    return deliveries


def _market(world: World, *, first: date, last: date, live_from: date) -> list[Delivery]:
    """Costs of advertising, and competitors' prices."""
    by_time = ("observed_at", "competitor", "product_ref")
    costs = records.cost_records(world, first=first, last=last)
    prices = records.market_price_records(world, first=first, last=last)
    # The stream begins with the last weekly observation, so that it contains a price before.
    live_start = F.lit(live_from).cast("timestamp") - F.make_dt_interval(days=F.lit(8))
    is_live = F.col("observed_at") >= live_start
    deliveries = [
        Delivery("costs", last, costs, ("day", "channel")),
        Delivery("market", last, prices.where(~is_live), by_time),
    ]
    if live_from < last:
        deliveries.append(Delivery(f"{_LIVE}market", last, prices.where(is_live), by_time))
    return deliveries


def _customers(world: World, *, first: date | None, last: date) -> list[Delivery]:
    """Registrations, consents, traits and ties of customers who joined in a period."""
    if first is not None and world.day_number(first) > 0.9 * world.shop.history_days:
        return []  # nobody joins after that
    customers = records.new_customers(world, first=first, last=last)
    registrations = records.registration_records(customers)
    consents = records.consent_records(customers)
    traits = records.trait_records(world, customers)
    ties = records.tie_records(world, customers)
    return [
        Delivery("registrations", last, registrations, ("customer_ref",)),
        Delivery("consents", last, consents, ("customer_ref", "purpose")),
        Delivery("traits", last, traits, ("customer_ref",)),
        Delivery("ties", last, ties, ("to_ref",)),
    ]


def _products(world: World) -> Delivery:
    products = records.product_records(world)
    return Delivery("products", world.shop.starts_on, products, ("product_ref",), "json")
