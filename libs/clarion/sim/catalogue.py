"""The products of a simulated shop, each derived from its number alone."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim.draws import Draws, lookup
from clarion.sim.shop import Shop, Text

_ADJECTIVES = (
    Text(en="classic", zh="经典"),
    Text(en="light", zh="轻便"),
    Text(en="premium", zh="优选"),
    Text(en="daily", zh="日常"),
    Text(en="soft", zh="柔和"),
    Text(en="new", zh="新款"),
    Text(en="organic", zh="天然"),
)
_WORDS_PER_DESCRIPTION = 6


def products(spark: SparkSession, shop: Shop, draws: Draws) -> DataFrame:
    """The products that the shop sells.

    Args:
        spark: the session.
        shop: the shop.
        draws: the shop's random draws.

    Returns:
        One row per product: number, product_ref, cluster (index), department, category, brand,
        title, description, price, cost, stock.
    """
    sizes = _cluster_sizes(shop)
    return (
        spark.range(sum(sizes))
        .withColumnRenamed("id", "number")
        .withColumn("cluster", _cluster_of_number(sizes))
        .withColumns(
            {
                "product_ref": F.format_string("P%05d", "number"),
                **_cluster_columns(shop),
                "brand": F.format_string("B%02d", draws.index("product/brand", 12, "number")),
                **_text_columns(shop, draws),
                **_price_columns(shop, draws),
                "stock": draws.index("product/stock", 500, "number"),
            }
        )
    )


def product_reference(shop: Shop, cluster: Column, chance: Column) -> Column:
    """The product_ref of a cluster's product; popular products come up more often.

    Log-uniform ranks follow Zipf's law with exponent 1.

    Args:
        shop: the shop.
        cluster: index of the cluster.
        chance: a uniform number in (0, 1) that selects the product.
    """
    sizes = _cluster_sizes(shop)
    size = lookup([float(value) for value in sizes], cluster)
    rank = F.least(F.floor(F.exp(chance * F.log(size + 1))) - 1, size - 1)
    first = lookup([float(value) for value in _first_numbers(sizes)], cluster)
    return F.format_string("P%05d", (first + rank).cast("int"))


def local_text(shop: Shop, text: Text) -> str:
    """The text in the shop's language."""
    return text.zh if shop.language == "zh" else text.en


def _cluster_sizes(shop: Shop) -> list[int]:
    """Number of products in each cluster; at least two."""
    total = sum(cluster.share for cluster in shop.clusters)
    return [max(2, round(shop.products * cluster.share / total)) for cluster in shop.clusters]


def _first_numbers(sizes: list[int]) -> list[int]:
    """Number of the first product of each cluster."""
    return [sum(sizes[:index]) for index in range(len(sizes))]


def _cluster_of_number(sizes: list[int]) -> Column:
    first_numbers = _first_numbers(sizes)
    cluster = F.lit(len(sizes) - 1)
    for index in reversed(range(len(sizes) - 1)):
        cluster = F.when(F.col("number") < first_numbers[index + 1], index).otherwise(cluster)
    return cluster


def _cluster_columns(shop: Shop) -> dict[str, Column]:
    """What a product has from its cluster: its department and its category."""
    departments = [local_text(shop, cluster.department) for cluster in shop.clusters]
    categories = [local_text(shop, cluster.category) for cluster in shop.clusters]
    return {
        "department": lookup(departments, "cluster"),
        "category": lookup(categories, "cluster"),
    }


def _text_columns(shop: Shop, draws: Draws) -> dict[str, Column]:
    """Title and description, of words that are typical of the cluster."""

    def random_word(name: str, options: list[list[str]]) -> Column:
        by_cluster = F.array(*(F.array(*(F.lit(word) for word in row)) for row in options))
        words = F.get(by_cluster, F.col("cluster"))
        return F.get(words, draws.index(f"product/{name}", F.size(words), "number"))

    nouns = [[local_text(shop, noun) for noun in cluster.nouns] for cluster in shop.clusters]
    vocabulary = [[local_text(shop, word) for word in cluster.words] for cluster in shop.clusters]
    words = [random_word(f"word{index}", vocabulary) for index in range(_WORDS_PER_DESCRIPTION)]
    adjectives = [local_text(shop, adjective) for adjective in _ADJECTIVES]
    adjective = lookup(adjectives, draws.index("product/adjective", len(adjectives), "number"))
    separator = "" if shop.language == "zh" else " "
    return {
        "title": F.concat_ws(separator, adjective, words[0], random_word("noun", nouns)),
        "description": F.concat_ws(separator or " ", *words, random_word("noun2", nouns)),
    }


def _price_columns(shop: Shop, draws: Draws) -> dict[str, Column]:
    """Price and cost; prices are log-uniform within the cluster's range."""
    low = lookup([cluster.price[0] for cluster in shop.clusters], "cluster")
    high = lookup([cluster.price[1] for cluster in shop.clusters], "cluster")
    price = low * F.pow(high / low, draws.uniform("product/price", "number"))
    cost_share = 0.5 + 0.2 * draws.uniform("product/cost", "number")
    return {
        "price": F.round(price, 2).cast("decimal(18,2)"),
        "cost": F.round(price * cost_share, 2).cast("decimal(18,2)"),
    }
