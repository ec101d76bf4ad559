"""What running campaigns achieve, seen live: the same figures as the batch job that measures them."""

import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from lake_rows import append_rows, consent
from pyspark.sql import functions as F
from worlds import Desk

from clarion.collect.identity.surrogates import surrogate

pytestmark = pytest.mark.deep  # several runs of streams, and the batch jobs

SENT_ON, WINDOW = date(2026, 6, 1), 7
START = datetime(2026, 6, 1, tzinfo=UTC)
CUSTOMERS = 60
FIGURES = ("delivered", "clickers", "buyers", "orders", "revenue", "expected_cost")
RESPONSE = ("message_ref", "type", "happened_at", "customer_ref", "arrived_at")
ORDER = ("order_ref", "line_no", "happened_at", "customer_ref", "product_ref", "quantity",
         "unit_price", "status", "arrived_at")  # fmt: skip


def _mapping() -> dict[str, Any]:
    common = {"format": "json", "mode": "stream", "time_zone": "UTC", "namespace": "shop",
              "consent": {"basis": "declared", "purposes": ["collection"]}}  # fmt: skip
    return {
        "responses": {
            **common,
            "where": "${data}/responses/*.jsonl",
            "columns": {name: name for name in RESPONSE},
        },
        "orders": {
            **common,
            "where": "${data}/orders/*.jsonl",
            "currency": "EUR",
            "columns": {name: name for name in ORDER},
        },
    }


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


class Campaign:
    """A campaign to sixty customers, and what comes back within its week."""

    def __init__(self, here: Desk) -> None:
        self.here, self.draws = here, random.Random(5)
        self.responses: list[dict[str, str]] = []
        self.orders: list[dict[str, str]] = []

    def decide(self) -> None:
        """Write decisions, messages and consents, as the strategy and the delivery do."""
        names = self.here.lake.spark.range(CUSTOMERS).select(
            surrogate("shop", F.concat(F.lit("c"), F.col("id").cast("string"))).alias("id")
        )
        decisions, messages, consents = [], [], []
        for number, row in enumerate(names.collect()):
            own = {"as_of": SENT_ON, "customer_id": row["id"], "decision_id": f"d{number}"}
            strategy = f"s{number % 2}"
            decisions.append(
                {**own, "strategy_id": strategy, "strategy_version": 1, "action": "coupon",
                 "is_holdout": False, "consent_basis": "recorded",
                 "expected_cost": Decimal("0.25")}
            )  # fmt: skip
            state = "withheld" if number == CUSTOMERS - 1 else "sent"
            messages.append(
                {**own, "message_id": f"m{number}", "campaign_id": f"2026-06-01/{strategy}/coupon",
                 "state": state}
            )  # fmt: skip
            if number != 7:  # who does not consent is measured by neither
                consents.append(consent(row["id"], "analytics"))
        append_rows(self.here.lake, "gold.decisions", *decisions)
        append_rows(self.here.lake, "gold.messages", *messages)
        append_rows(self.here.lake, "silver.consents", *consents)
        plans = [
            {"as_of": SENT_ON, "strategy_id": name, "segment_id": name, "version": 1}
            for name in ("s0", "s1")
        ]
        append_rows(self.here.lake, "gold.strategies", *plans)

    def respond(self) -> None:
        """Draw what customers do: some bounce, some read, click, order, order again, send back."""
        for number in range(CUSTOMERS):
            at = START + timedelta(hours=9, seconds=self.draws.randrange(7200))
            self._response(number, "delivered", at)
            fate = self.draws.random()
            if fate < 0.1:
                self._response(number, "bounced", at + timedelta(minutes=2))
            if 0.05 < fate < 0.8:
                clicked = at + timedelta(minutes=self.draws.randrange(3 * 1440))
                self._response(number, "clicked", clicked)
                self._response(number, "clicked", clicked + timedelta(hours=1))
                for _ in range(self.draws.randrange(3)):
                    # Some order before the click, some after the window.
                    later = timedelta(minutes=self.draws.randrange(-600, 7 * 1440))
                    self._order(number, clicked + later)

    def _response(self, number: int, type_: str, at: datetime) -> None:
        self.responses.append(
            {"message_ref": f"m{number}", "type": type_, "happened_at": _text(at),
             "customer_ref": f"c{number}", "arrived_at": _text(at)}
        )  # fmt: skip

    def _order(self, number: int, at: datetime) -> None:
        order = f"o{len(self.orders)}"
        for line in range(1, 1 + self.draws.choice((1, 1, 2))):
            row = {
                "order_ref": order, "line_no": str(line), "happened_at": _text(at),
                "customer_ref": f"c{number}", "product_ref": f"p{self.draws.randrange(5)}",
                "quantity": "2", "unit_price": f"{self.draws.randrange(100, 900) / 100:.2f}",
                "status": "paid", "arrived_at": _text(at),
            }  # fmt: skip
            self.orders.append(row)
            if self.draws.random() < 0.2:
                back = at + timedelta(minutes=self.draws.randrange(60, 4000))
                returned = {**row, "line_no": str(line + 10), "quantity": "-2",
                            "happened_at": _text(back), "arrived_at": _text(back)}  # fmt: skip
                self.orders.append(returned)

    def deliver(self, name: str, since: datetime, until: datetime) -> None:
        """Deliver files of what arrived between two instants."""
        for kind, rows in (("orders", self.orders), ("responses", self.responses)):
            lines = [
                json.dumps(row) for row in rows if _text(since) <= row["arrived_at"] < _text(until)
            ]
            (self.here.folder / kind).mkdir(exist_ok=True)
            (self.here.folder / kind / f"{name}.jsonl").write_text("\n".join(lines))


@pytest.mark.covers("F8")
def test_live_figures_of_campaigns_equal_those_of_the_batch(desk: Callable[..., Desk]) -> None:
    here = desk({"app": _mapping()}, **{"strategy.window_days": str(WINDOW)})
    campaign = Campaign(here)
    campaign.decide()
    campaign.respond()
    for day in range(WINDOW + 3):
        since = START + timedelta(days=day)
        campaign.deliver(str(day), since, since + timedelta(days=1))
        if day in (0, 1, 5):  # in the middle of it, too
            here.run("monitor", as_of=since.date())
    # A repeat of the last order, paid back in full: the newest version of a line counts.
    last_of_window = [row for row in campaign.orders if row["arrived_at"] < "2026-06-08"][-1]
    changed = {**last_of_window, "status": "refunded", "arrived_at": "2026-06-08 12:00:00"}
    (here.folder / "orders" / "99.jsonl").write_text(json.dumps(changed))
    here.run("monitor", as_of=SENT_ON + timedelta(days=WINDOW))
    live = {
        row["campaign_id"].split("/")[1]: row
        for row in here.read("live.campaign_minutes")
        .groupBy("campaign_id")
        .agg(*(F.sum(name).alias(name) for name in FIGURES))
        .collect()
    }
    here.run("ingest", "clean", "measure", as_of=SENT_ON + timedelta(days=WINDOW + 2))
    batch = {row["strategy_id"]: row for row in here.read("gold.strategy_kpis").collect()}
    assert set(live) == set(batch) == {"s0", "s1"}
    for name, of_batch in batch.items():
        of_live = live[name]
        assert of_batch["buyers"] > 2, "there is something to compare"
        for figure in ("delivered", "clickers", "buyers", "revenue"):
            assert of_live[figure] == of_batch[figure], (name, figure, of_live, of_batch)
        assert of_live["expected_cost"] == Decimal("0.25") * of_live["delivered"]
        assert of_live["orders"] >= of_live["buyers"]
