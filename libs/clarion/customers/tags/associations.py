"""Association rules by FP-growth: items that occur together more often than by chance."""

from pyspark.ml.fpm import FPGrowth
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.customers.tags.settings import TagSettings


def association_rules(sets: DataFrame, *, settings: TagSettings) -> DataFrame:
    """Rules by which one item follows from others.

    support = share of sets that hold all items of the rule. confidence = of the sets that hold the
    antecedent, the share that hold the consequent. lift = confidence / share of sets that hold the
    consequent. leverage = support - the support that independence would give; it tells chance
    apart where lift is large and support small.

    Args:
        sets: items (array of different texts).
        settings: least support, confidence and lift, longest antecedent, and number of rules. The
            rules with the largest leverage stay; ties go by rule.

    Returns:
        rule (text), antecedent (array), consequent, support, confidence, lift, leverage.
    """
    growth = FPGrowth(
        itemsCol="items", minSupport=settings.min_support, minConfidence=settings.min_confidence
    )
    candidates = growth.fit(sets).associationRules.where(
        (F.size("antecedent") <= settings.max_antecedent) & (F.col("lift") >= settings.min_lift)
    )
    antecedent = F.sort_array("antecedent")
    consequent = F.col("consequent")[0]
    leverage = F.col("support") * (1 - 1 / F.col("lift"))
    rules = candidates.select(
        F.concat(F.array_join(antecedent, " & "), F.lit(" -> "), consequent).alias("rule"),
        antecedent.alias("antecedent"),
        consequent.alias("consequent"),
        F.round("support", 9).alias("support"),
        F.round("confidence", 9).alias("confidence"),
        F.round("lift", 9).alias("lift"),
        F.round(leverage, 9).alias("leverage"),
    )
    return rules.orderBy(F.desc("leverage"), "rule").limit(settings.rules_kept)
