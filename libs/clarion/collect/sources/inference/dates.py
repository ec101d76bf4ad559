"""The patterns of dates and times by which a column's texts are read; odd texts do not decide."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from clarion.kernel.instants import states_time

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = "january|february|march|april|june|july|august|september|october|november|december"
_Y, _YY, _M, _D = r"(?P<y>\d{4})", r"(?P<y>\d\d)", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})"
_MON, _MONTH = rf"(?P<b>{'|'.join(_MONTHS)})", rf"(?P<b>{_FULL})"
_IN_NUMBERS = (
    (r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)", "yyyy-MM-dd"),
    *((rf"{_Y}{sign}{_M}{sign}{_D}", f"yyyy{plain}M{plain}d") for sign, plain in
      (("-", "-"), ("/", "/"), (r"\.", "."))),
    (r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)", "yyyyMMdd"),
    (rf"{_Y}年{_M}月{_D}日", "yyyy年M月d日"),
)  # fmt: skip
_DAY_OR_MONTH_FIRST = tuple(
    (regex, f"{order}{sign}{year}")
    for sign in ".-/"
    for year, years in (("yyyy", _Y), ("yy", _YY))
    for order, regex in (
        (f"d{sign}M", rf"{_D}{re.escape(sign)}{_M}{re.escape(sign)}{years}"),
        (f"M{sign}d", rf"{_M}{re.escape(sign)}{_D}{re.escape(sign)}{years}"),
    )
    if (order, sign) != ("M.d", ".")  # nobody writes 12.31.2026
)
_WITH_NAMES = tuple(
    (form.format(d=_D, b=names, y=years), pattern.replace("MMM", letters).replace("yyyy", year))
    for names, letters in ((_MON, "MMM"), (_MONTH, "MMMM"))
    for years, year in ((_Y, "yyyy"), (_YY, "yy"))
    for form, pattern in (
        ("{d} {b} {y}", "d MMM yyyy"),
        ("{d}-{b}-{y}", "d-MMM-yyyy"),
        ("{b} {d}, {y}", "MMM d, yyyy"),
        (r"{d}\. {b} {y}", "d. MMM yyyy"),
        ("{d}/{b}/{y}", "d/MMM/yyyy"),
    )
)
_DAYS = (*_IN_NUMBERS, *_DAY_OR_MONTH_FIRST, *_WITH_NAMES)
_TIME = re.compile(
    r"(?P<before>T|, ?| {1,2})(?P<hour>\d{1,2}):(?P<minute>\d\d)(?P<second>:\d\d)?"
    r"(?P<fraction>[.,]\d{1,9})?(?P<half> ?[AP]M)?(?P<zone> ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?",
    re.IGNORECASE,
)
_ENDS_WITH_ZONE = re.compile(r":\d\d(?:[.,]\d+)? ?(?:Z|UTC|GMT|[+-]\d\d:?(?:\d\d)?)$")
_COMPACT_TIME = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)([01]\d|2[0-3])[0-5]\d[0-5]\d")
# Digits of seconds, milliseconds and microseconds since 1970 that lie between 1990 and 2060, and
# the expression that reads them.
_EPOCH_RANGE = (631_152_000, 2_840_140_800)
_EPOCHS = (
    (r"\d{9,10}", 1, "timestamp_seconds(cast({} as bigint))"),
    (r"\d{9,10}(\.\d+)?", 1, "timestamp_seconds(cast({} as decimal(18,6)))"),
    (r"\d{12,13}", 10**3, "timestamp_millis(cast({} as bigint))"),
    (r"\d{15,16}", 10**6, "timestamp_micros(cast({} as bigint))"),
)
# Up to this share of the texts may be no date, or contradict the others; they are odd ones then.
MAX_ODD = 0.2
_MIN_TEXTS = 3  # of so many one may be odd, whatever its share


@dataclass(frozen=True, slots=True)
class DateForm:
    """How the texts of a column are read as times.

    Args:
        patterns: Spark's patterns; empty where texts are ISO 8601, epochs or no times.
        epoch: expression with {} for the column; empty for texts.
        is_iso: whether the texts are ISO 8601 or its relatives, zones included.
        order: the two patterns between which the texts do not decide.
        odd: texts that it does not read.
    """

    patterns: tuple[str, ...] = ()
    epoch: str = ""
    is_iso: bool = False
    order: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    @property
    def is_time(self) -> bool:
        """Whether the column is one of times."""
        return bool(self.patterns or self.epoch or self.is_iso or self.order)


def may_be_odd(odd: int, total: int) -> bool:
    """Whether so many texts of a column do not decide against the others.

    Example:
        >>> [may_be_odd(1, 3), may_be_odd(1, 2), may_be_odd(25, 100)]
        [True, False, False]
    """
    return odd == 0 or (total >= _MIN_TEXTS and (odd == 1 or odd <= MAX_ODD * total))


def read_dates(texts: Sequence[str]) -> DateForm:
    """How the texts of a column are read as times; `is_time` says whether they are any.

    Example:
        >>> read_dates(["11/13/2000", "11/1/2000"]).patterns
        ('M/d/yyyy',)
        >>> read_dates(["5/4/2026 9:05 PM"]).order
        ('d/M/yyyy h:mm a', 'M/d/yyyy h:mm a')
    """
    plain = [text.strip() for text in texts]
    if not plain:
        return DateForm()
    has_fractions = any("." in text for text in plain)
    for digits, unit, expression in _EPOCHS[has_fractions:]:
        odd = [text for text in plain if not _is_epoch(text, digits, unit)]
        if may_be_odd(len(odd), len(plain)) and len(odd) < len(plain):
            return DateForm(epoch=expression, odd=tuple(odd))
    readers = {text: frozenset(_patterns(text)) for text in dict.fromkeys(plain)}
    iso_odd = [text for text in plain if not states_time(text)]
    form = _by_patterns(plain, readers)
    if may_be_odd(len(iso_odd), len(plain)) and (
        len(iso_odd) < len(form.odd) or not form.is_time or _states_zone(plain)
    ):
        return DateForm(is_iso=True, odd=tuple(iso_odd))
    return form


def _states_zone(texts: Iterable[str]) -> bool:
    return any(_ENDS_WITH_ZONE.search(text) for text in texts)


def _is_epoch(text: str, digits: str, unit: int) -> bool:
    low, high = _EPOCH_RANGE
    return bool(re.fullmatch(digits, text)) and low <= float(text) / unit <= high


def _by_patterns(texts: Sequence[str], readers: dict[str, frozenset[str]]) -> DateForm:
    """The fewest patterns that read the texts, the most common first."""
    patterns: list[str] = []
    left = list(texts)
    while left:
        counts = {pattern: 0 for text in left for pattern in _ordered(readers[text])}
        for text in left:
            for pattern in readers[text]:
                counts[pattern] += 1
        best = max(counts, key=lambda pattern: counts[pattern], default=None)
        # A pattern of its own for one odd text would let that text decide.
        if best is None or (patterns and may_be_odd(len(left), len(texts))):
            break
        if not patterns and (form := _undecided_order(texts, readers, best, counts)):
            return form
        patterns.append(best)
        left = [text for text in left if best not in readers[text]]
    if not may_be_odd(len(left), len(texts)) or not patterns:
        return DateForm()
    return DateForm(patterns=tuple(patterns), odd=tuple(left))


def _undecided_order(
    texts: Sequence[str], readers: dict[str, frozenset[str]], best: str, counts: dict[str, int]
) -> DateForm | None:
    """The two orders of day and month where too few texts decide between them."""
    other = _swapped(best)
    if other == best or not counts.get(other):
        return None
    of_best = sum(best in readers[text] and other not in readers[text] for text in texts)
    of_other = sum(other in readers[text] and best not in readers[text] for text in texts)
    if of_best and not of_other:
        return None
    if of_other and of_other <= MAX_ODD * (of_best + of_other):
        return None
    pair = sorted((best, other), key=lambda pattern: pattern.startswith("M"))
    odd = tuple(text for text in texts if not readers[text] & {best, other})
    return DateForm(order=tuple(pair), odd=odd) if may_be_odd(len(odd), len(texts)) else None


def _swapped(pattern: str) -> str:
    """The pattern with day and month in the other order; itself where the order is certain."""
    match = re.match(r"([dM])([./-])([dM])(?=[./-]yy)", pattern)
    if not match:
        return pattern
    first, sign, second = match.groups()
    return f"{second}{sign}{first}{pattern[match.end() :]}"


@cache
def _ranks() -> dict[str, int]:
    return {pattern: rank for rank, (_, pattern) in reversed(list(enumerate(_DAYS)))}


def _ordered(patterns: Iterable[str]) -> list[str]:
    ranks = _ranks()
    return sorted(patterns, key=lambda pattern: (ranks.get(pattern.split(" ")[0], 0), pattern))


@cache
def _day_regexes() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(regex, re.IGNORECASE), pattern) for regex, pattern in _DAYS)


def _patterns(text: str) -> list[str]:
    """Every pattern that reads a text."""
    if (match := _COMPACT_TIME.fullmatch(text)) and _is_day(match):
        return ["yyyyMMddHHmmss"]
    found: list[str] = []
    for regex, pattern in _day_regexes():
        match = regex.match(text)
        if match is None or not _is_day(match):
            continue
        time = _time_pattern(text[match.end() :], is_padded=pattern == "yyyy-MM-dd")
        if time is not None:
            found.append(pattern + time)
    return found


def _is_day(match: re.Match[str]) -> bool:
    parts = match.groupdict()
    name = parts.get("b")
    month = _MONTHS.index(name[:3].lower()) + 1 if name else int(parts["m"])
    year = int(parts["y"])
    try:
        date(year if year > 99 else 2000 + year, month, int(parts["d"]))
    except ValueError:
        return False
    return True


def _time_pattern(rest: str, *, is_padded: bool) -> str | None:
    """The pattern of what follows the day; empty where nothing does, None where it is no time."""
    if not rest:
        return ""
    match = _TIME.fullmatch(rest)
    if match is None:
        return None
    hour = int(match["hour"])
    if hour > (12 if match["half"] else 23) or int(match["minute"]) > 59:
        return None
    before = "'T'" if match["before"].upper() == "T" else match["before"]
    hours = "h" if match["half"] else ("HH" if is_padded and len(match["hour"]) > 1 else "H")
    pattern = f"{before}{hours}:mm" + (":ss" if match["second"] else "")
    if match["fraction"]:
        pattern += f"{match['fraction'][0]}SSSSSSSSS"
    if half := match["half"]:
        pattern += " a" if half.startswith(" ") else "a"
    return pattern + _zone_pattern(match["zone"] or "")


def _zone_pattern(zone: str) -> str:
    if not zone:
        return ""
    space, stated = (" " if zone.startswith(" ") else ""), zone.strip()
    if stated[0] not in "+-":
        return f"{space}'{stated}'"
    return space + ("XXX" if ":" in stated else "Z")
