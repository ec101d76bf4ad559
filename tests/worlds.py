"""A small simulated shop whose truth is known, after one pass of the whole pipeline."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts import TABLES, Table
from clarion.demo.demo import KERNEL
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.lake.frames import union_all
from clarion.runtime import pipeline
from clarion.runtime.job import Params
from clarion.runtime.runlog import run_jobs
from clarion.runtime.tracking import Tracking
from clarion.sim import course as sim
from clarion.sim import files, truth
from clarion.sim.shop import Shop, parse_shop


def small_shop(config: Config, customers: int) -> Shop:
    """The shop file of a beauty store, with fewer people, products and days, and more dirt.

    Each person has one account, so that tests can count by account.
    """
    shop = parse_shop(parse_yaml(config.text("shops/beauty.yml"), where="beauty"), where="beauty")
    dirt = dict.fromkeys(("negative_prices", "unknown_products", "missing_ids"), 0.02)
    smaller = {"customers": customers, "products": 120, "history_days": 120}
    changed = {
        "dirt": shop.dirt.model_copy(update=dirt),
        "second_accounts": shop.second_accounts.model_copy(update={"share": 0.0}),
    }
    return shop.model_copy(update={**smaller, **changed})


def contents(lake: Lake) -> dict[str, tuple[int, int]]:
    """Rows and a fingerprint of every silver, gold and live table, columns with _ aside."""

    def rows(table: Table) -> DataFrame:
        names = [column.name for column in table.columns if not column.name.startswith("_")]
        row = F.to_json(F.struct(*map(F.col, names)), {"ignoreNullFields": "false"})
        return lake.read(table).select(
            F.lit(table.name).alias("table"), F.xxhash64(row).cast("decimal(38,0)").alias("mark")
        )

    tables = [
        table
        for table in TABLES.values()
        if table.layer in ("silver", "gold", "live") and lake.exists(table)
    ]
    marks = union_all([rows(table) for table in tables])
    found = marks.groupBy("table").agg(F.count("*").alias("rows"), F.sum("mark").alias("mark"))
    none = {table.name: (0, 0) for table in tables}
    return none | {row["table"]: (row["rows"], int(row["mark"])) for row in found.collect()}


class Desk:
    """A lake and the mappings that fill it, run job by job in this process."""

    def __init__(
        self,
        spark: SparkSession,
        folder: Path,
        mappings: dict[str, dict[str, Any]],
        **settings: str,
    ) -> None:
        self.folder, self.lake = folder, Lake(spark, str(folder / "lake"))
        (folder / "conf" / "sources").mkdir(parents=True)
        (folder / "key").write_text("ab" * 32)
        self.said: list[str] = []
        money = next(
            (
                str(body["currency"])
                for kinds in mappings.values()
                for body in kinds.values()
                if "currency" in body
            ),
            "EUR",
        )
        self.settings = {
            "shop.sources": f"[{', '.join(mappings)}]",
            "shop.currency": money,
            "data": str(folder),
            "privacy.key": f"file:{folder / 'key'}",
            **settings,
        }
        self.configure()
        for name, kinds in mappings.items():
            self.map(name, kinds)

    def map(self, name: str, kinds: dict[str, Any]) -> None:
        """Write a mapping, or mend it."""
        (self.folder / "conf" / "sources" / f"{name}.yml").write_text(
            yaml.safe_dump(kinds, allow_unicode=True)
        )
        self.configure()

    def configure(self, **settings: str) -> None:
        """Set what the next jobs run with."""
        self.settings |= settings
        overrides = tuple(f"{key}={value}" for key, value in self.settings.items())
        self.config = Config.load(conf_dir=self.folder / "conf", overrides=overrides)

    def run(self, *jobs: str, as_of: date = date(2026, 6, 1)) -> None:
        chosen = tuple(JOBS[name] for name in jobs)
        run_jobs(
            chosen, Params(as_of), lake=self.lake, config=self.config, tracking=Tracking.beside(self.lake.root, None), at_once=1,
            say=lambda _, text: self.said.append(text), done=lambda _: None,
        )  # fmt: skip

    def read(self, name: str) -> DataFrame:
        return self.lake.read(TABLES[name])


def simulated(
    spark: SparkSession, folder: Path, shop: Shop, *, seed: int, **settings: str
) -> tuple[Desk, sim.World]:
    """The whole history of a simulated shop, delivered, ingested and cleaned."""
    own = {
        "shop.sources": "[sim]",
        "shop.time_zone": shop.time_zone,
        "shop.currency": shop.currency,
        "data": str(folder / "inbox"),
    }
    desk, world = Desk(spark, folder, {}, **own, **settings), sim.build_world(shop, seed=seed)
    last = shop.starts_on + timedelta(days=shop.history_days)
    files.deliver_history(world, str(folder / "inbox"), last=last, live_from=last)
    desk.run("ingest", "clean", as_of=last)
    return desk, world


def planted(world: sim.World, *, last: int) -> pd.DataFrame:
    """Who the customers are, and where they are after a day: dropped, left, number of orders."""
    return truth.customers(world, sim.follow(world, world.ids, last=last))


class World:
    """A lake after one pass over one day."""

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        shop = small_shop(config, 200)
        self.as_of = shop.starts_on + timedelta(days=shop.history_days)
        self.shop = sim.build_world(shop, seed=11)
        self.planted = files.deliver_history(
            self.shop,
            str(folder / "inbox"),
            last=self.as_of,
            live_from=self.as_of - timedelta(days=1),
        ).damaged
        (folder / "key").write_text("ab" * 32)
        self.settings = {
            "shop.sources": "[sim, sim_live]", "shop.time_zone": shop.time_zone, "shop.currency": shop.currency,
            "data": str(folder / "inbox"), "privacy.key": f"file:{folder / 'key'}", "segment.k": "3",
        }  # fmt: skip
        self.config = Config.load(
            overrides=tuple(f"{name}={value}" for name, value in self.settings.items())
        )
        # Delta's Kernel reads a table's log without Spark jobs, as in the demo: a third of a pass.
        session = spark.newSession()
        session.conf.set(*KERNEL)
        self.lake = Lake(session, str(folder / "lake"))
        self.folder = folder
        self.run()

    def run(self, *names: str) -> None:
        """Jobs by their names; none for the whole loop."""
        tracking, jobs = (
            Tracking.beside(self.lake.root, None),
            tuple(JOBS[name] for name in names) or pipeline.order(JOBS.values()),
        )
        run_jobs(
            jobs, Params(self.as_of), lake=self.lake, config=self.config, tracking=tracking, at_once=3,
            say=lambda _, __: None, done=lambda _: None,
        )  # fmt: skip

    def read(self, name: str) -> DataFrame:
        return self.lake.read(TABLES[name])
