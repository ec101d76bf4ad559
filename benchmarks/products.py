"""Time of finding the nearest products, beside sparse_dot_topn called directly on the same matrix; one run over all sizes, in one session.

python benchmarks/products.py 10000 30000 100000
"""

import sys
import time
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import functions as F
from sparse_dot_topn import sp_matmul_topn

from clarion.config import Config
from clarion.declarations.shop import attributes
from clarion.products.similarity import market, model, neighbours
from clarion.products.similarity import transforms as matrix
from clarion.products.similarity.settings import ProductSettings
from clarion.runtime.session import start

AS_OF = date(2026, 6, 1)
DAYS = "product_id string, day date, known_on date, quantity decimal(18,4), views bigint"
config = Config.load()
settings, declared = config.section(ProductSettings), attributes(config)
spark = start(config)


def products(n: int) -> pd.DataFrame:
    """Titles of eight words drawn as often as words are (Zipf), most of them of the product's category; a brand and a price."""
    rng = np.random.default_rng(7)
    category = rng.zipf(1.3, n) % 300
    of_category, of_all = rng.zipf(1.2, (n, 5)) % 400, rng.zipf(1.1, (n, 3)) % 30_000
    titles = [
        " ".join([*(f"c{of}w{word}" for word in mine), *(f"w{word}" for word in rest)])
        for of, mine, rest in zip(category, of_category, of_all, strict=True)
    ]
    return pd.DataFrame(
        {
            "product_id": [f"p{number:07d}" for number in range(n)],
            "title": titles,
            "brand": [f"b{brand}" for brand in rng.zipf(1.4, n) % 2_000],
        }
    ).assign(category=[f"c{of}" for of in category], list_price=rng.lognormal(3, 1, n).round(2))


for n in [
    2_000,
    *(int(size) for size in sys.argv[1:] or ("10000", "30000", "100000")),
]:  # the first warms up
    text = F.lit(None).cast("string")
    frame = spark.createDataFrame(products(n)).withColumns(
        {
            "description": text,
            "category_path": F.col("category"),
            "cost": F.lit(0.0),
            "language": text,
        }
    )
    listed = frame.withColumn("attributes", F.lit(None).cast("map<string,string>"))
    known = market.described(
        listed,
        spark.createDataFrame([], DAYS),
        None,
        None,
        as_of=AS_OF,
        within=settings.market_days,
    )
    described = matrix.described(known, declared, chinese=settings.chinese).persist()
    described.count()
    began = time.monotonic()
    fitted = model.fit(described, declared, settings=settings)
    marked = matrix.marks(model.steps_of(fitted).transform(described), declared)
    vectors = matrix.vectors(
        marked, model.feature_list(fitted, described), settings.weights, as_of=AS_OF, version="1"
    ).persist()
    rows = vectors.count()
    quantified = time.monotonic() - began
    began = time.monotonic()
    found = neighbours.nearest(vectors, None, as_of=AS_OF, settings=settings)
    found.near.write.format("noop").mode("overwrite").save()
    ours = time.monotonic() - began
    cells = neighbours.matrix(
        vectors.where("size(indices) > 0").select("indices", "weights").toPandas()
    )
    began = time.monotonic()
    sp_matmul_topn(cells, cells.T.tocsr(), top_n=settings.neighbours + 1, sort=True, n_threads=2)
    direct = time.monotonic() - began
    how = "exact" if found.recall is None else f"recall {found.recall:.3f}"
    print(
        f"{rows:>9,} products {quantified:6.1f} s to vectors; neighbours {ours:6.1f} s ({how}), called directly {direct:6.1f} s: {ours / direct:.2f}"
    )
    spark.catalog.clearCache()
