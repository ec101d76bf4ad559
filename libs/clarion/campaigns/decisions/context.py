"""What the conditions of offers may use: one row per customer with everything known of the day."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.products import PRODUCT_SOURCES, SHOWN_PRODUCTS
from clarion.campaigns.decisions.settings import Catalogue
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """The frames that make up the context of a day.

    Args:
        profiles: CUSTOMER_PROFILES of the day.
        members: customer_id, segment_id, tags and came_from: the group before, '(none)' for a
            newcomer, null for a customer who stayed.
        strategies: STRATEGIES of the day with z (map of feature to distance).
        products: frames of customer_id and one array of products, named as PRODUCT_SOURCES.
        churn: customer_id, churn_probability.
        consents: customer_id, basis, channels, of those who consent to marketing.
    """

    profiles: DataFrame
    members: DataFrame
    strategies: DataFrame
    products: tuple[DataFrame, ...]
    churn: DataFrame
    consents: DataFrame


def decision_context(facts: CustomerFacts, *, as_of: date) -> DataFrame:
    """Everything that conditions may use, one row per customer.

    Args:
        facts: of the day.
        as_of: the day.
    """
    context = (
        facts.profiles.drop("as_of", "interests")
        .join(facts.members.select("customer_id", "segment_id", "came_from", "tags"), "customer_id")
        .join(facts.strategies, "segment_id")
    )
    for products in facts.products:
        source = next(column for column in products.columns if column != "customer_id")
        renamed = products.withColumnRenamed(source, f"shown_{source}")
        context = context.join(renamed, "customer_id", "left")
    context = context.join(facts.churn, "customer_id", "left")
    context = context.join(facts.consents, "customer_id", "left")
    no_products = F.array().cast(SHOWN_PRODUCTS)
    products_to_show = {
        f"shown_{source}": F.coalesce(f"shown_{source}", no_products) for source in PRODUCT_SOURCES
    }
    return context.withColumns(
        {
            **products_to_show,
            "open_cart": F.coalesce(F.size("shown_open_cart") > 0, F.lit(False)),
            "market_alert": F.coalesce(F.size("shown_alerted") > 0, F.lit(False)),
            "consent_basis": F.coalesce("basis", F.lit("none")),
            "month": F.lit(as_of.month),
            "day_of_month": F.lit(as_of.day),
        }
    )


def check_conditions(context: DataFrame, offers: Catalogue) -> None:
    """Analyse every condition on the context's columns, before any customer is read.

    Raises:
        ConfigError: a condition names something that the context lacks, or is not a condition.
    """
    conditions = [
        UserSql(
            where=f"offer {offer.id}: 'when'",
            text=offer.when,
            result=CONDITION,
            hint="see the list at the top of offers.yml",
        )
        for offer in offers.offers
    ]
    check_user_sql(context, conditions)
