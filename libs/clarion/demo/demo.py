"""The whole loop on one machine: a simulated shop over three turns, or a year of real baskets."""

import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts.gold import MESSAGES, STRATEGIES
from clarion.contracts.silver import IDENTITIES
from clarion.kernel.errors import LakeError
from clarion.lake import Lake
from clarion.report.loop_run import LoopRun
from clarion.runtime import pipeline
from clarion.runtime.job import Job, Params
from clarion.runtime.runlog import RunReport, run_jobs
from clarion.runtime.session import class_archive, start
from clarion.runtime.tracking import Tracking
from clarion.sim import files
from clarion.sim.shop import parse

MARK = ".clarion-demo"
_AT_ONCE = 3  # jobs side by side
TURN_DAYS, TURNS = 28, 3
SIZES = {"small": 0.3, "medium": 1.0, "large": 20.0}
LAST_DAY = {"complete-journey": date(2018, 1, 1)}
# Short-lived JVM on small data: the quick compiler, with room for all the code it compiles (its default of 48 MB was full after
# a minute, and the rest ran interpreted) and for all classes (each growth is a full collection), and a heap that need not grow.
JVM = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=512m -XX:MetaspaceSize=512m -XX:+UseParallelGC -XX:InitialRAMPercentage=50 -XX:NewRatio=1"
# Each task writes the code of its projections anew, which took a fifth of all work: they are interpreted.
QUICK = {
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    # Interpreted, each shared part of an expression goes through a cache a row: a twentieth of all work.
    "spark.sql.subexpressionElimination.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.buffer.pageSize": "1m",  # for sorts of a few thousand rows; collecting larger ones took a tenth of the demo
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.leafNodeDefaultParallelism": "1",
    "spark.sql.files.minPartitionNum": "1",
    "spark.databricks.delta.allFilesInCrc.enabled": "false",  # a Spark job for each new table, for what the Kernel does not use
    # One process writes here. The default starts 26 processes (readlink) a write.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    # Delta's Kernel reads a table's log in the driver: 0.11 s after each write, where the connector's Spark jobs take 0.40 s.
    # Delta calls it experimental (ADR 7): only this short-lived lake is read so, and a test compares the two.
    "spark.databricks.delta.v2.enableMode": "STRICT",
}


@dataclass(slots=True)
class Demo:
    """What a demo did.

    Args:
        folder: where it lives.
        days: as-of days of its turns.
        reports: what each job did, by turn.
        planted: damaged records by kind and damage; empty for real data.
        seconds: how long it took.
    """

    folder: Path
    days: tuple[date, ...]
    lake: Lake
    config: Config
    tracking: Tracking
    reports: list[RunReport] = field(default_factory=list)
    planted: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def loop_run(self) -> LoopRun:
        """What the report says of it."""
        shop, currency = (str(self.config.get(key)) for key in ("shop.name", "shop.currency"))
        return LoopRun(shop, currency, self.days, self.planted, self.seconds)


def prepare(folder: Path) -> None:
    """An empty, marked folder; what an earlier demo left is removed.

    Raises:
        LakeError: the folder holds something that no demo made.
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
    (folder / MARK).write_text("made by 'clarion demo' and rebuilt by the next one\n")


def run(
    jobs: Mapping[str, Job],
    config: Config,
    folder: Path,
    *,
    data: str,
    size: str,
    shop: str,
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> Demo:
    """Run the demo from nothing.

    Args:
        jobs: the registry.
        config: settings.
        folder: where it lives.
        data: sim or complete-journey.
        size: small, medium or large; of the simulated shop.
        shop: name of a shop file.
        say: takes what jobs have to say.
        announce: takes headings.
    """
    began = time.monotonic()
    prepare(folder)
    if data == "complete-journey":
        demo = _real(config, folder)
        _turn(demo, jobs, demo.days[0], say, announce)
    else:
        demo = _simulated(jobs, config, folder, size, shop, say, announce)
    demo.seconds = time.monotonic() - began
    return demo


def _real(config: Config, folder: Path) -> Demo:
    settings = config.with_values(
        "demo",
        shop__sources=["complete_journey"],
        shop__name="The Complete Journey",
        shop__time_zone="America/New_York",
        shop__currency="USD",
    )
    return _demo(folder, (LAST_DAY["complete-journey"],), start(settings), settings)


def _demo(folder: Path, days: tuple[date, ...], spark: SparkSession, config: Config) -> Demo:
    lake = Lake(spark, str(folder.absolute() / "lake"))
    tracking = Tracking.beside(lake.root, None)
    return Demo(folder, days, lake, config, tracking)


def _simulated(
    jobs: Mapping[str, Job],
    config: Config,
    folder: Path,
    size: str,
    shop_name: str,
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> Demo:
    file = f"shops/{shop_name}.yml"
    shop = parse(parse_yaml(config.text(file), where=file), where=file)
    shop = shop.model_copy(update={"customers": max(50, int(shop.customers * SIZES[size]))})
    inbox, key = folder.absolute() / "inbox", folder.absolute() / "privacy.key"
    key.write_text(secrets.token_hex(32))
    key.chmod(0o600)
    settings = config.with_values(
        "demo",
        shop__sources=["sim", "sim_live"],
        shop__name=shop.name.zh if shop.language == "zh" else shop.name.en,
        shop__time_zone=shop.time_zone,
        shop__currency=shop.currency,
        data=str(inbox),
        # Targets within reach of a simulated shop's customers, who answer more readily than real ones.
        strategy__target_ctr=0.15,
        strategy__target_cr=0.6,
        strategy__target_apu=600.0 if shop.currency == "CNY" else 80.0,
        strategy__target_rpr=0.5,
        privacy__key=f"file:{key}",
    )
    first = shop.starts_on + timedelta(days=shop.history_days)
    days = tuple(first + timedelta(days=TURN_DAYS * turn) for turn in range(TURNS))
    demo = _demo(folder, days, _session(settings, small=size == "small"), settings)
    world = files.world(demo.lake.spark, shop, seed=int(config.get("seed")))
    announce(
        f"a simulated shop: {settings.get('shop.name')}, {shop.customers:,} customers, {shop.products} products, {shop.history_days} days"
    )
    _plant(
        demo,
        files.deliver_history(
            world, str(inbox), last=days[0], live_from=days[0] - timedelta(days=1)
        ),
    )
    for turn, day in enumerate(days):
        _turn(demo, jobs, day, say, announce)
        if turn + 1 < len(days):
            _plant(
                demo,
                files.deliver_period(
                    world, str(inbox), _sent(demo, day), first=day, last=days[turn + 1]
                ),
            )
            demo.config = demo.config.with_values(
                "demo", shop__sources=["sim", "sim_live", "sim_answers"]
            )
    return demo


def _session(config: Config, *, small: bool) -> SparkSession:
    return start(
        config,
        extra={**QUICK, "spark.driver.extraJavaOptions": f"{JVM} {class_archive()}"}
        if small
        else {},
    )


def _sent(demo: Demo, day: date) -> DataFrame:
    """What the shop's customers find in their mail: message_ref, customer_ref, offer_id and the lever."""
    on_day = F.col("as_of") == F.lit(day)
    messages = demo.lake.read(MESSAGES).where(on_day & (F.col("state") == "sent"))
    benefit_multipliers = demo.lake.read(STRATEGIES).where(on_day).select("strategy_id", "benefit")
    names = demo.lake.read(IDENTITIES).select("customer_id", F.col("ref").alias("customer_ref"))
    strategy = F.split_part("campaign_id", F.lit("/"), F.lit(2))
    return (
        messages.withColumn("strategy_id", strategy)
        .join(benefit_multipliers, "strategy_id")
        .join(names, "customer_id")
        .select(F.col("message_id").alias("message_ref"), "customer_ref", "offer_id", "benefit")
    )


def _turn(
    demo: Demo,
    jobs: Mapping[str, Job],
    day: date,
    say: Callable[[str], None],
    announce: Callable[[str], None],
) -> None:
    announce(f"as of {day}")

    def done(report: RunReport) -> None:
        demo.reports.append(report)
        say(f"{report.job:<15} {report.seconds:.1f} s")

    run_jobs(
        pipeline.order(jobs.values()),
        Params(day),
        lake=demo.lake,
        config=demo.config,
        tracking=demo.tracking,
        at_once=_AT_ONCE,
        say=lambda job, text: say(f"{job.name:<15} {text}"),
        done=done,
    )


def _plant(demo: Demo, planted: files.Planted) -> None:
    for key, count in planted.counts.items():
        demo.planted[key] = demo.planted.get(key, 0) + count
