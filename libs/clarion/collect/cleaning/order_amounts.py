"""Spread amounts that are stated of a whole order over the order's lines."""

from pyspark.sql import DataFrame

from clarion.contracts.sources import MONEY

# The lines of one order in one file; a record without an order is alone.
_ORDER = "PARTITION BY _file, _file_hash, order_ref, IF(order_ref IS NULL, _row, NULL)"
_SO_FAR = f"{_ORDER} ORDER BY _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
_PRICE = f"abs(coalesce(try_multiply(quantity, unit_price), amount, CAST(0 AS {MONEY})))"


def spread_discount(rows: DataFrame) -> DataFrame:
    """The rows with their share of the discount of their order, in proportion to their price.

    Args:
        rows: order lines as in `_spread`.
    """
    return _spread(rows, "discount", weight=_PRICE)


def spread_refund(rows: DataFrame) -> DataFrame:
    """The rows with their share of what was paid back of their order, by what was paid for them.

    At most what the lines cost is spread: the rest was paid back for shipping or tax.

    Args:
        rows: order lines as in `_spread`; discount is that of the line.
    """
    paid = f"greatest(coalesce(abs(amount), {_PRICE} - coalesce(abs(discount), 0)), 0)"
    return _spread(rows, "refund", weight=paid, at_most_lines=True)


def _spread(rows: DataFrame, column: str, *, weight: str, at_most_lines: bool = False) -> DataFrame:
    """The rows with an amount of their order replaced by their share of it.

    A file may state the amount on one line of the order or on all of them. The shares add up to the
    amount. They are null where lines of one order state different amounts, or where no line has a
    price: such an amount cannot be read.

    Args:
        rows: order_ref, quantity, unit_price, amount, discount, refund (stated of the whole order
            or of the line), _file, _file_hash, _row, and others.
        column: the amount.
        weight: SQL of what a line counts for.
        at_most_lines: whether the lines' weights are the most that is spread.
    """
    stated = f"nullif({column}, 0)"
    until = "round(try_divide(try_multiply(_spread, {}), _lines), 4)"
    share = f"{until.format('_until')} - {until.format('_until - _weight')}"
    if at_most_lines:
        share = f"least({share}, _weight)"  # by the last digit, it may be more
    spread = "least(abs(_highest), _lines)" if at_most_lines else "_highest"
    return (
        rows.selectExpr("*", f"TRY_CAST({weight} AS {MONEY}) AS _weight")
        .selectExpr(
            "*",
            f"min({stated}) OVER ({_ORDER}) AS _lowest",
            f"coalesce(max({stated}) OVER ({_ORDER}), max({column}) OVER ({_ORDER})) AS _highest",
            f"sum(_weight) OVER ({_SO_FAR}) AS _until",
            f"sum(_weight) OVER ({_ORDER}) AS _lines",
        )
        .selectExpr("*", f"{spread} AS _spread")
        .selectExpr(
            *(name for name in rows.columns if name != column),
            f"CASE WHEN _highest IS NULL OR _lowest < _highest THEN NULL "
            f"WHEN _spread = 0 THEN CAST(0 AS {MONEY}) "
            f"ELSE TRY_CAST({share} AS {MONEY}) END AS {column}",
        )
        .select(*rows.columns)
    )
