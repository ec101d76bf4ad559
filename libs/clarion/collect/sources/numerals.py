"""Numbers as files write them: one grammar, by the column's decimal sign, for SQL and samples.

A separator is what the convention says it is. A text that contradicts the convention has no value:
thousands come in threes, and nothing is taken out to make a number of it.
"""

import re
from collections.abc import Iterable
from typing import Literal

from clarion.kernel import sql

Decimal = Literal[".", ","]
Range = Literal["refuse", "low", "high"]
Evidence = Literal[".", ",", "either", "undecided", "no number"]
DECIMALS: tuple[Decimal, Decimal] = (".", ",")

# Hyphens, dashes and minus signs, which all say "less" where they stand beside digits.
_MINUS = "\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d"
# A run of digits with what may separate them. A sign after an abbreviation's point, as in 'Rs.500',
# begins no fraction. '12,-' is the whole amount without a fraction.
_RUN = (
    r"(?:(?<![A-Za-z/])[.,](?=[0-9]))?[0-9](?:[0-9.,'’_ ]*[0-9])?"
    r"(?:[.,](?:-{1,2}(?![0-9]))?)?"
)
_POSITIVE = ("#", "+#", "#+")
_NEGATIVE = ("-#", "#-", "(#)")
_REDUCED = ("#now#", "was#now#")
_RANGE = ("#-#", "#~#", "#至#", "#到#")
CODES = (
    "USD|EUR|GBP|CNY|RMB|JPY|CHF|CAD|AUD|HKD|TWD|SGD|KRW|INR|IDR|"
    "THB|VND|MXN|BRL|PLN|SEK|NOK|DKK|CZK|CRC|RUB|TRY|ZAR|NZD|"
    "AED|ARS|BGN|CLP|COP|EGP|HUF|ILS|ISK|KES|MOP|MYR|NGN|PEN|PHP|PKR|QAR|RON|RSD|SAR|UAH"
)
WORDS = "Rp|Rs|kr|SFr|Fr|zł|Kč|Ft|лв|руб|RM|R"
_SIGNS = "[$¢-¥₠-\u20cf￥元圆円块원]|人民币"
_DOLLARS = "US|HK|NT|SG|CA|AU|NZ|MX|A|C|S|R"
_MONEY = rf"(?<![A-Za-z])(?:(?:{_DOLLARS})(?=\$)|(?i:{CODES}|{WORDS})\.?(?![A-Za-z]))|{_SIGNS}"


def pattern(decimal: Decimal) -> str:
    """The regular expression of a number under a convention; Java and Python read it alike.

    Example:
        >>> bool(re.match(pattern(","), "1.234,50")), bool(re.match(pattern(","), "12.50"))
        (True, False)
    """
    sign = re.escape(decimal)
    group = re.escape("," if decimal == "." else ".")
    grouped = rf"[1-9][0-9]{{0,2}}([{group}'’_ ])[0-9]{{3}}(?:\1[0-9]{{3}})*"
    indian = r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}" if decimal == "." else ""
    return rf"^(?:(?:{grouped}{indian}|[0-9]+)(?:{sign}(?:[0-9]+|-{{1,2}})?)?|{sign}[0-9]+)$"


def number(run: str, decimal: Decimal, type_: str, *, sign: str = "''") -> str:
    """SQL of the number that a run of digits and separators is; null where it contradicts.

    Args:
        run: SQL of the run.
        decimal: the convention.
        type_: type of the number.
        sign: SQL of its sign, '-' or nothing.
    """
    digits = f"regexp_replace({run}, {sql.text(f'[^0-9{decimal}]')}, '')"
    value = f"try_cast(concat({sign}, replace({digits}, ',', '.')) AS {type_})"
    return f"IF({run} RLIKE {sql.text(pattern(decimal))}, {value}, NULL)"


def quantity(text: str, decimal: Decimal) -> str:
    """SQL of a plain number, with an exponent where a point is its decimal sign.

    Args:
        text: SQL of the text, in standard form.
        decimal: the convention.
    """
    type_ = "decimal(38,10)"
    exponent = sql.text(r"^[+-]?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,2}$")
    scientific = f"try_cast(s AS {type_})" if decimal == "." else "NULL"
    plain = _signed(number("p.run", decimal, type_, sign="p.sign"), r"\s", range_="refuse")
    return _with_one_minus(text, f"IF(s RLIKE {exponent}, {scientific}, {plain})")


def price(
    text: str, decimal: Decimal, *, range_: Range, by_points: Iterable[str], symbols: Iterable[str]
) -> str:
    """SQL of one price: alone, or the one that is 'now' beside an older; a range as declared.

    Args:
        text: SQL of the text, in standard form.
        decimal: the convention.
        range_: whether a price from-to is refused, or its lower or upper end is taken.
        by_points: symbols of currencies that separate thousands by points.
        symbols: further symbols of currencies.
    """
    type_ = "decimal(18,4)"
    is_by_points = " OR ".join(f"contains(s, {sql.text(symbol)})" for symbol in by_points)
    # They have no minor unit: three digits after a comma would be thousands all the same.
    is_fraction = f"p.run RLIKE {sql.text(',[0-9]{3,}$')}"
    by_own, by_comma = (number("p.run", d, type_, sign="p.sign") for d in (decimal, ","))
    value = f"IF({is_by_points}, IF({is_fraction}, NULL, {by_comma}), {by_own})"
    marks = "|".join([r"\s", _MONEY, *(re.escape(symbol) for symbol in symbols)])
    return _with_one_minus(text, _signed(value, marks, range_=range_))


def _with_one_minus(text: str, body: str) -> str:
    """SQL of a body over `s`: the text, with one sign for every form of a minus."""
    one_minus = f"translate({text}, {sql.text(_MINUS)}, '{'-' * len(_MINUS)}')"
    return sql.let(one_minus, body)


def _signed(value: str, marks: str, *, range_: Range) -> str:
    """SQL of the number in `s`, by the shape of what stands around its runs of digits.

    The shape of '$12.50-' is '#-': a run with a minus after it. What is neither a sign nor a mark
    stays in the shape, which then has no value.

    Args:
        value: SQL of the value of `p.run`.
        marks: regular expression of what may stand beside a number and says nothing of it.
        range_: which end of a range counts.
    """
    runs = f"regexp_extract_all(s, {sql.text(_RUN)}, 0)"
    bare = f"regexp_replace(s, {sql.text(_RUN)}, '#')"
    shape = f"lower(regexp_replace({bare}, {sql.text(marks)}, ''))"
    first = [*_POSITIVE, *_NEGATIVE, *(_RANGE if range_ == "low" else ())]
    second = [*_REDUCED, *(_RANGE if range_ == "high" else ())]
    run = (
        f"CASE WHEN q.shape IN ({_literals(first)}) THEN get(q.runs, 0) "
        f"WHEN q.shape IN ({_literals(second)}) THEN get(q.runs, 1) END"
    )
    parts = f"named_struct('runs', {runs}, 'shape', {shape})"
    chosen = f"named_struct('run', {run}, 'sign', IF(q.shape IN ({_literals(_NEGATIVE)}), '-', ''))"
    return f"transform(transform(array({parts}), q -> {chosen}), p -> {value})[0]"


def _literals(texts: Iterable[str]) -> str:
    return ", ".join(sql.text(text) for text in texts)


def evidence(text: str) -> Evidence:
    """What a text says about the decimal sign of its column.

    Returns:
        The only sign under which it is a number; 'either' if both give the same; 'undecided' if
        both give another; 'no number' if it is none under both, or holds no or several runs.

    Example:
        >>> [evidence(text) for text in ("9,99", "1.234.567", "12", "1.250", "12.5.6")]
        [',', ',', 'either', 'undecided', 'no number']
    """
    runs = re.findall(_RUN, re.sub(r"[\s\u200b\ufeff]+", " ", text))
    if len(runs) != 1:
        return "no number"
    fitting = [decimal for decimal in DECIMALS if re.match(pattern(decimal), runs[0])]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        return "no number"
    return "undecided" if "." in runs[0] or "," in runs[0] else "either"


def value(text: str, decimal: Decimal) -> float | None:
    """The number that a text of a sample states, as `quantity` and `price` read plain ones.

    Args:
        text: a number, alone or with marks that say nothing of it.
        decimal: the convention.

    Example:
        >>> [value(text, ",") for text in ("1.234,50 €", "(12)", "-3", "12.5", "3-5")]
        [1234.5, -12.0, -3.0, None, None]
    """
    runs = re.findall(_RUN, text)
    if len(runs) != 1 or not re.match(pattern(decimal), runs[0]):
        return None
    digits = re.sub(f"[^0-9{decimal}]", "", runs[0]).replace(",", ".")
    around = text.replace(runs[0], "#", 1)
    is_below_zero = any(sign in around for sign in f"-{_MINUS}") or "(#)" in around
    return -float(digits) if is_below_zero else float(digits)
