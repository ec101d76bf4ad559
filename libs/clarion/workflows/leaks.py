"""The steps of `scan`: leaks in tables, by shape and by the vault, and leaks in files."""

from functools import partial
from itertools import chain
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.scan import (
    CELL,
    Leak,
    count_shapes,
    find_shapes,
    find_vault_values,
    possible_names,
    text_columns,
)
from clarion.collect.privacy.settings import ScanSettings
from clarion.contracts import Table
from clarion.contracts.ops import LEAKS
from clarion.contracts.vault import PERSONAL_DATA
from clarion.kernel.errors import QualityError
from clarion.kernel.text import shape
from clarion.lake.frames import rows_as_frame, union_all
from clarion.runtime.scope import Scope


def leaks_by_shape(scope: Scope, tables: list[Table]) -> list[Leak]:
    """Telephones, mail addresses and identity numbers that can be read in tables."""
    by_table = scope.run_concurrently([partial(_shapes_in_table, scope, table) for table in tables])
    return list(chain.from_iterable(by_table))


def _shapes_in_table(scope: Scope, table: Table) -> list[Leak]:
    texts = _texts(scope, table)
    rows = count_shapes(texts).collect() if texts.columns else []
    return [
        Leak(table.name, row["column"], row["kind"], row["cells"], row["sample"]) for row in rows
    ]


def _texts(scope: Scope, table: Table) -> DataFrame:
    """The texts of a table, without the columns that the settings accept."""
    texts = text_columns(scope.raw(table))
    accepted = scope.settings(ScanSettings).accepted
    return texts.drop(*(name for name in texts.columns if f"{table.name}.{name}" in accepted))


def leaks_by_vault(scope: Scope, tables: list[Table]) -> list[Leak]:
    """Names and addresses of the vault that can be read in tables; they have no shape."""
    if not scope.exists(PERSONAL_DATA):
        return []
    cells = []
    for table in tables:
        texts = _texts(scope, table)
        if texts.columns:
            of_table = possible_names(texts).withColumns(
                {
                    "location": F.lit(table.name),
                    "source": F.lit(None).cast("string"),
                    "part": F.lit(None).cast("string"),
                }
            )
            cells.append(of_table.select(*CELL))
    return vault_leaks(scope, union_all(cells).distinct()) if cells else []


def vault_leaks(scope: Scope, cells: DataFrame) -> list[Leak]:
    """Names and addresses of the vault that can be read in cells: CELL, distinct."""
    key = scope.settings(PrivacySettings).current_key(scope.config.secret)
    found = find_vault_values(cells, scope.raw(PERSONAL_DATA), key=key)
    return collect_leaks(found)


def collect_leaks(found: DataFrame) -> list[Leak]:
    """What was found in cells, by location, source, column and kind; few rows."""
    return [
        Leak(
            row["location"], row["column"], row["kind"], row["cells"], row["sample"],
            source=row["source"], parts=frozenset(row["parts"]),
        )
        for row in found.collect()
    ]  # fmt: skip


def leaks_in_files(scope: Scope) -> list[Leak]:
    """Values with a personal shape in files beside the tables, where the lake is a folder."""
    folder = scope.maintenance.folder
    if folder is None:
        return []
    settings = scope.settings(ScanSettings)
    files = chain.from_iterable(_files(folder / name) for name in settings.files)
    leaks = []
    for file in files:
        for kind, values in find_shapes(file.read_bytes()).items():
            readable = [value for value in values if value not in settings.accepted]
            if readable:
                leaks.append(Leak(str(file.resolve()), "", kind, len(readable), readable[0]))
    return leaks


def _files(path: Path) -> list[Path]:
    """The file itself, or the files below a folder; none where there is neither."""
    if path.is_file():
        return [path]
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else []


def write_leaks(scope: Scope, leaks: list[Leak]) -> None:
    """Record the day's leaks in LEAKS, with masked samples."""
    rows = [
        {
            "as_of": scope.as_of,
            "location": leak.location,
            "column": leak.column,
            "kind": leak.kind,
            "cells": leak.cells,
            "sample": shape(leak.sample),
            "source": leak.source,
        }
        for leak in leaks
    ]
    scope.replace(LEAKS, rows_as_frame(scope.spark, LEAKS, rows))


def leak_error(leaks: list[Leak]) -> QualityError:
    """The error of a day with leaks: where they are, with masked samples, and what to do."""
    return QualityError(
        f"personal values can be read in {len(leaks)} places",
        found=", ".join(_describe(leak) for leak in leaks[:5]),
        fix=" ".join([*_fixes(leaks), "All places are in ops.leaks, with masked samples"]),
    )


def _describe(leak: Leak) -> str:
    location = f"{leak.location}.{leak.column}" if leak.column else leak.location
    source = f" of {leak.source}" if leak.source else ""
    # The message is kept in ops.runs: it must not look like an address or a telephone itself.
    masked = shape(leak.sample).replace("@", "(at)").replace("+", "(plus)")
    return f"{location}{source} ({leak.kind}: {leak.cells:,}, such as {masked})"


def _fixes(leaks: list[Leak]) -> list[str]:
    """What to do about what was found."""
    arrived = sorted({(leak.source, leak.column) for leak in leaks if leak.source})
    fixes = []
    if arrived:
        columns = ", ".join(f"'{column}' of {source}" for source, column in arrived)
        fixes.append(
            f"list {columns} under 'personal' of the mapping, try it with 'clarion source check', "
            "undo the ingest with 'clarion undo', and deliver the file again."
        )
    if any(not leak.source for leak in leaks):
        fixes.append("Map the column as personal or drop it, then clean again.")
    return [*fixes, "Add what only looks personal to scan.accepted."]
