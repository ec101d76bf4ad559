"""Parts of a file, decompressed by its ending: the beginning, some lines in between, the end."""

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


@dataclass(frozen=True, slots=True)
class FileParts:
    """What was read of a file.

    Args:
        start: its beginning.
        parts: some bytes of each later block, with the lines before each.
        is_whole: whether that is the whole file.
        has_end: whether the last part ends with the file.
    """

    start: bytes
    parts: tuple[tuple[int, bytes], ...]
    is_whole: bool
    has_end: bool


def read_parts(file: Path) -> FileParts:
    """The first megabyte of a file, and 8 kB of each of the 255 after it.

    A file that is sorted by day does not show its dates in its beginning.

    Raises:
        SourceError: the file is empty, cannot be opened, or its compression is damaged.
    """
    blocks: list[bytes] = []
    lines: list[int] = [0]
    last = b""
    with _opened(file) as stream:
        for block in _blocks(stream):
            blocks.append(block if not blocks else block[:_PART_BYTES])
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
    return FileParts(blocks[0], tuple(parts), not parts and has_end, has_end)


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
