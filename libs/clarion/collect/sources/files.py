"""Files of a source: which there are, and what they hold, byte by byte."""

import fnmatch
import hashlib
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from clarion.collect.sources.chunks import SourceChunk
from clarion.kernel.errors import SourceError

_WILD = set("*?[")
_HEADER_AT_MOST = 1 << 16


def find(where: str, *, source: str) -> tuple[SourceChunk, ...]:
    """Files that match a pattern of any store, in order of their names; their content is not looked at yet.

    Raises:
        SourceError: the folder does not exist, or nothing matches.
    """
    store, pattern = _store(where)
    parts = PurePosixPath(pattern).parts
    fixed = next((place for place, part in enumerate(parts) if _WILD & set(part)), len(parts) - 1)
    folder = str(PurePosixPath(*parts[:fixed])) if fixed else "."
    if store.get_file_info(folder).type is not fs.FileType.Directory:
        raise SourceError(
            f"{source}: the folder {folder} does not exist",
            found=where,
            fix="mend 'where' in the mapping, or --set data=DIR",
        )
    entries = store.get_file_info(fs.FileSelector(folder, recursive=True))
    found = sorted(
        (entry.path, entry.size, entry.mtime_ns)
        for entry in entries
        if entry.type is fs.FileType.File
        and fnmatch.fnmatch(entry.path, pattern)
        and not entry.base_name.startswith(("_", "."))
    )
    if not found:
        raise SourceError(
            f"{source}: no file matches {where}",
            found=f"{len(entries)} other entries in {folder}",
            fix="mend 'where' in the mapping",
        )
    return tuple(SourceChunk(path, size, "", modified) for path, size, modified in found)


def examine(path: str, *, source: str, form: str) -> SourceChunk:
    """Length, fingerprint and header of a file: the first line of a CSV file, the schema of a Parquet file.

    Raises:
        SourceError: the file is empty, its compression is damaged, or it is a Parquet file that was cut.
    """
    store, inside = _store(path)
    info = store.get_file_info(inside)
    if not info.size:
        raise SourceError(
            f"{source}: {path} is empty",
            found=f"{info.size or 0} bytes",
            fix="deliver the file again, or take it away",
        )
    digest = hashlib.sha256()
    with store.open_input_stream(inside, compression=None) as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
    try:
        header = _header(store, inside, form)
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{source}: {path} is damaged or cut",
            found=str(error).splitlines()[0],
            fix="deliver the file again",
        ) from error
    return SourceChunk(path, info.size, digest.hexdigest(), info.mtime_ns, header)


def _header(store: fs.FileSystem, inside: str, form: str) -> str:
    if form == "parquet":
        with store.open_input_file(inside) as file:
            return str(pq.read_schema(file).remove_metadata())
    if form != "csv":
        return ""
    with store.open_input_stream(inside) as stream:  # decompressed by the file's ending
        # Only compared with other headers: one letter a byte will do for every encoding.
        return (
            bytes(stream.read(_HEADER_AT_MOST)).split(b"\n", 1)[0].rstrip(b"\r").decode("latin-1")
        )


def text(path: str) -> str:
    """The content of a small file of any store."""
    store, inside = _store(path)
    with store.open_input_stream(inside) as stream:
        return bytes(stream.read()).decode("utf-8-sig")


def copy(path: str, to: str) -> None:
    """The file's bytes under another path of any store; folders are made."""
    (source, inside), (target, outside) = _store(path), _store(to)
    target.create_dir(str(PurePosixPath(outside).parent), recursive=True)
    fs.copy_files(inside, outside, source_filesystem=source, destination_filesystem=target)


def _store(where: str) -> tuple[fs.FileSystem, str]:
    if "://" in where:
        store, path = fs.FileSystem.from_uri(where)
        return store, path
    return fs.LocalFileSystem(), where
