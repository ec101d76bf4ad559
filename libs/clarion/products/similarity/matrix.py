"""The product matrix: TF-IDF of texts beside the declared attributes."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.measures.columns.expressions import user_column
from clarion.products.similarity.attributes import REVIEWS, TEXT, Attribute
from clarion.products.similarity.tokens import Chinese, tokens

SEPARATOR = "\t"  # between the block and the feature in a term
_WORD_COLUMNS = {TEXT: "words", REVIEWS: "review_words"}


def matrix_inputs(
    products: DataFrame, attributes: tuple[Attribute, ...], *, chinese: Chinese
) -> DataFrame:
    """The columns from which a model computes the matrix.

    Args:
        products: the frame of `market.with_market_facts`.
        attributes: the declared attributes.
        chinese: how Chinese texts become tokens.

    Returns:
        One row per product: product_id, title, category, words (of title and description),
        review_words (arrays), and the column of each attribute: a double where it is scaled,
        otherwise an array of strings; null where it is unknown.
    """
    words = {
        "words": tokens(F.concat_ws(" ", "title", "description"), chinese=chinese),
        "review_words": tokens(F.col("review_text"), chinese=chinese),
    }
    values = (_attribute_value(attribute).alias(attribute.column) for attribute in attributes)
    return products.withColumns(words).select("product_id", "title", "category", *words, *values)


def _attribute_value(attribute: Attribute) -> Column:
    value = user_column(attribute.value)
    if attribute.kind == "scaled":
        return F.nanvl(value.cast("double"), F.lit(None).cast("double"))
    if attribute.kind == "multi":
        return value.cast("array<string>")
    return F.when(value.isNotNull(), F.array(value.cast("string")))


def weighted_terms(inputs: DataFrame, attributes: tuple[Attribute, ...]) -> DataFrame:
    """All terms of each product: words as often as they occur, values, and quantile bins.

    A bin counts whole and the two beside it half. So neighbouring bins have two thirds of their
    length in common, those two apart a sixth, others nothing: similar prices count as similar.
    A product shares a term with three tenths of the others instead of with all.

    Args:
        inputs: `matrix_inputs` with the bins of the scaled attributes.
        attributes: the declared attributes.

    Returns:
        One row per product: product_id, title, category, marks (array of term and value; a term
        is block, SEPARATOR, feature).
    """
    terms = [_value_terms(F.col(column), block) for block, column in _WORD_COLUMNS.items()]
    for attribute in attributes:
        if attribute.kind != "scaled":
            terms.append(_attribute_terms(attribute))
        elif attribute.bin_column in inputs.columns:
            bin_index = F.when(
                F.col(attribute.column).isNotNull(), F.col(attribute.bin_column).cast("int")
            )
            terms.append(_bin_terms(bin_index, attribute))
    no_terms = F.array().cast("array<struct<term:string,value:double>>")
    marks = F.concat(*(F.coalesce(part, no_terms) for part in terms))
    return inputs.select("product_id", "title", "category", marks.alias("marks"))


def _attribute_terms(attribute: Attribute) -> Column:
    """Terms of an attribute that is not scaled."""
    if attribute.kind == "ordered":
        levels = F.array(*(F.lit(level) for level in attribute.levels))
        position = F.array_position(levels, F.col(attribute.column)[0])
        return _bin_terms(F.when(position > 0, position - 1), attribute)
    values = F.array_distinct(F.array_compact(attribute.column))
    return _value_terms(values, attribute.block, prefix=f"{attribute.name} ")


def _value_terms(features: Column, block: str, *, prefix: str = "") -> Column:
    def term(feature: Column) -> Column:
        name = F.concat(F.lit(f"{block}{SEPARATOR}{prefix}"), feature)
        return F.struct(name.alias("term"), F.lit(1.0).alias("value"))

    return F.transform(features, term)


def _bin_terms(bin_index: Column, attribute: Attribute) -> Column:
    prefix = F.lit(f"{attribute.block}{SEPARATOR}{attribute.name} ")

    def term(offset: int, value: float) -> Column:
        name = F.concat(prefix, (bin_index + offset).cast("string"))
        return F.struct(name.alias("term"), F.lit(value).alias("value"))

    return F.when(bin_index.isNotNull(), F.array(term(-1, 0.5), term(0, 1.0), term(1, 0.5)))


def product_vectors(
    terms: DataFrame,
    features: DataFrame,
    weights: Mapping[str, float],
    *,
    as_of: date,
    version: str,
) -> DataFrame:
    """The rows of the matrix.

    Each block is scaled to its weight, and the whole row to length one. Terms that are not
    features do not count. A product without text has empty arrays, whatever its attributes.

    Args:
        terms: the frame of `weighted_terms`.
        features: feature_index, block, feature, weight.
        weights: squared length of each block.
        as_of: the day.
        version: version of the model.

    Returns:
        PRODUCT_VECTORS.
    """
    unit = _unit_cells(_weighted_cells(terms, features), weights)
    rows = unit.groupBy("product_id").agg(
        F.sort_array(F.collect_list(F.struct("feature_index", "unit"))).alias("cells")
    )
    no_indices = F.array().cast("array<int>")
    no_weights = F.array().cast("array<double>")
    return terms.join(rows, "product_id", "left").select(
        F.lit(as_of).alias("as_of"),
        "product_id",
        "title",
        "category",
        F.coalesce(F.col("cells.feature_index"), no_indices).alias("indices"),
        F.coalesce(F.col("cells.unit"), no_weights).alias("weights"),
        F.lit(version).alias("model_version"),
    )


def _weighted_cells(terms: DataFrame, features: DataFrame) -> DataFrame:
    """One row per product and feature: product_id, block, feature_index, value."""
    by_term = features.select(
        F.concat_ws(SEPARATOR, "block", "feature").alias("term"),
        "block",
        "feature_index",
        "weight",
    )
    return (
        terms.select("product_id", F.inline("marks"))
        .groupBy("product_id", "term")
        .agg(F.sum("value").alias("value"))
        .join(F.broadcast(by_term), "term")
        .withColumn("value", F.col("value") * F.col("weight"))
    )


def _unit_cells(cells: DataFrame, weights: Mapping[str, float]) -> DataFrame:
    """Cells of products with text, scaled by block and to length one: `unit`."""
    block_lengths: list[Column] = []
    for block, weight in weights.items():
        block_lengths += [F.lit(block), F.lit(float(weight) ** 0.5)]
    own_block = Window.partitionBy("product_id", "block")
    own_row = Window.partitionBy("product_id")
    block_length = F.sqrt(F.sum(F.col("value") ** 2).over(own_block))
    target_length = F.create_map(*block_lengths)[F.col("block")]
    scaled = cells.withColumns(
        {
            "scaled": F.col("value") / block_length * target_length,
            "has_text": F.max(F.col("block") == TEXT).over(own_row),
        }
    ).where("has_text AND scaled > 0")
    length = F.sqrt(F.sum(F.col("scaled") ** 2).over(own_row))
    # Rounded, so that the order of summation has no effect: an unchanged row stays equal.
    return scaled.withColumn("unit", F.round(F.col("scaled") / length, 12))


def product_attributes(products: DataFrame, *, as_of: date) -> DataFrame:
    """What is known of each product as of the day.

    Args:
        products: the frame of `market.with_market_facts`.
        as_of: the day.

    Returns:
        PRODUCT_ATTRIBUTES.
    """
    rounded = ("price_position", "market_price", "price_gap")
    return products.select(
        F.lit(as_of).alias("as_of"),
        "product_id",
        "title",
        "brand",
        "category",
        "category_path",
        "attributes",
        "list_price",
        "cost",
        *(F.round(name, 9).alias(name) for name in rounded),
        "units",
        "views",
        "rating",
        F.coalesce("ratings", F.lit(0)).cast("bigint").alias("ratings"),
    )
