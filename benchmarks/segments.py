"""Time of grouping customers for a given k, beside scikit-learn on the same scaled data.

Both have as many starts. One run covers all sizes in one session:

    python benchmarks/segments.py 20000 60000 200000
"""

import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

from clarion.config import Config
from clarion.customers.segments import model
from clarion.customers.segments.sampling import fit_sample
from clarion.customers.segments.settings import SegmentSettings
from clarion.runtime.session import start

K = 8
DIMENSIONS = 10
WARM_UP = 2_000
SIZES = (20_000, 60_000, 200_000)


def customers(spark: SparkSession, n: int) -> DataFrame:
    """Customers in K clouds of DIMENSIONS features."""
    rng = np.random.default_rng(5)
    centres = rng.normal(0, 2, (K, DIMENSIONS))
    points = centres[rng.integers(0, K, n)] + rng.normal(0, 1, (n, DIMENSIONS))
    frame = pd.DataFrame(points, columns=[f"f{index}" for index in range(DIMENSIONS)])
    return spark.createDataFrame(frame.assign(customer_id=[f"c{row:07d}" for row in range(n)]))


def measure(spark: SparkSession, settings: SegmentSettings, n: int) -> str:
    """A line with the seconds for n customers."""
    sampled = fit_sample(customers(spark, n), limit=settings.max_fit_rows, customers=n).persist()
    sampled.count()
    began = time.monotonic()
    fitted = model.fit(sampled, settings=settings, seed=1)
    ours = time.monotonic() - began
    scaled = StandardScaler().fit_transform(sampled.drop("customer_id").toPandas().to_numpy())
    k_means = KMeans(K, n_init=settings.seeds, max_iter=settings.max_iter, tol=1e-5, random_state=1)
    began = time.monotonic()
    theirs = k_means.fit(scaled)
    direct = time.monotonic() - began
    # Spark divides by n - 1.
    their_inertia = theirs.inertia_ * (len(scaled) - 1) / len(scaled)
    sampled.unpersist()
    return (
        f"{n:>9,} customers: {ours:6.1f} s, scikit-learn {direct:6.1f} s: {ours / direct:.2f}; "
        f"inertia {fitted.chosen.inertia / their_inertia:.5f} times its"
    )


def main() -> None:
    """Print a line per size; the first size only warms up."""
    config = Config.load()
    spark = start(config)
    settings = replace(config.section(SegmentSettings), k=K)
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    for n in (WARM_UP, *sizes):
        print(measure(spark, settings, n))


if __name__ == "__main__":
    main()
