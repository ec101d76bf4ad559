"""Where a line of an order becomes a sale, a return, or neither."""

from collections.abc import Iterable

from pyspark.sql import Column, Window
from pyspark.sql import functions as F

from clarion.config import settings
from clarion.contracts.sources import MONEY, OrderState

TAKEN_BACK = ("refunded", "returned")  # states in which a sale's goods or money came back


@settings("sales")
class SaleSettings:
    """The states of an order in which its lines count, as sales and as returns."""

    states: tuple[OrderState, ...]
    return_states: tuple[OrderState, ...]


def sale_columns(sale_settings: SaleSettings | None) -> dict[str, Column]:
    """The columns kind, quantity, amount and refund of ORDER_LINES.

    A line with a quantity below zero is a return. The amount of a sale is what was paid less what
    was paid back; a sale of which all was paid back is none. A line whose state does not count is
    `no_sale`: it is kept, and nobody adds it up. So is a return where the state of the line that
    was sold says already that it came back; else it would be taken off twice.

    Args:
        sale_settings: the states that count; None where all do.
    """
    is_return = F.col("quantity") < 0
    return_counts = F.lit(True)
    if sale_settings is not None:
        return_counts = _has_state(sale_settings.return_states) & ~_is_sale_taken_back(is_return)
    kind = (
        F.when(is_return & return_counts, "return")
        .when(is_sale(sale_settings), "sale")
        .otherwise("no_sale")
    )
    return {
        "kind": kind,
        "quantity": F.abs("quantity"),
        "amount": F.when(is_return, F.abs("amount")).otherwise(amount_of_sale()),
        "refund": F.abs("refund"),
    }


def is_sale(sale_settings: SaleSettings | None) -> Column:
    """Whether a line counts as a sale, by itself.

    Args:
        sale_settings: the states that count; None where all do.
    """
    is_return = F.col("quantity") < 0
    refund = F.abs("refund")
    is_paid_back = ~is_return & (refund > 0) & (refund >= F.abs("amount"))
    counts = F.lit(True) if sale_settings is None else _has_state(sale_settings.states)
    return ~is_return & counts & ~F.coalesce(is_paid_back, F.lit(False))


def amount_of_sale() -> Column:
    """What was paid for a line that is a sale, less what was paid back."""
    return (F.abs("amount") - F.coalesce(F.abs("refund"), F.lit(0))).cast(MONEY)


def _is_sale_taken_back(is_return: Column) -> Column:
    """Whether the same order sold the product in a line that was refunded or returned by state."""
    by_product = Window.partitionBy("order_id", "product_id")
    is_taken_back = ~is_return & F.col("status").isin(*TAKEN_BACK)
    return F.coalesce(F.max(is_taken_back).over(by_product), F.lit(False))


def _has_state(states: Iterable[str]) -> Column:
    """Whether a line's state is one of these; a source without states has only sales."""
    return F.col("status").isNull() | F.col("status").isin(*states)
