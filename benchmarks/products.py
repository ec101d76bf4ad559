"""Time of finding similar products, beside sparse_dot_topn called directly on the same matrix.

One run covers all sizes in one session:

    python benchmarks/products.py 10000 30000 100000
"""

import sys
import time
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sparse_dot_topn import sp_matmul_topn

from clarion.config import Config
from clarion.declarations.shop import attributes
from clarion.products.similarity import matrix, model
from clarion.products.similarity.distinct_rows import sparse_matrix
from clarion.products.similarity.market import MarketFacts, with_market_facts
from clarion.products.similarity.neighbours import nearest_products
from clarion.products.similarity.settings import ProductSettings
from clarion.runtime.session import start

AS_OF = date(2026, 6, 1)
DAYS = "product_id string, day date, known_on date, quantity decimal(18,4), views bigint"
WARM_UP = 2_000
SIZES = (10_000, 30_000, 100_000)


def catalogue(n: int) -> pd.DataFrame:
    """Products with a title of eight words, a brand and a price.

    Words are as frequent as Zipf's law says; five of a title are of the product's category.
    """
    rng = np.random.default_rng(7)
    categories = rng.zipf(1.3, n) % 300
    category_words = rng.zipf(1.2, (n, 5)) % 400
    other_words = rng.zipf(1.1, (n, 3)) % 30_000
    titles = [
        " ".join([*(f"c{category}w{word}" for word in own), *(f"w{word}" for word in other)])
        for category, own, other in zip(categories, category_words, other_words, strict=True)
    ]
    brands = rng.zipf(1.4, n) % 2_000
    return pd.DataFrame(
        {
            "product_id": [f"p{number:07d}" for number in range(n)],
            "title": titles,
            "brand": [f"b{brand}" for brand in brands],
            "category": [f"c{category}" for category in categories],
            "list_price": rng.lognormal(3, 1, n).round(2),
        }
    )


def current_products(spark: SparkSession, n: int) -> DataFrame:
    """The catalogue in the shape of current products."""
    no_text = F.lit(None).cast("string")
    return spark.createDataFrame(catalogue(n)).withColumns(
        {
            "description": no_text,
            "category_path": F.col("category"),
            "cost": F.lit(0.0),
            "language": no_text,
            "attributes": F.lit(None).cast("map<string,string>"),
        }
    )


def measure(spark: SparkSession, config: Config, n: int) -> str:
    """A line with the seconds for n products."""
    settings = config.section(ProductSettings)
    declared = attributes(config)
    facts = MarketFacts(spark.createDataFrame([], DAYS))
    products = with_market_facts(
        current_products(spark, n), facts, as_of=AS_OF, days=settings.market_days
    )
    inputs = matrix.matrix_inputs(products, declared, chinese=settings.chinese).persist()
    inputs.count()
    began = time.monotonic()
    fitted = model.fit(inputs, declared, settings=settings)
    terms = matrix.weighted_terms(model.bin_model(fitted).transform(inputs), declared)
    features = model.feature_list(fitted, inputs)
    vectors = matrix.product_vectors(
        terms, features, settings.weights, as_of=AS_OF, version="1"
    ).persist()
    rows = vectors.count()
    to_vectors = time.monotonic() - began
    began = time.monotonic()
    nearest = nearest_products(vectors, None, as_of=AS_OF, settings=settings)
    nearest.neighbours.write.format("noop").mode("overwrite").save()
    ours = time.monotonic() - began
    with_text = vectors.where("size(indices) > 0").select("indices", "weights")
    cells = sparse_matrix(with_text.toPandas())
    began = time.monotonic()
    sp_matmul_topn(cells, cells.T.tocsr(), top_n=settings.neighbours + 1, sort=True, n_threads=2)
    direct = time.monotonic() - began
    how = "exact" if nearest.recall is None else f"recall {nearest.recall:.3f}"
    return (
        f"{rows:>9,} products {to_vectors:6.1f} s to vectors; neighbours {ours:6.1f} s ({how}), "
        f"called directly {direct:6.1f} s: {ours / direct:.2f}"
    )


def main() -> None:
    """Print a line per size; the first size only warms up."""
    config = Config.load()
    spark = start(config)
    sizes = tuple(int(size) for size in sys.argv[1:]) or SIZES
    for n in (WARM_UP, *sizes):
        print(measure(spark, config, n))
        spark.catalog.clearCache()


if __name__ == "__main__":
    main()
