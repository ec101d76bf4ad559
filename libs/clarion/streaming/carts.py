"""The open cart, in the order in which things happened; for streams and for batches.

What is kept of a cart is its last checkout and the last change of each product since. Of two
statements on the same thing the later one counts, so neither the order of arrival, nor the split
into batches, nor a repeated event changes the result.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.contracts.live import MOMENT

CART_EVENTS = ("cart_add", "cart_remove", "checkout")
MAX_CHANGES = 500  # products of a cart, those taken out included; a shop's own carts are smaller
_CHANGE = f"struct<moment:{MOMENT},is_removal:boolean>"


def moment_of_event() -> Column:
    """When an event happened: its time, then the time it states, then its number.

    Of events at the same time, one without a number comes first.
    """
    fields = F.struct(F.col("happened_at").alias("at"), "stated_at", "sequence_no")
    return fields.cast(MOMENT)


def product_change() -> Column:
    """What an event does to its product in the cart; null for an event that does nothing.

    At the same moment a removal is later than an addition.
    """
    is_change = F.col("type").isin("cart_add", "cart_remove") & F.col("product_id").isNotNull()
    change = F.struct(F.col("moment"), (F.col("type") == "cart_remove").alias("is_removal"))
    return F.when(is_change, change.cast(_CHANGE))


def merge_changes(new: Column, old: Column, *, checkout: Column) -> Column:
    """CUSTOMER_STATE's cart_changes: the last change of each product after the checkout.

    A change at the moment of the checkout is part of what was checked out.

    Args:
        new: changes of a batch, one per product.
        old: cart_changes before it.
        checkout: moment of the last checkout; null where there was none.
    """
    by_product = F.map_zip_with(
        _by_product(new), _by_product(old), lambda _, first, second: F.greatest(first, second)
    )
    changes = F.transform(
        F.map_entries(by_product),
        lambda entry: F.struct(
            entry["value"]["moment"].alias("moment"),
            entry["value"]["is_removal"].alias("is_removal"),
            entry["key"].alias("product_id"),
        ),
    )
    is_later = F.filter(changes, lambda change: checkout.isNull() | (change["moment"] > checkout))
    return F.slice(F.sort_array(is_later, asc=False), 1, MAX_CHANGES)


def products_in(changes: Column) -> Column:
    """Products in a cart, sorted.

    Args:
        changes: as `merge_changes` returns them.
    """
    added = F.filter(changes, lambda change: ~change["is_removal"])
    return F.array_sort(F.transform(added, lambda change: change["product_id"]))


def _by_product(changes: Column) -> Column:
    entries = F.transform(
        changes,
        lambda change: F.struct(
            change["product_id"], F.struct(change["moment"], change["is_removal"]).cast(_CHANGE)
        ),
    )
    return F.map_from_entries(entries)
