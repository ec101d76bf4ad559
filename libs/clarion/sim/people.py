"""The shop's customers and products, each from its number alone."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim.draws import Draws, lookup
from clarion.sim.shop import Shop, Text

_FAMILY = (
    ("Miller", "王"),
    ("Smith", "李"),
    ("Garcia", "张"),
    ("Novak", "刘"),
    ("Tanaka", "陈"),
    ("Rossi", "杨"),
    ("Silva", "赵"),
    ("Kim", "黄"),
)
_GIVEN = (
    ("Anna", "伟"),
    ("Ben", "芳"),
    ("Carla", "娜"),
    ("David", "敏"),
    ("Eva", "静"),
    ("Felix", "磊"),
    ("Grace", "强"),
    ("Hugo", "洋"),
)
REGIONS = (("North", "华北"), ("East", "华东"), ("South", "华南"), ("West", "西南"))
ADJECTIVES = (
    ("classic", "经典"),
    ("light", "轻便"),
    ("premium", "优选"),
    ("daily", "日常"),
    ("soft", "柔和"),
    ("new", "新款"),
    ("organic", "天然"),
)


def customers(spark: SparkSession, shop: Shop, draws: Draws) -> DataFrame:
    """Everyone who will ever be a customer: number, name, persona and own parameters, as they are before anything changes.

    Returns:
        id, customer_ref, persona (position), joined_day and left_day (days since the shop's start; joined may be
        negative), changed_day and later_persona (null where nothing changes), second_like, collection, marketing, and
        what `_behaviour` says.
    """
    horizon = shop.history_days
    leaving = lookup([max(persona.leaving_per_month, 1e-6) for persona in shop.personas], "persona")
    changed_day, later_persona, leaves = _change(shop, draws)
    lifetime = (
        F.greatest("joined_day", F.lit(0))
        - F.log(draws.uniform("customer/left", "id")) * 30.0 / leaving
    ).cast("int")
    return (
        spark.range(shop.customers)
        .withColumn(
            "persona",
            draws.choice("customer/persona", [persona.share for persona in shop.personas], "id"),
        )
        .withColumns(
            {
                "customer_ref": F.format_string("C%06d", "id"),
                # A third were customers before the data begins; the others come evenly over its first nine tenths.
                "joined_day": F.floor(
                    draws.uniform("customer/joined", "id") * 1.35 * horizon - 0.45 * horizon
                ).cast("int"),
                "second_like": F.floor(
                    draws.uniform("customer/like2", "id") * len(shop.clusters)
                ).cast("int"),
                "collection": draws.uniform("customer/collection", "id") >= shop.no_collection,
                "marketing": draws.uniform("customer/marketing", "id") >= shop.no_marketing,
                "changed_day": changed_day,
                "later_persona": later_persona,
            }
        )
        .withColumn(
            "left_day", F.when(leaves, F.least(lifetime, "changed_day")).otherwise(lifetime)
        )
        .withColumns(_behaviour(shop, draws))
    )


def _behaviour(shop: Shop, draws: Draws) -> dict[str, Column]:
    """What a customer does, by the column `persona`.

    Each parameter is the persona's times a log-normal factor of the customer's own, so that personas overlap.
    """
    personas = shop.personas

    def own(name: str, values: list[float], *, limit: float | None = None) -> Column:
        varied = lookup(values, "persona") * F.exp(
            F.lit(shop.spread) * draws.normal(f"customer/{name}", "id")
        )
        return varied if limit is None else F.least(varied, F.lit(limit))

    likes = F.get(
        F.array(*(F.array(*(F.lit(like) for like in persona.likes)) for persona in personas)),
        F.col("persona"),
    )
    return {
        "sessions_per_month": own(
            "sessions", [persona.sessions_per_month for persona in personas], limit=28.0
        ),
        "views_per_session": F.greatest(
            own("views", [persona.views_per_session for persona in personas]), F.lit(1.0)
        ),
        "cart": own("cart", [persona.cart for persona in personas], limit=0.95),
        "conversion": own("conversion", [persona.conversion for persona in personas], limit=0.95),
        "items_per_order": F.greatest(
            own("items", [persona.items_per_order for persona in personas]), F.lit(1.0)
        ),
        "price_level": own("price", [persona.price_level for persona in personas]),
        "discount_love": own("discount", [persona.discount for persona in personas], limit=0.95),
        "click": own("click", [persona.click for persona in personas], limit=0.9),
        "uplift": lookup([persona.uplift for persona in personas], "persona"),
        "annoyed": lookup([persona.annoyed for persona in personas], "persona"),
        "first_like": F.get(
            likes, F.floor(draws.uniform("customer/like1", "id") * F.size(likes)).cast("int")
        ),
    }


def _change(shop: Shop, draws: Draws) -> tuple[Column, Column, Column]:
    """The day from which a customer is another, the persona they are then, and whether they leave instead; at most one change each."""
    day, later, leaves = F.lit(None).cast("int"), F.lit(None).cast("int"), F.lit(False)
    taken = dict.fromkeys((change.persona for change in shop.changes), 0.0)
    drawn, within = draws.uniform("customer/changes", "id"), draws.uniform("customer/changed", "id")
    for change in shop.changes:
        low, high = taken[change.persona], taken[change.persona] + change.share
        taken[change.persona] = high
        concerned = (
            (F.col("persona") == shop.place_of(change.persona)) & (drawn >= low) & (drawn < high)
        )
        day = F.when(
            concerned, (change.from_day + F.floor(within * change.over_days)).cast("int")
        ).otherwise(day)
        if change.becomes:
            later = F.when(concerned, F.lit(shop.place_of(change.becomes))).otherwise(later)
        else:
            leaves = leaves | concerned
    return day, later, leaves


def on_day(customers: DataFrame, shop: Shop, draws: Draws, *, day: Column) -> DataFrame:
    """Customers with the persona and parameters that they have on a day (since the shop's start)."""
    if not shop.changes:
        return customers
    changed = F.coalesce(day >= F.col("changed_day"), F.lit(False))
    return customers.withColumn(
        "persona",
        F.when(changed, F.coalesce("later_persona", "persona")).otherwise(F.col("persona")),
    ).withColumns(_behaviour(shop, draws))


def products(spark: SparkSession, shop: Shop, draws: Draws) -> DataFrame:
    """What the shop sells.

    Returns:
        number, product_ref, cluster (position), place (popularity within the cluster, from 0), members (products of the
        cluster), department, category, brand, title, description, price, cost, stock.
    """
    sizes = _sizes(shop)
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    cluster = F.lit(len(sizes) - 1)
    for place in reversed(range(len(sizes) - 1)):
        cluster = F.when(F.col("number") < starts[place + 1], place).otherwise(cluster)

    def text(item: Text) -> str:
        return item.zh if shop.language == "zh" else item.en

    def words(kind: str, options: list[list[str]], *ids: str) -> Column:
        mine = F.get(
            F.array(*(F.array(*(F.lit(word) for word in row)) for row in options)), F.col("cluster")
        )
        return F.get(
            mine,
            F.floor(draws.uniform(f"product/{kind}", "number", *ids) * F.size(mine)).cast("int"),
        )

    nouns = [[text(noun) for noun in item.nouns] for item in shop.clusters]
    vocabulary = [[text(word) for word in item.words] for item in shop.clusters]
    adjective = [pair[1] if shop.language == "zh" else pair[0] for pair in ADJECTIVES]
    joint = "" if shop.language == "zh" else " "
    said = [words(f"word{place}", vocabulary) for place in range(6)]
    low, high = [item.price[0] for item in shop.clusters], [item.price[1] for item in shop.clusters]
    price = lookup(low, "cluster") * F.pow(
        lookup(high, "cluster") / lookup(low, "cluster"), draws.uniform("product/price", "number")
    )
    return (
        spark.range(sum(sizes))
        .withColumnRenamed("id", "number")
        .withColumn("cluster", cluster)
        .withColumns(
            {
                "product_ref": F.format_string("P%05d", "number"),
                "place": (
                    F.col("number") - lookup([float(start) for start in starts], "cluster")
                ).cast("int"),
                "members": lookup([float(size) for size in sizes], "cluster").cast("int"),
                "department": lookup([text(item.department) for item in shop.clusters], "cluster"),
                "category": lookup([text(item.category) for item in shop.clusters], "cluster"),
                "brand": F.format_string(
                    "B%02d", F.floor(draws.uniform("product/brand", "number") * 12).cast("int")
                ),
                "title": F.concat_ws(
                    joint,
                    lookup(
                        adjective,
                        F.floor(draws.uniform("product/adjective", "number") * len(adjective)).cast(
                            "int"
                        ),
                    ),
                    said[0],
                    words("noun", nouns),
                ),
                "description": F.concat_ws(joint or " ", *said, words("noun2", nouns)),
                "price": F.round(price, 2).cast("decimal(18,2)"),
                "cost": F.round(
                    price * (0.5 + 0.2 * draws.uniform("product/cost", "number")), 2
                ).cast("decimal(18,2)"),
                "stock": F.floor(draws.uniform("product/stock", "number") * 500).cast("int"),
            }
        )
    )


def _sizes(shop: Shop) -> list[int]:
    total = sum(cluster.share for cluster in shop.clusters)
    return [max(2, round(shop.products * cluster.share / total)) for cluster in shop.clusters]


def product_reference(shop: Shop, cluster: Column, chance: Column) -> Column:
    """A product of a cluster, popular ones more often: log-uniform places are Zipf's law with exponent 1."""
    sizes = _sizes(shop)
    starts = [float(sum(sizes[:place])) for place in range(len(sizes))]
    size = lookup([float(value) for value in sizes], cluster)
    place = F.least(F.floor(F.exp(chance * F.log(size + 1))) - 1, size - 1)
    return F.format_string("P%05d", (lookup(starts, cluster) + place).cast("int"))


def person(draws: Draws, language: str) -> dict[str, Column]:
    """Name, phone, mail and address of a customer: invented."""
    side = 1 if language == "zh" else 0
    family = lookup(
        [pair[side] for pair in _FAMILY],
        F.floor(draws.uniform("customer/family", "id") * len(_FAMILY)).cast("int"),
    )
    given = lookup(
        [pair[side] for pair in _GIVEN],
        F.floor(draws.uniform("customer/given", "id") * len(_GIVEN)).cast("int"),
    )
    region = lookup(
        [pair[side] for pair in REGIONS],
        F.floor(draws.uniform("customer/region", "id") * len(REGIONS)).cast("int"),
    )
    return {
        "name": F.concat(family, given) if side else F.concat_ws(" ", given, family),
        "phone": F.format_string(
            "139%08d", F.pmod(F.xxhash64(F.lit(f"{draws.seed}/phone"), "id"), F.lit(10**8))
        ),
        "mail": F.format_string("user%06d@shop.example", "id"),
        "address": F.format_string("%d %s", (F.col("id") % 97 + 1), region),
        "region": region,
    }
