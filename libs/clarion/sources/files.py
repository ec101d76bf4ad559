"""Files of a source: which there are, and what they hold, byte by byte."""

import fnmatch
import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow.fs as fs

from clarion.kernel.errors import SourceError

_WILD = set("*?[")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it stands in its store."""

    path: str
    bytes: int
    content_hash: str


def find(where: str, *, source: str) -> tuple[tuple[str, int], ...]:
    """Paths that match a pattern of any store, with their lengths in bytes, in order of their names.

    Raises:
        SourceError: the folder does not exist, or nothing matches.
    """
    store, pattern = _store(where)
    parts = PurePosixPath(pattern).parts
    fixed = next((place for place, part in enumerate(parts) if _WILD & set(part)), len(parts) - 1)
    folder = str(PurePosixPath(*parts[:fixed])) if fixed else "."
    if store.get_file_info(folder).type is not fs.FileType.Directory:
        raise SourceError(f"{source}: the folder {folder} does not exist", found=where, fix="mend 'where' in the mapping, or --set data=DIR")
    entries = store.get_file_info(fs.FileSelector(folder, recursive=True))
    found = sorted(
        (entry.path, entry.size)
        for entry in entries
        if entry.type is fs.FileType.File and fnmatch.fnmatch(entry.path, pattern) and not entry.base_name.startswith(("_", "."))
    )
    if not found:
        raise SourceError(f"{source}: no file matches {where}", found=f"{len(entries)} other entries in {folder}", fix="mend 'where' in the mapping")
    return tuple(found)


def examine(path: str, *, source: str) -> SourceFile:
    """Length and fingerprint of a file.

    Raises:
        SourceError: the file is empty.
    """
    store, inside = _store(path)
    size = store.get_file_info(inside).size
    if not size:
        raise SourceError(f"{source}: {path} is empty", found="0 bytes", fix="deliver the file again, or take it away")
    digest = hashlib.sha256()
    with store.open_input_stream(inside, compression=None) as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    return SourceFile(path, size, digest.hexdigest())


def _store(where: str) -> tuple[fs.FileSystem, str]:
    if "://" in where:
        store, path = fs.FileSystem.from_uri(where)
        return store, path
    return fs.LocalFileSystem(), where
