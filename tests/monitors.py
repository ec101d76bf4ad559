"""A shop that delivers files second by second, and monitors of it in processes of their own."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

TYPES = ("view", "view", "view", "search", "cart_add", "cart_remove", "checkout", "payment_failed")
EVENT = (
    "event_ref",
    "happened_at",
    "type",
    "customer_ref",
    "product_ref",
    "session_ref",
    "channel",
)
ORDER = ("order_ref", "line_no", "happened_at", "customer_ref", "product_ref", "quantity",
         "unit_price", "channel")  # fmt: skip
START = datetime(2026, 6, 1, 8, tzinfo=UTC)


def _source(folder: Path, kind: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "where": f"{folder}/inbox/{kind}/*.jsonl",
        "format": "json",
        "mode": "stream",
        "time_zone": "UTC",
        "consent": {"basis": "declared", "purposes": ["collection", "analytics"]},
        "columns": {name: name for name in names},
    }


class Shop:
    """A shop that delivers files of events and orders, second by second of its own clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.draws, self.number = folder, random.Random(7), 0
        for kind in ("events", "orders"):
            (folder / "inbox" / kind).mkdir(parents=True)
        (folder / "conf" / "sources").mkdir(parents=True)
        mapping = {"events": _source(folder, "events", EVENT)}
        mapping["orders"] = {**_source(folder, "orders", ORDER), "currency": "EUR"}
        (folder / "conf" / "sources" / "app.yml").write_text(yaml.safe_dump(mapping))
        (folder / "key").write_text("ab" * 32)

    def flags(self, lake: str) -> list[str]:
        root = lake if "://" in lake else str(self.folder / lake)
        return [
            "--lake", root, "--env", "small", "--conf-dir", str(self.folder / "conf"),
            "--set", "shop.sources=[app]", "--set", f"privacy.key=file:{self.folder / 'key'}",
            "--set", "monitor.bronze_seconds=0.5",
        ]  # fmt: skip

    def deliver(self, *, files: int, events: int = 40) -> None:
        """Deliver files, each of half a minute."""
        for _ in range(files):
            rows = [self._event(second) for second in range(events)]
            orders = [self._order(row) for row in rows if row["type"] == "checkout"]
            self._write("events", [*rows, rows[0]])  # what a client repeats counts once
            if orders:
                self._write("orders", orders)
            self.number += 1

    def _event(self, place: int) -> dict[str, str]:
        customer = self.draws.randrange(30)
        at = START + timedelta(seconds=30 * self.number + self.draws.randrange(30))
        return {
            "event_ref": f"e{self.number}-{place}",
            "happened_at": at.strftime("%Y-%m-%d %H:%M:%S"),
            "type": self.draws.choice(TYPES),
            "customer_ref": f"c{customer}",
            "product_ref": f"p{self.draws.randrange(9)}",
            "session_ref": f"s{customer}",
            "channel": self.draws.choice(("app", "web")),
        }

    def _order(self, event: dict[str, str]) -> dict[str, str]:
        line = {"order_ref": f"o{event['event_ref']}", "line_no": "1", "quantity": "2",
                "unit_price": "4.50"}  # fmt: skip
        return {name: line.get(name) or event[name] for name in ORDER}

    def _write(self, kind: str, rows: list[dict[str, str]]) -> None:
        inbox = self.folder / "inbox" / kind
        hidden = inbox / f".{self.number:05d}"
        hidden.write_text("\n".join(json.dumps(row) for row in rows))
        hidden.rename(inbox / f"{self.number:05d}.jsonl")


@contextmanager
def monitor(shop: Shop, lake: str, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """A monitor in a process group of its own; it is killed at the end if it still runs."""
    with (shop.folder / "monitor.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "clarion.jobs", "monitor", *flags, *shop.flags(lake)],
            stdout=log, stderr=log, text=True, cwd=shop.folder, env=os.environ,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[str], shop: Shop) -> None:
    until = time.monotonic() + 150
    while not is_so():
        log = (shop.folder / "monitor.log").read_text()[-3000:]
        assert process.poll() is None, log
        assert time.monotonic() < until, log
        time.sleep(0.5)
