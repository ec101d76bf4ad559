"""The product matrix: TF-IDF of texts beside the declared attributes."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.products.similarity.attributes import REVIEWS, TEXT, Attribute
from clarion.products.similarity.tokens import Chinese, tokens_of

TAB = "\t"  # between the block and the feature in a term
_WORDS = {TEXT: "words", REVIEWS: "review_words"}


def described(
    known: DataFrame, attributes: tuple[Attribute, ...], *, chinese: Chinese
) -> DataFrame:
    """What a model of the matrix looks at.

    Args:
        known: `market.described`.
        attributes: as declared.
        chinese: how Chinese is taken apart.

    Returns:
        One row per product: product_id, title, category, words (of title and description), review_words (arrays), and a column for each
        attribute (`of_` and its name): a double where it is scaled, else an array of strings; null where it is unknown.
    """
    words = {
        "words": tokens_of(F.concat_ws(" ", "title", "description"), chinese=chinese),
        "review_words": tokens_of(F.col("said"), chinese=chinese),
    }
    return known.withColumns(words).select(
        "product_id",
        "title",
        "category",
        *words,
        *(_typed(item).alias(item.column) for item in attributes),
    )


def _typed(attribute: Attribute) -> Column:
    value = F.expr(attribute.value)
    if attribute.kind == "scaled":
        return F.nanvl(value.cast("double"), F.lit(None).cast("double"))
    if attribute.kind == "multi":
        return value.cast("array<string>")
    return F.when(value.isNotNull(), F.array(value.cast("string")))


def marks(stepped: DataFrame, attributes: tuple[Attribute, ...]) -> DataFrame:
    """Every mark of every product: a word each time it stands there, a value, a step and half of the steps beside it.

    Neighbouring steps have two thirds of their length in common, those two apart a sixth, others nothing: alike prices count as alike,
    and a product shares the mark with three tenths of the others and not with all.

    Args:
        stepped: `described` with the steps of the scaled attributes.
        attributes: as declared.

    Returns:
        product_id, title, category, marks (array of term and value; a term is block, TAB, feature).
    """
    found = [_of(F.col(column), block) for block, column in _WORDS.items()]
    for item in attributes:
        if item.kind == "ordered":
            level = F.array_position(
                F.array(*(F.lit(level) for level in item.levels)), F.col(item.column)[0]
            )
            found.append(_around(F.when(level > 0, level - 1), item))
        elif item.kind == "scaled":
            if item.step in stepped.columns:
                found.append(
                    _around(
                        F.when(F.col(item.column).isNotNull(), F.col(item.step).cast("int")), item
                    )
                )
        else:
            found.append(
                _of(
                    F.array_distinct(F.array_compact(item.column)),
                    item.block,
                    prefix=f"{item.name} ",
                )
            )
    none = F.array().cast("array<struct<term:string,value:double>>")
    return stepped.select(
        "product_id",
        "title",
        "category",
        F.concat(*(F.coalesce(part, none) for part in found)).alias("marks"),
    )


def _of(features: Column, block: str, *, prefix: str = "") -> Column:
    return F.transform(
        features,
        lambda feature: F.struct(
            F.concat(F.lit(f"{block}{TAB}{prefix}"), feature).alias("term"),
            F.lit(1.0).alias("value"),
        ),
    )


def _around(step: Column, attribute: Attribute) -> Column:
    def mark(beside: int, value: float) -> Column:
        term = F.concat(
            F.lit(f"{attribute.block}{TAB}{attribute.name} "), (step + beside).cast("string")
        )
        return F.struct(term.alias("term"), F.lit(value).alias("value"))

    return F.when(step.isNotNull(), F.array(mark(-1, 0.5), mark(0, 1.0), mark(1, 0.5)))


def vectors(
    marked: DataFrame,
    features: DataFrame,
    weights: Mapping[str, float],
    *,
    as_of: date,
    version: str,
) -> DataFrame:
    """The rows of the matrix: each block scaled to its weight, the whole to length one; marks that are no feature do not count.

    A product without text has no row to compare by: its arrays are empty, whatever its attributes.

    Args:
        marked: `marks`.
        features: feature_index, block, feature, weight.
        weights: squared length of each block.
        as_of: the day.
        version: of the model.

    Returns:
        PRODUCT_VECTORS.
    """
    known = features.select(
        F.concat_ws(TAB, "block", "feature").alias("term"), "block", "feature_index", "weight"
    )
    counted = (
        marked.select("product_id", F.inline("marks"))
        .groupBy("product_id", "term")
        .agg(F.sum("value").alias("value"))
    )
    found = counted.join(F.broadcast(known), "term").withColumn(
        "value", F.col("value") * F.col("weight")
    )
    of_block = F.create_map(
        *(
            part
            for block, weight in weights.items()
            for part in (F.lit(block), F.lit(float(weight) ** 0.5))
        )
    )
    block_length = F.sqrt(
        F.sum(F.col("value") ** 2).over(Window.partitionBy("product_id", "block"))
    )
    has_text = F.max(F.col("block") == TEXT).over(Window.partitionBy("product_id"))
    scaled = found.withColumns(
        {"scaled": F.col("value") / block_length * of_block[F.col("block")], "has_text": has_text}
    ).where("has_text AND scaled > 0")
    length = F.sqrt(F.sum(F.col("scaled") ** 2).over(Window.partitionBy("product_id")))
    # Rounded, so that the order of summation decides nothing: what did not change is the same number the next day.
    unit = scaled.withColumn("unit", F.round(F.col("scaled") / length, 12))
    rows = unit.groupBy("product_id").agg(
        F.sort_array(F.collect_list(F.struct("feature_index", "unit"))).alias("cells")
    )
    return marked.join(rows, "product_id", "left").select(
        F.lit(as_of).alias("as_of"),
        "product_id",
        "title",
        "category",
        F.coalesce(F.col("cells.feature_index"), F.array().cast("array<int>")).alias("indices"),
        F.coalesce(F.col("cells.unit"), F.array().cast("array<double>")).alias("weights"),
        F.lit(version).alias("model_version"),
    )


def attribute_rows(known: DataFrame, *, as_of: date) -> DataFrame:
    """What is known of each product as of the day.

    Returns:
        PRODUCT_ATTRIBUTES.
    """
    money = ("list_price", "cost")
    rounded = ("price_position", "market_price", "price_gap")
    return known.select(
        F.lit(as_of).alias("as_of"),
        "product_id", "title", "brand", "category", "category_path", "attributes", *money,
        *(F.round(name, 9).alias(name) for name in rounded),
        "units", "views", "rating", F.coalesce("ratings", F.lit(0)).cast("bigint").alias("ratings"),
    )  # fmt: skip
