"""The encoding of a text file, by evidence: what merely decodes is not yet right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# Byte order marks, Spark's name and Python's for what follows them. The longer marks come first.
_MARKS = (
    (b"\xef\xbb\xbf", "UTF-8", "utf-8"),
    (b"\xff\xfe", "UTF-16", "utf-16-le"),
    (b"\xfe\xff", "UTF-16", "utf-16-be"),
)
_MAX_DAMAGED = 0.2  # of the lines that are not plain ASCII
_MIN_COMMON = 0.6  # of the characters that GB18030 gives
_MIN_ALONE = 0.6  # of the runs of letters beyond ASCII that a Western reading gives
_MIN_ZEROS = 0.2  # of the bytes of UTF-16 text; a text of another encoding has none
_ALONE = 2  # 'Müller', 'Kröß', but not 'Привет'
_LINES_NAMED = 3
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes become text.

    Args:
        name: Spark's name.
        codec: Python's name.
        confidence: from 0 to 1.
        mark: bytes of the byte order mark.
        note: what a person should look at; empty where nothing is in doubt.
    """

    name: str
    codec: str
    confidence: float = 1.0
    mark: int = 0
    note: str = ""


def find_encoding(raw: bytes, numbers: Sequence[int] = ()) -> Encoding:
    """The encoding that the bytes of a file speak for.

    A mark decides, then the zeros of UTF-16, then UTF-8, which other text does not fit by chance.
    What is left is GB18030 only if it gives Han characters in common use: nearly every file of
    Western text decodes as GB18030, too, and gives rare ones.

    Args:
        raw: bytes of the file.
        numbers: the file's number of each of their lines; by default they are its first.

    Example:
        >>> find_encoding("Müller;Köln".encode("latin-1")).name
        'ISO-8859-1'
        >>> find_encoding("订单号,下单时间".encode("gb18030")).name
        'GB18030'
    """
    for mark, name, codec in _MARKS:
        if raw.startswith(mark):
            return Encoding(name, codec, mark=len(mark))
    even, odd = raw[0::2].count(0), raw[1::2].count(0)
    if max(even, odd) > _MIN_ZEROS * len(raw) and min(even, odd) < max(even, odd) / 4:
        codec = "utf-16-le" if odd > even else "utf-16-be"
        return Encoding(codec.upper().replace("-LE", "LE").replace("-BE", "BE"), codec, 0.95)

    beyond_ascii = [
        (numbers[index] if numbers else index + 1, line)
        for index, line in enumerate(re.split(rb"\r\n|\n|\r", raw))
        if not line.isascii()
    ]
    damaged = [number for number, line in beyond_ascii if not _decodes(line, "utf-8")]
    if not damaged:
        return Encoding("UTF-8", "utf-8", note=_note_if_encoded_twice(beyond_ascii))
    if len(damaged) <= _MAX_DAMAGED * len(beyond_ascii):
        lines = ", ".join(map(str, damaged[:_LINES_NAMED]))
        return Encoding(
            "UTF-8",
            "utf-8",
            1 - len(damaged) / len(beyond_ascii),
            note=f"encoding: line {lines} is not UTF-8, as the others are; ingest refuses the file "
            "until it is delivered without damage",
        )
    return _single_or_double_byte(raw, beyond_ascii)


def _note_if_encoded_twice(lines: Sequence[tuple[int, bytes]]) -> str:
    """What to tell where most texts beyond ASCII are UTF-8 that was read as Western and written."""
    runs = [
        (number, run)
        for number, line in lines
        for run in _BEYOND_ASCII.findall(line.decode("utf-8"))
    ]
    twice = [number for number, run in runs if _is_encoded_twice(run)]
    if not twice or 2 * len(twice) < len(runs):
        return ""
    return (
        f"encoding: text was encoded twice, as in line {twice[0]}, before the file was written; "
        "deliver it again, or its names and words stay as they are"
    )


def _is_encoded_twice(text: str) -> bool:
    """Whether a run of letters is UTF-8 again once its letters are bytes; one letter never is."""
    for codec in ("windows-1252", "latin-1"):
        try:
            text.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
        return True
    return False


def _decodes(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _single_or_double_byte(raw: bytes, lines: list[tuple[int, bytes]]) -> Encoding:
    """GB18030 by its common characters, else a Western encoding."""
    common = _common_share(raw)
    western = _western(raw)
    runs = [run for _, line in lines for run in re.findall(rb"[\x80-\xff]+", line)]
    alone = sum(len(run) <= _ALONE for run in runs) / max(len(runs), 1)
    if common >= _MIN_COMMON:
        name, confidence, other = "GB18030", common, western
    else:
        name, confidence, other = western, min(alone, 1 - common), "GB18030"
    confidence *= len(runs) / (len(runs) + 1)  # few words are little evidence
    readings = _readings(*lines[0], (name, other))
    doubt = (
        "; neither is sure: compare a word, and correct 'encoding'"
        if name != "GB18030" and alone < _MIN_ALONE
        else ""
    )
    return Encoding(
        name,
        name,
        round(confidence, 2),
        note=f"encoding: {name} with confidence {confidence:.2f}, as a file does not state it; "
        f"{readings}{doubt}",
    )


def _readings(number: int, line: bytes, encodings: tuple[str, str]) -> str:
    """A word of the first line in two encodings; of other lines, which name people, the number."""
    if number > 1:
        return f"compare line {number} in {' and in '.join(encodings)}"
    word = re.findall(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*", line)[0]
    return " or ".join(f"'{word.decode(item, errors='replace')}' ({item})" for item in encodings)


def _common_share(raw: bytes) -> float:
    """Share of the characters beyond ASCII that are Han in common use, or their punctuation."""
    characters = [char for char in raw.decode("gb18030", errors="replace") if char > "\x7f"]
    return sum(map(_is_common, characters)) / max(len(characters), 1)


def _is_common(char: str) -> bool:
    """Whether it is of GB 2312's punctuation or of its 3,755 characters in common use."""
    try:
        lead = char.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return 0xA1 <= lead <= 0xA3 or 0xB0 <= lead <= 0xD7


def _western(raw: bytes) -> str:
    """Windows-1252 where its own signs occur, ISO-8859-15 where its euro stands by a number."""
    if re.search(rb"[\x80-\x9f]", raw):
        return "windows-1252" if _decodes(raw, "windows-1252") else "ISO-8859-1"
    return "ISO-8859-15" if re.search(rb"\d[ \xa0]?\xa4|\xa4 ?\d", raw) else "ISO-8859-1"
