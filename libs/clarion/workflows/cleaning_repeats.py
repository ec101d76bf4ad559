"""The step of `clean` that finds records which repeat others of their source.

Few rows are compared as they are. Of many, those are found first whose key occurs twice: only these
move and are sorted, with nothing but what is compared.
"""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.duplicates import (
    DuplicatePolicy,
    mark_duplicates,
    record_identity,
    with_key_twice,
)
from clarion.collect.cleaning.order_versions import (
    UNREPEATED,
    LinePolicy,
    line_columns,
    mark_versions,
)
from clarion.contracts.silver import ORDER_LINES
from clarion.runtime.scope import Scope
from clarion.workflows.cleaning_plan import CleaningBatch

_BROADCAST_ROWS = 500_000  # rows whose names, some 20 MB, are sent to each executor
_POSITION = ["_batch", "_file", "_row"]


@dataclass(frozen=True, slots=True)
class Repeats:
    """How the rows of a cleaning batch are compared with each other and with earlier ones.

    Args:
        scope: the run.
        cleaning: what is cleaned.
        earlier: BRONZE records of the source that were cleaned before; None for none.
    """

    scope: Scope
    cleaning: CleaningBatch
    earlier: DataFrame | None

    def keys(self) -> dict[str, Column]:
        """The columns by which rows of `parse_records` are compared; none where nothing repeats."""
        if self.cleaning.source.duplicates == "keep":
            return {}
        if self._of_lines:
            return line_columns(self._line_policy)
        return {"_identity": record_identity(self._policy, raw="_raw")}

    def mark(self, rows: DataFrame) -> DataFrame:
        """The rows, persisted, with `_duplicate`; of orders, with the marks of `mark_versions`.

        Args:
            rows: with the columns of `keys`, `_hash`, `_ingested_at`, `_batch`, `_file`, `_row`.
        """
        if self.cleaning.source.duplicates == "keep":
            return self.scope.persist(rows.withColumn("_duplicate", F.lit(False)))
        if self._are_few:
            # What earlier rows are compared with is computed twice.
            read_again = self.earlier is not None
            compared = self.scope.persist(rows) if read_again else rows
            marked = self._mark(compared, self._before(compared))
            return self.scope.persist(marked.drop("_hash", "_identity"))
        # Half of the memory of a large batch are texts that name its file and record.
        needed = rows if self._of_lines else rows.drop("_hash")
        return self._mark_many(self.scope.persist(needed))

    @property
    def _of_lines(self) -> bool:
        return self.cleaning.source.kind.name == "orders"

    @property
    def _are_few(self) -> bool:
        return self.cleaning.records <= _BROADCAST_ROWS

    @property
    def _line_policy(self) -> LinePolicy:
        source = self.cleaning.source
        return LinePolicy(
            key=source.duplicates if isinstance(source.duplicates, tuple) else (),
            ids=tuple(name for name in ("record_ref", "line_no") if name in source.columns),
            drops_equal=source.duplicates == "drop",
            within_days=source.duplicate_days,
        )

    @property
    def _policy(self) -> DuplicatePolicy:
        source = self.cleaning.source
        return DuplicatePolicy(
            key=source.duplicates if isinstance(source.duplicates, tuple) else None,
            within_days=source.duplicate_days,
            person_in_key=any(name in source.kind.people for name in source.kind.key),
        )

    def _mark(self, rows: DataFrame, before: DataFrame | None) -> DataFrame:
        """The rows with their marks, each compared."""
        if self._of_lines:
            return mark_versions(rows, before, self._line_policy)
        return mark_duplicates(rows, before, self._policy)

    def _mark_many(self, rows: DataFrame) -> DataFrame:
        """The rows with their marks; those are compared whose key occurs twice, or before."""
        key = "line_key" if self._of_lines else "_identity"
        further = ("_statement", "_hash") if self._of_lines else ()
        names = (key, *further, "_ingested_at", *_POSITION)
        before = self._before(rows)
        if before is not None:
            before = self.scope.persist(before)
        earlier_keys = None if before is None else before.select(key)
        again = with_key_twice(rows.select(*names), key, earlier_keys, send=self._send)
        compared = self._mark(again, before)  # every key of `before` is among these
        default = UNREPEATED if self._of_lines else {"_duplicate": False}
        marks = self._send(compared.select(*_POSITION, *default))
        marked = rows.join(marks, _POSITION, "left")
        return marked.withColumns(
            {name: F.coalesce(name, F.lit(value)) for name, value in default.items()}
        )

    def _send(self, frame: DataFrame) -> DataFrame:
        """The frame, persisted; sent to each executor where it is small."""
        persisted = self.scope.persist(frame)
        return F.broadcast(persisted) if persisted.count() <= _BROADCAST_ROWS else persisted

    def _before(self, rows: DataFrame) -> DataFrame | None:
        """What rows that were cleaned before are compared by; None for none."""
        if self.earlier is None:
            return None
        if self._of_lines:
            return self._lines_before(rows, self.earlier)
        identities = self.earlier.select(record_identity(self._policy).alias("_identity"))
        return identities.join(self._few(rows.select("_identity")), "_identity", "left_semi")

    def _lines_before(self, rows: DataFrame, earlier: DataFrame) -> DataFrame | None:
        """Lines in silver with the key of one of the rows, and their fingerprint where equal."""
        if not self.scope.exists(ORDER_LINES):
            return None
        accepted = (
            self.scope.own(ORDER_LINES)
            .where(F.col("_source") == self.cleaning.source.name)
            .where(F.col("_batch").isin(list(self.cleaning.earlier)))
            .select("line_key", "_statement", "_ingested_at", *_POSITION)
            .join(self._few(rows.select("line_key")), "line_key", "left_semi")
        )
        hashes = self._few(rows.select("_hash"))
        equal = earlier.select("_hash", *_POSITION).join(hashes, "_hash", "left_semi")
        other = F.coalesce("_hash", F.lit(""))
        return accepted.join(equal, _POSITION, "left").withColumn("_hash", other)

    def _few(self, frame: DataFrame) -> DataFrame:
        return F.broadcast(frame) if self._are_few else frame
