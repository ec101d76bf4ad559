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


def shape(text: str) -> str:
    r"""The shape of a text, as messages show it: letters as x, digits as 0 but for the first two.

    At most 24 characters are kept, invisible ones as escapes. The letters of a number such as
    1.5E+12 stay.

    Example:
        >>> shape("k7@shop.example\t"), shape("1.23457E+12")
        ('x7@xxxx.xxxxxxx\\t', '1.00000E+00')
    """
    is_number = re.fullmatch(r"[0-9.,+-]+[eE][+-]?[0-9]+", text)
    cut = text[:24] if is_number else re.sub(r"[^\W\d_]", "x", text[:24])
    masked = cut[:2] + re.sub(r"\d", "0", cut[2:])
    return "".join(char if char.isprintable() else _escape(char) for char in masked)


def _escape(char: str) -> str:
    return "\\t" if char == "\t" else f"\\u{ord(char):04x}"
