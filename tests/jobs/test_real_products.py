"""Real catalogues, from their mapping to similar products: innerwear, and Chinese titles."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from clarion.contracts import TABLES
from clarion.lake import Lake
from clarion.products.similarity.purity import category_purity

pytestmark = [pytest.mark.deep, pytest.mark.real_data, pytest.mark.covers("M2")]
CATALOGUES = {
    "innerwear": {
        "where": "${data}/innerwear/*.parquet",
        "format": "parquet",
        "time_zone": "UTC",
        "currency": "USD",
        "duplicates": "drop",
        "columns": {
            # A listing is a size and a colour on a day; what listings share is the product.
            "product_ref": "sha2(concat_ws('|', retailer, product_name, brand_name), 256)",
            "title": "product_name",
            "description": "concat_ws(' ', description, style_attributes)",
            "brand": "lower(trim(brand_name))",
            "category_path": "replace(product_category, ' - ', ' > ')",
            "attributes": "map('color', lower(color))",
            "language": "'en'",
        },
    },
    "chinese": {
        "where": "${data}/chinese_catalogue/products.csv",
        "format": "csv",
        "options": {"sep": "^"},
        "time_zone": "UTC",
        "currency": "CNY",
        "columns": {
            "product_ref": "_c0",
            "title": "_c1",
            "category_path": "replace(_c5, '|', ' > ')",
            "language": "'zh'",
        },
    },
}
NO_WEIGHTS = "reviews: 0, category: 0, brand: 0, attributes: 0, price: 0, market: 0"
TEXT_ALONE = f"product_matrix.weights={{text: 1, {NO_WEIGHTS}}}"


@pytest.mark.parametrize(
    ("catalogue", "products", "shares"),
    [
        pytest.param("innerwear", 2_859, (0.70, 0.40), marks=pytest.mark.slow),
        pytest.param("chinese", 96, (0.85, 0.45)),
    ],
)
def test_neighbours_are_purer_in_category_than_chance(
    clarion: Callable[..., int],
    spark: SparkSession,
    real_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    catalogue: str,
    products: int,
    shares: tuple[float, float],
) -> None:
    """With the category among what is compared, and by the words of the text alone."""
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    (tmp_path / "conf" / "sources" / f"{catalogue}.yml").write_text(
        yaml.safe_dump({"products": CATALOGUES[catalogue]}, allow_unicode=True)
    )
    settings = [
        f"shop.sources=[{catalogue}]",
        f"shop.currency={CATALOGUES[catalogue]['currency']}",
        "shop.time_zone=UTC",
        f"data={real_data}",
    ]
    flags = [
        "--conf-dir",
        str(tmp_path / "conf"),
        "--lake",
        str(tmp_path / "lake"),
        "--as-of",
        "2026-06-01",
        "--quiet",
    ]
    flags += [part for setting in settings for part in ("--set", setting)]
    for job in ("ingest", "clean"):
        assert clarion("run", job, *flags) == 0
    lake = Lake(spark, str(tmp_path / "lake"))
    neighbours = lake.address(TABLES["gold.product_neighbours"])
    vectors = lake.address(TABLES["gold.product_vectors"])
    for setting, least in (("", shares[0]), (TEXT_ALONE, shares[1])):
        own = ("--set", setting) if setting else ()
        assert clarion("run", "product_matrix", *flags, *own) == 0
        purity = category_purity(spark.table(neighbours), spark.table(vectors))
        assert purity is not None
        with capsys.disabled():
            how = "by text alone" if setting else "by everything"
            print(f"\n{catalogue}: {products} products, neighbours of the own category {how}:")
            print(f"{purity.share:.3f}, by chance {purity.chance:.3f}")
        assert purity.share >= least
        assert purity.share >= 2 * purity.chance
    assert spark.table(vectors).count() == products
    titles = spark.table(vectors).select("product_id", "title")
    nearest = spark.table(neighbours).where("rank = 1")
    neighbour_titles = titles.withColumnsRenamed(
        {"product_id": "neighbour_id", "title": "neighbour"}
    )
    examples = (
        nearest.orderBy(F.xxhash64("product_id"))
        .limit(10)
        .join(titles, "product_id")
        .join(neighbour_titles, "neighbour_id")
        .collect()
    )
    with capsys.disabled():
        for row in examples:
            print(f"  {row['title'][:60]}  ~  {row['neighbour'][:60]}  ({row['cosine']:.2f})")
