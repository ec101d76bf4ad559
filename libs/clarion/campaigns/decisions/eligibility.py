"""Which offers are possible for a customer, with value and cost, and why the others are not."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.allocation import nothing_candidate
from clarion.campaigns.decisions.products import products_to_show
from clarion.campaigns.decisions.settings import Catalogue, Defaults, Offer
from clarion.measures.columns.consents import consents_to_channel
from clarion.measures.columns.expressions import user_column

_ACTIONS = "array<struct<action:string,value:double,cost:double>>"


def with_candidates(
    context: DataFrame, offers: Catalogue, *, shop_order_value: Column
) -> DataFrame:
    """Each customer's eligible actions with value and cost, and every refusal with its reason.

    value = uplift x benefit^response x margin x order value - cost
    cost  = redemption x face value x benefit + contact cost

    Args:
        context: decision_context.
        offers: the catalogue.
        shop_order_value: mean order value of the shop, for customers without an order.

    Returns:
        The context with eligible (array of action, value, cost; "nothing" included) and refusals.
    """
    order_value = F.coalesce(
        F.col("average_order").cast("double"),
        shop_order_value,
        F.lit(offers.defaults.fallback_order_value),
    )
    eligible = []
    refusals = []
    for offer in offers.offers:
        reason = _refusal_reason(offer)
        action = F.lit(offer.id).alias("action")
        candidate = _candidate(offer, offers.defaults, order_value)
        eligible.append(F.when(reason.isNull(), candidate))
        refusals.append(F.when(reason.isNotNull(), F.struct(action, reason.alias("reason"))))
    return context.withColumns(
        {
            "eligible": F.array_compact(F.array(nothing_candidate(), *eligible)).cast(_ACTIONS),
            "refusals": F.array_compact(F.array(*refusals)),
        }
    )


def _candidate(offer: Offer, defaults: Defaults, order_value: Column) -> Column:
    """An offer as struct(action, value, cost)."""
    benefit_cost = F.lit(offer.redemption * offer.benefit) * F.col("benefit")
    cost = benefit_cost + F.lit(offer.contact_cost)
    response = F.pow("benefit", F.lit(defaults.benefit_response))
    gain = F.lit(offer.uplift.mean * defaults.margin) * response * order_value
    return F.struct(
        F.lit(offer.id).alias("action"),
        F.round(gain - cost, 6).alias("value"),
        F.round(cost, 4).alias("cost"),
    )


def _refusal_reason(offer: Offer) -> Column:
    """Why an offer is not possible for a customer; null where it is possible."""
    has_channel = consents_to_channel(F.lit(offer.channel))
    is_met = F.coalesce(user_column(offer.when), F.lit(False))
    reason = (
        F.when(F.col("consent_basis") == "none", "no consent to marketing")
        .when(~has_channel, f"no consent to channel {offer.channel}")
        .when(~is_met, f"not met: {offer.when}")
    )
    if offer.products == "none":
        return reason
    has_no_products = F.size(products_to_show(offer)) == 0
    return reason.when(has_no_products, f"no products to show ({offer.products})")
