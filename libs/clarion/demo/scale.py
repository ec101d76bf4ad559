"""Settings in the scale of a simulated shop."""

from typing import Any

from clarion.campaigns.decisions.scale import Baseline, settings_of
from clarion.config import Config
from clarion.sim import margins
from clarion.sim.course import build_world
from clarion.sim.shop import Shop


def measured_settings(config: Config, shop: Shop) -> dict[str, float]:
    """Order value, budget and targets by what the shop sold in the four weeks before.

    A thousand customers stand for all.

    Returns:
        Values by setting; `section__key` names section.key.
    """
    few = shop.model_copy(update={"customers": min(shop.customers, 1000)})
    world = build_world(few, seed=int(config.get("seed")))
    orders = margins.recent_orders(world, last=shop.history_days)
    scale = shop.customers / few.customers
    per_buyer = orders.groupby("buyer").size()
    settings = settings_of(
        Baseline(
            order_value=float(orders["amount"].mean()),
            revenue=scale * float(orders["amount"].sum()),
            buyers=round(scale * len(per_buyer)),
            repeat_buyers=round(scale * int((per_buyer >= 2).sum())),
        )
    )
    return {key.replace(".", "__"): value for key, value in settings.items()}


def demo_defaults(config: Config) -> dict[str, Any]:
    """What the demo sets, unless a flag says otherwise.

    Returns:
        Values by setting; `section__key` names section.key.
    """
    return {
        "predict__horizon_days": 28,
        # Of few customers the larger models learn no more, and each takes seconds. So do
        # interests on past days, from which the favourite brand is known.
        "predict__models": {"event": ["logistic"], "amount": ["linear"]},
        "predict__labels": {
            name: label
            for name, label in config.get("predict.labels").items()
            if "brand" not in label["outcome"]
        },
        "strategy__holdout": 0.2,
        "listing_matches__chinese": "bigrams",  # a dictionary of words takes seconds to load
    }
