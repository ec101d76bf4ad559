"""Characters of East Asian width, plain words, and the shape of a text."""

import re
import unicodedata

# The wide characters, and the narrow one that each stands for.
WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "　"
NARROW = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)) + " "


def plain_word(text: str) -> str:
    """The letters and digits of a text, in lower case and of narrow width.

    Example:
        >>> plain_word(" Partially_Refunded ")
        'partiallyrefunded'
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).lower())


def shape(text: str, *, limit: int | None = 24, merges: bool = False) -> str:
    r"""The shape of a text, as messages show it: letters as x, digits as 0, signs as they are.

    No letter or digit of a value is shown, since it may be a person's. Invisible characters are
    shown as escapes.

    Args:
        text: the text.
        limit: how many of its characters are kept; None for all.
        merges: whether letters that follow each other are one x, and digits one 0.

    Example:
        >>> shape("k7@shop.example\t"), shape("1.23457E+12"), shape("１３8 王小明", merges=True)
        ('x0@xxxx.xxxxxxx\\t', '0.00000x+00', '0 x')
    """
    masked = "".join(map(_mask, text[:limit]))
    return re.sub(r"(.)\1+", _first_of_run, masked) if merges else masked


def _first_of_run(run: re.Match[str]) -> str:
    return run[1] if run[1] in "x0" else run[0]


def _mask(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] in "LM" or category == "So":
        return "x"
    if category[0] == "N":
        return "0"
    return char if char.isprintable() else _escape(char)


def _escape(char: str) -> str:
    return "\\t" if char == "\t" else f"\\u{ord(char):04x}"
