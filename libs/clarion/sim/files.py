"""The shop's files as its systems deliver them: period by period, into an inbox."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from clarion.measures.columns.frames import local_frame
from clarion.sim import environment_records, records, truth
from clarion.sim.catalogue import only
from clarion.sim.clock import as_text
from clarion.sim.course import World, follow
from clarion.sim.deliveries import LIVE, Period, people_records, period_records
from clarion.sim.intruders import (
    Intruders,
    accidental_clicks_of,
    accounts_of,
    days_at_once,
    events_of_unknown,
    intruders_of,
)
from clarion.sim.walk import Sends

Format = Literal["csv", "json", "parquet"]

BLOCK = 5_000  # customers whose records are made at once
_FORMATS: dict[str, Format] = {
    "events": "json", "store_events": "json", "app_events": "json", "contacts": "json",
    "products": "json", "responses": "json", "reviews": "parquet", "social": "json",
}  # fmt: skip

# Kinds of which a manifest beside each file says how many records it holds.
_COUNTED = ("orders", "redemptions", "responses", "contacts", "reviews")


@dataclass(slots=True)
class Delivered:
    """What a delivery holds.

    Args:
        records: number of records by kind.
        damaged: number of damaged records by kind and damage.
    """

    records: dict[str, int] = field(default_factory=dict)
    damaged: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, other: "Delivered") -> None:
        """Count what another part of the delivery holds."""
        for kind, number in other.records.items():
            self.records[kind] = self.records.get(kind, 0) + number
        for key, number in other.damaged.items():
            self.damaged[key] = self.damaged.get(key, 0) + number


Progress = Callable[[int, int], None]


def deliver_history(
    world: World,
    inbox: str,
    *,
    last: date,
    live_from: date,
    spark: SparkSession | None = None,
    progress: Progress | None = None,
) -> Delivered:
    """Deliver everything before a day.

    Args:
        world: the shop.
        inbox: folder of the files.
        last: day after the last day.
        live_from: first day whose events, orders and market prices go to the live folders instead.
        spark: the session whose workers share the customers; without it this process does all.
        progress: takes how many blocks of customers are done, and of how many.
    """
    period = Period(0, world.day_number(last), world.day_number(live_from), True, Sends.none())
    return _deliver(world, inbox, period, spark, progress)


def deliver_period(
    world: World,
    inbox: str,
    sends: Sends,
    *,
    first: date,
    last: date,
    live_from: date | None = None,
    spark: SparkSession | None = None,
) -> Delivered:
    """Deliver a further period, with the answers to the messages that were sent in it.

    Args:
        world: the shop.
        inbox: folder of the files.
        sends: all messages so far, those of earlier periods included.
        first: first day of the period.
        last: day after the period.
        live_from: first day whose events, orders and market prices go to the live folders instead;
            None for no such day.
        spark: the session whose workers share the customers; without it this process does all.
    """
    stop = world.day_number(last)
    live = stop if live_from is None else world.day_number(live_from)
    period = Period(world.day_number(first), stop, live, False, sends)
    return _deliver(world, inbox, period, spark, None)


def deliver_people(world: World, inbox: str, *, last: date) -> None:
    """Deliver the product list, and what is stated about customers who joined before a day."""
    stop = world.day_number(last)
    period = Period(0, stop, stop, True, Sends.none())
    course = follow(world, world.ids, last=1)
    goods = records.product_records(world.surroundings, first=None, last=stop)
    frames = {"products": goods} | people_records(course, period)
    for kind, frame in frames.items():
        write_records(inbox, kind, str(last), frame)


def _deliver(
    world: World, inbox: str, period: Period, spark: SparkSession | None, progress: Progress | None
) -> Delivered:
    delivered = _write_surroundings(world, inbox, period)
    total = world.shop.customers
    blocks = [
        (number, start, min(start + BLOCK, total))
        for number, start in enumerate(range(0, total, BLOCK))
    ]
    if spark is None or len(blocks) == 1:
        for number, start, stop in blocks:
            delivered.add(_write_block(world, inbox, period, number, start, stop))
            if progress is not None:
                progress(number + 1, len(blocks))
    else:
        for part in _write_by_spark(spark, world, inbox, period, blocks):
            delivered.add(part)
    write_counts(inbox, str(world.clock.dates(np.asarray(period.last))), delivered.records)
    return delivered


def write_counts(inbox: str, folder: str, records: dict[str, int], *, name: str = "web") -> None:
    """Write the table `delivered` of the truth: kind (name of the folder) and records.

    Args:
        inbox: folder of the files.
        folder: name of the folder below that of the table.
        records: number of records by kind.
        name: what the file's name begins with.
    """
    frame = pd.DataFrame(sorted(records.items()), columns=["kind", "records"])
    write_records(_beside(inbox), "delivered", folder, frame, name=name, form="parquet")


def _write_by_spark(
    spark: SparkSession,
    world: World,
    inbox: str,
    period: Period,
    blocks: list[tuple[int, int, int]],
) -> Iterable[Delivered]:
    """Let Spark's workers write the blocks; each writes files of its own, the same on a retry."""

    def write(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for batch in batches:
            for number, start, stop in batch.itertuples(index=False):
                part = _write_block(world, inbox, period, int(number), int(start), int(stop))
                damaged = [[*key, number] for key, number in part.damaged.items()]
                yield pd.DataFrame({"content": [json.dumps([part.records, damaged])]})

    frame = local_frame(spark, blocks, "number long, start long, stop long").repartition(
        len(blocks)
    )
    for row in frame.mapInPandas(write, "content string").toLocalIterator():
        counted, damaged = json.loads(row["content"])
        yield Delivered(counted, {(kind, name): number for kind, name, number in damaged})


def _write_block(
    world: World, inbox: str, period: Period, number: int, start: int, stop: int
) -> Delivered:
    """Write the records of some customers; `number` is the part in the names of the files."""
    ids = np.arange(start, stop, dtype=np.int64)
    course = follow(world, ids, last=period.last, sends=period.sends.to(start, stop))
    frames, damaged = period_records(world, course, period)
    delivered = Delivered(damaged=damaged)
    folder = str(world.clock.dates(np.asarray(period.last)))
    for kind, frame in frames.items():
        delivered.add(Delivered({kind.removeprefix(LIVE): len(frame)}))
        write_records(inbox, kind, folder, frame, part=number)
    known = {
        "customers": truth.customers(world, course),
        "accounts": accounts_of(course, period),
        "invalid_records": accidental_clicks_of(course, period),
    }
    for name, frame in known.items():
        write_records(_beside(inbox), name, folder, frame, part=number, form="parquet")
    return delivered


def _write_surroundings(world: World, inbox: str, period: Period) -> Delivered:
    """Write what does not depend on the customers, and its truth."""
    surroundings, clock = world.surroundings, world.clock
    first, last = period.first, period.last
    folder = str(clock.dates(np.asarray(last)))
    prices = environment_records.price_records(surroundings, clock, first, last)
    day = prices.pop("_day").to_numpy()
    # The stream begins with the last weekly observation, so that it contains a price before.
    is_live = (day >= period.live_from - 8) & (period.live_from < last)
    frames = {
        "products": records.product_records(
            surroundings, first=None if period.everyone else first, last=last
        ),
        "costs": environment_records.cost_records(surroundings, clock, first, last),
        "market": prices[~is_live],
    }
    if is_live.any():
        live = prices[is_live]
        frames[f"{LIVE}market"] = live.sort_values(["observed_at", "competitor", "title"])
    intruders = intruders_of(world, period)
    frames |= {kind: frame for kind, frame in intruders.records.items() if len(frame)}
    delivered = _write_unknown(world, inbox, period, intruders)
    for kind, frame in frames.items():
        delivered.add(Delivered({kind.removeprefix(LIVE): len(frame)}))
        write_records(inbox, kind, folder, frame, name="all")
    known = truth.surroundings(world, last) | intruders.truth
    for name, frame in known.items():
        write_records(_beside(inbox), name, folder, frame, name="all", form="parquet")
    return delivered


def _write_unknown(world: World, inbox: str, period: Period, intruders: Intruders) -> Delivered:
    """Write the events of everybody who is no customer, as many days at once as memory holds."""
    folder = str(world.clock.dates(np.asarray(period.last)))
    delivered = Delivered()
    step = days_at_once(world)
    for part, first in enumerate(range(period.first, period.last, step)):
        last = min(first + step, period.last)
        events, known = events_of_unknown(world, intruders, first, last)
        is_live = (events.pop("_day") >= period.live_from).to_numpy()
        for kind, rows in (("events", ~is_live), (f"{LIVE}events", is_live)):
            delivered.add(Delivered({"events": int(rows.sum())}))
            write_records(inbox, kind, folder, events[rows], part=part, name="strangers")
        write_records(_beside(inbox), "invalid_records", folder, known, part=part,
                      name="bots", form="parquet")  # fmt: skip
    return delivered


def _beside(inbox: str) -> str:
    """The folder of the truth: beside the inbox, so that no mapping finds it."""
    return f"{inbox.rstrip('/').rpartition('/')[0]}/truth"


def write_records(
    inbox: str,
    kind: str,
    folder: str,
    frame: pd.DataFrame,
    *,
    part: int = 0,
    name: str = "part",
    form: Format | None = None,
) -> None:
    """Write the records of a kind as one file; of no records only the names of a CSV's columns.

    Beside files of orders, redemptions, answers, contacts and reviews lies a manifest.

    Args:
        inbox: folder or URL of the files.
        kind: name of the folder in it.
        folder: name of the folder below that.
        frame: the records; their order stays.
        part: number in the file's name.
        name: what the file's name begins with.
        form: format of the file; by default the kind's.
    """
    form = form or _FORMATS.get(kind.removeprefix(LIVE), "csv")
    if frame.empty and form != "csv":
        return
    store, root = open_store(inbox)
    path = str(PurePosixPath(root, kind, folder, f"{name}-{part:05d}.{form}"))
    store.create_dir(str(PurePosixPath(path).parent), recursive=True)
    with store.open_output_stream(path) as stream:
        if form == "parquet":
            pq.write_table(pa.Table.from_pandas(_in_utc(frame), preserve_index=False), stream)
        elif form == "json":
            lines = _as_texts(frame).to_json(orient="records", lines=True, force_ascii=False)
            stream.write(lines.encode())
        else:
            stream.write(_as_texts(frame).to_csv(index=False).encode())
    if kind in _COUNTED:
        _write_manifest(store, PurePosixPath(path), len(frame))


def _write_manifest(store: fs.FileSystem, file: PurePosixPath, records: int) -> None:
    """Say beside a file how many records it holds."""
    with store.open_output_stream(str(file.with_suffix(".manifest"))) as stream:
        stream.write(f"file,records\n{file.name},{records}\n".encode())


def open_store(inbox: str) -> tuple[fs.FileSystem, str]:
    """The file system of a folder or URL, and the path in it."""
    if "://" in inbox:
        store, root = fs.FileSystem.from_uri(inbox)
        return store, str(root)
    return fs.LocalFileSystem(), inbox


def _in_utc(frame: pd.DataFrame) -> pd.DataFrame:
    times = frame.select_dtypes("datetime").columns
    return frame.assign(**{name: frame[name].dt.tz_localize("UTC") for name in times})


def _as_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Records with instants as text; null where there is none."""
    texts = {}
    for name in frame.select_dtypes("datetime").columns:
        values = frame[name].to_numpy()
        missing = np.isnat(values)
        filled = as_text(np.where(missing, np.datetime64(0, "s"), values))
        texts[name] = only(filled.astype(object), ~missing)
    return frame.assign(**texts)
