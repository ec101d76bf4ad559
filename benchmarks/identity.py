"""Time of joining the accounts of people, by number of people.

One run covers all sizes in one session:

    python benchmarks/identity.py 10000 100000
"""

import sys
import time
from datetime import date

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.collect.identity import links, model, pairs
from clarion.collect.identity.components import plausible_components
from clarion.collect.identity.settings import IdentitySettings
from clarion.config import Config
from clarion.runtime.session import start
from clarion.sim.accounts import simulate_accounts
from clarion.sim.difficulty import ACCOUNT_DIFFICULTIES as DIFFICULTIES

WARM_UP = 1_000
SIZES = (10_000, 100_000)


def measure(spark: SparkSession, settings: IdentitySettings, people: int) -> str:
    """A line with the seconds for a number of people."""
    simulated = simulate_accounts(
        spark, people=people, difficulty=DIFFICULTIES["default"], seed=3, starts_on=date(2026, 1, 1)
    )
    registrations = simulated.registrations.withColumns(
        {
            "customer_id": F.concat_ws("/", "namespace", "customer_ref"),
            "arrived_at": F.col("registered_at"),
            "record_id": F.col("customer_ref"),
        }
    ).persist()
    logins = (
        simulated.events.where("customer_ref IS NOT NULL")
        .select(
            F.concat(F.lit("app/"), "customer_ref").alias("customer_id"),
            F.col("device_ref").alias("device"),
        )
        .persist()
    )
    counts = f"{registrations.count():>9,} accounts {logins.count():>9,} logins"
    began = time.monotonic()
    devices = pairs.shared_devices(logins, max_sharing=settings.max_sharing)
    latest = pairs.latest_accounts(registrations)
    comparable = pairs.comparable_accounts(
        latest, devices, max_sharing=settings.max_sharing
    ).persist()
    compared = pairs.candidate_pairs(comparable, max_block=settings.max_block).persist()
    scored = model.score_pairs(
        compared, model.fit_weights(comparable, model.agreement_patterns(compared))
    )
    classified = links.classify_pairs(scored, settings).persist()
    linked = plausible_components(
        classified.where("is_linked"), comparable, max_accounts=settings.max_accounts
    ).count()
    seconds = time.monotonic() - began
    return (
        f"{people:>9,} people {counts} {compared.count():>9,} pairs {linked:>9,} linked "
        f"{seconds:7.1f} s"
    )


def main() -> None:
    """Print a line per size; the first size only warms up."""
    config = Config.load()
    spark = start(config)
    settings = config.section(IdentitySettings)
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    for people in (WARM_UP, *sizes):
        print(measure(spark, settings, people))
        spark.catalog.clearCache()


if __name__ == "__main__":
    main()
