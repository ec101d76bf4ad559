"""The commonest paths of sessions, and the drop-off by step."""

from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.customers.paths.settings import PathSettings

OTHER = "other"
ALL_CHANNELS = "all"
NO_CHANNEL = "(none)"
SEPARATOR = " > "
# Each step with the one that follows it, in the order of the funnel.
FUNNEL = (
    ("view", "cart_add"),
    ("cart_add", "checkout"),
    ("checkout", "order"),
    ("payment_failed", "order"),
    ("payment_given_up", "order"),
    ("order", None),
)
_SESSION = ("visitor", "_source", "session_ref", "session_no")


def sessions(events: DataFrame, order_lines: DataFrame, *, settings: PathSettings) -> DataFrame:
    """One row per session: what the client names one, or events without a longer gap.

    A session is of one device, or of one customer where no device is known. An order belongs to
    the customer's last session that began before it, unless that ended a gap before it.

    Args:
        events: EVENTS. Events with neither a device nor a customer do not count.
        order_lines: ORDER_LINES; sales count.
        settings: gap between sessions.

    Returns:
        visitor, _source, session_ref and session_no (which name it), channel (of its first event
        that states one), steps (types in the order of time, equal neighbours once).
    """
    steps = _numbered(events, gap_seconds=settings.gap_minutes * 60)
    all_steps = steps.unionByName(
        _orders(steps, order_lines, gap_seconds=settings.gap_minutes * 60)
    )
    place = F.struct("happened_at", "is_order", "sequence_no", "event_ref", "type")
    channel = F.min_by("channel", F.when(F.col("channel").isNotNull(), place))
    in_order = F.transform(F.sort_array(F.collect_list(place)), lambda step: step["type"])
    return (
        all_steps.groupBy(*_SESSION)
        .agg(channel.alias("channel"), in_order.alias("steps"))
        .withColumns(
            {
                "channel": F.coalesce("channel", F.lit(NO_CHANNEL)),
                "steps": _without_repeats(F.col("steps")),
            }
        )
    )


def common_paths(sessions: DataFrame, *, as_of: date, settings: PathSettings) -> DataFrame:
    """The commonest paths, and all others as one row.

    Of paths with as many sessions the first in the alphabet is the commoner one.

    Args:
        sessions: as `sessions` returns them.
        as_of: first day that does not count.
        settings: longest path, and how many are kept.

    Returns:
        PATHS; no row without a session.
    """
    path = F.array_join(F.slice("steps", 1, settings.max_steps), SEPARATOR)
    is_cut = F.size("steps") > settings.max_steps
    counted = (
        sessions.select(path.alias("path"), is_cut.alias("is_cut"))
        .groupBy("path")
        .agg(F.count("*").alias("sessions"), F.count_if("is_cut").alias("cut_sessions"))
        .select(F.lit(as_of).alias("as_of"), "*")
    )
    by_sessions = Window.partitionBy("as_of").orderBy(F.desc("sessions"), "path")
    place = F.least(F.row_number().over(by_sessions), F.lit(settings.paths_kept + 1))
    is_kept = F.col("rank") <= settings.paths_kept
    return (
        counted.withColumn("rank", place)
        .withColumn("path", F.when(is_kept, F.col("path")).otherwise(OTHER))
        .groupBy("as_of", "rank", "path")
        .agg(F.sum("sessions").alias("sessions"), F.sum("cut_sessions").alias("cut_sessions"))
        .withColumn("_all", F.sum("sessions").over(Window.partitionBy("as_of")))
        .select(
            "as_of",
            "rank",
            "path",
            "sessions",
            (F.col("sessions") / F.col("_all")).alias("share"),
            "cut_sessions",
        )
    )


def path_steps(sessions: DataFrame, *, as_of: date) -> DataFrame:
    """How many sessions reached each step of the funnel, and the share that went no further.

    A session reaches a step that it does after the step before. A payment can fail, or be given up,
    from the first product in the cart on: some shops report a checkout when it is complete. A
    session that checked out and has an order reaches the order, whatever their clocks say.

    Args:
        sessions: as `sessions` returns them.
        as_of: first day that does not count.

    Returns:
        PATH_STEPS, of all sessions and by channel; no row without a session.
    """
    reached = (
        sessions.withColumn("_view", _after(F.col("steps"), "view"))
        .withColumn("_cart_add", _after(F.col("_view"), "cart_add"))
        .withColumn("_checkout", _after(F.col("_cart_add"), "checkout"))
    )
    has_order = F.array_contains("steps", "order")
    is_reached = {
        "view": F.col("_view").isNotNull(),
        "cart_add": F.col("_cart_add").isNotNull(),
        "checkout": F.col("_checkout").isNotNull(),
        "payment_failed": _after(F.col("_cart_add"), "payment_failed").isNotNull(),
        "payment_given_up": _after(F.col("_cart_add"), "payment_given_up").isNotNull(),
        "order": F.col("_checkout").isNotNull() & has_order,
    }
    rows = [
        F.struct(
            F.lit(number).alias("step_no"),
            F.lit(step).alias("step"),
            F.lit(following).cast("string").alias("next_step"),
            is_reached[step].alias("is_reached"),
            _goes_on(following, is_reached, step=step, has_order=has_order).alias("goes_on"),
        )
        for number, (step, following) in enumerate(FUNNEL, 1)
    ]
    goes_on = F.sum(F.col("goes_on").cast("bigint"))
    drop_off = 1 - F.try_divide(F.col("continued"), F.col("sessions"))
    return (
        reached.select(
            F.explode(F.array(F.lit(ALL_CHANNELS), F.col("channel"))).alias("channel"),
            F.array(*rows).alias("_rows"),
        )
        .select("channel", F.inline("_rows"))
        .groupBy("channel", "step_no", "step", "next_step")
        .agg(F.count_if("is_reached").alias("sessions"), goes_on.alias("continued"))
        .select(
            F.lit(as_of).alias("as_of"),
            "channel",
            "step_no",
            "step",
            "next_step",
            "sessions",
            "continued",
            drop_off.alias("drop_off"),
        )
    )


def _goes_on(
    following: str | None, is_reached: dict[str, Column], *, step: str, has_order: Column
) -> Column:
    """Whether a session went on to the next step; null where there is none."""
    if following is None:
        return F.lit(None).cast("boolean")
    if step.startswith("payment_"):
        return is_reached[step] & has_order
    return is_reached[following]


def _numbered(events: DataFrame, *, gap_seconds: int) -> DataFrame:
    """Events with the session that they belong to; session_no is 0 where the client names it."""
    is_named = F.col("session_ref").isNotNull()
    in_order = Window.partitionBy("visitor", "_source", "session_ref").orderBy("happened_at")
    at = F.unix_micros("happened_at")
    is_first = (at - F.lag(at).over(in_order)) > gap_seconds * 1_000_000
    new = events.select(
        F.coalesce("device_ref", "customer_id").alias("visitor"),
        "_source",
        "session_ref",
        "customer_id",
        "channel",
        "happened_at",
        F.lit(False).alias("is_order"),
        "sequence_no",
        "event_ref",
        "type",
    ).where("visitor IS NOT NULL")
    return (
        new.withColumn("is_first", F.when(~is_named & is_first, 1).otherwise(0))
        .withColumn("session_no", F.sum("is_first").over(in_order))
        .drop("is_first")
    )


def _orders(steps: DataFrame, order_lines: DataFrame, *, gap_seconds: int) -> DataFrame:
    """The orders as steps of sessions; an order without a session is left out."""
    visits = (
        steps.groupBy(*_SESSION)
        .agg(
            F.max("customer_id").alias("customer_id"),
            F.min("happened_at").alias("at"),
            F.max("happened_at").alias("ended_at"),
        )
        .where("customer_id IS NOT NULL")
        .select(
            "customer_id",
            "at",
            F.lit(None).cast("string").alias("order_id"),
            F.struct(*_SESSION, "ended_at").alias("visit"),
        )
    )
    orders = (
        order_lines.where("kind = 'sale' AND customer_id IS NOT NULL AND order_id IS NOT NULL")
        .groupBy("customer_id", "order_id")
        .agg(F.min("happened_at").alias("at"))
    )
    # Visits of one moment are in the order of their names; an order at their moment follows them.
    in_order = Window.partitionBy("customer_id").orderBy(
        "at", F.col("order_id").isNotNull(), "visit", "order_id"
    )
    since_end = F.unix_micros("happened_at") - F.unix_micros("last_visit.ended_at")
    return (
        visits.unionByName(orders, allowMissingColumns=True)
        .withColumn("last_visit", F.last("visit", ignorenulls=True).over(in_order))
        .where("order_id IS NOT NULL AND last_visit IS NOT NULL")
        .withColumnRenamed("at", "happened_at")
        .where(since_end <= gap_seconds * 1_000_000)
        .select(
            *(F.col(f"last_visit.{name}").alias(name) for name in _SESSION),
            "customer_id",
            F.lit(None).cast("string").alias("channel"),
            "happened_at",
            F.lit(True).alias("is_order"),
            F.lit(None).cast("bigint").alias("sequence_no"),
            F.lit(None).cast("string").alias("event_ref"),
            F.lit("order").alias("type"),
        )
    )


def _without_repeats(steps: Column) -> Column:
    """The steps without those that equal the one before."""
    return F.filter(steps, lambda step, place: ~step.eqNullSafe(F.get(steps, place - 1)))


def _after(steps: Column, type_: str) -> Column:
    """What follows the first step of a type; null where there is none."""
    position = F.array_position(steps, type_).cast("int")
    return F.when(position > 0, F.slice(steps, position + 1, F.size(steps)))
