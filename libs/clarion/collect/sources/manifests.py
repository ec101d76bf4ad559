"""What a source says it delivered: how many records each file should hold."""

import csv
import io
import json
from pathlib import PurePosixPath
from typing import Any

from clarion.collect.sources import files
from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError


def declared(source: Source) -> dict[str, int]:
    """Records by name of a file, from all manifests of a source; empty where it has none.

    A manifest is a CSV file with the columns file and records, or JSON lines with these names.

    Raises:
        SourceError: a manifest says something else.
    """
    if source.manifest is None:
        return {}
    found: dict[str, int] = {}
    for manifest in files.find(source.manifest, source=f"{source.name} (manifest)"):
        text = files.text(manifest.path)
        try:
            found |= {
                PurePosixPath(str(row["file"])).name: int(row["records"]) for row in _rows(text)
            }
        except (KeyError, TypeError, ValueError) as error:
            raise SourceError(
                f"{source.name}: {manifest.path} is no manifest",
                found=f"{type(error).__name__}: {error}",
                fix="write the columns file and records",
            ) from error
    return found


def _rows(text: str) -> list[dict[str, Any]]:
    if text.lstrip().startswith("{"):
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(csv.DictReader(io.StringIO(text)))
