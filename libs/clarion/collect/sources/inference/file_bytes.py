"""Parts of a file, decompressed by its ending: the beginning, some lines in between, the end."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as fs

from clarion.kernel.errors import SourceError, first_line

HEAD_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20
_PART_BYTES = 1 << 13
_MAX_BLOCKS = 256  # nothing beyond is looked at
_MAX_LINES = 64  # beyond ASCII: enough to tell encodings apart
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class FileParts:
    """What was read of a file.

    Args:
        start: its beginning.
        parts: some bytes of each later block, with the lines before each.
        is_whole: whether that is the whole file.
        has_end: whether the last part ends with the file.
        beyond_ascii: the first lines that are not plain ASCII, wherever they are, by number.
    """

    start: bytes
    parts: tuple[tuple[int, bytes], ...]
    is_whole: bool
    has_end: bool
    beyond_ascii: tuple[tuple[int, bytes], ...] = ()


def read_parts(file: Path) -> FileParts:
    """The first megabyte of a file, 8 kB of each of the 255 after it, and lines beyond ASCII.

    A file that is sorted by day does not show its dates in its beginning, and one line in ten
    thousand may be all that shows its encoding.

    Raises:
        SourceError: the file is empty, cannot be opened, or its compression is damaged.
    """
    blocks: list[bytes] = []
    lines: list[int] = [0]
    last = b""
    odd: list[tuple[int, bytes]] = []
    with _opened(file) as stream:
        for block in _blocks(stream):
            blocks.append(block if not blocks else block[:_PART_BYTES])
            odd += _lines_beyond_ascii(block, before=lines[-1], most=_MAX_LINES - len(odd))
            lines.append(lines[-1] + max(block.count(b"\n"), block.count(b"\r")))
            last = block
        has_end = not stream.read(1)
    if not blocks:
        raise SourceError(f"{file} is empty", found="0 bytes", fix="name a file that holds records")
    parts = list(zip(lines[1:], blocks[1:], strict=False))
    if parts and has_end:
        tail = last[-_PART_BYTES:]
        before = lines[-1] - max(tail.count(b"\n"), tail.count(b"\r"))
        parts.append((before, tail))
    return FileParts(blocks[0], tuple(parts), not parts and has_end, has_end, tuple(odd))


def _lines_beyond_ascii(block: bytes, *, before: int, most: int) -> list[tuple[int, bytes]]:
    """Lines of a block that are not plain ASCII; none that its edges cut.

    Args:
        block: bytes of the file.
        before: lines before it.
        most: how many to return.
    """
    found: list[tuple[int, bytes]] = []
    at = 0
    while len(found) < most and (match := _BEYOND_ASCII.search(block, at)):
        start = max(block.rfind(b"\n", 0, match.start()), block.rfind(b"\r", 0, match.start())) + 1
        ends = [end for sign in (b"\n", b"\r") if (end := block.find(sign, match.end())) >= 0]
        if not ends:
            break
        at = min(ends)
        if start:
            above = max(block.count(b"\n", 0, start), block.count(b"\r", 0, start))
            found.append((before + above + 1, block[start:at]))
    return found


def read_start(file: Path, length: int) -> bytes:
    """The first bytes of a file.

    Raises:
        SourceError: the file cannot be opened, or its compression is damaged.
    """
    with _opened(file) as stream:
        return bytes(stream.read(length))


@contextmanager
def _opened(file: Path) -> Iterator[pa.NativeFile]:
    try:
        with fs.LocalFileSystem().open_input_stream(str(file)) as stream:
            yield stream
    except (OSError, EOFError, pa.ArrowException) as error:
        raise SourceError(
            f"{file} is damaged or cannot be read",
            found=first_line(error),
            fix="deliver the file again",
        ) from error


def _blocks(stream: pa.NativeFile) -> Iterable[bytes]:
    for _ in range(_MAX_BLOCKS):
        block = b""
        while len(block) < _BLOCK_BYTES and (more := stream.read(_BLOCK_BYTES - len(block))):
            block += bytes(more)
        if not block:
            return
        yield block
