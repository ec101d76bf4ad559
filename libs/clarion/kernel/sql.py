"""Text that goes into SQL."""

from collections.abc import Iterable


def text(value: str | None) -> str:
    """A string literal; null for None."""
    return (
        "CAST(NULL AS string)"
        if value is None
        else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    )


def name(identifier: str) -> str:
    """A quoted name."""
    return "`" + identifier.replace("`", "``") + "`"


def among(column: str, values: Iterable[str]) -> str:
    """The condition that a column has one of some values."""
    return f"{name(column)} IN ({', '.join(text(value) for value in values)})"
