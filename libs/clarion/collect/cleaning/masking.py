"""The shape of a text, as SQL: what the quarantine shows of a value."""

from clarion.kernel import sql

_BACKSLASH = "\\"
# Control and format characters, and white space other than the plain one.
_INVISIBLE = r"[\p{Cc}\p{Cf}\p{Z}&&[^ ]]"


def mask_sql(value: str) -> str:
    """SQL of the shape of a text, as `clarion.kernel.text.shape` gives it.

    Letters are x, digits 0; at most 24 characters are kept, invisible ones shown as escapes.

    Args:
        value: SQL of the text.
    """
    letter, digit = sql.text(r"[\p{L}\p{M}\p{So}]"), sql.text(r"\p{N}")
    letters = f"regexp_replace(substring({value}, 1, 24), {letter}, 'x')"
    return escape_invisible_sql(f"regexp_replace({letters}, {digit}, '0')")


def escape_invisible_sql(value: str) -> str:
    r"""SQL of a text with its invisible characters as escapes, such as `\u200b`.

    Args:
        value: SQL of the text.
    """
    code = f"concat({sql.text(_BACKSLASH + 'u')}, lpad(lower(hex(ascii(c))), 4, '0'))"
    escape = f"IF(c = chr(9), {sql.text(_BACKSLASH + 't')}, {code})"
    shown = f"IF(c RLIKE {sql.text(_INVISIBLE)}, {escape}, c)"
    return f"array_join(transform(split({value}, ''), c -> {shown}), '')"
