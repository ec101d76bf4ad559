"""The steps of `scan` over what grows by the day: batches of bronze, and files of the outbox.

A batch or file in which nothing was found is recorded, and not read again until it changes or
something else is looked for. One with a finding is read again by each scan, until it is gone.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.delivery.channels.files import read_messages, written_files
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.collect.privacy.scan import (
    CELL,
    SHAPES,
    Leak,
    count_shapes_in_cells,
    find_shapes,
    may_hold_name,
    possible_names_in_cells,
    record_cells,
)
from clarion.collect.privacy.settings import ScanSettings
from clarion.contracts import Table
from clarion.contracts.ops import SCANNED
from clarion.contracts.vault import PERSONAL_DATA
from clarion.kernel.ids import digest
from clarion.lake.frames import rows_as_frame, union_all
from clarion.measures.columns.frames import local_frame
from clarion.runtime.scope import Scope
from clarion.workflows.leaks import collect_leaks, vault_leaks

_OUTBOX = "outbox"


class Part(NamedTuple):
    """One batch of a table of bronze, or one file of the outbox, with its mark."""

    location: str
    part: str
    mark: str


def leaks_in_arrivals(scope: Scope, tables: list[Table]) -> list[Leak]:
    """Personal values that can be read in new batches of bronze and new files of the outbox.

    Args:
        scope: the run.
        tables: of bronze.
    """
    scanned = _scanned(scope)
    batches = [part for part in _batches(scope, tables) if part not in scanned]
    files = [part for part in _outbox_files(scope) if part not in scanned]
    leaks = [*_in_bronze(scope, tables, batches), *_in_outbox(scope, files)]
    found = set(chain.from_iterable(leak.parts for leak in leaks))
    _record(scope, [part for part in (*batches, *files) if part.part not in found])
    scope.note(
        f"scanned {len(batches):,} new batches of bronze, {len(files):,} files of the outbox"
    )
    return leaks


def _rules(scope: Scope) -> str:
    """Fingerprint of what is looked for."""
    return digest(SHAPES, sorted(scope.settings(ScanSettings).accepted))


def _scanned(scope: Scope) -> set[Part]:
    """What needs no scan: nothing was found in it, by the same rules, and it did not change."""
    if not scope.exists(SCANNED):
        return set()
    rows = scope.own(SCANNED).where(F.col("rules") == _rules(scope)).select(*Part._fields)
    return {Part(*row) for row in rows.collect()}


def _record(scope: Scope, parts: Iterable[Part]) -> None:
    """Record in which batches and files nothing was found."""
    now = datetime.now(UTC)
    common = {"rules": _rules(scope), "as_of": scope.as_of, "_scanned_at": now}
    rows = [{**part._asdict(), **common} for part in parts]
    if rows:
        scope.merge(SCANNED, rows_as_frame(scope.spark, SCANNED, rows))


def _batches(scope: Scope, tables: list[Table]) -> list[Part]:
    if not tables:
        return []
    marks = union_all(
        scope.raw(table)
        .groupBy("_batch")
        .agg(F.max("_ingested_at").cast("string").alias("mark"))
        .select(F.lit(table.name).alias("location"), "_batch", "mark")
        for table in tables
    )
    return [Part(*row) for row in marks.collect()]


def _in_bronze(scope: Scope, tables: list[Table], batches: list[Part]) -> list[Leak]:
    accepted = scope.settings(ScanSettings).accepted
    cells_by_table = []
    for table in tables:
        names = [batch.part for batch in batches if batch.location == table.name]
        if names:
            records = scope.raw(table).where(F.col("_batch").isin(names))
            cells_by_table.append(record_cells(records, table=table.name, accepted=accepted))
    by_shape = scope.run_concurrently(
        [partial(_by_shape, table_cells) for table_cells in cells_by_table]
    )
    leaks = list(chain.from_iterable(by_shape))
    if cells_by_table and scope.exists(PERSONAL_DATA):
        leaks += vault_leaks(scope, possible_names_in_cells(union_all(cells_by_table)))
    return leaks


def _by_shape(cells: DataFrame) -> list[Leak]:
    return collect_leaks(count_shapes_in_cells(cells))


def _outbox_folder(scope: Scope) -> str:
    return scope.settings(DeliverSettings).folder or scope.path("outbox")


def _outbox_files(scope: Scope) -> list[Part]:
    marks = written_files(_outbox_folder(scope))
    return [Part(_OUTBOX, path, mark) for path, mark in sorted(marks.items())]


def _in_outbox(scope: Scope, files: list[Part]) -> list[Leak]:
    leaks: list[Leak] = []
    texts: set[tuple[str, str, str]] = set()
    for file in files:
        fields = list(_fields(scope, file.part))
        leaks += _shapes_in_fields(scope, file.part, fields)
        texts |= {(file.part, name, text) for name, text in fields if may_hold_name(text)}
    if texts and scope.exists(PERSONAL_DATA):
        rows = [(path, None, path, name, text) for path, name, text in sorted(texts)]
        schema = ", ".join(f"`{name}` string" for name in CELL)
        leaks += vault_leaks(scope, local_frame(scope.spark, rows, schema))
    return leaks


def _fields(scope: Scope, path: str) -> Iterator[tuple[str, str]]:
    """Names and texts of all fields of a file's messages."""
    for message in read_messages(path, folder=_outbox_folder(scope)):
        for name, value in message.items():
            if value is not None:
                text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                yield name, text


def _shapes_in_fields(scope: Scope, path: str, fields: list[tuple[str, str]]) -> list[Leak]:
    accepted = scope.settings(ScanSettings).accepted
    values: dict[tuple[str, str], list[str]] = {}
    for name, text in fields:
        for kind, found in find_shapes(text.encode()).items():
            readable = [value for value in found if value not in accepted]
            if readable:
                values.setdefault((name, kind), []).append(min(readable))
    return [
        Leak(path, name, kind, len(found), min(found), parts=frozenset({path}))
        for (name, kind), found in values.items()
    ]
