"""Characters of East Asian width, and words that are equal but for case, spaces and signs."""

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
