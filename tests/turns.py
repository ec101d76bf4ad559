"""A small shop after three turns of the loop: decide, send, answer, measure, adjust, decide by the next version."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pages import Page
from pyspark.sql import DataFrame, SparkSession

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts import TABLES
from clarion.demo.demo import KERNEL
from clarion.demo.scale import demo_defaults
from clarion.jobs.registry import JOBS
from clarion.lake import Lake
from clarion.runtime import pipeline
from clarion.runtime.job import Params
from clarion.runtime.runlog import run_jobs
from clarion.runtime.tracking import Tracking

ROOT = Path(__file__).parents[1]
TURN_DAYS, TURNS, CUSTOMERS = 28, 3, 150
# The budget binds, the holdout is large enough to be measured, and the target of the click rate is
# out of reach, so that benefit multipliers move.
LOOP = {
    "segment.k": "3",
    "predict.min_customers": "40",  # 150 are too few to act on, and enough to see the parts of it
    "predict.min_outcomes": "3",
    "segment.min_stability": "0",
    "shop.order_value": "40",
    "measure.conversion_days": "28",  # so few customers buy too seldom within a week of a click
    "strategy.holdout": "0.25",
    "strategy.budget": "14",
    "strategy.target_ctr": "0.8",
    "strategy.target_cr": "0.5",
    "strategy.target_apu": "600",
    "strategy.target_rpr": "0.5",
    "adjust.min_delivered": "10",
}


def keen_shop(config: Config) -> dict[str, Any]:
    """A small shop file whose customers click and buy far more often, so that a handful of messages says something."""
    shop = parse_yaml(config.text("shops/beauty.yml"), where="beauty")
    for persona in shop["personas"]:
        persona["click"] += 2.5
        persona["orders"] *= 2
        persona["drops"] = [0.2, 0.05]
    return shop | {
        "customers": CUSTOMERS, "products": 120, "history_days": 120, "annoyance": 0.03,
    }  # fmt: skip


class Turns:
    """What `clarion demo` leaves and says; it runs as its user would run it.

    Attributes:
        code: its exit code.
        out: what it printed.
        errors: what it printed to standard error.
        folder: the demo's folder.
        days: as-of days of the turns.
        lake: the tables, read by Delta's Kernel.
    """

    def __init__(self, spark: SparkSession, config: Config, folder: Path) -> None:
        shops = folder / "conf" / "shops"
        shops.mkdir(parents=True)
        shop = keen_shop(config)
        (shops / "keen.yml").write_text(
            yaml.safe_dump(shop, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        self.conf_dir, self.folder, self.shop = folder / "conf", folder / "demo", shop
        command = [sys.executable, "-m", "clarion.jobs", "demo", "--size", "small", "--seed", "11"]
        command += ["--lake", str(self.folder), "--conf-dir", str(self.conf_dir)]
        command += ["--shop", "keen", "--turns", str(TURNS)]
        for name, value in LOOP.items():
            command += ["--set", f"{name}={value}"]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=1700, check=False
        )
        self.code, self.out, self.errors = done.returncode, done.stdout, done.stderr
        printed = re.findall(r"^as of (\S+)$", self.out, flags=re.MULTILINE)
        self.days = tuple(date.fromisoformat(day) for day in printed)
        session = spark.newSession()
        session.conf.set(*KERNEL)
        self.lake = Lake(session, str(self.folder / "lake"))

    @property
    def time_zone(self) -> str:
        return str(self.shop["time_zone"])

    @property
    def page(self) -> Page:
        return Page((self.folder / "report.html").read_text(encoding="utf-8"))

    @property
    def config(self) -> Config:
        """The settings of the last turn."""
        of_shop = {
            "shop.sources": "[sim, sim_live, sim_answers]",
            "shop.time_zone": self.time_zone,
            "shop.currency": str(self.shop["currency"]),
            "data": str(self.folder / "inbox"),
            "privacy.key": f"file:{self.folder / 'privacy.key'}",
        }
        settings = {**LOOP, **of_shop, "seed": "11"}
        config = Config.load(
            environment="small",
            conf_dir=self.conf_dir,
            overrides=tuple(f"{name}={value}" for name, value in settings.items()),
        )
        return config.with_defaults("demo", **demo_defaults(config))

    def read(self, name: str) -> DataFrame:
        return self.lake.read(TABLES[name])

    def run(self, *names: str) -> None:
        """Run jobs as of the last day; none for the whole loop."""
        jobs = tuple(JOBS[name] for name in names) or pipeline.order(JOBS.values())
        run_jobs(
            jobs,
            Params(self.days[-1]),
            lake=self.lake,
            config=self.config,
            tracking=Tracking.beside(self.lake.root, None),
            at_once=3,
            say=lambda _, __: None,
            done=lambda _: None,
        )
