"""Which columns of an order may be filled from its line above."""

from collections.abc import Mapping
from typing import Any, Protocol

from clarion.collect.sources.standards import is_of_order
from clarion.contracts.sources import ORDER_FIELDS, Kind
from clarion.kernel.errors import ConfigError

# Records of these are in an order, and their columns are known before they are read.
_FORMATS_WITH_LINES = ("csv", "parquet", "text", "xlsx")


class _Section(Protocol):
    """What a mapping says of a source."""

    @property
    def columns(self) -> Mapping[str, Any]: ...

    @property
    def format(self) -> str: ...

    @property
    def mode(self) -> str: ...


def check_from_above(where: str, kind: Kind, column: str, section: _Section) -> None:
    """Refuse to fill a column that is no field of an order, or where no line is above another.

    Args:
        where: mapping and kind.
        kind: the source kind.
        column: the column to be filled.
        section: what the mapping says.

    Raises:
        ConfigError: the column is the line's own, is not mapped, or its source has no lines.
    """
    of_order = kind.name == "orders"
    is_field = column in ORDER_FIELDS or is_of_order(section.columns.get(column))
    if not of_order or not is_field:
        reason = "a value of the line itself: repeated, it would count once per line"
        raise ConfigError(
            f"mapping {where}: '{column}' cannot be filled from the line above",
            found=reason if of_order else f"{kind.name}, which have no lines",
            fix=f"fill fields that an order has once: {', '.join(ORDER_FIELDS)}, and amounts of "
            "the whole order ('per: order')",
        )
    if column not in section.columns:
        raise ConfigError(
            f"mapping {where}: '{column}' is filled from the line above and not mapped",
            found=", ".join(section.columns),
            fix=f"add '{column}: EXPRESSION'",
        )
    if section.format not in _FORMATS_WITH_LINES or section.mode == "stream":
        raise ConfigError(
            f"mapping {where}: '{column}' is filled from the line above, and there is none",
            found=f"format: {section.format}, mode: {section.mode}",
            fix=f"deliver files whose lines have an order: {', '.join(_FORMATS_WITH_LINES)}",
        )
