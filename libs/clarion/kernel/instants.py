"""SQL of instants: a time that states its zone is absolute, any other is of the source's clock.

Spark's own functions read a time without a zone in the session's zone, which is UTC. A source's
clock is another. `read_instants` therefore replaces each function that reads a time by SQL that
takes the source's zone only where neither the value nor its pattern states one.
"""

import re
from collections.abc import Callable, Sequence

from clarion.kernel import expressions, sql

_Parts = Sequence[tuple[str, str]]

_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
_OFFSET = r"[+\-\u2212]\d{1,2}(?::?\d{2}(?::?\d{2})?)?"
# An abbreviation such as CST is no zone: it is Chicago's time and Shanghai's.
_UTC = r"(?i:z|utc|gmt|ut)"
_REGION = r"[A-Za-z_]+/[\w/+\-]+"
_ZONE = rf"(?:(?:{_UTC} ?)?({_OFFSET})|{_UTC}|({_REGION}))(?:\[[^\]]*\])?"
_LOCAL = rf"^{_DATE}(?:[Tt ]{_TIME})?$"
_ZONED = rf"^({_DATE})[Tt ]({_TIME}) ?{_ZONE}$"
# The form that most files have, which Spark reads as it stands.
_PLAIN = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?\z"
_WITHOUT_SECONDS = r"(?<=[Tt ]\d{1,2}:\d{2})(?![:\d])"
_COMPACT = r"^(\d{4})(\d{2})(\d{2})[Tt](\d{2})(\d{2})(?=\D|\d{2}(?:\D|$)|$)(\d{2})?"
_PATTERN_LITERAL = "'[^']*'"
_PATTERN_UTC = "'[^']*(Z|UTC|GMT)'"
_ENDS_WITH_ZONE = r"\d:?\d.*(?:[zZ]|UTC|GMT|[+-]\d{2}(?::?\d{2})*|[A-Za-z]+/\w+)\]?$"

# With one of these an expression calculates with days and hours: those of the source's clock.
_CLOCK = {
    *("date_trunc", "trunc", "date_format", "date_part", "datepart", "extract", "interval"),
    *("make_interval", "try_make_interval", "make_dt_interval", "make_ym_interval"),
    *("year", "quarter", "month", "week", "weekofyear", "day", "dayofmonth", "dayofweek"),
    *("dayofyear", "weekday", "dayname", "monthname", "hour", "minute", "second", "add_months"),
    *("months_between", "date_add", "dateadd", "date_sub", "datediff", "date_diff", "last_day"),
    *("next_day", "timestampadd", "timestampdiff"),
}


def states_time(text: str) -> bool:
    """Whether `text_instant` reads a text, in its own zone or by the source's clock.

    Example:
        >>> [states_time(text) for text in ("2026-05-01 23:30:00 +0530", "1/5/2026")]
        [True, False]
    """
    return any(re.search(pattern, text.strip()) for pattern in (_LOCAL, _ZONED, _COMPACT))


def text_instant(text: str, zone: str) -> str:
    """SQL of the instant that a text states, in ISO 8601 and its relatives; null for any other.

    Args:
        text: SQL of the text.
        zone: zone of the source's clock, for a text that states none. A local time that exists
            twice is the earlier instant; one that the clock skips is an hour later.

    Example:
        >>> "to_utc_timestamp" in text_instant("paid_at", "Europe/Berlin")
        True
    """
    plain = f"({text}) RLIKE {sql.text(_PLAIN)}"
    local = _to_utc(f"TRY_CAST(({text}) AS timestamp)", zone)
    return f"IF({plain}, {local}, {sql.let(f'trim({text})', _other_instant(zone))})"


def _other_instant(zone: str) -> str:
    """SQL of the instant that the text `s` states in one of the less frequent forms."""
    stated = "s"
    compact = _replace(stated, _COMPACT, "$1-$2-$3T$4:$5:$6")
    # A time of hours and minutes alone leaves its last colon behind.
    extended = _replace(compact, r"(?<=T\d{2}:\d{2}):(?!\d)", "")
    return (
        f"CASE {_text_cases(stated, zone)} WHEN {stated} RLIKE {sql.text(_COMPACT)} "
        f"THEN CASE {_text_cases(extended, zone)} END END"
    )


def _text_cases(text: str, zone: str) -> str:
    with_seconds = _replace(text, _WITHOUT_SECONDS, ":00")
    # Without its group of an offset, a time of UTC: the session's zone.
    zoned = f"translate({_replace(with_seconds, _ZONED, '$1 $2$3 $4')}, ',\u2212', '.-')"
    local = f"TRY_CAST(translate({text}, 't,', 'T.') AS timestamp)"
    return (
        f"WHEN {text} RLIKE {sql.text(_LOCAL)} THEN {_to_utc(local, zone)} "
        f"WHEN {text} RLIKE {sql.text(_ZONED)} THEN TRY_CAST(trim({zoned}) AS timestamp)"
    )


def _replace(text: str, pattern: str, replacement: str) -> str:
    return f"regexp_replace({text}, {sql.text(pattern)}, {sql.text(replacement)})"


def _to_utc(value: str, zone: str) -> str:
    """SQL of the instant at which a zone's clock shows a time."""
    if zone == "UTC":
        return value
    return f"to_utc_timestamp({value}, {sql.text(zone)})"


def local_clock(instant: str, zone: str) -> str:
    """SQL of what the source's clock shows at an instant.

    Example:
        >>> local_clock("at", "UTC")
        "from_utc_timestamp(at, 'UTC')"
    """
    return f"from_utc_timestamp({instant}, {sql.text(zone)})"


def calculates_with_clock(text: str) -> bool:
    """Whether an expression calculates with days or hours, so that its times are local.

    Example:
        >>> calculates_with_clock("date_trunc('DAY', to_timestamp(a))")
        True
        >>> calculates_with_clock("to_timestamp(day)")
        False
    """
    parts = expressions.tokens(text)
    return any(
        kind == "word" and (is_call or part.lower() == "interval") and part.lower() in _CLOCK
        for (kind, part), is_call in zip(parts, expressions.calls(parts), strict=True)
    )


def read_instants(text: str, zone: str) -> str:
    """An expression with every function that reads a time replaced by SQL that knows the zone.

    Its times are instants; those of an expression that calculates with days or hours are times of
    the source's clock.

    Args:
        text: the expression.
        zone: zone of the source's clock.

    Example:
        >>> read_instants("upper(a)", "Europe/Berlin")
        'upper(a)'
        >>> read_instants("timestamp_micros(a)", "Europe/Berlin")
        'timestamp_micros(TRY_CAST((a) AS bigint))'
    """

    def shown(instant: str) -> str:
        return local_clock(instant, zone) if is_local else instant

    is_local = calculates_with_clock(text)
    return _rewrite(expressions.tokens(text), zone, shown)


def _rewrite(parts: _Parts, zone: str, shown: Callable[[str], str]) -> str:
    """The tokens with every reader of a time replaced; `shown` takes the instant that it reads."""
    is_call = expressions.calls(list(parts))
    inside = [index for index, (_, part) in enumerate(parts) if not part.isspace()]
    written: list[str] = []
    index = 0
    while index < len(parts):
        kind, part = parts[index]
        end, value = index, None
        if kind == "word" and is_call[index]:
            end = _closing_bracket(parts, index)
        if end > index:
            is_whole = (index, end) == (inside[0], inside[-1])
            arguments = parts[index + 1 : end]
            value = _read_call(part.lower(), arguments, zone, shown, is_whole=is_whole)
        elif kind == "word" and part.lower() == "timestamp":
            end = next((later for later in inside if later > index), index)
            if parts[end][0] == "string":
                value = shown(text_instant(parts[end][1], zone))
        written.append(part if value is None else value)
        index = index + 1 if value is None else end + 1
    return "".join(written)


def _closing_bracket(parts: _Parts, start: int) -> int:
    """Index of the bracket that closes a call; that of the call itself where none does."""
    depth = 0
    for index in range(start, len(parts)):
        depth += {"(": 1, ")": -1}.get(parts[index][1], 0)
        if depth == 0 and parts[index][1] == ")":
            return index
    return start


def _split(parts: _Parts, separator: str) -> list[_Parts]:
    """The parts between the separators outside of brackets; the opening bracket is left out."""
    depth = 0
    found: list[list[tuple[str, str]]] = [[]]
    opened = next(index for index, (_, part) in enumerate(parts) if part == "(")
    for kind, part in parts[opened + 1 :]:
        depth += {"(": 1, ")": -1}.get(part, 0)
        if depth == 0 and part.lower() == separator and kind in ("word", "other"):
            found.append([])
        else:
            found[-1].append((kind, part))
    return list(found)


def _read_call(
    function: str, call: _Parts, zone: str, shown: Callable[[str], str], *, is_whole: bool
) -> str | None:
    """SQL in place of a call that reads a time; None for any other call."""

    def instants(parts: _Parts) -> str:
        return f"({_rewrite(parts, zone, lambda instant: instant)})"

    function = function.removeprefix("try_")
    arguments = _split(call, ",")
    if function == "cast":
        value, *type_ = _split(call, "as")
        arguments = [value]
        function = "".join(part for _, part in type_[-1]).strip().lower() if type_ else ""
    # What has more arguments is for Spark to refuse.
    if len(arguments) > _READERS.get(function, 0):
        return None
    values = [instants(argument) for argument in arguments]
    raw = f"{function}{''.join(part for _, part in call)})"
    instant = _read_instant(function, values, raw, zone)
    if function == "from_unixtime" and is_whole:
        instant = _EPOCHS["timestamp_seconds"].format(values[0])
    return _read_other(function, values, zone) if instant is None else shown(instant)


def _read_instant(function: str, values: Sequence[str], raw: str, zone: str) -> str | None:
    """The instant that a function gives; None for a function of another type.

    Args:
        function: its name.
        values: its arguments, with times read as instants.
        raw: the call as it is written.
        zone: zone of the source's clock.
    """
    match function:
        case "to_timestamp" | "to_timestamp_ltz" | "timestamp" | "timestamp_ltz":
            return _instant(values, zone)
        case "timestamp_seconds" | "timestamp_millis" | "timestamp_micros":
            return _EPOCHS[function].format(values[0])
        case "to_utc_timestamp":
            return raw
        case "from_utc_timestamp":
            return _to_utc(raw, zone)
        case "make_timestamp" | "make_timestamp_ltz":
            made = f"try_{function}({', '.join(values)})"
            return made if len(values) > _PARTS_OF_A_TIME else _to_utc(made, zone)
        case _:
            return None


def _read_other(function: str, values: Sequence[str], zone: str) -> str | None:
    """The day, the number or the text that a function makes of a time; None for any other."""
    match function:
        case "to_date" | "date":
            return f"CAST({local_clock(_instant(values, zone), zone)} AS date)"
        case "unix_timestamp" | "to_unix_timestamp":
            return f"unix_seconds({_instant(values, zone)})"
        case "unix_seconds" | "unix_millis" | "unix_micros":
            return f"{function}{values[0]}"
        case "from_unixtime":
            local = local_clock(_EPOCHS["timestamp_seconds"].format(values[0]), zone)
            pattern = values[1] if len(values) > 1 else sql.text("yyyy-MM-dd HH:mm:ss")
            return f"date_format({local}, {pattern})"
        case _:
            return None


_PARTS_OF_A_TIME = 6  # year to second; a seventh is the zone
# Functions that read a time, or calculate one from a number, with the arguments they take.
_READERS = {
    **dict.fromkeys(("timestamp", "timestamp_ltz", "date"), 1),
    **dict.fromkeys(("to_timestamp", "to_timestamp_ltz", "to_date"), 2),
    **dict.fromkeys(("timestamp_seconds", "timestamp_millis", "timestamp_micros"), 1),
    **dict.fromkeys(("unix_seconds", "unix_millis", "unix_micros"), 1),
    **dict.fromkeys(("unix_timestamp", "to_unix_timestamp", "from_unixtime"), 2),
    **dict.fromkeys(("to_utc_timestamp", "from_utc_timestamp"), 2),
    **dict.fromkeys(("make_timestamp", "make_timestamp_ltz"), 7),
}
# Never an overflow, which would end the run.
_EPOCHS = {
    "timestamp_seconds": "TRY_CAST(TRY_CAST({} AS decimal(18,6)) AS timestamp)",
    "timestamp_millis": "TRY_CAST(TRY_CAST({} AS decimal(18,3)) / 1000 AS timestamp)",
    "timestamp_micros": "timestamp_micros(TRY_CAST({} AS bigint))",
}


def _instant(values: Sequence[str], zone: str) -> str:
    """The instant of a value of any type, and of a text by its pattern where there is one."""
    value = values[0]
    text = f"CAST({value} AS string)"
    typed = f"TRY_CAST({value} AS timestamp)"
    of_text = text_instant(text, zone)
    if len(values) > 1:
        pattern = values[1]
        read = f"try_to_timestamp({text}, {pattern})"
        letters = f"{_replace(pattern, _PATTERN_LITERAL, '')} RLIKE '[VzOXxZ]'"
        always = f"{letters} OR {pattern} RLIKE {sql.text(_PATTERN_UTC)}"
        sometimes = f"NOT contains({pattern}, '[') OR {text} RLIKE {sql.text(_ENDS_WITH_ZONE)}"
        of_text = f"IF(({always}) AND ({sometimes}), {read}, {_to_utc(read, zone)})"
    return (
        f"CASE typeof({value}) WHEN 'string' THEN {of_text} "
        f"WHEN 'date' THEN {_to_utc(typed, zone)} "
        f"WHEN 'timestamp_ntz' THEN {_to_utc(typed, zone)} ELSE {typed} END"
    )
