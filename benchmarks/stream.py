"""From an event to what the monitor shows of it: delay, throughput and memory, events from Kafka.

    python benchmarks/stream.py 1000 5000 20000 --seconds 120
    python benchmarks/stream.py 1000 --seconds 1800 --every 5

For each rate of events a second, one after the other:

- `clarion monitor` in a process of its own follows the events of a topic, and a folder to which a
  competitor's price cut is delivered every second;
- plain Structured Streaming follows the same topic and only counts events by minute.

Broker, producer and Spark share this machine; their shares of processor time are printed. A delay
is the time from an event to the commit of the row that shows it. The first third of a run warms
the JVM up and is not measured. What is not read at the end was too much: then the rate was not
sustained, and the throughput is that of a saturated monitor.
"""

import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pyarrow.compute as pc
import yaml
from deltalake import DeltaTable

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from servers import KAFKA, PACKAGES, Broker, connectors

from clarion.runtime.jars import fetch

TOPIC = "events"
CUSTOMERS, PRODUCTS = 20_000, 2_000
TYPES = ("view", "view", "view", "view", "view", "search", "cart_add", "cart_remove", "checkout")
EVENT = ("event_ref", "happened_at", "type", "customer_ref", "product_ref", "session_ref",
         "channel")  # fmt: skip
MARKET = ("competitor", "title", "price", "observed_at", "product_ref")
STEP = 0.05  # seconds between two handfuls of events


def instant(seconds: float) -> str:
    """Seconds since 1970 as a text of UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def feed(pipe: int, rate: int, seconds: float, log: str) -> None:
    """Write events to the producer at a rate, and to a log how many were written when."""
    began = time.time()
    sent = 0
    with os.fdopen(pipe, "w", buffering=1 << 16) as producer, Path(log).open("w") as written:
        while (elapsed := time.time() - began) < seconds:
            lines = []
            while sent < elapsed * rate:
                number = sent * 7919 % 1_000_003
                lines.append(
                    f'{{"event_ref":"e{sent}","happened_at":"{instant(began + sent / rate)}",'
                    f'"type":"{TYPES[number % len(TYPES)]}","customer_ref":"c{number % CUSTOMERS}",'
                    f'"product_ref":"p{number % PRODUCTS}","session_ref":"s{number % CUSTOMERS}",'
                    f'"channel":"{"app" if number % 3 else "web"}"}}\n'
                )
                sent += 1
            producer.write("".join(lines))
            producer.flush()
            written.write(f"{time.time()} {sent}\n")
            time.sleep(max(0.0, STEP - (time.time() - began - elapsed)))
    os._exit(0)  # a fork of this process: its threads of libraries are not there to be ended


def producer_command(address: str) -> list[str]:
    """A producer that sends each line it reads; one batch every few milliseconds."""
    jars = fetch(
        f"org.apache.kafka:kafka-tools:{KAFKA}",
        into=PACKAGES / "kafka-tools",
        without=("org.slf4j:none",),
    )
    properties = ("linger.ms=10", "batch.size=262144", "acks=1")
    extra = [word for value in properties for word in ("--producer-property", value)]
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-cp", ":".join(map(str, jars)), "org.apache.kafka.tools.ConsoleProducer",
            "--bootstrap-server", address, "--topic", TOPIC, "--timeout", "10", *extra]  # fmt: skip


class Load:
    """Events at a rate through a topic, and price cuts through a folder."""

    def __init__(self, folder: Path, broker: Broker, *, rate: int, seconds: float) -> None:
        self.folder, self.seconds, self.rate = folder, seconds, rate
        reading, writing = os.pipe()
        self.producer = subprocess.Popen(
            producer_command(broker.address), stdin=reading, stdout=subprocess.DEVNULL,
            stderr=(folder / "producer.log").open("w"),
        )  # fmt: skip
        os.close(reading)
        self.log = folder / "sent.log"
        self.feeder = multiprocessing.get_context("fork").Process(
            target=feed, args=(writing, rate, seconds, str(self.log))
        )
        self.began = time.time()
        self.feeder.start()
        os.close(writing)
        self.market = folder / "market"
        self.market.mkdir(exist_ok=True)
        self.cuts = 0

    def cut_price(self) -> None:
        """Deliver the next competitor's price, and the cut of one that was delivered before."""
        now = instant(time.time())
        rows = [(f"t{self.cuts + 20}", "100"), (f"t{self.cuts}", "70")]
        names = [
            dict(zip(MARKET, ("rival", title, price, now, title), strict=True))
            for title, price in rows
        ]
        hidden = self.market / f".{self.cuts}"
        hidden.write_text("\n".join(map(json.dumps, names)))
        hidden.rename(self.market / f"{self.cuts}.jsonl")
        self.cuts += 1

    def sent(self) -> np.ndarray:
        """When how many events had been written: seconds since 1970, number."""
        return np.array([list(map(float, line.split())) for line in self.log.open()])

    def stop(self) -> None:
        """End the producer."""
        self.feeder.join()
        self.producer.terminate()
        self.producer.wait()


def usage(process: psutil.Process) -> tuple[float, float]:
    """Processor seconds and resident bytes of a process and its children."""
    seconds, size = 0.0, 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
            seconds += times.user + times.system
            size += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return seconds, size


def prepare(folder: Path, broker: Broker) -> list[str]:
    """Mappings and settings of the shop; returns the flags of the monitor."""
    (folder / "conf" / "sources").mkdir(parents=True)
    (folder / "market").mkdir()
    first = dict(zip(MARKET, ("rival", "first", "1", instant(time.time()), "first"), strict=True))
    (folder / "market" / "first.jsonl").write_text(json.dumps(first))
    consent = {"basis": "declared", "purposes": ["collection", "analytics"]}
    events = {
        "where": f"kafka://{broker.address}/{TOPIC}", "format": "kafka", "mode": "stream",
        "time_zone": "UTC", "consent": consent, "columns": {name: name for name in EVENT},
    }  # fmt: skip
    market = {
        "where": f"{folder}/market/*.jsonl", "format": "json", "mode": "stream",
        "time_zone": "UTC", "currency": "EUR", "columns": {name: name for name in MARKET},
    }  # fmt: skip
    (folder / "conf" / "sources" / "app.yml").write_text(
        yaml.safe_dump({"events": events, "market": market})
    )
    (folder / "key").write_text("ab" * 32)
    jars = ":".join(map(str, connectors()))
    return [
        "--lake", str(folder / "lake"), "--conf-dir", str(folder / "conf"),
        "--set", "shop.sources=[app]", "--set", f"privacy.key=file:{folder / 'key'}",
        "--set", f"spark.conf={{spark.driver.extraClassPath: '{jars}'}}",
    ]  # fmt: skip


def plain(folder: str, address: str, every: float) -> None:
    """Plain Structured Streaming: events by minute, appended to a Delta table by each batch."""
    from pyspark.sql import functions as F

    from clarion.config import Config
    from clarion.runtime.session import start

    jars = ":".join(map(str, connectors()))
    config = Config.load(environment="local")
    spark = start(config, extra={"spark.driver.extraClassPath": jars})
    schema = ", ".join(f"{name} string" for name in EVENT)
    events = (
        spark.readStream.format("kafka")
        .options(**{"kafka.bootstrap.servers": address, "subscribe": TOPIC,
                    "startingOffsets": "earliest"})
        .load()
        .select(F.from_json(F.col("value").cast("string"), schema).alias("event"))
        .select(F.col("event.happened_at").cast("timestamp").alias("at"))
    )  # fmt: skip
    minutes = events.withWatermark("at", "10 minutes").groupBy(F.window("at", "1 minute")).count()
    query = (
        minutes.select(F.col("window.start").alias("minute"), F.col("count").alias("events"))
        .writeStream.outputMode("update")
        .option("checkpointLocation", f"{folder}/plain_checkpoint")
        .foreachBatch(
            lambda frame, _: frame.write.format("delta").mode("append").save(f"{folder}/plain")
        )
        .trigger(processingTime=f"{every * 1000:.0f} milliseconds")
        .start()
    )
    signal.signal(signal.SIGTERM, lambda *_: query.stop())
    query.awaitTermination()


def commits(table: str) -> list[tuple[int, float]]:
    """Versions of a table with the time of their commit."""
    history = DeltaTable(table).history()
    return sorted((row["version"], row["timestamp"] / 1000) for row in history)


def counted(table: str, *, is_plain: bool) -> list[tuple[float, float]]:
    """When how many events were in a table of minutes."""
    found = []
    for version, at in commits(table):
        rows = DeltaTable(table, version=version).to_pyarrow_table(
            columns=["minute", "events"] + ([] if is_plain else ["dimension"])
        )
        if is_plain:  # each batch appends the new count of a minute
            rows = rows.group_by("minute").aggregate([("events", "max")])
            found.append((at, float(pc.sum(rows["events_max"]).as_py() or 0)))
        else:
            rows = rows.filter(pc.equal(rows["dimension"], "all"))
            found.append((at, float(pc.sum(rows["events"]).as_py() or 0)))
    return found


def landed(table: str) -> list[tuple[float, float]]:
    """When how many events were in bronze, by the ledger."""
    rows = DeltaTable(table).to_pyarrow_table().to_pylist()
    own = sorted((row["_taken_at"].timestamp(), row["records"]) for row in rows
                 if row["_source"] == "app.events")  # fmt: skip
    total, found = 0.0, []
    for at, records in own:
        total += records
        found.append((at, total))
    return found


def alert_delays(table: str, *, since: float) -> np.ndarray:
    """Seconds from a competitor's price cut to the commit of its alert."""
    seen: dict[str, float] = {}
    delays = []
    for version, at in commits(table):
        rows = DeltaTable(table, version=version).to_pyarrow_table(
            columns=["alert_id", "observed_at", "kind"]
        )
        for row in rows.to_pylist():
            if row["kind"] == "price_cut" and row["alert_id"] not in seen:
                seen[row["alert_id"]] = at
                happened = row["observed_at"].timestamp()
                if happened >= since:
                    delays.append(at - happened)
    return np.array(delays)


def delays_of(
    shown: list[tuple[float, float]], *, began: float, rate: int, since: float, until: float
) -> tuple[np.ndarray, float]:
    """Delays of the events between two times, and events a second that were shown between them."""
    delays = []
    for (_, before), (at, total) in pairwise([(0.0, 0.0), *shown]):
        times = began + np.arange(before, total) / rate
        delays.append(at - times[(times >= since) & (times < until)])
    times, totals = np.array(shown).T
    throughput = np.interp(until, times, totals) - np.interp(since, times, totals)
    return np.concatenate(delays), throughput / (until - since)


def run(folder: Path, command: list[str], *, rate: int, seconds: float) -> dict[str, object]:
    """Start one system and the load, and measure both."""
    broker = Broker(folder)
    try:
        nothing = json.dumps({"event_ref": "first", "happened_at": instant(0), "type": "login"})
        subprocess.run(
            producer_command(broker.address), input=nothing, text=True, check=True,
            capture_output=True,
        )  # fmt: skip
        system = psutil.Popen(
            command(broker) if callable(command) else command,
            stdout=(folder / "system.log").open("w"), stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
        time.sleep(25)  # its JVM has started and waits for the topic
        parts = {"broker": psutil.Process(broker.process.pid), "monitor": system}
        load = Load(folder, broker, rate=rate, seconds=seconds)
        parts["producer"] = psutil.Process(load.producer.pid)
        parts["generator"] = psutil.Process(load.feeder.pid)
        warm = seconds / 3
        first: dict[str, float] = {}
        last: dict[str, tuple[float, float]] = {}
        largest = 0.0
        while time.time() - load.began < seconds - 0.5:
            load.cut_price()
            elapsed = time.time() - load.began
            for name, process in parts.items():
                try:
                    last[name] = usage(process)
                except psutil.NoSuchProcess:
                    continue
                if elapsed >= warm:
                    first.setdefault(name, last[name][0])
            largest = max(largest, last["monitor"][1])
            time.sleep(max(0.0, 1 - (time.time() - load.began - elapsed)))
        ended = time.time()
        load.stop()
        time.sleep(15)  # what is not shown by now was too much
        system.send_signal(signal.SIGTERM)
        system.wait(60)
    finally:
        broker.stop()
    busy = {name: (last[name][0] - start) / (ended - load.began - warm)
            for name, start in first.items()}  # fmt: skip
    return {"began": load.began, "since": load.began + warm, "until": ended, "busy": busy,
            "memory": largest, "sent": load.sent()}  # fmt: skip


def report(name: str, delays: np.ndarray) -> None:
    """Print the middle and the end of a distribution."""
    if not len(delays):
        print(f"  {name}: nothing")
        return
    p50, p99 = np.percentile(delays, [50, 99])
    print(f"  {name}: p50 {p50:.1f} s, p99 {p99:.1f} s, largest {delays.max():.1f} s")


def main() -> None:
    """Measure each rate with both systems."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("rates", type=int, nargs="*", default=[1000, 5000, 20000])
    arguments.add_argument("--seconds", type=float, default=120)
    arguments.add_argument("--every", type=float, default=1.0)
    arguments.add_argument("--only", choices=("monitor", "plain"))
    arguments.add_argument("--env", default="local")
    arguments.add_argument("--set", action="append", default=[])
    arguments.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.plain:
        plain(*chosen.plain, every=chosen.every)
        return
    for rate in chosen.rates:
        for system in ("monitor", "plain"):
            if chosen.only not in (None, system):
                continue
            folder = Path(tempfile.mkdtemp(prefix="stream-"))
            every = f"{chosen.every:g}"

            def command(broker: Broker, system=system, folder=folder, every=every) -> list[str]:
                flags = prepare(folder, broker)
                if system == "plain":
                    return [sys.executable, __file__, "--every", every, "--plain", str(folder),
                            broker.address]  # fmt: skip
                flags += ["--env", chosen.env]
                more = [word for value in chosen.set for word in ("--set", value)]
                return [sys.executable, "-m", "clarion.jobs", "monitor", "--every", every, *flags,
                        *more]  # fmt: skip

            found = run(folder, command, rate=rate, seconds=chosen.seconds)
            window = {"began": found["began"], "rate": rate, "since": found["since"],
                      "until": found["until"]}  # fmt: skip
            print(f"{system}, {rate:,} events a second, a batch every {every} s at the soonest:")
            minutes = folder / ("plain" if system == "plain" else "lake/live/kpi_minutes")
            shown = counted(str(minutes), is_plain=system == "plain")
            delays, throughput = delays_of(shown, **window)
            report("to the minute", delays)
            print(f"  events shown: {throughput:,.0f} a second; left at the end: "
                  f"{found['sent'][-1, 1] - shown[-1][1]:,.0f}")  # fmt: skip
            if system == "monitor":
                report("to bronze", delays_of(landed(str(folder / "lake/ops/files")), **window)[0])
                report("price cut to its alert", alert_delays(
                    str(folder / "lake/live/market_alerts"), since=found["since"]))  # fmt: skip
            shares = ", ".join(f"{name} {share:.2f}" for name, share in found["busy"].items())
            print(f"  processors busy: {shares}; memory {found['memory'] / 2**30:.2f} GiB",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
