"""The customers of a simulated shop, each derived from its number alone."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim.draws import Draws, lookup
from clarion.sim.shop import Shop

_FAMILY_NAMES = (
    ("Miller", "王"),
    ("Smith", "李"),
    ("Garcia", "张"),
    ("Novak", "刘"),
    ("Tanaka", "陈"),
    ("Rossi", "杨"),
    ("Silva", "赵"),
    ("Kim", "黄"),
)
_GIVEN_NAMES = (
    ("Anna", "伟"),
    ("Ben", "芳"),
    ("Carla", "娜"),
    ("David", "敏"),
    ("Eva", "静"),
    ("Felix", "磊"),
    ("Grace", "强"),
    ("Hugo", "洋"),
)
_REGIONS = (("North", "华北"), ("East", "华东"), ("South", "华南"), ("West", "西南"))


def customers(spark: SparkSession, shop: Shop, draws: Draws) -> DataFrame:
    """Everyone who will ever be a customer, as they are before anything changes.

    Args:
        spark: the session.
        shop: the shop.
        draws: the shop's random draws.

    Returns:
        One row per customer: id, customer_ref, persona (index), joined_day and left_day (days
        since the shop's start; joined_day may be negative), changed_day and later_persona (null
        where nothing changes), second_like, collection, marketing (consents), and the columns of
        `_persona_columns`.
    """
    change = _change(shop, draws)
    # A third were customers before the data begins; the rest join evenly over its first 90 %.
    joined = draws.uniform("customer/joined", "id") * 1.35 * shop.history_days
    return (
        spark.range(shop.customers)
        .withColumn(
            "persona",
            draws.choice("customer/persona", [persona.share for persona in shop.personas], "id"),
        )
        .withColumns(
            {
                "customer_ref": F.format_string("C%06d", "id"),
                "joined_day": F.floor(joined - 0.45 * shop.history_days).cast("int"),
                "second_like": draws.index("customer/like2", len(shop.clusters), "id"),
                "collection": draws.uniform("customer/collection", "id") >= shop.no_collection,
                "marketing": draws.uniform("customer/marketing", "id") >= shop.no_marketing,
                "changed_day": change.day,
                "later_persona": change.later_persona,
            }
        )
        .withColumn("left_day", _left_day(shop, draws, change))
        .withColumns(_persona_columns(shop, draws))
    )


def customers_on_day(customers: DataFrame, shop: Shop, draws: Draws, *, day: Column) -> DataFrame:
    """Customers with the persona and the parameters that they have on a day.

    Args:
        customers: the frame of `customers`.
        shop: the shop.
        draws: the shop's random draws.
        day: days since the shop's start.
    """
    if not shop.changes:
        return customers
    has_changed = F.coalesce(day >= F.col("changed_day"), F.lit(False))
    persona = F.when(has_changed, F.coalesce("later_persona", "persona")).otherwise(
        F.col("persona")
    )
    return customers.withColumn("persona", persona).withColumns(_persona_columns(shop, draws))


def personal_details(draws: Draws, language: str) -> dict[str, Column]:
    """Invented name, phone, mail, address and region of a customer."""
    side = 1 if language == "zh" else 0

    def random_item(name: str, pairs: tuple[tuple[str, str], ...]) -> Column:
        index = draws.index(f"customer/{name}", len(pairs), "id")
        return lookup([pair[side] for pair in pairs], index)

    family = random_item("family", _FAMILY_NAMES)
    given = random_item("given", _GIVEN_NAMES)
    region = random_item("region", _REGIONS)
    phone = F.pmod(F.xxhash64(F.lit(f"{draws.seed}/phone"), "id"), F.lit(10**8))
    return {
        "name": F.concat(family, given) if side else F.concat_ws(" ", given, family),
        "phone": F.format_string("139%08d", phone),
        "mail": F.format_string("user%06d@shop.example", "id"),
        "address": F.format_string("%d %s", (F.col("id") % 97 + 1), region),
        "region": region,
    }


def _persona_columns(shop: Shop, draws: Draws) -> dict[str, Column]:
    """What a customer does, by the column `persona`.

    Each parameter is the persona's, times a log-normal factor of the customer's own. So personas
    overlap.
    """
    personas = shop.personas

    def varied(name: str, values: list[float], *, limit: float | None = None) -> Column:
        factor = F.exp(F.lit(shop.spread) * draws.normal(f"customer/{name}", "id"))
        value = lookup(values, "persona") * factor
        return value if limit is None else F.least(value, F.lit(limit))

    sessions = varied("sessions", [persona.sessions_per_month for persona in personas], limit=28.0)
    views = varied("views", [persona.views_per_session for persona in personas])
    items = varied("items", [persona.items_per_order for persona in personas])
    liked_clusters = (F.array(*(F.lit(like) for like in persona.likes)) for persona in personas)
    likes = F.get(F.array(*liked_clusters), F.col("persona"))
    return {
        "sessions_per_month": sessions,
        "views_per_session": F.greatest(views, F.lit(1.0)),
        "cart": varied("cart", [persona.cart for persona in personas], limit=0.95),
        "conversion": varied(
            "conversion", [persona.conversion for persona in personas], limit=0.95
        ),
        "items_per_order": F.greatest(items, F.lit(1.0)),
        "price_level": varied("price", [persona.price_level for persona in personas]),
        "discount_love": varied("discount", [persona.discount for persona in personas], limit=0.95),
        "click": varied("click", [persona.click for persona in personas], limit=0.9),
        "uplift": lookup([persona.uplift for persona in personas], "persona"),
        "annoyed": lookup([persona.annoyed for persona in personas], "persona"),
        "first_like": F.get(likes, draws.index("customer/like1", F.size(likes), "id")),
    }


@dataclass(frozen=True, slots=True)
class _Change:
    """How a customer changes; at most once.

    Args:
        day: the day of the change; null where nothing changes.
        later_persona: index of the persona afterwards; null where it stays.
        leaves: whether the customer leaves instead.
    """

    day: Column
    later_persona: Column
    leaves: Column


def _change(shop: Shop, draws: Draws) -> _Change:
    day = F.lit(None).cast("int")
    later_persona = F.lit(None).cast("int")
    leaves = F.lit(False)
    drawn = draws.uniform("customer/changes", "id")
    day_within = draws.uniform("customer/changed", "id")
    assigned_share = dict.fromkeys((change.persona for change in shop.changes), 0.0)
    for change in shop.changes:
        low = assigned_share[change.persona]
        high = low + change.share
        assigned_share[change.persona] = high
        is_of_persona = F.col("persona") == shop.persona_index(change.persona)
        applies = is_of_persona & (drawn >= low) & (drawn < high)
        change_day = (change.from_day + F.floor(day_within * change.over_days)).cast("int")
        day = F.when(applies, change_day).otherwise(day)
        if change.becomes:
            becomes = F.lit(shop.persona_index(change.becomes))
            later_persona = F.when(applies, becomes).otherwise(later_persona)
        else:
            leaves = leaves | applies
    return _Change(day, later_persona, leaves)


def _left_day(shop: Shop, draws: Draws, change: _Change) -> Column:
    """The day on which a customer leaves: after an exponential lifetime, or by a change."""
    rates = lookup([max(persona.leaving_per_month, 1e-6) for persona in shop.personas], "persona")
    lifetime = F.log(draws.uniform("customer/left", "id")) * 30.0 / rates
    left_day = (F.greatest("joined_day", F.lit(0)) - lifetime).cast("int")
    return F.when(change.leaves, F.least(left_day, "changed_day")).otherwise(left_day)
