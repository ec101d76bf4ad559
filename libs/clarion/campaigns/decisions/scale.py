"""Benefits, budget and targets in the scale of a shop: by what its orders are usually worth."""

import math
from dataclasses import dataclass

from clarion.campaigns.decisions.settings import Catalogue, Offer

FACES = (
    1.0,
    2.0,
    3.0,
    4.0,
    5.0,
    6.0,
    8.0,
    10.0,
)  # face values that people are used to, times powers of ten
BUDGET_SHARE = 0.02  # of the revenue of four weeks
_HIGHER = 1.05  # a target is five per cent above what was measured
_CLICK_RATE, _CONVERSION = 0.04, 0.08  # of messages that nobody has measured yet: conf/margins.yml


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a shop's orders were in its last four weeks.

    Args:
        order_value: mean value of an order, in the shop's currency.
        revenue: value of all orders.
        buyers: customers with an order.
        repeat_buyers: of those, customers with two orders or more.
    """

    order_value: float
    revenue: float
    buyers: int
    repeat_buyers: int


def face_value(amount: float) -> float:
    """The face value that is nearest to an amount, by ratio; 0 for 0.

    Example:
        `face_value(0.46)` is 0.5, `face_value(37)` is 40.0, `face_value(112)` is 100.0.
    """
    if amount <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(amount))
    nearest = min(FACES, key=lambda face: abs(math.log(amount / (face * power))))
    return round(nearest * power, 10)


def in_scale(catalogue: Catalogue, order_value: float | None) -> Catalogue:
    """The catalogue with benefits and message costs for a shop's usual order value.

    The catalogue states for which order value its amounts are meant (`fallback_order_value`).
    Benefits become face values. `{benefit}` and `{basket}` in a public rule become the benefit and
    a basket of a quarter more than the usual order.

    Args:
        catalogue: the offers as they are declared.
        order_value: what an order of the shop is usually worth; None leaves the amounts.
    """
    declared = catalogue.defaults.fallback_order_value
    value = declared if order_value is None else order_value
    ratio = value / declared

    def scaled(offer: Offer) -> Offer:
        benefit = offer.benefit if order_value is None else face_value(offer.benefit * ratio)
        amounts = {"{benefit}": f"{benefit:g}", "{basket}": f"{face_value(1.25 * value):g}"}
        rule = offer.public_rule
        for name, amount in amounts.items():
            rule = rule.replace(name, amount)
        return offer.model_copy(
            update={
                "benefit": benefit,
                "contact_cost": offer.contact_cost * ratio,
                "public_rule": rule,
            }
        )

    return catalogue.model_copy(
        update={
            "defaults": catalogue.defaults.model_copy(update={"fallback_order_value": value}),
            "offers": tuple(scaled(offer) for offer in catalogue.offers),
        }
    )


def settings_of(baseline: Baseline) -> dict[str, float]:
    """Order value, budget and targets of a shop, by setting.

    The budget is two per cent of the revenue of four weeks. Revenue per buyer and repurchase are to
    be five per cent above what was measured; clicks and conversion are those of real shops.
    """
    buyers = max(baseline.buyers, 1)
    return {
        "shop.order_value": _rounded(baseline.order_value),
        "strategy.budget": _rounded(BUDGET_SHARE * baseline.revenue),
        "strategy.target_ctr": _CLICK_RATE,
        "strategy.target_cr": _CONVERSION,
        "strategy.target_apu": _rounded(_HIGHER * baseline.revenue / buyers),
        "strategy.target_rpr": round(_HIGHER * baseline.repeat_buyers / buyers, 3),
    }


def _rounded(amount: float) -> float:
    """An amount with three digits that count."""
    if amount <= 0:
        return 0.0
    return round(amount, 2 - math.floor(math.log10(amount)))
