"""Time of finding who is whom, by number of people; one run over all sizes, in one session.

python benchmarks/identity.py 10000 100000
"""

import sys
import time
from datetime import date

from pyspark.sql import functions as F

from clarion.collect.identity import links, model, pairs
from clarion.collect.identity.components import plausible_components
from clarion.collect.identity.settings import IdentitySettings
from clarion.config import Config
from clarion.runtime.session import start
from clarion.sim.accounts import DIFFICULTIES, simulate_accounts

config = Config.load()
settings = config.section(IdentitySettings)
spark = start(config)
for people in [
    1_000,
    *(int(size) for size in sys.argv[1:] or ("10000", "100000")),
]:  # the first warms up
    planted = simulate_accounts(
        spark, people=people, difficulty=DIFFICULTIES["default"], seed=3, starts_on=date(2026, 1, 1)
    )
    named = planted.registrations.withColumns(
        {
            "customer_id": F.concat_ws("/", "namespace", "customer_ref"),
            "arrived_at": F.col("registered_at"),
            "record_id": F.col("customer_ref"),
        }
    ).persist()
    seen = planted.events.where("customer_ref IS NOT NULL").select(
        F.concat(F.lit("app/"), "customer_ref").alias("customer_id"),
        F.col("device_ref").alias("device"),
    )
    accounts, logins = named.count(), seen.persist().count()
    began = time.monotonic()
    devices = pairs.shared_devices(seen, max_sharing=settings.max_sharing)
    latest = pairs.latest_accounts(named)
    comparable = pairs.comparable_accounts(
        latest, devices, max_sharing=settings.max_sharing
    ).persist()
    compared = pairs.candidate_pairs(comparable, max_block=settings.max_block).persist()
    scored = model.score_pairs(compared, model.fit_weights(comparable, compared))
    classified = links.classify_pairs(scored, settings).persist()
    linked = plausible_components(
        classified.where("is_linked"), comparable, max_accounts=settings.max_accounts
    ).count()
    seconds = time.monotonic() - began
    print(
        f"{people:>9,} people {accounts:>9,} accounts {logins:>9,} logins {compared.count():>9,} pairs {linked:>9,} linked {seconds:7.1f} s"
    )
    spark.catalog.clearCache()
