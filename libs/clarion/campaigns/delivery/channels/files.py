"""The file channel: message files that a sending system picks up."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import pyarrow.fs as fs

from clarion.kernel.errors import ContractError


def send(messages: Iterable[Mapping[str, Any]], *, folder: str, name: str) -> str:
    """Write messages to one file of JSON lines, as a whole or not at all.

    A repeat with the same messages finds the file and leaves it as it is.

    Args:
        messages: rows of MESSAGES.
        folder: folder or URL of the channel.
        name: name of the file, below the folder.

    Returns:
        The path of the file.

    Raises:
        ContractError: a file of that name holds other messages.
    """
    store, root = _open(folder)
    text = "".join(
        json.dumps(message, ensure_ascii=False, sort_keys=True, default=str) + "\n"
        for message in messages
    ).encode()
    path = str(PurePosixPath(root, name))
    if store.get_file_info(path).type is fs.FileType.File:
        with store.open_input_stream(path) as stream:
            existing = stream.read()
        if hashlib.sha256(existing).digest() != hashlib.sha256(text).digest():
            raise ContractError(
                f"{path} holds other messages",
                found=f"{len(existing)} bytes instead of {len(text)}",
                fix="send under another name",
            )
        return path
    store.create_dir(str(PurePosixPath(path).parent), recursive=True)
    unfinished = f"{path}.part"
    with store.open_output_stream(unfinished) as stream:
        stream.write(text)
    store.move(unfinished, path)
    return path


def is_written(*, folder: str, name: str) -> bool:
    """Whether a file of messages is in the folder.

    Args:
        folder: folder or URL of the channel.
        name: name of the file, below the folder.
    """
    store, root = _open(folder)
    return store.get_file_info(str(PurePosixPath(root, name))).type is fs.FileType.File


def written_files(folder: str) -> dict[str, str]:
    """The files of messages in a folder, each with a mark that changes when the file does.

    Args:
        folder: folder or URL of the channel.
    """
    store, root = _open(folder)
    if store.get_file_info(root).type is not fs.FileType.Directory:
        return {}
    files = store.get_file_info(fs.FileSelector(root, recursive=True))
    return {
        file.path: f"{file.size} {file.mtime_ns}"
        for file in files
        if file.type is fs.FileType.File and file.path.endswith(".jsonl")
    }


def read_messages(path: str, *, folder: str) -> Iterator[dict[str, Any]]:
    """The messages of a file.

    Args:
        path: of `written_files`.
        folder: folder or URL of the channel.
    """
    store, _ = _open(folder)
    with store.open_input_stream(path) as stream:
        text = stream.read().decode()
    for line in text.splitlines():
        yield json.loads(line)


def forget(customers: set[str], *, folder: str) -> int:
    """Remove the messages to some customers from the files of a folder.

    Args:
        customers: surrogates.
        folder: folder or URL of the channel.

    Returns:
        How many messages were removed.
    """
    store, root = _open(folder)
    if store.get_file_info(root).type is not fs.FileType.Directory:
        return 0
    removed = 0
    for file in store.get_file_info(fs.FileSelector(root, recursive=True)):
        if file.type is not fs.FileType.File or not file.path.endswith(".jsonl"):
            continue
        with store.open_input_stream(file.path) as stream:
            lines = stream.read().decode().splitlines()
        remaining = [line for line in lines if json.loads(line)["customer_id"] not in customers]
        if len(remaining) < len(lines):
            removed += len(lines) - len(remaining)
            with store.open_output_stream(f"{file.path}.part") as out:
                out.write("".join(f"{line}\n" for line in remaining).encode())
            store.move(f"{file.path}.part", file.path)
    return removed


def _open(folder: str) -> tuple[fs.FileSystem, str]:
    """The file system of a folder or URL, and the path in it."""
    if "://" in folder:
        store, root = fs.FileSystem.from_uri(folder)
        return store, root
    return fs.LocalFileSystem(), folder
