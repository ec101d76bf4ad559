"""A small shop that passes through three turns of the loop: decide, send, answer, measure, adjust, decide by the next version."""

from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from worlds import small_shop

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.demo.demo import KERNEL
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.runtime import pipeline
from clarion.runtime.job import Job, Params
from clarion.runtime.runlog import run_jobs
from clarion.runtime.tracking import Tracking
from clarion.sim import files
from clarion.sim.shop import Shop

TURN_DAYS, TURNS = 28, 3
LOOP = ("strategy", "deliver", "measure", "adjust")


def keen_shop(config: Config) -> Shop:
    """A small shop whose customers click three times as often, so that a handful of messages says something."""
    shop = small_shop(config, 80)
    keen = tuple(
        persona.model_copy(update={"click": 3 * persona.click, "annoyed": 5 * persona.annoyed})
        for persona in shop.personas
    )
    return shop.model_copy(update={"personas": keen})


def with_all_they_wait_for(names: tuple[str, ...]) -> tuple[Job, ...]:
    """The jobs of these names and all that write what they read, in their order."""
    edges = pipeline.dependencies(JOBS.values())
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(edges[name])
    return tuple(job for job in pipeline.order(JOBS.values()) if job.name in needed)


class Turns:
    """A lake after three turns.

    The budget binds, the holdout is large enough to be measured, and the target of the click rate is out of reach, so
    that benefit multipliers move.
    """

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        shop = keen_shop(config)
        first = shop.starts_on + timedelta(days=shop.history_days)
        self.days = tuple(first + timedelta(days=TURN_DAYS * turn) for turn in range(TURNS))
        self.time_zone = shop.time_zone
        self.inbox = str(folder / "inbox")
        (folder / "key").write_text("ab" * 32)
        self.settings = {
            "shop.sources": "[sim, sim_live]",
            "shop.time_zone": shop.time_zone,
            "shop.currency": shop.currency,
            "data": self.inbox,
            "privacy.key": f"file:{folder / 'key'}",
            "segment.k": "2",
            "strategy.holdout": "0.25",
            "strategy.budget": "12",
            "strategy.target_ctr": "0.8",
            "strategy.target_cr": "0.5",
            "strategy.target_apu": "600",
            "strategy.target_rpr": "0.5",
            "adjust.min_delivered": "10",
        }
        session = spark.newSession()
        session.conf.set(*KERNEL)  # as in World
        self.lake = Lake(session, str(folder / "lake"))
        world = files.build_world(session, shop, seed=11)
        live_from = first - timedelta(days=1)
        files.deliver_history(world, self.inbox, last=first, live_from=live_from)
        self._pass(first)
        for day, following in zip(self.days, self.days[1:], strict=False):
            files.deliver_period(world, self.inbox, self.sent(day), first=day, last=following)
            self.settings["shop.sources"] = "[sim, sim_live, sim_answers]"
            self._pass(following)

    @property
    def config(self) -> Config:
        overrides = tuple(f"{name}={value}" for name, value in self.settings.items())
        return Config.load(overrides=overrides)

    def sent(self, day: date) -> DataFrame:
        """What customers find in their mail: the message, the name the shop knows them by, the offer and the multiplier."""
        on_day = F.col("as_of") == F.lit(day)
        messages = self.read("gold.messages").where(on_day & (F.col("state") == "sent"))
        multipliers = self.read("gold.strategies").where(on_day).select("strategy_id", "benefit")
        names = self.read("silver.identities").select("customer_id", "ref")
        return (
            messages.withColumn("strategy_id", F.split_part("campaign_id", F.lit("/"), F.lit(2)))
            .join(multipliers, "strategy_id")
            .join(names, "customer_id")
            .selectExpr("message_id AS message_ref", "ref AS customer_ref", "offer_id", "benefit")
        )

    def read(self, name: str) -> DataFrame:
        return self.lake.read(TABLES[name])

    def _pass(self, day: date) -> None:
        run_jobs(
            with_all_they_wait_for(LOOP),
            Params(day),
            lake=self.lake,
            config=self.config,
            tracking=Tracking.beside(self.lake.root, None),
            at_once=3,
            say=lambda _, __: None,
            done=lambda _: None,
        )
