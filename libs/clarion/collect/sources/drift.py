"""Files that no longer look like those before them: what changed, and whether that may pass."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from clarion.collect.sources.mapping import Source
from clarion.kernel.errors import SourceError


@dataclass(frozen=True, slots=True)
class Change:
    """One column that came, went, or can no longer be read."""

    change: Literal["new", "missing", "retyped"]
    column: str
    file: str

    @property
    def words(self) -> str:
        said = {"new": "is new", "missing": "is missing", "retyped": "cannot be read as before"}[
            self.change
        ]
        return f"column '{self.column}' {said} since {self.file}"


def compared(
    source: Source, before: Collection[str], now: Collection[str], *, file: str
) -> tuple[Change, ...]:
    """Columns that came and went; a column that JSON records simply do not state is not missing.

    Args:
        source: the source.
        before: columns of the portion before; empty for the first.
        now: columns of this one.
        file: its path.
    """
    if not before:
        return ()
    new = [Change("new", name, file) for name in now if name not in before]
    gone = (
        []
        if source.format in ("json", "kafka")
        else [Change("missing", name, file) for name in before if name not in now]
    )
    return (*new, *gone)


def refuse(source: Source, changes: tuple[Change, ...]) -> None:
    """Stop before anything is written where the mapping does not let a change pass.

    Raises:
        SourceError: it does not.
    """
    policies = {
        "new": source.drift.new,
        "missing": source.drift.missing,
        "retyped": source.drift.retyped,
    }
    accepting = {"new": "keep", "missing": "null", "retyped": "quarantine"}
    for change in changes:
        if policies[change.change] == "fail":
            raise SourceError(
                f"{source.name}: {change.words}",
                found=change.file,
                fix=f"mend the mapping or the file; to let it pass: 'drift: {{{change.change}: {accepting[change.change]}}}'",
            )
