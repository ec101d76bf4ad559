"""The product matrix: TF-IDF of texts beside categories, brands and price bands."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from clarion.products.tokens import Chinese, with_tokens

_BLOCKS = ("text", "category", "brand", "price")


def entries(products: DataFrame, *, min_products: int, chinese: Chinese = "bigrams") -> DataFrame:
    """Every feature of every product, in long form.

    Text: term frequency x ln((n + 1) / (df + 1)), words of fewer than `min_products` products left out. Category, brand
    and price band (a band a doubling of price): 1.

    Args:
        products: current products.
        min_products: least number of products that share a word.
        chinese: how Chinese is taken apart.

    Args:
        products: current products.
        min_products: least number of products that share a word.

    Returns:
        product_id, block, feature, products (that have it), weight (of the feature), value.
    """
    total = products.agg(F.count("*").alias("n"))
    tokenised = with_tokens(products, chinese=chinese)
    counted = tokenised.select("product_id", F.explode("tokens").alias("feature")).groupBy("product_id", "feature").agg(F.count("*").alias("tf"))
    frequency = counted.groupBy("feature").agg(F.count("*").alias("products")).where(F.col("products") >= min_products)
    idf = F.log((F.col("n") + 1) / (F.col("products") + 1))
    words = (
        counted.join(frequency, "feature")
        .crossJoin(F.broadcast(total))
        .select("product_id", F.lit("text").alias("block"), "feature", "products", idf.alias("weight"), (F.col("tf") * idf).alias("value"))
    )
    band = F.format_string("2^%d", F.floor(F.log2(F.col("list_price").cast("double"))))
    attributes = products.select(
        "product_id",
        F.inline(
            F.array(
                F.struct(F.lit("category").alias("block"), F.col("category").alias("feature")),
                F.struct(F.lit("brand").alias("block"), F.col("brand").alias("feature")),
                F.struct(F.lit("price").alias("block"), band.alias("feature")),
            )
        ),
    ).where("feature IS NOT NULL")
    sizes = attributes.groupBy("block", "feature").agg(F.count("*").alias("products"))
    one = F.lit(1.0)
    hot = attributes.join(sizes, ["block", "feature"]).select("product_id", "block", "feature", "products", one.alias("weight"), one.alias("value"))
    return words.where("value > 0").unionByName(hot)


def feature_list(found: DataFrame, *, as_of: date) -> DataFrame:
    """The columns of the matrix, numbered by block and name.

    Returns:
        PRODUCT_FEATURES.
    """
    place = F.lit(0)
    for number, block in enumerate(_BLOCKS):
        place = F.when(F.col("block") == block, number).otherwise(place)
    distinct = found.groupBy("block", "feature").agg(F.first("products").alias("products"), F.first("weight").alias("weight"))
    # One partition: the list of features is small beside the matrix, and its order must be total.
    order = Window.partitionBy(F.lit(0)).orderBy("place", "feature")
    return distinct.withColumn("place", place).select(
        F.lit(as_of).alias("as_of"), (F.row_number().over(order) - 1).alias("feature_index"), "block", "feature", "products", "weight"
    )


def vectors(products: DataFrame, found: DataFrame, features: DataFrame, weights: Mapping[str, float], *, as_of: date) -> DataFrame:
    """The rows of the matrix: each block scaled to its weight, the whole to length one.

    A product without text has no row to compare by: its arrays are empty, whatever its attributes.

    Args:
        products: current products.
        found: entries.
        features: PRODUCT_FEATURES.
        weights: squared length of each block.
        as_of: the day.

    Returns:
        PRODUCT_VECTORS.
    """
    weight = F.lit(0.0)
    for block, value in weights.items():
        weight = F.when(F.col("block") == block, F.sqrt(F.lit(value))).otherwise(weight)
    block_length = F.sqrt(F.sum(F.col("value") ** 2).over(Window.partitionBy("product_id", "block")))
    has_text = F.max(F.col("block") == "text").over(Window.partitionBy("product_id"))
    scaled = found.withColumns({"scaled": F.col("value") / block_length * weight, "has_text": has_text}).where("has_text")
    length = F.sqrt(F.sum(F.col("scaled") ** 2).over(Window.partitionBy("product_id")))
    numbered = scaled.withColumn("unit", F.col("scaled") / length).join(F.broadcast(features.select("block", "feature", "feature_index")), ["block", "feature"])
    rows = numbered.groupBy("product_id").agg(F.sort_array(F.collect_list(F.struct("feature_index", "unit"))).alias("cells"))
    return products.join(rows, "product_id", "left").select(
        F.lit(as_of).alias("as_of"),
        "product_id",
        "title",
        "category",
        F.coalesce(F.col("cells.feature_index"), F.array().cast("array<int>")).alias("indices"),
        F.coalesce(F.col("cells.unit"), F.array().cast("array<double>")).alias("weights"),
    )
