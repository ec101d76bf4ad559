"""What customers kept of their orders: each return counts against its own purchase."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.sources import MONEY


def kept_orders(lines: DataFrame, *, of: str) -> DataFrame:
    """What was kept of each order that counts, where something is left.

    A return under the number of an order counts against that order: against the returned product,
    or, where the order has no such product, against the order as a whole. A return with a number of
    its own counts against the latest order before it that still has units of the product; one
    without such an order counts nowhere. A return takes no more than was paid for what came back.

    Args:
        lines: ORDER_LINES up to the end of the window, with `of` and counts: whether the line is of
            the window. Lines before it say which purchase a return is of.
        of: the column whose orders these are: message_id or customer_id.

    Returns:
        `of`, order_id, at (time of its first line in the window), amount of the window's orders.
    """
    by_owner = (
        _lines_in_use(lines, of=of)
        # What follows needs no further exchange.
        .repartition(of)
        .groupBy(of, *_entry_keys())
        .agg(
            F.min("happened_at").alias("at"),
            F.sum(_of_sale("quantity")).cast(MONEY).alias("units"),
            F.sum(_of_sale("amount")).cast(MONEY).alias("amount"),
            F.bool_or(F.col("counts") & (F.col("kind") != "no_sale")).alias("counts"),
        )
        .groupBy(of)
        .agg(F.sort_array(F.collect_list(F.struct(*_ENTRY))).alias("entries"))
    )
    return (
        by_owner.select(of, F.inline(_purchases_less_returns("entries")))
        .groupBy(of, "order_id")
        .agg(
            F.sum("amount").cast(MONEY).alias("amount"),
            F.bool_or("counts").alias("counts"),
            F.min(F.when(F.col("counts"), F.col("at"))).alias("at"),
        )
        .where("counts AND amount > 0")
        .select(of, "order_id", "at", "amount")
    )


# An entry is what an order has of a product, or a return of it. Sorted, they are in order of time.
_ENTRY = ("at", "order_id", "product_id", "is_return", "units", "amount", "counts")


def _lines_in_use(lines: DataFrame, *, of: str) -> DataFrame:
    """The lines of the window, and earlier ones of those who sent something back within it."""
    returned = lines.where("counts AND kind = 'return'").select(of).distinct()
    marked = lines.join(returned.withColumn("_has_returned", F.lit(True)), of, "left")
    return marked.where("counts OR _has_returned").drop("_has_returned")


def _entry_keys() -> list[Column]:
    is_return = F.col("kind") == "return"
    # Returns are told apart by their time: each looks back from its own.
    return_at = F.when(is_return, F.col("happened_at")).alias("return_at")
    return [F.col("order_id"), F.col("product_id"), is_return.alias("is_return"), return_at]


def _of_sale(column: str) -> Column:
    """The value of a line; nothing where its order is no sale: it names an order, and no more."""
    return F.when(F.col("kind") == "no_sale", 0).otherwise(F.col(column))


def _purchases_less_returns(entries: str) -> Column:
    """The purchases among entries, less the returns: first those that name their order."""
    purchases = F.filter(entries, lambda entry: ~entry["is_return"])
    returns = F.filter(entries, lambda entry: entry["is_return"])

    def names_order(entry: Column) -> Column:
        return F.exists(purchases, lambda item: item["order_id"] == entry["order_id"])

    named = F.filter(returns, names_order)
    unnamed = F.filter(returns, lambda entry: ~names_order(entry))
    return F.aggregate(unnamed, F.aggregate(named, purchases, _less_named), _less_unnamed)


def _less_named(purchases: Column, returned: Column) -> Column:
    """The purchases less a return that names its order."""

    def is_own(item: Column) -> Column:
        is_product = item["product_id"] == returned["product_id"]
        return (item["order_id"] == returned["order_id"]) & is_product

    def less_if_own(item: Column) -> Column:
        return F.when(is_own(item), _less(item, returned)).otherwise(item)

    # Of a product that the order does not have: an entry of the order that takes from its sum.
    of_order = returned.withField("amount", (-returned["amount"]).cast(MONEY)).withField(
        "counts", F.lit(False)
    )
    return F.when(F.exists(purchases, is_own), F.transform(purchases, less_if_own)).otherwise(
        F.concat(purchases, F.array(of_order))
    )


def _less_unnamed(purchases: Column, returned: Column) -> Column:
    """The purchases less a return that names no order: the latest one before it with units left."""

    def may_be(item: Column) -> Column:
        is_earlier = ~item["is_return"] & (item["at"] <= returned["at"])
        return is_earlier & (item["product_id"] == returned["product_id"]) & (item["units"] > 0)

    latest = F.size(purchases) - F.array_position(F.reverse(F.transform(purchases, may_be)), True)
    return F.transform(
        purchases,
        lambda item, index: F.when(index == latest, _less(item, returned)).otherwise(item),
    )


def _less(item: Column, returned: Column) -> Column:
    """A purchase less what came back of it, and no less than nothing."""

    def left(name: str) -> Column:
        return F.greatest(item[name] - returned[name], F.lit(0)).cast(MONEY)

    return item.withField("units", left("units")).withField("amount", left("amount"))
