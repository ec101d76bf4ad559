"""Orders by their values: units and money, prices and sums of a line, orders that have no name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median

from clarion.collect.sources.inference.facts import Column
from clarion.collect.sources.inference.matching import SURE_SIMILARITY, Match, similarity
from clarion.collect.sources.inference.numbers import read_values
from clarion.kernel.expressions import column_name

_MIN_SHARED = 2  # of columns that only first lines state; a single one may be empty by chance
_OF_LINE = ("quantity", "unit_price", "amount", "discount", "refund", "product_ref")
_REPEATED = ("amount", "unit_price", "refund")
_MIN_SUMS = 2  # of orders whose lines are of different products and have the same money
# What columns are called that say by yes and no, or by a day, which orders are no sale.
_FLAGS = (
    "cancelled", "canceled", "is cancelled", "is canceled", "cancelled at", "canceled at",
    "cancellation date", "cancel reason", "cancelled reason", "voided", "is void", "voided at",
    "deleted", "is deleted", "deleted at", "refunded at", "is refunded", "returned",
    "is returned", "returned at", "is return", "is test", "test order", "is paid",
    "payment received", "payment failed", "storniert", "storniert am", "annulé", "annulée",
    "anulado", "取消时间", "是否取消", "是否退款", "退款时间", "是否付款", "是否支付", "关闭时间",
    "关闭原因",
)  # fmt: skip
_MIN_LINES = 5  # of products sold in different quantities, to tell a price from a line's sum
_MONEY_WORDS = ("price", "amount", "total", "sales", "value", "revenue", "cost", "单价", "金额")
_LINE_NAMES = {"line_no", "record_ref"}
_CENT = 0.005
_CONSTANT = 0.05  # median deviation of a price that does not depend on the quantity


def arrange_orders(columns: Mapping[str, Column], matches: Mapping[str, Match]) -> dict[str, Match]:
    """The matches, with quantity, price and amount as their values are.

    Args:
        columns: of the file.
        matches: by name.

    Returns:
        The matches; those that values decided have a note.
    """
    arranged = _find_units(columns, _without_sums_of_orders(columns, dict(matches)))
    return _tell_price_from_sum(columns, arranged)


def _without_sums_of_orders(
    columns: Mapping[str, Column], matches: dict[str, Match]
) -> dict[str, Match]:
    """The name of orders by its first lines; what only those state is no value of a line."""
    shared = find_shared_fields(columns)
    if shared is None:
        return matches
    order, once = shared
    kept = {
        name: match
        for name, match in matches.items()
        if not (name in _OF_LINE and match.name in once) and match.name != order
    }
    note = f"'{order}' is the same on the lines that follow each other as an order's lines"
    return kept | {"order_ref": Match(order, 1.0, note)}


def _find_units(columns: Mapping[str, Column], matches: dict[str, Match]) -> dict[str, Match]:
    """A column called 'amount' that counts units beside one of money is the quantity."""
    if "quantity" in matches or "amount" not in matches:
        return matches
    amount = matches["amount"]
    others = [
        name
        for name, column in columns.items()
        if name != amount.name
        and column.is_number
        and not column.counts_units
        and similarity(name, _MONEY_WORDS)
    ]
    if not columns[amount.name].counts_units or not (others or "unit_price" in matches):
        return matches
    del matches["amount"]
    note = f"'{amount.name}' holds small whole numbers, as units are"
    return matches | {"quantity": replace(amount, note=note)}


def _tell_price_from_sum(
    columns: Mapping[str, Column], matches: dict[str, Match]
) -> dict[str, Match]:
    """Move a price that grows with the quantity to `amount`, and one that does not to the price."""
    product, quantity = matches.get("product_ref"), matches.get("quantity")
    found = [name for name in ("unit_price", "amount") if name in matches]
    if product is None or quantity is None or len(found) != 1:
        return matches
    name = found[0]
    money = matches[name]
    grows = _grows(columns[product.name], columns[quantity.name], columns[money.name])
    if grows is None:
        return matches
    if grows and name == "unit_price":
        del matches["unit_price"]
        note = f"'{money.name}' grows with '{quantity.name}': it is the sum of the line"
        return matches | {"amount": replace(money, note=note)}
    if not grows and name == "amount":
        del matches["amount"]
        note = f"'{money.name}' does not grow with '{quantity.name}': it is the price of one unit"
        return matches | {"unit_price": replace(money, note=note)}
    return matches


def _grows(product: Column, quantity: Column, money: Column) -> bool | None:
    """Whether money grows with the quantity, of the same product; None where that is not seen."""
    if not (len(product.texts) == len(quantity.texts) == len(money.texts)):
        return None  # some lines lack a value: texts do not belong together
    numbers = zip(read_values(quantity.texts), read_values(money.texts), strict=True)
    lines = [
        (code, units, paid)
        for code, (units, paid) in zip(product.texts, numbers, strict=True)
        if units is not None and paid is not None
    ]
    sums: list[float] = []
    prices: list[float] = []
    lines.sort()
    for _, group in groupby(lines, key=lambda line: line[0]):
        of_product = [(units, paid) for _, units, paid in group if units > 0 and paid > 0]
        if len({units for units, _ in of_product}) > 1:
            sums += _deviations([paid / units for units, paid in of_product])
            prices += _deviations([paid for _, paid in of_product])
    if len(sums) < _MIN_LINES:
        return None
    by_sum, by_price = sum(sums) / len(sums), sum(prices) / len(prices)
    return None if min(by_sum, by_price) > max(by_sum, by_price) * 0.7 else by_sum < by_price


def _deviations(numbers: list[float]) -> list[float]:
    middle = median(numbers)
    return [abs(number - middle) / middle for number in numbers]


def order_name(matches: Mapping[str, Match]) -> tuple[str, str] | None:
    """The expression of an order's name from customer and time, and a note; None without both."""
    if "order_ref" in matches or not {"customer_ref", "happened_at"} <= set(matches):
        return None
    customer, time = matches["customer_ref"].name, matches["happened_at"].name
    expression = f"concat({column_name(customer)}, ' ', {column_name(time)})"
    return expression, (
        f"order_ref: no column names orders; what one '{customer}' bought at one '{time}' is taken "
        "for an order, and a line without either is quarantined"
    )


def find_shared_fields(columns: Mapping[str, Column]) -> tuple[str, frozenset[str]] | None:
    """The column that names orders and those that only the first line of each order states.

    None where every line states all. An order's lines follow each other and have the same name;
    of several columns that repeat so, the one with the most different values names orders.
    """
    found: list[tuple[int, str, frozenset[str]]] = []
    for name, column in columns.items():
        if column.filled_share < 1 or not column.lines or column.dates.is_time:
            continue
        firsts = _first_lines(column)
        once = frozenset(
            other.name
            for other in columns.values()
            if other.texts and set(other.lines) < set(column.lines) and set(other.lines) <= firsts
        )
        if len(firsts) < column.rows and len(once) >= _MIN_SHARED:
            found.append((len(set(column.texts)), name, once))
    if not found:
        return None
    best = max(found, key=lambda item: item[0])
    return best[1], best[2]


def without_repeated_sums(
    columns: Mapping[str, Sequence[str | None]], matches: Mapping[str, Match]
) -> tuple[dict[str, Match], list[str]]:
    """The matches without money that is the sum of an order on each of its lines, and notes.

    Args:
        columns: values of the sample by the file's column.
        matches: the file's column for each of the kind's.
    """
    repeated = _repeated_sums(columns, matches)
    kept = {name: match for name, match in matches.items() if name not in repeated}
    return kept, [f"{name}: {reason}" for name, reason in repeated.items()]


def _repeated_sums(
    columns: Mapping[str, Sequence[str | None]], matches: Mapping[str, Match]
) -> dict[str, str]:
    """The matches of money that repeat the sum of an order on each of its lines, with the reason.

    Counted per line, such a sum would count several times. Lines of one order that are of different
    products and all have the same money show it: at once where price and quantity give another sum
    of the line, else where several orders of different sums do.
    """
    if not {"order_ref", "product_ref"} <= set(matches):
        return {}

    def values(name: str) -> Sequence[str | None]:
        return columns[matches[name].name]

    by_order: dict[str, list[int]] = {}
    for index, order in enumerate(values("order_ref")):
        if order:
            by_order.setdefault(order, []).append(index)
    products = values("product_ref")
    several = [lines for lines in by_order.values() if len({products[i] for i in lines}) > 1]
    line_sums = _line_sums(columns, matches)
    found = {}
    for name in _REPEATED:
        if name not in matches:
            continue
        money = read_values(values(name))
        stated = [lines for lines in several if any(money[i] for i in lines)]
        sums = {money[lines[0]] for lines in stated}
        if not stated or any(len({money[i] for i in lines}) > 1 for lines in stated):
            continue
        differs = name == "amount" and any(
            _differ(line_sums[i], money[i]) for lines in stated for i in lines
        )
        if differs or len(sums) >= _MIN_SUMS:
            found[name] = (
                f"'{matches[name].name}' is the same on all lines of an order, as a sum of the "
                "order is, and is not mapped: it would count once per line"
            )
    return found


def _line_sums(
    columns: Mapping[str, Sequence[str | None]], matches: Mapping[str, Match]
) -> list[float | None]:
    """Price times quantity of each record; None where the sample does not say it."""
    rows = max(map(len, columns.values()), default=0)
    if not {"unit_price", "quantity"} <= set(matches):
        return [None] * rows
    prices, units = (
        read_values(columns[matches[name].name]) for name in ("unit_price", "quantity")
    )
    return [
        None if price is None or unit is None else price * unit
        for price, unit in zip(prices, units, strict=True)
    ]


def _differ(line_sum: float | None, money: float | None) -> bool:
    """Whether a sum of a line is not the money stated, to the cent."""
    if line_sum is None:
        return False
    return money is None or abs(line_sum - money) >= _CENT


def note_flags(columns: Mapping[str, Column], matches: Mapping[str, Match]) -> list[str]:
    """The columns that may say by yes and no, or by a day, which orders are none.

    Args:
        columns: of the file.
        matches: the file's column for each of the kind's.
    """
    used = {match.name for match in matches.values()}
    return [
        f"status: '{name}' may say which orders are no sale, and is not mapped; every order "
        f"counts by 'status' alone; write 'status: \"CASE WHEN ... THEN 'cancelled' ELSE 'paid' "
        f"END\"' if it does"
        for name, column in columns.items()
        if name not in used and column.texts and similarity(name, _FLAGS) >= SURE_SIMILARITY
    ]


def _first_lines(column: Column) -> set[int]:
    """The lines on which a value differs from that of the line before."""
    before = (None, *column.texts)
    changed = zip(column.lines, column.texts, before, strict=False)
    return {line for line, text, earlier in changed if text != earlier}


def note_equal_lines(
    columns: Mapping[str, Sequence[str | None]], lines: Sequence[int], matches: Mapping[str, Match]
) -> list[str]:
    """What becomes of equal lines of an order; nothing where a column names its lines.

    Args:
        columns: values of the sample by the file's column.
        lines: the line of each record, where the file has lines.
        matches: the file's column for each of the kind's.
    """
    if _LINE_NAMES & set(matches):
        return []
    seen: set[tuple[str | None, ...]] = set()
    equal: list[int] = []
    for number, record in enumerate(zip(*columns.values(), strict=True)):
        if record in seen:
            equal.append(number)
        seen.add(record)
    where = "in the sample there is none"
    if equal:
        first = f"line {lines[equal[0]]}" if lines else f"record {equal[0] + 1}"
        where = f"in the sample there are {len(equal)}, the first in {first}"
    return [
        "duplicates: no column names the lines of an order, so a line that equals another of its "
        f"order in one file is sold once more ({where}), and the same lines in a later file are "
        "the same order delivered again; write 'duplicates: drop' if equal lines are one"
    ]
