"""Files of any store: which there are, and what they hold, byte by byte."""

import fnmatch
import glob
import hashlib
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.fs as fs

from clarion.collect.sources.chunks import SourceChunk
from clarion.kernel.errors import SourceError, first_line

_WILD = set("*?[")
_BLOCK_BYTES = 1 << 22


def find_files(where: str, *, source: str) -> tuple[SourceChunk, ...]:
    """Files that match a pattern of any store, by name; their content is not read yet.

    A file of this machine has its whole path, as Spark names it: a pattern may start where the
    command is called, or go up by '..'.

    Raises:
        SourceError: the folder does not exist, or nothing matches.
    """
    store, pattern = _pattern_of(where)
    folder = _fixed_part(pattern)
    if store.get_file_info(folder).type is not fs.FileType.Directory:
        raise SourceError(
            f"{source}: the folder {folder} does not exist",
            found=where,
            fix="correct 'where' in the mapping, or --set data=DIR",
        )
    entries = store.get_file_info(fs.FileSelector(folder, recursive=True))
    files = sorted(
        (entry.path, entry.size, entry.mtime_ns)
        for entry in entries
        if entry.type is fs.FileType.File
        and fnmatch.fnmatch(entry.path, pattern)
        and not entry.base_name.startswith(("_", "."))
    )
    if not files:
        raise SourceError(
            f"{source}: no file matches {where}",
            found=f"{len(entries)} other entries in {folder}",
            fix="correct 'where' in the mapping",
        )
    return tuple(SourceChunk(path, size, "", modified) for path, size, modified in files)


def fixed_folder(where: str) -> str:
    """The deepest folder in which every file of a pattern lies, as paths of files begin."""
    return _fixed_part(_pattern_of(where)[1])


def examine_file(
    path: str, *, source: str, read_header: Callable[[fs.FileSystem, str], str]
) -> SourceChunk:
    """Length, fingerprint and header of a file.

    Args:
        path: the file.
        source: its source, for messages.
        read_header: reads the header of a format's file from its store.

    Raises:
        SourceError: the file is empty, its compression is damaged, or it was cut.
    """
    store, inside = _store(path)
    info = store.get_file_info(inside)
    if not info.size:
        raise SourceError(
            f"{source}: {path} is empty",
            found=f"{info.size or 0} bytes",
            fix="deliver the file again, or remove it",
        )
    content_hash = hashlib.sha256()
    with store.open_input_stream(inside, compression=None) as stream:
        while block := stream.read(_BLOCK_BYTES):
            content_hash.update(block)
    try:
        header = read_header(store, inside)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{source}: {path} is damaged or cut",
            found=first_line(error),
            fix="deliver the file again",
        ) from error
    return SourceChunk(path, info.size, content_hash.hexdigest(), info.mtime_ns, header)


def read_text(path: str) -> str:
    """The content of a small file of any store."""
    store, inside = _store(path)
    with store.open_input_stream(inside) as stream:
        return bytes(stream.read()).decode("utf-8-sig")


def copy_file(path: str, to: str) -> None:
    """The file's bytes under another path of any store; folders are made."""
    source, inside = _store(path)
    target, outside = _store(to)
    target.create_dir(str(PurePosixPath(outside).parent), recursive=True)
    fs.copy_files(inside, outside, source_filesystem=source, destination_filesystem=target)


def _pattern_of(where: str) -> tuple[fs.FileSystem, str]:
    store, pattern = _store(where)
    if isinstance(store, fs.LocalFileSystem):
        pattern = os.path.normpath(Path(glob.escape(str(Path.cwd())), pattern))
    return store, pattern


def _fixed_part(pattern: str) -> str:
    parts = PurePosixPath(pattern).parts
    wild = (index for index, part in enumerate(parts) if _WILD & set(part))
    depth = next(wild, len(parts) - 1)
    return str(PurePosixPath(*parts[:depth])) if depth else "."


def _store(where: str) -> tuple[fs.FileSystem, str]:
    if "://" in where:
        store, path = fs.FileSystem.from_uri(where)
        return store, path
    return fs.LocalFileSystem(), where
