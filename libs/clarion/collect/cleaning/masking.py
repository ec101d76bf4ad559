"""The shape of a text, as SQL: what the quarantine shows of a value."""

from clarion.kernel import sql


def mask_sql(value: str) -> str:
    """SQL of the shape of a text: letters as x, all but the first two digits as 0.

    At most 24 characters are kept.

    Args:
        value: SQL of the text.
    """
    letter = sql.text(r"\p{L}")
    digit = sql.text(r"\d")
    head = f"regexp_replace(substring({value}, 1, 2), {letter}, 'x')"
    rest = f"regexp_replace(substring({value}, 3, 22), {letter}, 'x')"
    return f"concat({head}, regexp_replace({rest}, {digit}, '0'))"
