"""How many records each file of a source should hold, as the source states it."""

import csv
import io
import json
from pathlib import PurePosixPath
from typing import Any

from clarion.collect.sources import file_store
from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError


def declared_records(source: Source) -> dict[str, int]:
    """Records by name of a file, from all manifests of a source; empty where it has none.

    A manifest is a CSV file with the columns file and records, or JSON lines with these names.

    Raises:
        SourceError: a manifest has another form.
    """
    if source.manifest is None:
        return {}
    records: dict[str, int] = {}
    for manifest in file_store.find_files(source.manifest, source=f"{source.name} (manifest)"):
        text = file_store.read_text(manifest.path)
        try:
            for row in _rows(text):
                records[PurePosixPath(str(row["file"])).name] = int(row["records"])
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{source.name}: {manifest.path} is no manifest",
                found=f"{type(error).__name__}: {error}",
                fix="write the columns file and records",
            ) from error
    return records


def _rows(text: str) -> list[dict[str, Any]]:
    if text.lstrip().startswith("{"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(csv.DictReader(io.StringIO(text)))
