"""The text of SQL expressions that people write: its tokens, and what it must not contain."""

import re

from clarion.kernel.errors import ClarionError, ConfigError

_TOKEN = re.compile(
    r"""(?P<string>'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*")   # a literal
      | `(?P<quoted>(?:``|[^`])*)`                              # a column with any name
      | (?P<word>[^\W\d]\w*)                                    # a column, a function or a keyword
      | (?P<comment>--|/\*)
      | (?P<other>::|.)""",
    re.VERBOSE | re.DOTALL,
)
# These read beyond the row, change from call to call, or change the number of rows.
_FORBIDDEN_WORDS = {
    "select",
    "over",
    "current_user",
    "session_user",
    "current_timestamp",
    "current_date",
    "localtimestamp",
}
_FORBIDDEN_CALLS = {
    *("reflect", "java_method", "try_reflect", "raise_error", "assert_true", "input_file_name"),
    *("now", "curdate", "rand", "randn", "random", "randstr", "uniform", "uuid", "shuffle"),
    *("monotonically_increasing_id", "spark_partition_id", "explode", "explode_outer"),
    *("posexplode", "posexplode_outer", "inline", "inline_outer", "stack", "json_tuple"),
    "values",  # '(VALUES (1))' is a subquery
}
# After an opening bracket these begin a subquery, as in '(TABLE t)'.
_SUBQUERY_WORDS = {"table", "from", "with"}


def tokens(text: str) -> list[tuple[str, str]]:
    """Kind (string, quoted, word, comment or other) and text of each token of an expression.

    Example:
        >>> tokens("a>'b'")
        [('word', 'a'), ('other', '>'), ('string', "'b'")]
    """
    return [(str(match.lastgroup), match.group(0)) for match in _TOKEN.finditer(text)]


def calls(parts: list[tuple[str, str]]) -> list[bool]:
    """For each token whether a bracket follows, so that a word is a function.

    Example:
        >>> calls(tokens("upper(a)"))
        [True, False, False, False]
    """
    following = ""
    is_call: list[bool] = []
    for _, text in reversed(parts):
        is_call.append(following == "(")
        following = following if text.isspace() else text
    return is_call[::-1]


def refuse_unsafe_sql(text: str, *, where: str, error: type[ClarionError] = ConfigError) -> None:
    """Refuse a text that is more than one expression over its own row.

    Subqueries, Java calls, generators and functions of the clock or of chance are unsafe.

    Args:
        text: what a person wrote.
        where: file and key, for the message.
        error: the class of the error.

    Raises:
        ClarionError: one of the class `error`, if the text is unsafe.

    Example:
        >>> refuse_unsafe_sql("amount > 5", where="tags.yml: big")
    """
    parts = tokens(text)
    before = ""
    for (kind, part), is_call in zip(parts, calls(parts), strict=True):
        if kind == "word" and _is_forbidden(part.lower(), is_call=is_call, before=before):
            raise error(
                f"{where}: '{part}' is not allowed here",
                found=text,
                fix=f"use functions of the row's own columns; a column of that name is `{part}`",
            )
        if part == ";" and kind == "other":
            raise error(
                f"{where}: more than one expression",
                found=text,
                fix="write one expression, without ';'",
            )
        if kind == "comment":  # it would hide from these checks what Spark reads
            raise error(
                f"{where}: an expression has no comments", found=text, fix=f"leave '{part}' out"
            )
        if part == "::":
            raise error(
                f"{where}: '::' is not supported here",
                found=text,
                fix="write cast(column as type)",
            )
        before = before if part.isspace() else part


def _is_forbidden(word: str, *, is_call: bool, before: str) -> bool:
    if word in _FORBIDDEN_WORDS or (is_call and word in _FORBIDDEN_CALLS):
        return True
    return before == "(" and word in _SUBQUERY_WORDS and not is_call


def names(text: str) -> tuple[str, ...]:
    """Names that may be columns: every word that is no function call, and every quoted name.

    Example:
        >>> names("upper(a) || `first name`")
        ('a', 'first name')
    """
    parts = tokens(text)
    candidates: list[str] = []
    for (kind, part), is_call in zip(parts, calls(parts), strict=True):
        if kind == "quoted":
            candidates.append(part[1:-1].replace("``", "`"))
        elif kind == "word" and not is_call:
            candidates.append(part)
    return tuple(dict.fromkeys(candidates))
