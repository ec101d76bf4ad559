"""What happened in each minute; for streams and for batches."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import KPI_MINUTES

ALL = "all"
SEPARATOR = " / "  # of step and method in a value of the dimension payment
PAYMENT_STEPS = ("payment_failed", "payment_given_up")
_DIMENSION = "struct<dimension:string,value:string>"


def event_minutes(events: DataFrame, *, source: str) -> DataFrame:
    """Counts of events in each minute of event time, of all and by dimension.

    An event without a channel, or without a product of a known category, is in no row of that
    dimension.

    Args:
        events: event_ref (each once), happened_at, type, customer_ref, device_ref, session_ref,
            channel, category, page, payment_method.
        source: where the events come from.

    Returns:
        KPI_MINUTES.
    """
    is_payment = F.col("type").isin(*PAYMENT_STEPS)
    payment = F.concat_ws(
        SEPARATOR,
        F.coalesce("page", F.lit("payment")),
        F.coalesce("payment_method", F.lit("unknown")),
    )
    values = {
        "channel": F.col("channel"),
        "category": F.col("category"),
        "payment": F.when(is_payment, payment),
    }

    def count_of(type_: str) -> Column:
        return F.count_if(F.col("type") == type_)

    counts = {
        "events": F.count("*"),
        "views": count_of("view"),
        "searches": count_of("search"),
        "cart_adds": count_of("cart_add"),
        "checkouts": count_of("checkout"),
        "payment_failures": count_of("payment_failed"),
        "payments_given_up": count_of("payment_given_up"),
        "visitors": F.approx_count_distinct(F.coalesce("customer_ref", "device_ref")),
        "sessions": F.approx_count_distinct("session_ref"),
    }
    return _minutes(events, values, counts, source=source)


def order_minutes(lines: DataFrame, *, source: str) -> DataFrame:
    """Orders and revenue in each minute of event time, of all and by channel and category.

    An order with products of two categories counts in both.

    Args:
        lines: order_ref, happened_at, amount in the shop's currency, channel, category; lines that
            count as sales, each once.
        source: where the lines come from.

    Returns:
        KPI_MINUTES.
    """
    values = {"channel": F.col("channel"), "category": F.col("category")}
    sums = {
        "orders": F.size(F.collect_set(F.xxhash64("order_ref"))),
        "revenue": F.sum("amount"),
    }
    return _minutes(lines, values, sums, source=source)


def minute_totals(minutes: DataFrame) -> DataFrame:
    """Figures of all sources in each minute and value of a dimension.

    A visitor of two sources counts in both.

    Args:
        minutes: KPI_MINUTES.

    Returns:
        KPI_MINUTES without source, and `conversion`: orders / sessions; null without sessions.
    """
    figures = [name for name in KPI_MINUTES.column_names if name not in KPI_MINUTES.key]
    keys = [name for name in KPI_MINUTES.key if name != "source"]
    sums = minutes.groupBy(*keys).agg(*(F.sum(name).alias(name) for name in figures))
    conversion = F.try_divide(F.col("orders").cast("double"), F.col("sessions"))
    return sums.withColumn("conversion", conversion)


def _minutes(
    rows: DataFrame, values: dict[str, Column], figures: dict[str, Column], *, source: str
) -> DataFrame:
    """KPI_MINUTES of rows; a figure that is not given is 0."""
    named = {ALL: F.lit(ALL), **values}
    dimensions = F.array(
        *(
            F.when(
                value.isNotNull(),
                F.struct(F.lit(name).alias("dimension"), value.alias("value")).cast(_DIMENSION),
            )
            for name, value in named.items()
        )
    )
    counted = (
        rows.withColumn("_dimension", F.explode(F.array_compact(dimensions)))
        .groupBy(
            F.window("happened_at", "1 minute").alias("window"),
            F.col("_dimension.dimension").alias("dimension"),
            F.col("_dimension.value").alias("value"),
        )
        .agg(*(figure.alias(name) for name, figure in figures.items()))
    )
    of_key = {
        "minute": F.col("window.start"),
        "source": F.lit(source),
        "dimension": F.col("dimension"),
        "value": F.col("value"),
    }
    columns = []
    for column in KPI_MINUTES.columns:
        figure = F.col(column.name) if column.name in figures else F.lit(0)
        columns.append(of_key.get(column.name, figure.cast(column.type)).alias(column.name))
    return counted.select(*columns)
