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


def among(column: str, values: Iterable[str]) -> str:
    """The condition that a column has one of some values.

    Example:
        >>> among("_batch", ["a1", "b2"])
        "`_batch` IN ('a1', 'b2')"
    """
    return f"{name(column)} IN ({', '.join(text(value) for value in values)})"
