"""The text of SQL expressions that people write: its tokens, and what it must not contain."""

import re

from clarion.kernel import sql
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
    "current_time",
    "localtimestamp",
}
_FORBIDDEN_CALLS = {
    *("reflect", "java_method", "try_reflect", "raise_error", "assert_true", "input_file_name"),
    *("now", "curdate", "rand", "randn", "random", "randstr", "uniform", "uuid", "shuffle"),
    *("monotonically_increasing_id", "spark_partition_id", "explode", "explode_outer"),
    *("input_file_block_start", "input_file_block_length", "user", "current_database"),
    *("current_schema", "current_catalog", "current_timezone", "version", "secret", "try_secret"),
    *("posexplode", "posexplode_outer", "inline", "inline_outer", "stack", "json_tuple"),
    "values",  # '(VALUES (1))' is a subquery
}
# After an opening bracket these begin a subquery, as in '(TABLE t)' and '(FROM (t))', unless what
# follows shows that they are columns: no table begins with one of these characters.
_SUBQUERY_WORDS = {"table", "from", "with"}
_AFTER_COLUMN = set("),+-*/%=<>!|&^")
_CLOCKS_WITHOUT_ARGUMENT = {"unix_timestamp", "to_unix_timestamp"}  # the time at which it runs
_CASTS = {"cast", "try_cast"}  # here '(from AS bigint)' is no table with another name
_LITERALS = {"true", "false", "null"}


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

    Subqueries, windows, Java calls, generators and functions of the clock or of chance are unsafe.
    So are quotes and brackets that are not in pairs: they would end what the text is put into.

    Args:
        text: what a person wrote.
        where: file and key, for the message.
        error: the class of the error.

    Raises:
        ClarionError: one of the class `error`, if the text is unsafe.

    Example:
        >>> refuse_unsafe_sql("amount > 5", where="tags.yml: big")
    """
    parts = [(kind, part) for kind, part in tokens(text) if not part.isspace()]
    if not parts:
        raise error(
            f"{where}: the expression is empty", found=repr(text), fix="write one, or leave it out"
        )
    words = ["", "", *(part.lower() for _, part in parts), "", ""]
    for index, (kind, part) in enumerate(parts):
        if kind == "word" and _is_forbidden(*words[index : index + 5]):
            raise error(
                f"{where}: '{part}' is not allowed here",
                found=text,
                fix=f"use functions of the row's own columns; a column of that name is `{part}`",
            )
        if (kind, part) in _NOT_ALLOWED or kind == "comment":
            what, fix = _NOT_ALLOWED.get((kind, part), _COMMENT)
            raise error(f"{where}: {what}", found=text, fix=fix)
        if kind == "string" and part.startswith('"') and "'" not in part:
            raise error(
                f"{where}: {part} is in double quotes, which say text in some systems and a column "
                "in others",
                found=text,
                fix=f"write '{part[1:-1]}' for the text, `{part[1:-1]}` for the column",
            )
    _refuse_unpaired_brackets(text, parts, where=where, error=error)


# Signs that are no part of an expression, each with what is wrong and the fix.
_NOT_ALLOWED = {
    ("other", ";"): ("more than one expression", "write one expression, without ';'"),
    ("other", "::"): ("'::' is not supported here", "write cast(column as type)"),
    ("other", "'"): ("a quote is not closed", "write a text as 'text', a quote in it as \\'"),
    ("other", '"'): (
        "a double quote is not closed",
        "write a text as 'text', a column as `column`",
    ),
    ("other", "`"): ("a backtick is not closed", "write a column's name as `name`"),
    ("other", "\u2018"): ("a typographic quote", "write a text as 'text'"),
    ("other", "\u2019"): ("a typographic quote", "write a text as 'text'"),
    ("other", "\u201c"): ("a typographic quote", "write a text as 'text'"),
    ("other", "\u201d"): ("a typographic quote", "write a text as 'text'"),
}
# A comment would hide from these checks what Spark reads.
_COMMENT = ("an expression has no comments", "leave '--' and '/*' out")


def _refuse_unpaired_brackets(
    text: str, parts: list[tuple[str, str]], *, where: str, error: type[ClarionError]
) -> None:
    opened: list[str] = []
    for kind, part in parts:
        if kind != "other":
            continue
        if part in _BRACKETS:
            opened.append(part)
        elif part in _BRACKETS.values() and (not opened or _BRACKETS[opened.pop()] != part):
            raise error(
                f"{where}: a '{part}' closes no bracket", found=text, fix=f"leave the '{part}' out"
            )
        elif part == "," and not opened:
            raise error(
                f"{where}: more than one expression",
                found=text,
                fix="write one expression; a ',' stands between the arguments of a function",
            )
    if opened:
        closing = _BRACKETS[opened[-1]]
        raise error(
            f"{where}: a '{opened[-1]}' is not closed", found=text, fix=f"add the '{closing}'"
        )


_BRACKETS = {"(": ")", "[": "]"}


def _is_forbidden(function: str, before: str, word: str, after: str, then: str) -> bool:
    """Whether a word is unsafe between the two tokens before it and the two that follow."""
    if word in _FORBIDDEN_WORDS or (after == "(" and word in _FORBIDDEN_CALLS):
        return True
    if word in _CLOCKS_WITHOUT_ARGUMENT and (after, then) == ("(", ")"):
        return True
    is_column = after in _AFTER_COLUMN or (after == "as" and function in _CASTS)
    return before == "(" and word in _SUBQUERY_WORDS and not is_column


def column_name(name: str) -> str:
    """A column's name as an expression has it: quoted where the bare name is something else.

    Example:
        >>> column_name("amount"), column_name("over"), column_name("unit price")
        ('amount', '`over`', '`unit price`')
    """
    is_plain = re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)
    is_other = name.lower() in _FORBIDDEN_WORDS | _SUBQUERY_WORDS | _LITERALS
    return name if is_plain and not is_other else sql.name(name)


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
