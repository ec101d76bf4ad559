"""Look for readable personal values in every layer, the report and the models; any that is found stops the day."""

from functools import partial, reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.scan import (
    Leak,
    in_bytes,
    masked,
    recognised,
    shaped,
    texts,
)
from clarion.collect.privacy.settings import ScanSettings
from clarion.contracts import TABLES, Table
from clarion.contracts.ops import LEAKS
from clarion.contracts.vault import PERSONAL_DATA
from clarion.kernel.errors import QualityError
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope

SCANNED = tuple(
    table
    for table in TABLES.values()
    if table.layer in ("silver", "gold", "live", "ops") and table is not LEAKS
)
_REFERENCE = (
    r"^[!-~]*[0-9][!-~]*$"  # one word of Latin letters with a digit in it is no name and no address
)


def run(scope: Scope) -> None:
    there = scope.maintenance.existing(SCANNED)
    leaks = [
        leak
        for found in run_concurrently([partial(_by_shape, scope, table) for table in there])
        for leak in found
    ]
    leaks += _by_vault(scope, there) + _in_files(scope)
    rows = [
        {
            "as_of": scope.as_of,
            "location": leak.place,
            "column": leak.column,
            "kind": leak.kind,
            "cells": leak.cells,
            "sample": masked(leak.sample),
        }
        for leak in leaks
    ]
    scope.replace(LEAKS, rows_as_frame(scope.spark, LEAKS, rows))
    if leaks:
        places = ", ".join(
            f"{leak.place}{'.' if leak.column else ''}{leak.column} ({leak.kind}: {leak.cells:,})"
            for leak in leaks[:5]
        )
        raise QualityError(
            f"personal values can be read in {len(leaks)} places",
            found=places,
            fix="map the column as personal or drop it, then clean again; what only looks personal goes under scan.accepted. Samples stand in ops.leaks",
        )
    scope.note(f"nothing personal can be read in {len(there)} tables")


def _texts(scope: Scope, table: Table) -> tuple[DataFrame, dict[str, str]]:
    """The table with its texts as t0, t1 ..., and which column each is."""
    accepted = scope.settings(ScanSettings).accepted
    frame = scope.raw(table)
    open_columns = {
        name: text for name, text in texts(frame).items() if f"{table.name}.{name}" not in accepted
    }
    names = {f"t{place}": name for place, name in enumerate(open_columns)}
    return frame.select(
        *(text.alias(alias) for alias, text in zip(names, open_columns.values(), strict=True))
    ), names


def _by_shape(scope: Scope, table: Table) -> list[Leak]:
    frame, names = _texts(scope, table)
    rows = shaped(frame, {alias: F.col(alias) for alias in names}).collect() if names else []
    return [
        Leak(table.name, names[row["column"]], row["kind"], row["cells"], row["sample"])
        for row in rows
    ]


def _by_vault(scope: Scope, tables: list[Table]) -> list[Leak]:
    """Names and addresses have no shape of their own: those that the vault holds are looked for."""
    if not scope.exists(PERSONAL_DATA):
        return []
    cells = []
    for table in tables:
        frame, names = _texts(scope, table)
        entries = [
            F.struct(F.lit(name).alias("column"), F.col(alias).alias("text"))
            for alias, name in names.items()
        ]
        if entries:
            words = (
                frame.select(F.inline(F.array(*entries)))
                .where("text IS NOT NULL")
                .where(~F.regexp_like("text", F.lit(_REFERENCE)))
            )
            cells.append(words.select(F.lit(table.name).alias("place"), "column", "text"))
    key = scope.settings(PrivacySettings).current(scope.config.secret)
    distinct = reduce(DataFrame.unionByName, cells).distinct()
    rows = recognised(distinct, scope.raw(PERSONAL_DATA), key=key).collect()
    return [
        Leak(row["place"], row["column"], row["kind"], row["cells"], row["sample"]) for row in rows
    ]


def _in_files(scope: Scope) -> list[Leak]:
    """Files beside the tables, where the lake is a folder."""
    folder = scope.maintenance.folder
    if folder is None:
        return []
    settings, found = scope.settings(ScanSettings), list[Leak]()
    for name in settings.files:
        place = folder / name
        files = (
            [path for path in place.rglob("*") if path.is_file()]
            if place.is_dir()
            else [place]
            if place.is_file()
            else []
        )
        for file in files:
            for kind, values in in_bytes(file.read_bytes()).items():
                if hits := [value for value in values if value not in settings.accepted]:
                    found.append(Leak(str(file.resolve()), "", kind, len(hits), hits[0]))
    return found


JOB = Job(
    name="scan",
    summary=__doc__,
    reads=(),
    reads_earlier=(*SCANNED, PERSONAL_DATA),
    writes=(LEAKS,),
    purpose="operations",
    settings=(ScanSettings, PrivacySettings),
    part="upkeep",
    run=run,
)
