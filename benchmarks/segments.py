"""Time of grouping customers for a given k, beside scikit-learn with as many starts on the same scaled data; one run over all sizes.

python benchmarks/segments.py 20000 60000 200000
"""

import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from clarion.config import Config
from clarion.customers.segments import model
from clarion.customers.segments.sampling import fit_sample
from clarion.customers.segments.settings import SegmentSettings
from clarion.runtime.session import start

K, DIMENSIONS = 8, 10
config = Config.load()
settings = replace(config.section(SegmentSettings), k=K)
spark = start(config)
for n in [
    2_000,
    *(int(size) for size in sys.argv[1:] or ("20000", "60000", "200000")),
]:  # the first warms up
    rng = np.random.default_rng(5)
    centres = rng.normal(0, 2, (K, DIMENSIONS))
    points = centres[rng.integers(0, K, n)] + rng.normal(0, 1, (n, DIMENSIONS))
    frame = spark.createDataFrame(
        pd.DataFrame(points, columns=[f"f{place}" for place in range(DIMENSIONS)]).assign(
            customer_id=[f"c{row:07d}" for row in range(n)]
        )
    )
    chosen = fit_sample(frame, limit=settings.max_fit_rows, customers=n).persist()
    chosen.count()
    began = time.monotonic()
    found = model.fit(chosen, settings=settings, seed=1)
    ours = time.monotonic() - began
    scaled = StandardScaler().fit_transform(chosen.drop("customer_id").toPandas().to_numpy())
    began = time.monotonic()
    theirs = KMeans(
        K, n_init=settings.seeds, max_iter=settings.max_iter, tol=1e-5, random_state=1
    ).fit(scaled)
    direct = time.monotonic() - began
    inertia = found.chosen.inertia / (
        theirs.inertia_ * (len(scaled) - 1) / len(scaled)
    )  # Spark divides by n - 1
    print(
        f"{n:>9,} customers: {ours:6.1f} s, scikit-learn {direct:6.1f} s: {ours / direct:.2f}; inertia {inertia:.5f} times its"
    )
    chosen.unpersist()
