"""What one line of an order is, and which delivery of it counts from when on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from clarion.collect.cleaning.order_states import TAKEN_BACK
from clarion.measures.columns.days import start_of

# Whether a line was stated before: not, in the same batch, or in another one.
FIRST, SAME_BATCH, OTHER_BATCH = 0, 1, 2
# The marks of a line that is stated once.
UNREPEATED = {
    "_duplicate": False,
    "is_redelivered": False,
    "_redelivery": FIRST,
    "_is_equal": False,
}
_ORDER = ("_ingested_at", "_batch", "_file_order", "_statement")
_OWN_ROWS = ("line_key", "_ingested_at", "_batch", "_file", "_statement")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePolicy:
    """What names a line of an order in a source, and which of its deliveries are duplicates.

    Args:
        key: source columns that name the line; empty where the mapping states none.
        ids: mapped columns of the kind that name the line: record_ref, line_no.
        drops_equal: whether equal lines of one delivery are duplicates.
        within_days: days within which an equal delivery is a duplicate; None for no limit.
    """

    key: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    drops_equal: bool = False
    within_days: int | None = None


def line_columns(policy: LinePolicy) -> dict[str, Column]:
    """The columns line_key and _statement of a record of orders.

    A line is named by its id, where the source has one. Else the lines of an order with one
    product and time are named together, and a delivery states them together. Sales and returns are
    lines of their own.

    Args:
        policy: what names a line.

    Returns:
        line_key, and _statement: the record's number where a record states its line alone, else 0.
    """
    is_return = F.coalesce(F.col("quantity") < 0, F.lit(False))
    together = F.array(*_texts("order_ref", "product_ref", "happened_at"))
    names = []
    if policy.key:
        key = F.array(*(F.col("_raw")[name] for name in policy.key))
        names.append(F.when(F.exists(key, lambda value: value.isNotNull()), key))
    if "record_ref" in policy.ids:
        names.append(F.when(F.col("record_ref").isNotNull(), F.array(*_texts("record_ref"))))
    if "line_no" in policy.ids:
        numbered = F.array(*_texts("order_ref", "line_no", "product_ref"))
        names.append(F.when(F.col("line_no").isNotNull(), numbered))
    has_name = F.coalesce(*names).isNotNull() if names else F.lit(False)
    # A record without an order or a product is no line: it is compared with its equals only.
    is_line = F.col("order_ref").isNotNull() & F.col("product_ref").isNotNull()
    name = F.when(is_line, F.coalesce(*names, together)).otherwise(F.array("_hash"))
    text = F.to_json(F.struct("_source", is_return.alias("back"), name.alias("name")))
    return {
        "line_key": F.substring(F.sha2(text, 256), 1, 32),
        "_statement": F.when(is_line & has_name, F.col("_row")).otherwise(F.lit(0).cast("bigint")),
    }


def _texts(*names: str) -> list[Column]:
    return [F.col(name).cast("string") for name in names]


def mark_versions(records: DataFrame, earlier: DataFrame | None, policy: LinePolicy) -> DataFrame:
    """The records of orders with `_duplicate`, and how each repeats what was delivered before.

    A statement is a duplicate where it equals the statement of the same lines before it. So an
    order that was paid, cancelled and paid again is stated three times, and nothing is dropped.

    Args:
        records: rows of one source with `line_columns`, _hash, _ingested_at, _batch, _file, _row.
        earlier: line_key, _statement, _hash, _ingested_at, _batch, _file, _row of lines that were
            cleaned before; None for none.
        policy: what names a line, and what is a duplicate.

    Returns:
        The records with _duplicate; is_redelivered: whether the line is stated more than once;
        _redelivery: whether it was stated before, in its batch or in another; _is_equal: whether
        it equals another line of its statement that stays.
    """
    rows = records.withColumn("_is_arriving", F.lit(True))
    if earlier is not None:
        rows = rows.unionByName(earlier, allowMissingColumns=True)
    is_repeat = F.col("_previous.stated") == F.col("_stated")
    if policy.within_days is not None:
        days = F.make_dt_interval(days=F.lit(policy.within_days))
        is_repeat = is_repeat & (F.col("_previous.at") >= F.col("_ingested_at") - days)
    is_dropped = F.col("_repeats") if policy.drops_equal else F.lit(False)
    line = Window.partitionBy("line_key")
    is_of_first_batch = F.first("_batch").over(line.orderBy(*_ORDER)) == F.col("_batch")
    last_stated = F.max(F.when(~F.col("_duplicate"), F.col("_number"))).over(line)
    return (
        _with_statements(rows, drops_equal=policy.drops_equal)
        .withColumn("_duplicate", F.coalesce(is_repeat, F.lit(False)) | is_dropped)
        .withColumn("_number", F.dense_rank().over(line.orderBy(*_ORDER)))
        .withColumns(
            {
                "is_redelivered": last_stated > 1,
                "_redelivery": F.when(F.col("_number") == 1, FIRST)
                .when(is_of_first_batch, SAME_BATCH)
                .otherwise(OTHER_BATCH),
                "_is_equal": F.col("_repeats") & ~F.col("_duplicate"),
            }
        )
        .where("_is_arriving")
        .select(*records.columns, *UNREPEATED)
    )


def _with_statements(rows: DataFrame, *, drops_equal: bool) -> DataFrame:
    """The rows with what they state together, and what was stated of their line before.

    Args:
        rows: records with `line_columns`.
        drops_equal: whether equal lines of one statement state the line once.

    Returns:
        The rows with _file_order; _repeats: whether an equal row of its statement comes before;
        _stated: fingerprint of the statement; _previous: that of the one before, and its time.
    """
    # Every window is sorted as the second one is, so that Spark sorts once.
    statement = Window.partitionBy("line_key", *_ORDER)
    by_delivery = Window.partitionBy("line_key").orderBy(*_ORDER, "_hash", "_row")
    within = statement.orderBy("_hash", "_row")
    counted = ~F.col("_repeats") if drops_equal else F.lit(True)
    number = F.xxhash64("_hash").cast("decimal(20,0)")
    stated = F.struct(
        F.count(F.when(counted, 1)).over(statement).alias("lines"),
        F.sum(F.when(counted, number)).over(statement).alias("content"),
    )
    previous = F.struct(
        F.lag("_stated").over(by_delivery).alias("stated"),
        F.lag("_ingested_at").over(by_delivery).alias("at"),
    )
    repeats = F.lag("_hash").over(within) == F.col("_hash")
    return (
        rows.withColumn("_file_order", _file_order())
        .withColumn("_repeats", F.coalesce(repeats, F.lit(False)))
        .withColumn("_stated", stated)
        .withColumn("_previous", previous)
        .withColumn("_previous", F.first("_previous").over(within))
    )


def _file_order() -> Column:
    """A text by which files are sorted as a person sorts their names: orders-2 before orders-10."""
    padded = F.regexp_replace("_file", r"(\d+)", f"{'0' * 20}$1")
    return F.regexp_replace(padded, r"\d*(\d{20})", "$1")


def arrival_of_versions(newest: DataFrame, taken_for: Mapping[str, date], zone: str) -> DataFrame:
    """When the deliveries of a source that states no arrival had arrived.

    Args:
        newest: _batch, _file, at: the newest time of each delivery.
        taken_for: as-of day of the run that took each batch.
        zone: the shop's zone.

    Returns:
        _batch, _file, _delivered_at: not before the newest time in the delivery; _taken_at: nor
        before the last moment of what counted in the run that took it.
    """
    pairs: list[Column] = []
    for batch, as_of in taken_for.items():
        pairs += [F.lit(batch), start_of(as_of, zone) - F.make_dt_interval(secs=F.lit(1))]
    last_moment = F.try_element_at(F.create_map(*pairs), F.col("_batch"))
    return newest.select(
        "_batch",
        "_file",
        F.col("at").alias("_delivered_at"),
        F.greatest("at", last_moment).alias("_taken_at"),
    )


def arrived_with_delivery() -> Column:
    """When a line had arrived whose source states no arrival; `arrival_of_versions` is joined."""
    return (
        F.when(F.col("_redelivery") == SAME_BATCH, F.greatest("arrived_at", "_delivered_at"))
        .when(F.col("_redelivery") == OTHER_BATCH, F.greatest("arrived_at", "_taken_at"))
        .otherwise(F.col("arrived_at"))
    )


def replacements(order_lines: DataFrame) -> DataFrame:
    """When each line is replaced by its next version.

    A version replaces those that had arrived before it; of equal arrivals the later delivery. A
    return is replaced by the sale's line, of the same order and product, whose state says that it
    came back; else it would be taken off twice.

    Args:
        order_lines: ORDER_LINES.

    Returns:
        One row per line that was delivered more than once, or such a return: order_line_id,
        line_key, replaced_at (null for the newest).
    """
    both = _replaced_versions(order_lines).unionByName(_returns_by_state(order_lines))
    return both.groupBy("order_line_id", "line_key").agg(F.min("replaced_at").alias("replaced_at"))


def may_replace() -> Column:
    """Whether a line may replace another: it was delivered again, or came back by its state."""
    return F.col("is_redelivered") | _is_taken_back()


def _is_taken_back() -> Column:
    return (F.col("kind") == "no_sale") & F.col("status").isin(*TAKEN_BACK)


def _returns_by_state(order_lines: DataFrame) -> DataFrame:
    """Returns, with the arrival of the line by whose state the product came back."""
    lines = order_lines.withColumn("_mapping", F.substring_index("_source", ".", 1))
    of_product = ["_mapping", "order_id", "product_id"]
    by_state = lines.where(_is_taken_back()).groupBy(*of_product)
    taken_back = by_state.agg(F.min("arrived_at").alias("_arrival"))
    return (
        lines.where("kind = 'return'")
        .join(taken_back, of_product)
        .select(
            "order_line_id",
            "line_key",
            F.greatest("arrived_at", "_arrival").alias("replaced_at"),
        )
    )


def _replaced_versions(order_lines: DataFrame) -> DataFrame:
    """When each line that was delivered more than once is replaced by its next version."""
    again = order_lines.where("is_redelivered").select("line_key").distinct()
    lines = order_lines.select("order_line_id", "arrived_at", *_OWN_ROWS).join(
        F.broadcast(again), "line_key", "left_semi"
    )
    statements = lines.groupBy(*_OWN_ROWS).agg(F.max("arrived_at").alias("_arrival"))
    by_arrival = Window.partitionBy("line_key").orderBy(
        "_arrival", "_ingested_at", "_batch", _file_order(), "_statement"
    )
    replaced = statements.withColumn("replaced_at", F.lead("_arrival").over(by_arrival))
    return lines.join(replaced, list(_OWN_ROWS)).select("order_line_id", "line_key", "replaced_at")


def without_replaced(
    order_lines: DataFrame, replaced: DataFrame, *, as_of: date, time_zone: str
) -> DataFrame:
    """The lines of which no newer version had arrived before the as-of day.

    Args:
        order_lines: ORDER_LINES, or some of them.
        replaced: rows of `replacements`.
        as_of: first day that does not count.
        time_zone: the shop's zone.
    """
    gone = replaced.where(F.col("replaced_at") < start_of(as_of, time_zone))
    return order_lines.join(gone.select("order_line_id"), "order_line_id", "left_anti").select(
        *order_lines.columns
    )
