"""Products as the shop lists them on a day, with what its stock says of them."""

from datetime import date

from pyspark.sql import DataFrame

from clarion.contracts.silver import PRODUCTS, STOCK
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope


def listed_products(scope: Scope, as_of: date) -> DataFrame:
    """The latest state of each product before a day, at the price of the newest source.

    Args:
        scope: of a job that reads PRODUCTS and STOCK.
        as_of: first day that does not count.

    Returns:
        The columns of `current_products`.
    """
    stock = scope.facts(STOCK) if scope.exists(STOCK) else None
    return current_products(
        scope.facts(PRODUCTS), as_of=as_of, time_zone=scope.time_zone, stock=stock
    )
