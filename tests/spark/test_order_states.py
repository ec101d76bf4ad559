"""Words for the state of an order, and which lines of it are sales: worked out by hand."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.order_states import SaleSettings, sale_columns
from clarion.collect.sources import standards
from clarion.config import Config
from clarion.declarations.shop import value_words

Rows = Callable[..., DataFrame]
WORDS = (
    ("paid", "paid"),
    ("  PAID ", "paid"),
    ("wc-processing", "paid"),
    ("Processing", "paid"),
    ("Shipped - Delivered to Buyer", "completed"),
    ("Shipped - Returned to Seller", "returned"),
    ("partially_refunded", "partly_refunded"),
    ("Pending payment", "pending"),
    ("authorized", "pending"),
    ("canceled", "cancelled"),
    ("Cancelled", "cancelled"),
    ("voided", "cancelled"),
    ("refunded", "refunded"),
    ("refund_requested", "refund_requested"),
    ("交易成功", "completed"),
    ("交易关闭", "cancelled"),
    ("买家已付款，等待卖家发货", "paid"),
    ("卖家已发货,等待买家确认", "shipped"),
    ("(删除)等待出库", "cancelled"),
    ("ｐａｉｄ", "paid"),
    ("left at the door", "unknown"),
    ("7", "unknown"),
    ("   ", None),
    (None, None),
)
CHANNELS = (
    ("mini-program", "mini-program"),
    ("mini_program", "mini-program"),
    ("MiniProgram", "mini-program"),
    (" 小程序 ", "mini-program"),
    ("live_stream", "live-stream"),
    ("Web", "web"),
    ("Kiosk 7", "Kiosk 7"),  # no known word: it stays as it is
    ("  ", None),
    (None, None),
)
LINE = "order_id string, product_id string, status string, quantity decimal(18,4), amount decimal(18,4), refund decimal(18,4)"
KIND = ("kind", "amount", "refund")


def line(
    status: str | None,
    *,
    order: str = "",
    product: str = "P1",
    quantity: int = 1,
    amount: str = "100",
    refund: str | None = None,
) -> tuple[Any, ...]:
    paid_back = None if refund is None else Decimal(refund)
    return order or status, product, status, Decimal(quantity), Decimal(amount), paid_back


def test_words_of_shops_stand_for_one_state_each(rows: Rows, config: Config) -> None:
    state = F.expr(
        standards.standard_word("word", value_words(config)["order_states"], is_closed=True)
    )
    frame = rows("word string, expected string", *WORDS).withColumn("state", state)
    assert [tuple(row) for row in frame.where("NOT state <=> expected").collect()] == []


def test_a_channel_is_one_value_whatever_its_spelling(rows: Rows, config: Config) -> None:
    words = value_words(config)["channels"]
    channel = F.expr(standards.standard_word("word", words, is_closed=False))
    frame = rows("word string, expected string", *CHANNELS).withColumn("channel", channel)
    assert [tuple(row) for row in frame.where("NOT channel <=> expected").collect()] == []


def kinds(rows: Rows, config: Config, *lines: Any) -> list[tuple[Any, ...]]:
    numbered = ((number, *one) for number, one in enumerate(lines))
    frame = rows(f"number int, {LINE}", *numbered)
    found = frame.withColumns(sale_columns(config.section(SaleSettings))).orderBy("number")
    return [tuple(row) for row in found.select(*KIND).collect()]


def test_only_what_was_paid_and_kept_is_a_sale(rows: Rows, config: Config) -> None:
    states = ("paid", "shipped", "completed", "partly_refunded", None)
    none = ("pending", "cancelled", "failed", "refund_requested", "refunded", "returned", "unknown")
    found = kinds(rows, config, *map(line, states), *map(line, none))
    assert [kind for kind, *_ in found] == ["sale"] * len(states) + ["no_sale"] * len(none)


def test_a_sale_is_worth_what_was_paid_less_what_was_paid_back(rows: Rows, config: Config) -> None:
    found = kinds(
        rows,
        config,
        line("partly_refunded", refund="30"),
        line("partly_refunded", refund="-30"),  # a minus is a matter of taste
        line("partly_refunded"),
        line("paid", refund="0"),
        line("paid", refund="100"),  # all of it: nothing was sold
        line(None, order="o6", refund="40"),
        line("paid", amount="0", refund="0"),  # a gift
    )
    assert found == [
        ("sale", Decimal(70), Decimal(30)),
        ("sale", Decimal(70), Decimal(30)),
        ("sale", Decimal(100), None),
        ("sale", Decimal(100), Decimal(0)),
        ("no_sale", Decimal(0), Decimal(100)),
        ("sale", Decimal(60), Decimal(40)),
        ("sale", Decimal(0), Decimal(0)),
    ]


@pytest.mark.parametrize(
    ("state", "kind"),
    [(None, "return"), ("refunded", "return"), ("returned", "return"), ("completed", "return"),
     ("cancelled", "no_sale"), ("refund_requested", "no_sale"), ("pending", "no_sale")],
)  # fmt: skip
def test_a_return_counts_once_it_has_come_back(
    rows: Rows, config: Config, state: str | None, kind: str
) -> None:
    found = kinds(rows, config, line(state, quantity=-1, amount="-50", refund="50"))
    assert found == [(kind, Decimal(50), Decimal(50))]


def test_what_a_state_has_taken_out_is_not_taken_off_again_by_a_return(
    rows: Rows, config: Config
) -> None:
    frame = rows(
        LINE,
        line("refunded", order="o1"),
        line("refunded", order="o1", quantity=-1),  # the state of the order stands on both lines
        line("completed", order="o2"),
        line("refunded", order="o2", quantity=-1),  # the state is that of the return
        line("refunded", order="o3", product="P1"),
        line("completed", order="o3", product="P2"),
        line("returned", order="o3", product="P2", quantity=-1),
        line("refunded", order="o4", quantity=-1),  # of an order that no file has
    )
    counted = frame.withColumns(sale_columns(config.section(SaleSettings))).where(
        "kind <> 'no_sale'"
    )
    net = counted.groupBy("order_id").agg(
        F.sum(F.when(F.col("kind") == "sale", F.col("amount")).otherwise(-F.col("amount")))
    )
    assert dict(map(tuple, net.collect())) == {
        "o2": Decimal(0),
        "o3": Decimal(0),
        "o4": Decimal(-100),
    }
