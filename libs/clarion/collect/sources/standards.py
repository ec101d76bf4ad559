"""Standard forms of texts, codes, numbers, prices, dates, measures, phones, mails and regions.

A mapping names a standard for a column (`{from: EXPRESSION, as: price}`). This module turns it into
a plain SQL expression, so that Spark runs native code and the mapping stays short. A value without
a standard form becomes null, which cleaning reports as unreadable: nothing is guessed. Only phones
need a library; they get their form where they are sealed.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.collect.sources import numerals
from clarion.collect.sources.expressions import plain_number
from clarion.contracts.sources import UNKNOWN_STATE, Discount
from clarion.kernel import expressions, sql
from clarion.kernel.errors import ConfigError
from clarion.kernel.safe_sql import null_on_error
from clarion.kernel.text import NARROW, WIDE

Form = Literal[
    "text",
    "code",
    "number",
    "price",
    "percent",
    "currency",
    "date",
    "excel_serial",
    "grams",
    "millilitres",
    "phone",
    "mail",
    "region",
]

# Signs and words of one currency; where one is part of another, the longer counts. $ and ¥ belong
# to several: they mean what a mapping says, and nothing by default.
SYMBOLS = {
    "€": "EUR",
    "£": "GBP",
    "₡": "CRC",
    "Rp": "IDR",
    "₹": "INR",
    "元": "CNY",
    "₩": "KRW",
    "₫": "VND",
    "฿": "THB",
    "zł": "PLN",
    "US$": "USD", "HK$": "HKD", "NT$": "TWD", "SG$": "SGD", "S$": "SGD", "CA$": "CAD", "C$": "CAD",
    "AU$": "AUD", "A$": "AUD", "NZ$": "NZD", "MX$": "MXN", "R$": "BRL",
    "人民币": "CNY", "美元": "USD", "美金": "USD", "欧元": "EUR", "英镑": "GBP", "日元": "JPY",
    "日圆": "JPY", "港元": "HKD", "港币": "HKD", "台币": "TWD", "台幣": "TWD", "韩元": "KRW",
    "新元": "SGD", "新加坡元": "SGD", "加元": "CAD", "澳元": "AUD", "新西兰元": "NZD",
    "泰铢": "THB", "越南盾": "VND",
}  # fmt: skip
# Currencies that separate thousands by points and hardly use a minor unit.
BY_POINTS = ("Rp", "₡", "₫")
_GRAMS: dict[str, int | str] = {
    "kg": 1000,
    "公斤": 1000,
    "千克": 1000,
    "g": 1,
    "克": 1,
    "mg": "0.001",
    "lb": "453.59237",
    "oz": "28.349523125",
    "斤": 500,
}
_MILLILITRES: dict[str, int | str] = {
    "l": 1000,
    "升": 1000,
    "cl": 10,
    "ml": 1,
    "毫升": 1,
    "fl oz": "29.5735295625",
}


class Standard(BaseModel):
    """A column that is brought into a standard form.

    Attributes:
        from_: expression over the source's columns.
        as_: the form.
        decimal: what stands before the decimals of a number; the other sign separates thousands,
            and a text that contradicts this cannot be read.
        range: whether a price from-to is refused, or its lower or upper end is taken.
        formats: patterns of a date; a text that two of them read differently is refused.
        pivot: first of the hundred years that years of two digits stand for.
        epoch: year in which the days of an Excel serial number begin.
        country: ISO 3166 code, of phones without a country's code and of regions.
        symbols: currency of further symbols, such as {$: USD}.
        per: of a discount or refund: whether it is of the whole line, of each unit, or of the
            whole order.
        sign: of a discount: whether the source writes what is taken off as 5.00 or as -5.00.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: str = Field(alias="from")
    as_: Form = Field(alias="as")
    decimal: numerals.Decimal = "."
    range: numerals.Range = "refuse"
    formats: tuple[str, ...] = ()
    pivot: int | None = Field(default=None, ge=1901, le=2000)
    epoch: Literal[1900, 1904] = 1900
    country: str | None = None
    symbols: Mapping[str, str] = Field(default_factory=dict)
    per: Literal["line", "unit", "order"] = "line"
    sign: Literal["plus", "minus"] = "plus"


def discount(body: Any) -> Discount:
    """What a mapping says of the discount; by default an amount of the whole line, without a minus.

    Args:
        body: the mapping's entry for the column.
    """
    if not isinstance(body, Standard):
        return Discount()
    of: Literal["line", "unit"] = "unit" if body.per == "unit" else "line"
    return Discount("percent" if body.as_ == "percent" else of, body.sign)


def is_of_order(body: Any) -> bool:
    """Whether an amount is stated of the whole order.

    Args:
        body: the mapping's entry for the column.
    """
    return isinstance(body, Standard) and body.per == "order"


def price_currency(standard: Standard) -> str | None:
    """SQL of the currency that a text `s` of a price states; None for any other form.

    Args:
        standard: what the mapping says.
    """
    return _currency(standard.symbols) if standard.as_ == "price" else None


def expression(standard: Standard, regions: Mapping[str, Mapping[str, list[str]]]) -> str:
    """The SQL expression of a standard form; it gives null where a value has none.

    Args:
        standard: what the mapping says.
        regions: names of regions by country and code.
    """
    value = f"({null_on_error(standard.from_, number=_number_reader(standard))})"
    plain = text(value)
    match standard.as_:
        case "text" | "phone":
            return plain
        case "code":
            return f"upper(regexp_replace({plain}, ' ', ''))"
        case "mail":
            return f"lower({plain})"
        case "date":
            return _date(value, standard.formats, standard.pivot)
        case "excel_serial":
            return _bound(plain, "s", _serial(standard.epoch, standard.decimal))
        case "region":
            return _region(plain, regions.get(standard.country or "", {}))
        case "number" | "price" | "percent" if not _is_column(standard.from_):
            # What an expression calculates is a number already, and has no signs.
            number = f"TRY_CAST({value} AS decimal(18,4))"
            return f"IF(typeof({value}) = 'string', {_quantity(standard, plain)}, {number})"
        case _:
            return _quantity(standard, plain)


def _is_column(text: str) -> bool:
    return len(expressions.tokens(text.strip())) == 1


def _number_reader(standard: Standard) -> Callable[[str], str]:
    """How operands of arithmetic are read: by the convention of their column."""
    if standard.as_ not in ("number", "price", "percent"):
        return plain_number
    return lambda operand: f"CAST({_quantity(standard, text(operand))} AS decimal(20,6))"


def standard_word(value: str, words: Mapping[str, str], *, is_closed: bool) -> str:
    """The SQL expression of the value that a shop's word for it stands for.

    Case, width, spaces and signs do not matter.

    Args:
        value: expression of the text.
        words: the value of each `plain_word`.
        is_closed: whether a text that is no known word gives `unknown`; else it stays as it is.
    """
    by_value: dict[str, list[str]] = {}
    for word, standard in words.items():
        by_value.setdefault(standard, []).append(word)
    cases = " ".join(
        f"WHEN s IN ({_word_list(*same)}) THEN {sql.text(standard)}"
        for standard, same in by_value.items()
    )
    other = sql.text(UNKNOWN_STATE) if is_closed else value
    letters = f"regexp_replace(lower({text(value)}), {sql.text(_NO_LETTER)}, '')"
    return _bound(
        letters, "s", f"CASE WHEN coalesce(s, '') = '' THEN NULL {cases} ELSE {other} END"
    )


def _quantity(standard: Standard, plain: str) -> str:
    """Numbers, prices, currencies and measures: forms that use their text `s` more than once."""
    match standard.as_:
        case "number":
            return numerals.quantity(plain, standard.decimal)
        case "price":
            return numerals.price(
                plain,
                standard.decimal,
                range_=standard.range,
                by_points=BY_POINTS,
                symbols=(*SYMBOLS, *standard.symbols),
            )
        case "percent":
            return numerals.quantity(
                f"trim(regexp_replace({plain}, '^%|%$', ''))", standard.decimal
            )
        case "currency":
            return _bound(plain, "s", _currency(standard.symbols))
        case "grams":
            return _bound(f"lower({plain})", "s", _measure(_GRAMS, standard.decimal))
        case _:
            return _bound(f"lower({plain})", "s", _measure(_MILLILITRES, standard.decimal))


def text(value: str) -> str:
    """Full-width letters as plain ones, spaces of every kind as one, none at the ends."""
    plain = f"translate(CAST({value} AS string), {sql.text(WIDE)}, {sql.text(NARROW)})"
    return f"trim(regexp_replace({plain}, {sql.text(_SPACES)}, ' '))"


EPOCH_OF_MAC = 1904
_SHORT_YEAR = re.compile("(?<!y)yy(?!y)|(?<!u)uu(?!u)")
_NO_LETTER = r"[^\p{L}\p{N}]+"
_SPACES = "[\\s\u00a0\u2007\u202f\u200b\ufeff]+"


def _bound(value: str, name: str, body: str) -> str:
    """A body that uses a value more than once, with the value computed once."""
    return f"transform(array({value}), {name} -> {body})[0]"


def _currency(further: Mapping[str, str]) -> str:
    symbols = {**SYMBOLS, **further}
    cases = " ".join(
        f"WHEN contains(s, {sql.text(symbol)}) THEN {sql.text(symbols[symbol])}"
        for symbol in sorted(symbols, key=len, reverse=True)
    )
    code = (
        f"regexp_extract(upper(s), {sql.text(rf'(?:^|[^A-Z])({numerals.CODES})(?:[^A-Z]|$)')}, 1)"
    )
    return f"CASE WHEN {code} = 'RMB' THEN 'CNY' WHEN {code} <> '' THEN {code} {cases} END"


def check_patterns(standard: Standard, *, where: str) -> None:
    """Refuse patterns of a date that leave open which century or half of the day is meant.

    Args:
        standard: what the mapping says.
        where: mapping and column, for messages.

    Raises:
        ConfigError: years of two digits without a pivot, or twelve hours without AM or PM.
    """
    letters = {pattern: re.sub("'[^']*'", "", pattern) for pattern in standard.formats}
    for pattern, plain in letters.items():
        if _SHORT_YEAR.search(plain) and standard.pivot is None:
            raise ConfigError(
                f"{where}: years of two digits stand for no century",
                found=pattern,
                fix="add 'pivot: 1950', the first of the hundred years that they stand for",
            )
        if re.search("[hK]", plain) and "a" not in plain:
            raise ConfigError(
                f"{where}: twelve hours without AM or PM are half a day",
                found=pattern,
                fix="add 'a' where AM or PM stands, or write H for hours from 0 to 23",
            )
    if standard.pivot is not None and not any(map(_SHORT_YEAR.search, letters.values())):
        raise ConfigError(
            f"{where}: 'pivot' is for years of two digits",
            found=", ".join(standard.formats) or "no formats",
            fix="write such a pattern, as 'formats: [d.M.yy]', or leave 'pivot' out",
        )


def _date(value: str, formats: tuple[str, ...], pivot: int | None) -> str:
    """The time that every pattern able to read the text agrees on.

    Expressions read these functions as instants, by the zone of the source.
    """
    plain = text(value)
    if not formats:
        # A typed value keeps its type: as text it would not state its zone.
        is_text = f"typeof({value}) = 'string'"
        return f"IF({is_text}, try_to_timestamp({plain}), try_to_timestamp({value}))"
    instants = ", ".join(_by_pattern(plain, pattern, pivot) for pattern in formats)
    different = f"array_distinct(array_compact(array({instants})))"
    return _bound(different, "t", "IF(size(t) = 1, t[0], NULL)")


def _by_pattern(plain: str, pattern: str, pivot: int | None) -> str:
    """The time by one pattern; a year of two digits is one of the hundred from the pivot."""
    instant = f"try_to_timestamp({plain}, {sql.text(pattern)})"
    if pivot is None or not _SHORT_YEAR.search(re.sub("'[^']*'", "", pattern)):
        return instant
    # Spark reads such a year as one from 2000 to 2099.
    earlier = f"IF(year(i) >= {pivot + 100}, i - INTERVAL '100' YEAR, i)"
    return _bound(instant, "i", earlier)


def _serial(epoch: int, decimal: numerals.Decimal) -> str:
    """The local time, as text, of a number of days as Excel counts them; their part is the time.

    Day 60 of 1900 is the 29th of February, which that year did not have. Numbers below it are one
    day behind; it stands for none, as does a time of day without a day.
    """
    number = "replace(s, ',', '.')" if decimal == "," else "s"
    pattern = rf"^[0-9]{{1,7}}([{decimal}][0-9]+)?$"
    seconds = f"CAST(round(CAST({number} AS decimal(28,15)) * 86400) AS bigint)"
    first, last = (0, 2_957_003) if epoch == EPOCH_OF_MAC else (1, 2_958_465)
    day = "n DIV 86400"
    begins = "DATE '1904-01-01'" if epoch == EPOCH_OF_MAC else "DATE '1899-12-30'"
    shift = "" if epoch == EPOCH_OF_MAC else f" + IF({day} < 60, 1, 0)"
    is_day = f"{day} BETWEEN {first} AND {last}"
    if epoch != EPOCH_OF_MAC:
        is_day += f" AND {day} <> 60"
    date = f"CAST(date_add({begins}, CAST({day}{shift} AS int)) AS string)"
    time = "format_string('%02d:%02d:%02d', n % 86400 DIV 3600, n % 3600 DIV 60, n % 60)"
    local = _bound(seconds, "n", f"IF({is_day}, concat({date}, ' ', {time}), NULL)")
    return f"IF(s RLIKE {sql.text(pattern)}, {local}, NULL)"


def _measure(units: Mapping[str, int | str], decimal: numerals.Decimal) -> str:
    """A number with its unit, in the base unit; null for a number without one."""
    names = sorted(units, key=len, reverse=True)
    pattern = rf"^([0-9.,][0-9., '’]*?) ?({'|'.join(names)})$"
    factor = " ".join(f"WHEN {sql.text(name)} THEN {units[name]}" for name in names)
    run = f"regexp_extract(s, {sql.text(pattern)}, 1)"
    number = numerals.number(run, decimal, "decimal(18,4)")
    return f"{number} * CASE regexp_extract(s, {sql.text(pattern)}, 2) {factor} END"


def _region(value: str, names: Mapping[str, list[str]]) -> str:
    endings = (
        "(省|市|自治区|壮族自治区|回族自治区|维吾尔自治区|特别行政区"
        "| province| city| municipality| autonomous region| sar)$"
    )
    bare = f"regexp_replace(lower({value}), {sql.text(endings)}, '')"
    cases = " ".join(
        f"WHEN s IN ({_word_list(code, *words)}) THEN {sql.text(code)}"
        for code, words in names.items()
    )
    return _bound(bare, "s", f"CASE {cases} END") if cases else value


def _word_list(*words: str) -> str:
    return ", ".join(sql.text(word.lower()) for word in words)
