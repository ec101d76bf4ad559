"""A source kind of a mapping: where a shop's data is, and how it becomes Clarion's columns."""

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.collect.sources import formats
from clarion.collect.sources.expressions import Expression
from clarion.contracts.sources import Discount, Kind
from clarion.kernel.ids import digest

Secrets = Callable[[str], str]  # from a reference to the secret itself
DuplicateWord = Literal["keep", "drop", "redelivered"]
WHITESPACE = r"\s+"  # option `sep` of a CSV file whose cells are separated by runs of blanks
ChangedFilePolicy = Literal["refuse", "version", "replace"]
MalformedPolicy = Literal["refuse", "quarantine"]


class Consent(BaseModel):
    """On what ground people's data is used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    basis: Literal["declared", "recorded"]
    purposes: tuple[Literal["collection", "analytics", "marketing"], ...] = ()
    note: str = ""


class Fill(BaseModel):
    """Put this value where one is missing; every use is counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fill: str | int | float


class FromAbove(BaseModel):
    """Put the value of the line above of the same order where one is missing; it is counted.

    For exports with a row per line of an order that state the order's own fields once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fill: Literal["from_above"]


class Fit(BaseModel):
    """Put a statistic of accepted rows where a value is missing; every use is counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fit: Literal["mean", "median", "mode"]
    by: tuple[str, ...] = ()


class Equal(BaseModel):
    """Records with equal values in these columns (none: in all) are duplicates; the first stays.

    In orders the columns name a line: a record that differs from the one before is its new version.

    With `within_days` a record is compared only with those that arrived so many days before it.
    The cost of new records then does not grow with the lake.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: tuple[str, ...] = ()
    within_days: int | None = Field(default=None, ge=1)


class Layout(BaseModel):
    """Which lines of a CSV file are no records; they are left out, counted and reported.

    Attributes:
        lines_before: lines above the columns' names, without blank ones.
        trailing_separator: whether each record ends with a separator that the names lack.
        skip: SQL over the columns that is true for a line that is no record, such as a sum.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lines_before: int = Field(default=0, ge=0, le=1000)
    trailing_separator: bool = False
    skip: str | None = None


PLAIN_LAYOUT = Layout()


class Drift(BaseModel):
    """What happens when files no longer look like those before them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    new: Literal["keep", "fail"] = "keep"
    missing: Literal["fail", "null"] = "fail"
    retyped: Literal["fail", "quarantine"] = "fail"


class Incremental(BaseModel):
    """Rows of a table are taken in ranges of a growing column.

    `overlap` reads back, for rows that are committed late.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    overlap: int = Field(default=0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source kind of one mapping: where its data is and how each column is computed.

    Args:
        name: mapping.kind.
        kind: the source kind.
        where: a pattern of files, a folder of a Delta table, jdbc:... or kafka://hosts/topic.
        format: how it is read.
        options: of Spark's reader.
        secrets: further options, each a reference such as env:NAME.
        incremental: how a table's rows are taken in ranges.
        changed: what happens to a file that was changed after it was taken.
        drift: what happens when columns appear, disappear or change their type.
        depth: deepest nesting of a JSON record.
        manifest: pattern of files that state how many records each file should hold.
        sealed: columns of the source that are personal though no column is computed from them.
        optional: columns of the source that a file may lack; they count as missing there.
        mode: batch is taken by ingest, stream by monitor.
        namespace: who gives the names of customers.
        time_zone: zone of the source's clock.
        currency: of amounts that state none.
        duplicates: whether equal records are dropped, those of an earlier delivery alone, or the
            columns that name a record.
        duplicate_days: how long after the first an equal record is one; None for ever.
        malformed: what happens to records that cannot be parsed.
        consent: on what ground people's data is used.
        columns: an expression for each column of the kind.
        discount: what the discount of an order line is.
        of_order: columns whose amounts are stated of the whole order.
        rules: policies that differ from the defaults.
        missing: what happens where a value is missing.
        layout: which lines of a CSV file are no records.
    """

    name: str
    kind: Kind
    where: str
    format: str
    options: MappingType[str, str]
    secrets: MappingType[str, str]
    incremental: Incremental | None
    changed: ChangedFilePolicy
    drift: Drift
    depth: int
    manifest: str | None
    sealed: tuple[str, ...]
    optional: tuple[str, ...]
    mode: Literal["batch", "stream"]
    namespace: str
    time_zone: str
    currency: str | None
    duplicates: DuplicateWord | tuple[str, ...]
    duplicate_days: int | None
    malformed: MalformedPolicy
    consent: Consent | None
    columns: MappingType[str, Expression]
    discount: Discount
    rules: MappingType[str, str]
    missing: MappingType[str, Literal["refuse", "keep"] | FromAbove | Fill | Fit]
    layout: Layout = PLAIN_LAYOUT
    of_order: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for mappings that clean alike; where the files lie does not matter."""
        parts = {
            name: [expression.sql, *expression.missing_words, str(expression.id_form)]
            for name, expression in self.columns.items()
        }
        missing = {name: str(policy) for name, policy in self.missing.items()}
        equal = (
            self.duplicates
            if self.duplicate_days is None
            else [self.duplicates, self.duplicate_days]
        )
        return digest(
            self.name,
            parts,
            dict(self.rules),
            missing,
            equal,
            self.time_zone,
            self.currency,
            self.namespace,
            str(self.consent),
            str(self.discount),
            *self.of_order,
        )

    @property
    def names_used(self) -> tuple[str, ...]:
        """Every name in the expressions that may be a column."""
        names: list[str] = []
        for expression in self.columns.values():
            names += expression.names
        return tuple(dict.fromkeys(names))

    def columns_used(self, available: tuple[str, ...]) -> tuple[str, ...]:
        """The source's columns that the expressions use."""
        used: list[str] = []
        for expression in self.columns.values():
            used += expression.columns(available)
        return tuple(dict.fromkeys(used))

    def absent(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """The optional columns that a file with these columns lacks.

        None where each record states its own: there every column is optional.
        """
        available = {name.lower() for name in columns}
        return tuple(name for name in self.optional if available and name.lower() not in available)

    @property
    def separates_by_blanks(self) -> bool:
        """Whether runs of blanks separate the cells of a CSV file."""
        return self.options.get("sep") == WHITESPACE

    @property
    def leading_lines(self) -> int:
        """Lines at the beginning of a CSV file that Spark reads as records though they are none.

        Spark tells the columns' names from records only where they are the first line and have as
        many cells.
        """
        plain = not (self.layout.lines_before or self.layout.trailing_separator)
        if plain and not self.separates_by_blanks:
            return 0
        return self.layout.lines_before + (self.options.get("header") == "true")

    @property
    def is_of_files(self) -> bool:
        """Whether it is taken file by file."""
        return formats.is_of_files(self.format)

    def hidden_options(self, secrets: Secrets) -> dict[str, str]:
        """Options of the reader whose values stand behind references."""
        return {name: secrets(reference) for name, reference in self.secrets.items()}

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which a row is rejected: by the kind, or by the mapping."""
        by_mapping = (name for name, policy in self.missing.items() if policy == "refuse")
        return tuple(dict.fromkeys((*self.kind.required_of(self.columns), *by_mapping)))

    @property
    def from_above(self) -> tuple[str, ...]:
        """Columns whose missing values are those of the order's line above."""
        return tuple(name for name, one in self.missing.items() if isinstance(one, FromAbove))

    @property
    def seals_values(self) -> bool:
        """Whether some columns are personal and go to the vault."""
        return bool(self.personal or self.sealed)

    @property
    def personal(self) -> tuple[str, ...]:
        """Mapped columns that hold personal values."""
        return tuple(
            column.name
            for column in self.kind.columns
            if column.personal and column.name in self.columns
        )
