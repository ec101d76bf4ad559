"""What the stream has seen: minutes, alerts, problems, requests and competitors."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import ALERTS, KPI_MINUTES, PROBLEMS, REQUESTS
from clarion.contracts.live_campaigns import CAMPAIGN_FIGURES, CAMPAIGN_MINUTES
from clarion.contracts.live_market import MARKET_ALERTS
from clarion.lake import Lake
from clarion.streaming.minutes import minute_totals

_LISTED = 10  # rows of a list
_CHANNELS = {"live-stream": "live stream", "social": "social network", "store": "store"}


def live_frames(lake: Lake, *, until: Column) -> dict[str, DataFrame]:
    """The last 24 hours of the stream up to an instant.

    Returns:
        minutes (KPI_MINUTES of all sources and everything), origins (orders and revenue by
        origin), kpi_alerts (ALERTS), problems (PROBLEMS), requests (number by kind), alerts (the
        strongest MARKET_ALERTS), running_campaigns (sums of CAMPAIGN_MINUTES of four weeks).
    """
    minutes = minute_totals(lake.read(KPI_MINUTES).where(F.col("minute") < until))
    last = minutes.where("dimension = 'all'").agg(F.max("minute").alias("last_minute"))
    since = F.col("last_minute") - F.expr("INTERVAL 24 HOURS")
    day = minutes.join(F.broadcast(last), F.col("minute") > since).drop("last_minute")
    market = lake.read(MARKET_ALERTS).where(F.col("observed_at") < until)
    requests = lake.read(REQUESTS).where(
        (F.col("occurred_at") < until) & (F.col("occurred_at") > until - F.expr("INTERVAL 1 DAY"))
    )
    opened = lake.read(ALERTS).where(F.col("opened_at") < until)
    return {
        "minutes": day.where("dimension = 'all'").orderBy("minute"),
        "origins": _origins(day),
        "kpi_alerts": opened.orderBy(F.desc("opened_at"), "alert_id").limit(_LISTED),
        "problems": lake.read(PROBLEMS).orderBy(F.desc("given_up"), "step", "payment_method"),
        "requests": requests.groupBy("kind").count().orderBy(F.desc("count"), "kind"),
        "alerts": market.orderBy(
            F.asc_nulls_last("change"), F.desc("observed_at"), "alert_id"
        ).limit(_LISTED),
        "running_campaigns": _running_campaigns(lake, until=until),
    }


def _running_campaigns(lake: Lake, *, until: Column) -> DataFrame:
    """What came back from each campaign so far, the newest and largest first."""
    is_recent = (F.col("minute") < until) & (F.col("minute") > until - F.expr("INTERVAL 28 DAYS"))
    sums = [F.sum(name).alias(name) for name in CAMPAIGN_FIGURES]
    return (
        lake.read(CAMPAIGN_MINUTES)
        .where(is_recent)
        .groupBy("campaign_id", "as_of")
        .agg(*sums)
        .orderBy(F.desc("as_of"), F.desc("delivered"), "campaign_id")
        .limit(_LISTED)
    )


def _origins(day: DataFrame) -> DataFrame:
    """Orders and revenue by origin: live streams, social networks, stores, and the own shop."""
    names = F.create_map(*(F.lit(text) for pair in _CHANNELS.items() for text in pair))
    of_channel = day.where("dimension = 'channel' AND orders > 0").withColumn(
        "origin", F.coalesce(names[F.col("value")], F.lit("own shop"))
    )
    return (
        of_channel.groupBy("origin")
        .agg(F.sum("orders").alias("orders"), F.sum("revenue").alias("revenue"))
        .orderBy(F.desc("revenue"), "origin")
    )
