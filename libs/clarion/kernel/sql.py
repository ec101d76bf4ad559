"""Text that goes into SQL."""


def text(value: str | None) -> str:
    """A string literal; null for None."""
    return "CAST(NULL AS string)" if value is None else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name(identifier: str) -> str:
    """A quoted name."""
    return "`" + identifier.replace("`", "``") + "`"
