"""A monitor that runs on a real broker: it waits for it, and loses nothing when it is restarted."""

import json
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from delivered import table_rows
from monitors import EVENT, Shop, monitor, wait_until
from pyspark.sql import SparkSession
from servers import Broker, connectors

pytestmark = [pytest.mark.deep, pytest.mark.process]  # a broker and a JVM of their own


class Topic(Shop):
    """The shop, whose events come from a topic."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        super().__init__(folder)
        self.broker = broker
        impatient = {"kafka.default.api.timeout.ms": 6000, "kafka.request.timeout.ms": 5000}
        mapping = {
            "events": {
                "where": f"kafka://{broker.address}/clicks",
                "format": "kafka",
                "mode": "stream",
                "options": impatient,
                "time_zone": "UTC",
                "consent": {"basis": "declared", "purposes": ["collection", "analytics"]},
                "columns": {name: name for name in EVENT},
            }
        }
        (folder / "conf" / "sources" / "app.yml").write_text(yaml.safe_dump(mapping))
        jars = ":".join(str(jar) for jar in connectors())
        settings = {"spark": {"conf": {"spark.driver.extraClassPath": jars}}}
        (folder / "conf" / "base.yml").write_text(yaml.safe_dump(settings))

    def send(self, spark: SparkSession, *texts: str) -> None:
        """Send messages to the topic."""
        frame = spark.createDataFrame([(text,) for text in texts], "value string")
        frame.write.format("kafka").option("kafka.bootstrap.servers", self.broker.address).option(
            "topic", "clicks"
        ).save()

    def events(self, first: int, count: int, *, ago: timedelta = timedelta()) -> list[str]:
        """Events of this moment, or of a while ago."""
        at = (datetime.now(UTC) - ago).strftime("%Y-%m-%d %H:%M:%S")
        plain = dict.fromkeys(EVENT, "x") | {"happened_at": at, "type": "view"}
        return [json.dumps(plain | {"event_ref": f"e{n}"}) for n in range(first, first + count)]


def _counted(shop: Shop) -> int:
    if not list(Path(shop.folder, "lake", "live", "kpi_minutes", "_delta_log").glob("*1.json")):
        return 0
    minutes = table_rows(str(shop.folder / "lake"), "live.kpi_minutes")
    return int(minutes[minutes["dimension"] == "all"]["events"].sum())


@pytest.mark.covers("F1")
def test_a_broker_that_is_away_at_the_start_or_restarted_costs_time_and_no_event(
    spark: SparkSession, tmp_path: Path
) -> None:
    broker = Broker(tmp_path)
    shop = Topic(tmp_path, broker)
    lake = str(tmp_path / "lake")

    def said(text: str) -> Callable[[], bool]:
        return lambda: text in (tmp_path / "monitor.log").read_text()

    try:
        shop.send(spark, *shop.events(0, 20))
        broker.stop()
        with monitor(shop, "lake", "--every", "0.5") as process:
            wait_until(said("it is tried again until it answers"), process, shop)
            broker.start()
            wait_until(lambda: _counted(shop) == 20, process, shop)
            shop.send(spark, "{not a message", *shop.events(20, 30))
            wait_until(lambda: _counted(shop) == 50, process, shop)
            broker.stop()
            time.sleep(8)
            broker.start()
            # The backlog of an outage of two days, though nobody was live in between.
            shop.send(spark, *shop.events(50, 25, ago=timedelta(days=2)), *shop.events(75, 25))
            wait_until(lambda: _counted(shop) >= 75, process, shop)
            # Bronze is written more rarely than minutes (monitor.bronze_seconds).
            wait_until(lambda: len(table_rows(lake, "bronze.events")) >= 101, process, shop)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    finally:
        broker.stop()
    bronze = table_rows(lake, "bronze.events")
    assert len(bronze) == len(bronze.drop_duplicates(["_file", "_row"])) == 101
    assert bronze["_malformed"].notna().sum() == 1
    files = table_rows(lake, "ops.files")
    assert files["delays"].notna().all(), "what came late after the stream was live counts"
    assert 50 <= files["prompt"].sum() <= 76
