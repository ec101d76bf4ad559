"""The newest rows of a table in memory, by key, without a JVM."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarion.contracts import Table
from clarion.kernel.errors import LakeError

if TYPE_CHECKING:
    from deltalake import DeltaTable


class Snapshot:
    """Rows of the newest version of a table; each read checks first for a newer version.

    Of a table with an `as_of` only the last day is in memory: a million customers with a hundred
    features are some 2 GB. Of a table with a `valid_to` only the present rows are.

    Args:
        root: folder of the lake.
        table: contract of a table with reader version 1.
        key: column that names a row (of the day).
    """

    def __init__(self, root: str, table: Table, *, key: str) -> None:
        if "://" in root:
            raise LakeError(
                "a snapshot reads a lake in a folder",
                found=root,
                fix="name the folder, or use 'clarion query'",
            )
        self._path = Path(root, table.layer, table.short_name)
        self._key = key
        self._has_days = "as_of" in table.column_names
        self._has_past = "valid_to" in table.column_names
        self._table: DeltaTable | None = None
        self._version = -1
        self._rows: Any = None
        self._indexes: dict[str, int] = {}
        self.as_of: date | None = None

    def row(self, key: str) -> dict[str, Any] | None:
        """The row with this key, or None where there is none."""
        self._refresh()
        index = self._indexes.get(key)
        if index is None:
            return None
        row: dict[str, Any] = self._rows.slice(index, 1).to_pylist(maps_as_pydicts="strict")[0]
        return row

    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        self._refresh()
        return [] if self._rows is None else self._rows.to_pylist(maps_as_pydicts="strict")

    def _refresh(self) -> None:
        from deltalake import DeltaTable  # 0.3 s to import, and Spark jobs do not need it

        if self._table is None:
            if not DeltaTable.is_deltatable(str(self._path)):
                return
            self._table = DeltaTable(str(self._path))
        else:
            self._table.update_incremental()
        if self._table.version() != self._version:
            self._load()
            self._version = self._table.version()

    def _load(self) -> None:
        import pyarrow.compute as pc
        from pyarrow.dataset import field

        assert self._table is not None
        stored = self._table.to_pyarrow_dataset()
        if self._has_days:
            self.as_of = pc.max(stored.to_table(columns=["as_of"])["as_of"]).as_py()
            self._rows = stored.to_table(filter=field("as_of") == self.as_of).combine_chunks()
        else:
            is_present = field("valid_to").is_null() if self._has_past else None
            self._rows = stored.to_table(filter=is_present).combine_chunks()
        keys = self._rows[self._key].to_pylist()
        self._indexes = {key: index for index, key in enumerate(keys)}
