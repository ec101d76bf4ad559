"""What goes with what: association rules by FP-growth."""

from pyspark.ml.fpm import FPGrowth
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.customers.tags.settings import TagSettings


def association_rules(sets: DataFrame, *, settings: TagSettings) -> DataFrame:
    """Rules by which one item follows from others.

    support = share of sets that hold all items of the rule; confidence = of those that hold the antecedent, the share that
    hold the consequent; lift = confidence / share of sets that hold the consequent; leverage = support - what it would be
    if antecedent and consequent were independent, which tells chance apart where lift is large and support small.

    Args:
        sets: items (array of different texts).
        settings: how rare, weak, near to chance and long a rule may be, and how many are kept; by leverage, ties by rule.

    Returns:
        rule (text), antecedent (array), consequent, support, confidence, lift, leverage.
    """
    growth = FPGrowth(
        itemsCol="items", minSupport=settings.min_support, minConfidence=settings.min_confidence
    )
    found = growth.fit(sets).associationRules.where(
        (F.size("antecedent") <= settings.max_antecedent) & (F.col("lift") >= settings.min_lift)
    )
    antecedent = F.sort_array("antecedent")
    named = found.select(
        F.concat(F.array_join(antecedent, " & "), F.lit(" -> "), F.col("consequent")[0]).alias(
            "rule"
        ),
        antecedent.alias("antecedent"),
        F.col("consequent")[0].alias("consequent"),
        F.round("support", 9).alias("support"),
        F.round("confidence", 9).alias("confidence"),
        F.round("lift", 9).alias("lift"),
        F.round(F.col("support") * (1 - 1 / F.col("lift")), 9).alias("leverage"),
    )
    return named.orderBy(F.desc("leverage"), "rule").limit(settings.rules_kept)
