"""What a table is: it is declared once, and everything else about it follows from that."""

import re
from dataclasses import dataclass
from typing import Literal

Layer = Literal["bronze", "silver", "gold", "live", "vault", "ops"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its Spark type as a DDL string and its meaning.

    Args:
        name: its name.
        type: of Spark, as DDL.
        meaning: what a value says.
        unit: of a number.
        nullable: whether a row may lack it.
        personal: whether its values become tokens.
        words: the section of conf/words.yml whose words stand for its values; None for none.
        standard: the section whose words stand for some of its values; others stay as they are.
    """

    name: str
    type: str
    meaning: str
    unit: str | None = None
    nullable: bool = False
    personal: bool = False
    words: str | None = None
    standard: str | None = None

    @property
    def is_id(self) -> bool:
        """Whether its values name something: an order, a product, a customer."""
        return self.name.endswith("_ref")


@dataclass(frozen=True, slots=True)
class Check:
    """A condition on each row; it holds when `(expression) IS TRUE`."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The contract of a table.

    Args:
        name: layer.table.
        grain: what one row is, in words.
        key: columns that are unique together.
        slice: columns that name what one run owns and replaces; empty for append-only and
            current-state tables.
        columns: in the order in which they are written.
        checks: conditions on each row.
        cluster_by: columns by which files are laid out.
        owner: the team of the shop that answers for the table; it is shown in docs/tables only.
        history_days: how far back older versions of the table reach.
        keep_days: how long after their as_of rows are kept; None for as long as the shop wants.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    slice: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    cluster_by: tuple[str, ...] = ()
    owner: str
    history_days: int = 30
    keep_days: int | None = None

    def __post_init__(self) -> None:
        names = self.column_names
        if not re.fullmatch(r"(bronze|silver|gold|live|vault|ops)\.[a-z][a-z_]*", self.name):
            raise ValueError(f"{self.name}: a table is called layer.table")
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a column is declared twice")
        for name in (*self.key, *self.slice, *self.cluster_by):
            if name not in names:
                raise ValueError(f"{self.name}: '{name}' is not one of its columns")
        if self.keep_days is not None and "as_of" not in names:
            raise ValueError(f"{self.name}: rows are kept by their as_of, which it does not have")

    @property
    def layer(self) -> str:
        """First part of the name."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """Second part of the name."""
        return self.name.split(".")[1]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def ddl(self) -> str:
        """The columns as a Spark schema string, for empty frames and casts."""
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)
