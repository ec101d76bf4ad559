"""A pattern that takes the files of a folder that look like one of them, and no others."""

import fnmatch
import glob
import re
from dataclasses import dataclass
from pathlib import Path

from clarion.collect.sources.inference.file_bytes import read_start
from clarion.kernel.errors import SourceError

_MAX_FILES = 2000
_START_BYTES = 1 << 14
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class FilePattern:
    """A pattern of files.

    Args:
        where: as a mapping has it.
        note: files that it leaves out, or why it names one file; empty where it takes all.
    """

    where: str
    note: str = ""


def pattern_of_similar(path: str, *, first_lines: int) -> FilePattern:
    """The widest of three patterns that takes no file with another beginning.

    They are: every file with the same ending, those whose names differ in digits, and the file.
    Like `where`, a pattern looks into folders within the folder, too.

    Args:
        path: the file.
        first_lines: how many lines files of a kind share: those that name the columns; 0 where a
            format has none, so that every file with the ending fits.
    """
    file = Path(path)
    ending = "".join(file.suffixes)
    stem = file.name.removesuffix(ending)
    by_digits = re.sub(r"[0-9]+", "*", glob.escape(stem)) + ending
    candidates = [f"*{ending}", *([by_digits] if by_digits != stem + ending else [])]
    siblings = [item for item in sorted(file.parent.rglob(f"*{ending}")) if _is_taken(item)]
    if len(siblings) > _MAX_FILES:
        note = f"where: {len(siblings)} files are too many to compare; it takes this file alone"
        return FilePattern(f"${{data}}/{glob.escape(file.name)}", note)
    own = _start(file, first_lines)
    others = [item for item in siblings if item != file and _start(item, first_lines) != own]
    for pattern in candidates:
        if not any(fnmatch.fnmatch(str(item), f"{file.parent}/{pattern}") for item in others):
            return FilePattern(f"${{data}}/{pattern}", _left_out(others, "leaves out"))
    return FilePattern(f"${{data}}/{glob.escape(file.name)}", _left_out(others, "leaves out"))


def _is_taken(item: Path) -> bool:
    return item.is_file() and not item.name.startswith(("_", "."))


def _start(file: Path, lines: int) -> bytes:
    """The first lines; empty for a file that cannot be read, which is unlike every other."""
    if not lines:
        return b""
    try:
        start = read_start(file, _START_BYTES)
    except SourceError:
        return b"\0" + str(file).encode()
    found = [line for line in re.split(rb"\r\n|\n|\r", start) if line.strip()]
    return found[lines - 1] if len(found) >= lines else b"\0"


def _left_out(others: list[Path], verb: str) -> str:
    if not others:
        return ""
    names = ", ".join(item.name for item in others[:_SHOWN])
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    return f"where: the pattern {verb} {names}{more}, whose columns differ"
