"""Decisions about customers who consent to marketing and refuse analytics: nothing, with reason."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.allocation import NO_LIMIT, nothing_candidate
from clarion.campaigns.decisions.decisions import Draw, decide, with_exploration, with_holdout
from clarion.campaigns.decisions.products import PRODUCT_SOURCES, SHOWN_PRODUCTS
from clarion.campaigns.decisions.settings import Catalogue, StrategySettings
from clarion.measures.columns.flows import NOWHERE

REASON = "no consent to analytics"


def unprofiled_decisions(
    customers: DataFrame, offers: Catalogue, settings: StrategySettings, *, draw: Draw, run_key: str
) -> DataFrame:
    """A decision for each customer who may be addressed but must not be profiled.

    Every offer rests on a profile, so that none is possible; the reason is recorded.

    Args:
        customers: customer_id and basis, of those who consent to marketing and not to analytics.
        offers: the catalogue.
        settings: share of the holdout.
        draw: how choices are randomised.
        run_key: the run that owns the rows.

    Returns:
        DECISIONS: no group, no strategy (version 0), action "nothing".
    """
    refusals = [
        F.struct(F.lit(offer.id).alias("action"), F.lit(REASON).alias("reason"))
        for offer in offers.offers
    ]
    no_products = F.array().cast(SHOWN_PRODUCTS)
    candidates = customers.select(
        "customer_id",
        *(F.lit(NOWHERE).alias(name) for name in ("segment_id", "life_cycle", "strategy_id")),
        F.lit(0).alias("version"),
        F.array(nothing_candidate()).alias("eligible"),
        F.array(*refusals).alias("refusals"),
        F.col("basis").alias("consent_basis"),
        F.lit(None).cast("double").alias("churn_probability"),
        *(no_products.alias(f"shown_{source}") for source in PRODUCT_SOURCES),
    )
    drawn = with_exploration(with_holdout(candidates, settings), draw)
    return decide(drawn, offers, draw, allocation=NO_LIMIT, run_key=run_key)
