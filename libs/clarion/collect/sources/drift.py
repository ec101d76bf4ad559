"""Columns that appear, disappear or change between the files of a source."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError

_TEXTS = {
    "new": "is new",
    "missing": "is missing",
    "retyped": "cannot be read as before",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One column that appeared, disappeared, or can no longer be read.

    Args:
        change: what happened.
        column: the column.
        file: path of the first chunk that shows it.
    """

    change: Literal["new", "missing", "retyped"]
    column: str
    file: str

    @property
    def text(self) -> str:
        """The change in words."""
        return f"column '{self.column}' {_TEXTS[self.change]} since {self.file}"


def compare_columns(
    before: Collection[str], now: Collection[str], *, file: str, records_name_columns: bool
) -> tuple[Change, ...]:
    """Columns that appeared or disappeared.

    Args:
        before: columns of the chunk before; empty for the first.
        now: columns of this one.
        file: its path.
        records_name_columns: whether each record states its own; one they leave out is not missing.
    """
    if not before:
        return ()
    new = [Change("new", name, file) for name in now if name not in before]
    if records_name_columns:
        return tuple(new)
    missing = [Change("missing", name, file) for name in before if name not in now]
    return (*new, *missing)


def refuse_changes(source: Source, changes: tuple[Change, ...]) -> None:
    """Stop before anything is written where the mapping does not accept a change.

    Raises:
        SourceError: the mapping does not accept it.
    """
    policies = {
        "new": source.drift.new,
        "missing": source.drift.missing,
        "retyped": source.drift.retyped,
    }
    accepting = {"new": "keep", "missing": "null", "retyped": "quarantine"}
    for change in changes:
        is_optional = change.change == "missing" and change.column in source.optional
        if policies[change.change] == "fail" and not is_optional:
            policy = f"drift: {{{change.change}: {accepting[change.change]}}}"
            raise SourceError(
                f"{source.name}: {change.text}",
                found=change.file,
                fix=f"correct the mapping or the file; to accept the change: '{policy}'",
            )
