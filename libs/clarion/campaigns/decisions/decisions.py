"""From customers in context to decisions: eligibility with reasons, value, choice, holdout."""

from dataclasses import dataclass
from datetime import date

from pyspark.errors import AnalysisException
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.decisions.allocation import NOTHING, best
from clarion.campaigns.decisions.settings import Catalogue, Offer, StrategySettings
from clarion.kernel.errors import ConfigError, first_line
from clarion.measures.columns.buckets import MILLION, bucket, uniform

_ELIGIBLE = "array<struct<action:string,value:double,cost:double>>"
_SHOWN = "array<struct<product_id:string,reason:string>>"


@dataclass(frozen=True, slots=True)
class Draw:
    """How choices are randomised.

    Args:
        seed: names the draws; equal seeds draw alike.
        as_of: the day; each day draws anew, the holdout never changes.
        explore: share of customers whose action is drawn at random.
    """

    seed: int
    as_of: date
    explore: float

    @property
    def explores(self) -> Column:
        return uniform(f"explore/{self.seed}/{self.as_of}", "customer_id") < F.lit(self.explore)

    def pick(self, size: Column) -> Column:
        """A position from 0 to size - 1."""
        return F.floor(uniform(f"pick/{self.seed}/{self.as_of}", "customer_id") * size).cast("int")


def in_context(
    profiles: DataFrame,
    members: DataFrame,
    strategies: DataFrame,
    shown: tuple[DataFrame, ...],
    churn: DataFrame,
    consents: DataFrame,
    *,
    as_of: date,
) -> DataFrame:
    """Everything that conditions may speak of, one row per customer.

    Args:
        profiles: CUSTOMER_PROFILES of the day.
        members: of the day: customer_id, segment_id, came_from (group before, '(none)' for a newcomer; null for who stayed), tags.
        strategies: STRATEGIES of the day with z (map of feature to distance).
        shown: frames of customer_id and one array of products, named interests, neighbours, open_cart and alerted.
        churn: customer_id, churn_probability.
        consents: customer_id, basis, channels, of those who consent to marketing.
        as_of: the day.
    """
    frame = (
        profiles.drop("as_of", "interests")
        .join(members.select("customer_id", "segment_id", "came_from", "tags"), "customer_id")
        .join(strategies, "segment_id")
    )
    for products in shown:
        name = next(column for column in products.columns if column != "customer_id")
        frame = frame.join(products.withColumnRenamed(name, f"shown_{name}"), "customer_id", "left")
    known = frame.join(churn, "customer_id", "left").join(consents, "customer_id", "left")
    return known.withColumns(
        {
            **{
                f"shown_{name}": F.coalesce(f"shown_{name}", F.array().cast(_SHOWN))
                for name in ("interests", "neighbours", "open_cart", "alerted")
            },
            "open_cart": F.coalesce(F.size("shown_open_cart") > 0, F.lit(False)),
            "market_alert": F.coalesce(F.size("shown_alerted") > 0, F.lit(False)),
            "consent_basis": F.coalesce("basis", F.lit("none")),
            "month": F.lit(as_of.month),
            "day_of_month": F.lit(as_of.day),
        }
    )


def _shown(offer: Offer) -> Column:
    """Products for an offer: those it asks for, else those of interest, since a shop may have no product texts."""
    empty = F.array().cast(_SHOWN)
    if offer.products == "none":
        return empty
    if offer.products == "neighbours":
        return F.when(F.size("shown_neighbours") > 0, F.col("shown_neighbours")).otherwise(
            F.col("shown_interests")
        )
    return F.col(f"shown_{offer.products}")


def check_conditions(context: DataFrame, offers: Catalogue) -> None:
    """Every condition must be understood before any customer is looked at.

    Raises:
        ConfigError: a condition names something that the context does not have, or is no condition.
    """
    # On an empty frame of the context's shape: its own plan is long, and would be analysed once for each offer.
    empty = context.sparkSession.createDataFrame([], context.schema)
    for offer in offers.offers:
        try:
            found = (
                empty.select(F.expr(offer.when).alias("condition"))
                .schema["condition"]
                .dataType.simpleString()
            )
        except AnalysisException as error:
            reason = first_line(error)
            raise ConfigError(
                f"offer {offer.id}: 'when' is not understood: {offer.when}",
                found=reason,
                fix="see the list at the top of offers.yml",
            ) from error
        if found != "boolean":
            raise ConfigError(
                f"offer {offer.id}: 'when' is no condition: {offer.when}",
                found=found,
                fix="compare something",
            )


def with_candidates(
    context: DataFrame, offers: Catalogue, *, shop_order_value: Column
) -> DataFrame:
    """Each customer's eligible actions with value and cost, and every refusal with its reason.

    value = uplift x benefit^response x margin x order value - cost
    cost  = redemption x face value x benefit + contact cost

    Args:
        context: customers in context.
        offers: the catalogue.
        shop_order_value: mean order value of the shop, for customers without an order.

    Returns:
        The context with eligible (array of action, value, cost; "nothing" included) and refusals.
    """
    defaults = offers.defaults
    order_value = F.coalesce(
        F.col("average_order").cast("double"),
        shop_order_value,
        F.lit(defaults.fallback_order_value),
    )
    eligible, refusals = [], []
    for offer in offers.offers:
        reason = _refusal(offer)
        cost = F.lit(offer.redemption * offer.benefit) * F.col("benefit") + F.lit(
            offer.contact_cost
        )
        gain = (
            F.lit(offer.uplift.mean * defaults.margin)
            * F.pow("benefit", F.lit(defaults.benefit_response))
            * order_value
        )
        item = F.struct(
            F.lit(offer.id).alias("action"),
            F.round(gain - cost, 6).alias("value"),
            F.round(cost, 4).alias("cost"),
        )
        eligible.append(F.when(reason.isNull(), item))
        refusals.append(
            F.when(
                reason.isNotNull(),
                F.struct(F.lit(offer.id).alias("action"), reason.alias("reason")),
            )
        )
    nothing = F.struct(
        F.lit(NOTHING).alias("action"), F.lit(0.0).alias("value"), F.lit(0.0).alias("cost")
    )
    return context.withColumns(
        {
            "eligible": F.array_compact(F.array(nothing, *eligible)).cast(_ELIGIBLE),
            "refusals": F.array_compact(F.array(*refusals)),
        }
    )


def _refusal(offer: Offer) -> Column:
    """Why an offer is not possible for a customer; null where it is."""
    allowed = F.array_contains("channels", "*") | F.array_contains("channels", offer.channel)
    reason = F.when(F.col("consent_basis") == "none", "no consent to marketing").when(
        ~allowed, f"no consent to channel {offer.channel}"
    )
    reason = reason.when(~F.coalesce(F.expr(offer.when), F.lit(False)), f"not met: {offer.when}")
    return (
        reason
        if offer.products == "none"
        else reason.when(F.size(_shown(offer)) == 0, f"no products to show ({offer.products})")
    )


def explore_rate(customers: DataFrame, settings: StrategySettings) -> float:
    """The share of customers that may be drawn at random, so that random draws cost at most their part of the budget."""
    mean = F.aggregate("eligible", F.lit(0.0), lambda total, item: total + item["cost"]) / F.size(
        "eligible"
    )
    held_out = F.col("bucket") < int(settings.holdout * MILLION)
    row = customers.where(~held_out).agg(F.sum(mean)).first()
    everyone = float(row[0] or 0.0) if row else 0.0
    if everyone == 0.0:
        return settings.explore
    return min(settings.explore, settings.explore_budget_share * settings.budget / everyone)


def with_holdout(candidates: DataFrame, settings: StrategySettings) -> DataFrame:
    """The customers with their lasting position; the first ones get nothing, ever."""
    held_out = F.col("bucket") < int(settings.holdout * MILLION)
    return candidates.withColumn("bucket", bucket("holdout", "customer_id")).withColumn(
        "is_holdout", held_out
    )


def explored(customers: DataFrame, draw: Draw) -> DataFrame:
    """The customers with `explored` and, for those, the action that was drawn."""
    drawn = F.get("eligible", draw.pick(F.size("eligible")))
    explores = draw.explores & ~F.col("is_holdout")
    return customers.withColumns({"explored": explores, "drawn": F.when(explores, drawn)})


def decided(
    customers: DataFrame, offers: Catalogue, draw: Draw, *, shadow_price: float, run_key: str
) -> DataFrame:
    """One decision per customer.

    A customer outside the holdout draws uniformly among eligible actions with probability `explore`, and takes the best
    action under the shadow price otherwise; the stored chance of an action sums both ways to it.

    Args:
        customers: with eligible, refusals, bucket, is_holdout, explored, drawn.
        offers: the catalogue.
        draw: how choices are randomised.
        shadow_price: multiplier of the allocation.
        run_key: the run that owns the rows.

    Returns:
        DECISIONS.
    """
    greedy = best(F.col("eligible"), F.lit(shadow_price))
    nothing = F.get("eligible", F.lit(0))
    taken = F.when(F.col("is_holdout"), nothing).when(F.col("explored"), F.col("drawn")).otherwise(
        F.struct(F.col("greedy.action").alias("action"), F.col("greedy.value").alias("value"), F.col("greedy.cost").alias("cost"))
    )  # fmt: skip
    each = F.lit(draw.explore) / F.size("eligible")

    def chance(item: Column) -> Column:
        by_draw = each + F.when(
            item["action"] == F.col("greedy.action"), F.lit(1.0 - draw.explore)
        ).otherwise(F.lit(0.0))
        held = F.when(item["action"] == NOTHING, F.lit(1.0)).otherwise(F.lit(0.0))
        return F.round(F.when(F.col("is_holdout"), held).otherwise(by_draw), 9)

    chances = F.transform(
        "eligible",
        lambda item: F.struct(item["action"].alias("action"), chance(item).alias("probability")),
    )
    possible = F.filter(chances, lambda item: item["probability"] > 0)
    mine = F.filter(possible, lambda item: item["action"] == F.col("taken.action"))
    by_offer = {offer.id: offer for offer in offers.offers}
    shown = _of_offer(
        {name: _shown(offer) for name, offer in by_offer.items()}, F.array().cast(_SHOWN)
    )
    trigger = _of_offer(
        {name: F.lit(offer.trigger) for name, offer in by_offer.items() if offer.trigger},
        F.lit(None).cast("string"),
    )
    channel = _of_offer(
        {name: F.lit(offer.channel) for name, offer in by_offer.items()}, F.lit(None).cast("string")
    )
    as_of = F.lit(draw.as_of)
    return (
        customers.withColumn("greedy", greedy)
        .withColumn("taken", taken)
        .withColumns(
            {"chances": possible, "mine": F.get(mine, F.lit(0))["probability"], "shown": shown}
        )
        .select(
            F.sha2(
                F.to_json(F.struct(as_of.alias("as_of"), "customer_id", "strategy_id", "version")),
                256,
            ).alias("decision_id"),
            as_of.alias("as_of"),
            F.lit(run_key).alias("run_key"),
            "customer_id",
            "segment_id",
            "life_cycle",
            "strategy_id",
            F.col("version").alias("strategy_version"),
            "bucket",
            "is_holdout",
            F.col("chances").alias("eligible_actions"),
            F.col("taken.action").alias("action"),
            F.col("mine").alias("action_probability"),
            F.col("explored").alias("explored"),
            "refusals",
            F.col("shown.product_id").alias("products"),
            F.col("shown.reason").alias("product_reasons"),
            trigger.alias("trigger"),
            F.col("taken.value").alias("expected_value"),
            F.col("taken.cost").cast("decimal(18,4)").alias("expected_cost"),
            "consent_basis",
            channel.alias("channel"),
            "churn_probability",
        )
    )


def _of_offer(values: dict[str, Column], otherwise: Column) -> Column:
    """The value that belongs to the action taken."""
    picked = otherwise
    for name, value in values.items():
        picked = F.when(F.col("taken.action") == name, value).otherwise(picked)
    return picked


def campaigns(
    decisions: DataFrame, offers: Catalogue, *, as_of: date, window_days: int
) -> DataFrame:
    """What was planned, by strategy and offer.

    Args:
        decisions: DECISIONS of the day.
        offers: the catalogue.
        as_of: first day of the campaigns.
        window_days: how long they run.

    Returns:
        CAMPAIGNS.
    """
    names = [
        (offer.id, offer.name.en, offer.name.zh, offer.channel, offer.public_rule)
        for offer in offers.offers
    ]
    catalogue = decisions.sparkSession.createDataFrame(
        names,
        "offer_id string, offer_name_en string, offer_name_zh string, channel string, public_rule string",
    )
    keys = ("strategy_id", "strategy_version", "offer_id")
    possible = (
        decisions.select(
            "strategy_id",
            "strategy_version",
            "is_holdout",
            F.explode("eligible_actions.action").alias("offer_id"),
        )
        .groupBy(*keys)
        .agg(F.count("*").alias("eligible"))
    )
    reached = (
        decisions.withColumnRenamed("action", "offer_id")
        .groupBy(*keys)
        .agg(
            F.count("*").alias("reach"),
            F.sum("expected_cost").cast("decimal(18,4)").alias("expected_cost"),
            F.round(F.sum("expected_value"), 6).alias("expected_value"),
        )
    )
    day = F.lit(as_of)
    return (
        reached.join(possible, list(keys))
        .join(F.broadcast(catalogue), "offer_id")
        .select(
            day.alias("as_of"),
            F.format_string("%s/%s/%s", day.cast("string"), "strategy_id", "offer_id").alias("campaign_id"),
            *keys, "offer_name_en", "offer_name_zh", "channel", "public_rule",
            day.alias("starts_on"),
            F.date_add(day, window_days).alias("ends_on"),
            "eligible", "reach", "expected_cost", "expected_value",
        )
    )  # fmt: skip
