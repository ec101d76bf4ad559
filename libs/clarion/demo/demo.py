"""The whole loop on one machine: a simulated shop over some turns, or a year of real baskets."""

import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts.gold import MESSAGES, STRATEGIES
from clarion.contracts.silver import IDENTITIES
from clarion.declarations import shop as declared
from clarion.demo.proof import prove
from clarion.demo.scale import demo_defaults, measured_settings
from clarion.kernel.errors import LakeError
from clarion.lake import Lake
from clarion.report.lifts import Proof
from clarion.report.loop_run import LoopRun
from clarion.runtime import pipeline
from clarion.runtime.job import Job, Params
from clarion.runtime.runlog import RunReport, run_jobs
from clarion.runtime.session import start
from clarion.runtime.tracking import Tracking
from clarion.sim import files
from clarion.sim.course import World, build_world
from clarion.sim.records import customer_number
from clarion.sim.shop import Shop, parse_shop
from clarion.sim.walk import Sends

MARK = ".clarion-demo"
TURN_DAYS = 28


@dataclass(frozen=True, slots=True)
class Size:
    """How large a simulated shop is.

    Args:
        customers: relative to the shop file's.
        days: of its history, at most.
        browsing: visits that end without an order, relative to the shop file's.
    """

    customers: float
    days: int
    browsing: float = 1.0


# With 122 days the last of two turns has two past days, thirty days apart, to predict from.
# Half the visits without an order make 207,000 records of 294,000 in two turns of the small one.
SIZES = {"small": Size(1.0, 122, browsing=0.5), "medium": Size(5.0, 180), "large": Size(50.0, 180)}
# Jobs without which a turn goes on: the shop's last day is live, and until there are neighbours of
# products the offers show what a customer was interested in.
LAST_TURN = (
    "forecast", "grey_relations", "market_position", "match_listings", "monitor", "needs", "paths",
    "product_matrix", "product_pairs", "replenish", "scorecard",
)  # fmt: skip
LAST_DAY = {"complete-journey": date(2018, 1, 1)}
# Delta's Kernel reads a table's log in the driver: 0.11 s after each write, where the connector's
# Spark jobs take 0.40 s. Delta calls it experimental (ADR 7): only this short-lived lake is read
# so, and a test compares the two.
KERNEL = ("spark.databricks.delta.v2.enableMode", "STRICT")


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What a demo is to do.

    Args:
        folder: where it lives.
        data: sim or complete-journey.
        size: small, medium or large; of the simulated shop.
        shop: name of a shop file.
        turns: turns of the simulated shop; real baskets have one.
        proof_customers: customers of the large shop on which the plan is tried; None for none.
    """

    folder: Path
    data: str = "sim"
    size: str = "small"
    shop: str = "beauty"
    turns: int = 2
    proof_customers: int | None = None

    @property
    def is_small(self) -> bool:
        """Whether planning takes longer than the work."""
        return self.data == "sim" and self.size == "small"

    @property
    def environment(self) -> str:
        """Whose settings it runs with."""
        return "small" if self.is_small else "local"


@dataclass(slots=True)
class Demo:
    """A demo and what it did so far.

    Args:
        plan: what it is to do.
        jobs: the registry.
        days: as-of days of its turns.
        lake: its tables.
        config: its settings.
        tracking: where its models are.
        say: takes what jobs have to say.
        announce: takes headings.
        reports: what each job did, by turn.
        planted: damaged records by kind and damage; empty for real data.
        proof: its plan on a large shop.
        seconds: how long it took.
    """

    plan: DemoPlan
    jobs: Mapping[str, Job]
    days: tuple[date, ...]
    lake: Lake
    config: Config
    tracking: Tracking
    say: Callable[[str], None]
    announce: Callable[[str], None]
    reports: list[RunReport] = field(default_factory=list)
    planted: dict[tuple[str, str], int] = field(default_factory=dict)
    proof: Proof | None = None
    seconds: float = 0.0

    @property
    def loop_run(self) -> LoopRun:
        """What the report says of it."""
        shop, currency = (str(self.config.get(key)) for key in ("shop.name", "shop.currency"))
        return LoopRun(shop, currency, self.days, self.planted, self.seconds, self.proof)

    def run_turn(self, day: date) -> None:
        """Run the jobs of the loop as of a day; some only as of the last one."""
        self.announce(f"as of {day}")
        is_last = day == self.days[-1]
        jobs = [job for name, job in self.jobs.items() if is_last or name not in LAST_TURN]
        run_jobs(
            pipeline.order(jobs),
            Params(day),
            lake=self.lake,
            config=self.config,
            tracking=self.tracking,
            at_once=int(self.config.get("spark.jobs_at_once")),
            say=lambda job, text: self.say(f"{job.name:<15} {text}"),
            done=self._record,
        )

    def count_planted(self, damaged: Mapping[tuple[str, str], int]) -> None:
        """Add the damaged records that a delivery holds."""
        for key, count in damaged.items():
            self.planted[key] = self.planted.get(key, 0) + count

    def _record(self, report: RunReport) -> None:
        self.reports.append(report)
        self.say(f"{report.job:<15} {report.seconds:.1f} s")


def prepare_folder(folder: Path) -> None:
    """Make an empty, marked folder; what an earlier demo left is removed.

    Raises:
        LakeError: the folder was not made by a demo, or cannot be made.
    """
    if folder.exists():
        if not folder.is_dir() or not (folder / MARK).is_file():
            raise LakeError(
                f"{folder} was not made by a demo",
                found="no demo mark",
                fix="name another folder with --lake, or remove it yourself",
            )
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise LakeError(
            f"{folder} cannot be made",
            found=error.strerror,
            fix="name a folder that can be written with --lake",
        ) from error
    (folder / MARK).write_text("made by 'clarion demo'; the next one removes what is here\n")


def run_demo(
    plan: DemoPlan,
    jobs: Mapping[str, Job],
    config: Config,
    *,
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> Demo:
    """Run a demo from nothing.

    Args:
        plan: what it is to do.
        jobs: the registry.
        config: settings.
        say: takes what jobs have to say.
        announce: takes headings.

    Raises:
        LakeError: the folder cannot be used.
        ConfigError: the shop file does not exist or is invalid.
    """
    began = time.monotonic()
    if plan.data == "complete-journey":
        prepare_folder(plan.folder)
        settings = _complete_journey_settings(config)
        day = LAST_DAY["complete-journey"]
        demo = _demo(plan, jobs, (day,), settings, say=say, announce=announce)
        demo.run_turn(day)
    else:
        shop = _scaled_shop(plan, config)
        prepare_folder(plan.folder)
        settings = _simulated_settings(plan, config, shop)
        days = _turn_days(shop, turns=plan.turns)
        with ThreadPoolExecutor(max_workers=1) as pool:
            # While the JVM starts.
            measured = pool.submit(measured_settings, config, shop)
            world = pool.submit(build_world, shop, seed=int(config.get("seed")))
            demo = _demo(plan, jobs, days, settings, say=say, announce=announce)
        demo.config = settings.with_defaults("demo", **measured.result())
        _run_simulated_shop(demo, world.result())
        if plan.proof_customers:
            demo.announce(f"the same plan with {plan.proof_customers:,} customers")
            demo.proof = prove(demo.lake, demo.config, shop, customers=plan.proof_customers)
    demo.seconds = time.monotonic() - began
    return demo


def _demo(
    plan: DemoPlan,
    jobs: Mapping[str, Job],
    days: tuple[date, ...],
    config: Config,
    *,
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> Demo:
    spark = start(config, extra=dict([KERNEL]) if plan.is_small else None)
    lake = Lake(spark, str(plan.folder.absolute() / "lake"))
    tracking = Tracking.beside(lake.root, None)
    return Demo(plan, jobs, days, lake, config, tracking, say, announce)


def _complete_journey_settings(config: Config) -> Config:
    return config.with_values(
        "demo",
        shop__sources=["complete_journey"],
        shop__name="The Complete Journey",
        shop__time_zone="America/New_York",
        shop__currency="USD",
    )


def _scaled_shop(plan: DemoPlan, config: Config) -> Shop:
    """The shop of the plan with as many customers as its size says."""
    file = f"shops/{plan.shop}.yml"
    shop = parse_shop(parse_yaml(config.text(file), where=file), where=file)
    size = SIZES[plan.size]
    personas = tuple(
        persona.model_copy(update={"browsing": size.browsing * persona.browsing})
        for persona in shop.personas
    )
    return shop.model_copy(
        update={
            "customers": max(50, int(size.customers * shop.customers)),
            "history_days": min(size.days, shop.history_days),
            "personas": personas,
        }
    )


def _simulated_settings(plan: DemoPlan, config: Config, shop: Shop) -> Config:
    """The settings of a simulated shop, with a key of its own for personal data."""
    folder = plan.folder.absolute()
    key = folder / "privacy.key"
    key.write_text(secrets.token_hex(32))
    key.chmod(0o600)
    of_shop = config.with_values(
        "demo",
        shop__sources=["sim", "sim_live"],
        shop__name=shop.name.zh if shop.language == "zh" else shop.name.en,
        shop__time_zone=shop.time_zone,
        shop__currency=shop.currency,
        data=str(_inbox(plan)),
        privacy__key=f"file:{key}",
    )
    return of_shop.with_defaults("demo", **demo_defaults(config))


def _inbox(plan: DemoPlan) -> Path:
    """Where the simulated shop delivers its files."""
    return plan.folder.absolute() / "inbox"


def _turn_days(shop: Shop, *, turns: int) -> tuple[date, ...]:
    first = shop.starts_on + timedelta(days=shop.history_days)
    return tuple(first + timedelta(days=TURN_DAYS * turn) for turn in range(turns))


def _run_simulated_shop(demo: Demo, world: World) -> None:
    """Deliver the shop's history, then run turns, between which customers respond."""
    shop = world.shop
    demo.announce(
        f"a simulated shop: {demo.config.get('shop.name')}, {shop.customers:,} customers, "
        f"{shop.products:,} products, {shop.history_days} days"
    )
    inbox = str(_inbox(demo.plan))
    first = demo.days[0]
    delivered = files.deliver_history(
        world, inbox, last=first, live_from=_live_from(demo, first), spark=demo.lake.spark
    )
    demo.count_planted(delivered.damaged)
    demo.run_turn(first)
    for earlier, day in zip(demo.days, demo.days[1:], strict=False):
        _deliver_responses(demo, world, earlier=earlier, day=day)
        demo.run_turn(day)


def _live_from(demo: Demo, day: date) -> date:
    """First day before an as-of day that the shop streams: the one before the last, or none."""
    return day - timedelta(days=1) if day == demo.days[-1] else day


def _deliver_responses(demo: Demo, world: World, *, earlier: date, day: date) -> None:
    """Deliver what happened between two turns: events, orders, and responses to messages."""
    inbox, spark = str(_inbox(demo.plan)), demo.lake.spark
    sends = _sent_messages(demo, world.shop)
    delivered = files.deliver_period(
        world, inbox, sends,
        first=earlier, last=day, live_from=_live_from(demo, day), spark=spark,
    )  # fmt: skip
    demo.count_planted(delivered.damaged)
    demo.config = demo.config.with_values("demo", shop__sources=["sim", "sim_live", "sim_answers"])


def _sent_messages(demo: Demo, shop: Shop) -> Sends:
    """All messages that were sent, with the face value of what they offered."""
    face_values = {offer.id: offer.benefit for offer in declared.offers(demo.config).offers}
    benefits = demo.lake.read(STRATEGIES).select("as_of", "strategy_id", "benefit")
    names = demo.lake.read(IDENTITIES).select("customer_id", F.col("ref").alias("customer_ref"))
    strategy = F.split_part("campaign_id", F.lit("/"), F.lit(2))
    rows = (
        demo.lake.read(MESSAGES)
        .where("state = 'sent'")
        .withColumn("strategy_id", strategy)
        .join(benefits, ["as_of", "strategy_id"])
        .join(names, "customer_id")
        .select("as_of", "message_id", "customer_ref", "offer_id", "benefit")
        .orderBy("as_of", "message_id")
        .toPandas()
    )
    faces = rows["offer_id"].map(face_values) * rows["benefit"].astype(float)
    return Sends(
        np.array([customer_number(ref) for ref in rows["customer_ref"]], dtype=np.int64),
        np.array([shop.day_number(day) for day in rows["as_of"]], dtype=np.int64),
        rows["offer_id"].tolist(),
        np.asarray(faces, dtype=np.float64),
        rows["message_id"].tolist(),
    )
