"""Stock and prices as of a time, by hand."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.products.catalogue.current import current_products
from clarion.products.catalogue.stock import stock_and_prices

Rows = Callable[..., DataFrame]
STOCK = (
    "product_id string, store_ref string, at string, arrived_at string, stock long, price string, "
    "_file string, _row long"
)
AS_OF = date(2026, 6, 1)


def _stock(rows: Rows, *values: tuple[object, ...]) -> DataFrame:
    """Rows of STOCK: product, store, time in May, time of arrival, stock, price."""
    return rows(
        STOCK,
        *(
            (product, store, f"2026-{at}", f"2026-{arrived}", units, price, "f", place)
            for place, (product, store, at, arrived, units, price) in enumerate(values)
        ),
    ).withColumns(
        {
            "at": F.col("at").cast("timestamp"),
            "arrived_at": F.col("arrived_at").cast("timestamp"),
            "price": F.col("price").cast("decimal(18,4)"),
        }
    )


def _found(frame: DataFrame) -> dict[tuple[str, str | None], tuple[int | None, float | None]]:
    return {
        (row["product_id"], row["store_ref"]): (
            row["stock"],
            None if row["price"] is None else float(row["price"]),
        )
        for row in frame.collect()
    }


@pytest.mark.covers("C1")
def test_the_newest_row_at_or_before_a_time_that_had_arrived_says_stock_and_price(
    rows: Rows,
) -> None:
    stock = _stock(
        rows,
        ("p", None, "05-01 08:00:00", "05-01 08:00:00", 5, "10.00"),
        ("p", None, "05-02 08:00:00", "05-02 08:00:00", 4, "11.00"),
        ("p", "north", "05-01 09:00:00", "05-01 09:00:00", 1, "12.00"),
        ("tie", None, "05-01 08:00:00", "05-03 08:00:00", 7, "1.00"),
        ("tie", None, "05-01 08:00:00", "05-02 08:00:00", 8, "2.00"),
        ("twice", None, "05-01 08:00:00", "05-01 08:00:00", 1, "1.00"),
        ("twice", None, "05-01 08:00:00", "05-01 08:00:00", 2, "2.00"),
        ("late", None, "05-01 08:00:00", "05-01 08:00:00", 3, "3.00"),
        ("late", None, "05-02 08:00:00", "06-01 00:00:00", 9, "9.00"),
        ("ahead", None, "06-01 00:00:00", "05-01 08:00:00", 9, "9.00"),
        ("parts", None, "05-01 08:00:00", "05-01 08:00:00", 6, "6.00"),
        ("parts", None, "05-02 08:00:00", "05-02 08:00:00", None, "5.00"),
        ("parts", None, "05-03 08:00:00", "05-03 08:00:00", 2, None),
    )
    newest = stock_and_prices(stock, as_of=AS_OF, time_zone="UTC")
    assert _found(newest) == {
        ("p", None): (4, 11.0), ("p", "north"): (1, 12.0), ("tie", None): (7, 1.0),
        ("twice", None): (2, 2.0), ("late", None): (3, 3.0), ("parts", None): (2, 5.0),
    }  # fmt: skip
    # A row at the very time counts, one a second later does not; of `north` there is none yet.
    for at, units in ((datetime(2026, 5, 1, 8), 5), (datetime(2026, 5, 2, 7, 59, 59), 5),
                      (datetime(2026, 5, 2, 8), 4)):  # fmt: skip
        then = _found(stock_and_prices(stock, as_of=AS_OF, time_zone="UTC", at=at))
        assert then["p", None][0] == units, at
        assert (("p", "north") in then) == (at.day == 2)
    assert stock_and_prices(stock, as_of=AS_OF, time_zone="UTC", at=datetime(2026, 4, 30)).isEmpty()
    # In Shanghai 1 June begins at 16:00 UTC of 31 May: `late` had not arrived either way.
    assert _found(stock_and_prices(stock, as_of=date(2026, 6, 2), time_zone="Asia/Shanghai"))[
        "ahead", None
    ] == (9, 9.0)


@pytest.mark.covers("C1")
def test_the_list_price_is_the_newest_of_the_list_and_of_the_warehouse(rows: Rows) -> None:
    products = rows(
        "product_id string, at string, title string, list_price string",
        *((name, "2026-05-02 00:00:00", name, "20.00") for name in "abcde"),
    ).selectExpr(
        "product_id", "cast(at AS timestamp) at", "cast(at AS timestamp) arrived_at", "title",
        "title description", "title brand", "'one > two' category_path",
        "cast(null AS map<string,string>) attributes", "cast(list_price AS decimal(18,4)) list_price",
        "cast(null AS decimal(18,4)) cost", "'en' language", "'f' _file", "1L _row",
    )  # fmt: skip
    stock = _stock(
        rows,
        ("a", None, "05-03 00:00:00", "05-03 00:00:00", 1, "15.00"),
        ("b", None, "05-01 00:00:00", "05-01 00:00:00", 1, "15.00"),
        # The count is new, the price is not.
        ("b", None, "05-04 00:00:00", "05-04 00:00:00", 3, None),
        ("c", "north", "05-03 00:00:00", "05-03 00:00:00", 1, "15.00"),
        ("d", None, "05-03 00:00:00", "06-02 00:00:00", 1, "15.00"),
    )
    found = current_products(products, as_of=AS_OF, time_zone="UTC", stock=stock)
    plain = current_products(products, as_of=AS_OF, time_zone="UTC")
    assert sorted(found.columns) == sorted(plain.columns)
    prices = {row["product_id"]: row["list_price"] for row in found.collect()}
    assert prices == {
        "a": Decimal("15.0000"), **dict.fromkeys("bcde", Decimal("20.0000")),
    }  # fmt: skip
