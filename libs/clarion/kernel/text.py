"""Characters of East Asian width."""

WIDE = "".join(chr(code) for code in range(0xFF01, 0xFF5F)) + "　"
NARROW = "".join(chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)) + " "
