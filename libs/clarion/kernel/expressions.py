"""SQL expressions that people write into the configuration or on the command line: their words, and what they may not do."""

import re

from clarion.kernel.errors import ConfigError

_TOKEN = re.compile(
    r"""(?P<string>'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*")   # literals are left alone
      | `(?P<quoted>(?:``|[^`])*)`                              # a column with any name
      | (?P<word>[^\W\d]\w*)                                    # a column, a function or a keyword
      | (?P<other>::|.)""",
    re.VERBOSE | re.DOTALL,
)
# What reaches beyond the row, gives another answer each time, or changes the number of rows: as a word, and as a call.
_REFUSED = {
    "select",
    "over",
    "current_user",
    "session_user",
    "current_timestamp",
    "current_date",
    "localtimestamp",
}
_REFUSED_CALLS = {
    "reflect", "java_method", "try_reflect", "raise_error", "assert_true", "input_file_name", "now", "curdate", "rand", "randn", "random", "randstr", "uniform",
    "uuid", "shuffle", "monotonically_increasing_id", "spark_partition_id", "explode", "explode_outer", "posexplode", "posexplode_outer", "inline",
    "inline_outer", "stack", "json_tuple",
}  # fmt: skip


def tokens(text: str) -> list[tuple[str, str]]:
    """Kind (string, quoted, word or other) and text of each part of an expression."""
    return [(str(match.lastgroup), match.group(0)) for match in _TOKEN.finditer(text)]


def calls(parts: list[tuple[str, str]]) -> list[bool]:
    """For each part whether a bracket follows, so that a word is a function."""
    following, found = "", []
    for _, text in reversed(parts):
        found.append(following == "(")
        following = following if text.isspace() else text
    return found[::-1]


def refuse_more_than_an_expression(text: str, *, where: str) -> None:
    """Let nothing pass that reads beyond its row, calls Java, or answers otherwise the next time.

    Args:
        text: what a person wrote.
        where: file and key, for the message.

    Raises:
        ConfigError: it is more than an expression.
    """
    parts = tokens(text)
    for (kind, part), called in zip(parts, calls(parts), strict=True):
        if kind == "word" and (
            (called and part.lower() in _REFUSED_CALLS) or part.lower() in _REFUSED
        ):
            raise ConfigError(
                f"{where}: '{part}' is not allowed here",
                found=text,
                fix="use functions of the row's own columns",
            )
        if part == ";" and kind == "other":
            raise ConfigError(
                f"{where}: more than one expression",
                found=text,
                fix="write one expression, without ';'",
            )
        if part == "::":
            raise ConfigError(
                f"{where}: '::' is not understood here",
                found=text,
                fix="write cast(column as type)",
            )


def names(text: str) -> tuple[str, ...]:
    """Names that may be columns: every word that is no function call, and every quoted name."""
    parts = tokens(text)
    found = []
    for (kind, part), called in zip(parts, calls(parts), strict=True):
        if kind == "quoted":
            found.append(part[1:-1].replace("``", "`"))
        elif kind == "word" and not called:
            found.append(part)
    return tuple(dict.fromkeys(found))
