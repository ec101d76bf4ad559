"""How many records each file of a source should hold, as the source states it."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from clarion.collect.sources import file_store
from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError


@dataclass(frozen=True, slots=True)
class DeclaredFile:
    """A file as a manifest names it.

    Args:
        folder: folder that the manifest speaks of; none for every folder of the source.
        stated: path or name of the file, as stated.
        records: records that it should hold.
    """

    folder: PurePosixPath | None
    stated: PurePosixPath
    records: int

    @property
    def path(self) -> str:
        """The stated path, below the manifest's folder where it speaks of one."""
        return str(self.folder / self.stated if self.folder else self.stated)

    def speaks_of(self, file: PurePosixPath) -> bool:
        """Whether a file of this name lies where the manifest speaks of."""
        is_there = self.folder is None or file.is_relative_to(self.folder)
        return is_there and file.name == self.stated.name

    def names(self, file: PurePosixPath) -> bool:
        """Whether a file's path ends as stated."""
        parts = self.stated.parts
        return file.parts[-len(parts) :] == parts


@dataclass(frozen=True, slots=True)
class DeclaredFiles:
    """All that the manifests of a source name.

    Args:
        by_name: the files, by their names without folders.
    """

    by_name: Mapping[str, tuple[DeclaredFile, ...]]

    def entry_of(self, path: str) -> DeclaredFile | None:
        """What is declared of a file; none where no manifest names it.

        The manifest of the nearest folder counts. Where it states folders, the path ends with
        them. If no path does, they may be those of the sender's machine: a name counts alone where
        it is declared once.
        """
        file = PurePosixPath(path)
        found = [entry for entry in self.by_name.get(file.name, ()) if entry.speaks_of(file)]
        depth = max((_depth(entry) for entry in found), default=0)
        nearest = [entry for entry in found if _depth(entry) == depth]
        named = [entry for entry in nearest if entry.names(file)]
        if named:
            return max(named, key=lambda entry: len(entry.stated.parts))
        return nearest[0] if len(nearest) == 1 else None

    def records_of(self, path: str) -> int | None:
        """Records that a file should hold; none where no manifest names it."""
        entry = self.entry_of(path)
        return entry.records if entry else None

    def not_among(self, paths: Iterable[str]) -> list[DeclaredFile]:
        """What is declared and is none of these files, by path."""
        there = {self.entry_of(path) for path in paths}
        entries = (entry for named in self.by_name.values() for entry in named)
        return sorted((entry for entry in entries if entry not in there), key=lambda e: e.path)


NOTHING_DECLARED = DeclaredFiles({})


def declared_files(source: Source) -> DeclaredFiles:
    """What all manifests of a source declare; nothing where it has none.

    A manifest is a CSV file with the columns file and records, or JSON lines with these names. One
    that lies in a folder below that of the source speaks of the files in its folder, else of all.
    Of two statements about a file the later manifest's counts, by path.

    Raises:
        SourceError: a manifest has another form.
    """
    if source.manifest is None:
        return NOTHING_DECLARED
    root = PurePosixPath(file_store.fixed_folder(source.where))
    entries: dict[str, DeclaredFile] = {}
    for manifest in file_store.find_files(source.manifest, source=f"{source.name} (manifest)"):
        above = PurePosixPath(manifest.path).parent
        folder = above if above != root and above.is_relative_to(root) else None
        for stated, records in _statements(manifest.path, source=source.name):
            entry = DeclaredFile(folder, stated, records)
            entries[entry.path] = entry
    by_name: dict[str, tuple[DeclaredFile, ...]] = {}
    for entry in entries.values():
        by_name[entry.stated.name] = (*by_name.get(entry.stated.name, ()), entry)
    return DeclaredFiles(by_name)


def _depth(entry: DeclaredFile) -> int:
    return len(entry.folder.parts) if entry.folder else 0


def _statements(manifest: str, *, source: str) -> list[tuple[PurePosixPath, int]]:
    text = file_store.read_text(manifest)
    try:
        return [(_stated(str(row["file"])), int(row["records"])) for row in _rows(text)]
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(
            f"{source}: {manifest} is no manifest",
            found=f"{type(error).__name__}: {error}",
            fix="write the columns file and records",
        ) from error


def _stated(path: str) -> PurePosixPath:
    """A path as it is stated, without the scheme of a URL."""
    return PurePosixPath(path.rpartition("://")[2])


def _rows(text: str) -> list[dict[str, Any]]:
    if text.lstrip().startswith("{"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(csv.DictReader(io.StringIO(text)))
