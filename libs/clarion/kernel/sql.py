"""Text that goes into SQL."""

from collections.abc import Iterable


def text(value: str | None) -> str:
    """A string literal; null for None.

    Example:
        >>> text("north")
        "'north'"
        >>> text(None)
        'CAST(NULL AS string)'
    """
    if value is None:
        return "CAST(NULL AS string)"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def name(identifier: str) -> str:
    """A quoted name.

    Example:
        >>> name("order date")
        '`order date`'
    """
    return "`" + identifier.replace("`", "``") + "`"


def let(value: str, body: str) -> str:
    """SQL of a body over `s`, a value that is computed once.

    Spark interprets the body. That suits what few rows need: compiled, its code would be in the
    method of every row, and Java does not optimise a method above 8,000 bytes.

    Args:
        value: SQL of the value.
        body: SQL over `s`.

    Example:
        >>> let("trim(a)", "concat(s, s)")
        'transform(array(trim(a)), s -> concat(s, s))[0]'
    """
    return f"transform(array({value}), s -> {body})[0]"


def is_word(text_sql: str, words: Iterable[str]) -> str:
    """The condition that a text is one of some words, in any case.

    Args:
        text_sql: SQL of the text.
        words: in lower case.

    Example:
        >>> is_word("trim(a)", ["none"])
        "(octet_length(trim(a)) <= 12 AND lower(trim(a)) IN ('none'))"
    """
    known = list(words)
    # Most values are longer. A letter has at most three times the bytes that it has in lower case.
    longest = 3 * max(len(word.encode()) for word in known)
    among_words = f"lower({text_sql}) IN ({', '.join(map(text, known))})"
    return f"(octet_length({text_sql}) <= {longest} AND {among_words})"


def among(column: str, values: Iterable[str]) -> str:
    """The condition that a column has one of some values.

    Example:
        >>> among("_batch", ["a1", "b2"])
        "`_batch` IN ('a1', 'b2')"
    """
    return f"{name(column)} IN ({', '.join(text(value) for value in values)})"
