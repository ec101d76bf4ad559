"""The declared attributes by which products are compared, beside their words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql

Kind = Literal["one_hot", "multi", "scaled", "ordered"]
TEXT = "text"
REVIEWS = "reviews"
_WORD_BLOCKS = (TEXT, REVIEWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One property by which products are compared, as conf/attributes.yml declares it.

    Args:
        name: name of the attribute.
        block: block of the product matrix whose weight it shares.
        kind: how its value becomes numbers.
        value: SQL over the columns of a product.
        levels: levels of an ordered attribute, from low to high.
        meaning: what it says, in words.
    """

    name: str
    block: str
    kind: Kind
    value: str
    levels: tuple[str, ...]
    meaning: str

    @property
    def type(self) -> str:
        """Type of its value."""
        return {"scaled": "double", "multi": "array<string>"}.get(self.kind, "string")

    @property
    def column(self) -> str:
        """Column that holds the attribute's value."""
        return f"attribute_{self.name}"

    @property
    def bin_column(self) -> str:
        """Column that holds the quantile bin of a scaled attribute."""
        return f"bin_{self.name}"


class _AttributeEntry(BaseModel):
    """An attribute as the file states it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    block: str
    kind: Kind
    value: str
    levels: tuple[str, ...] = ()
    meaning: str


def parse_attributes(content: Mapping[str, Any]) -> tuple[Attribute, ...]:
    """The attributes that a file declares.

    Args:
        content: content of attributes.yml.

    Raises:
        ConfigError: a key or kind is unknown, a value is more than an expression, a name is not
            an identifier, a block holds words, or levels and kind do not fit.
    """
    return tuple(_parse_attribute(name, body) for name, body in content.items())


def _parse_attribute(name: str, body: Any) -> Attribute:
    where = f"attributes.yml: {name}"
    entry = parse_model(_AttributeEntry, body, where=where)
    refuse_unsafe_sql(entry.value, where=where)
    if not name.isidentifier():
        raise ConfigError(
            f"{where} is not a valid name", found=name, fix="use letters, digits and _"
        )
    if entry.block in _WORD_BLOCKS:
        raise ConfigError(
            f"{where} uses a block that is reserved for words",
            found=entry.block,
            fix="name another block, with its weight in product_matrix.weights",
        )
    has_levels = len(set(entry.levels)) >= 2
    if has_levels != (entry.kind == "ordered"):
        raise ConfigError(
            f"{where}: the kind 'ordered' needs two or more levels, other kinds need none",
            found=f"kind {entry.kind}, levels {list(entry.levels)}",
            fix="correct 'levels' or 'kind'",
        )
    return Attribute(name=name, **entry.model_dump())
