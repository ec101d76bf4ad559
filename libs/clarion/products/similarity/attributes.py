"""Attributes as they stand in conf/attributes.yml: what products are compared by beside their words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql

Kind = Literal["one_hot", "multi", "scaled", "ordered"]
TEXT, REVIEWS = "text", "reviews"  # the blocks of words


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One thing that products have in common or not.

    Args:
        name: what it is called.
        block: what it counts with.
        kind: how it becomes numbers.
        value: SQL over the columns of a product.
        levels: of an ordered attribute, from low to high.
        meaning: in words.
    """

    name: str
    block: str
    kind: Kind
    value: str
    levels: tuple[str, ...]
    meaning: str

    @property
    def column(self) -> str:
        """Where its value stands beside the product's own columns."""
        return f"of_{self.name}"

    @property
    def step(self) -> str:
        """Where the step of a scaled one stands."""
        return f"step_{self.name}"


class _Written(BaseModel):
    """An attribute as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    block: str
    kind: Kind
    value: str
    levels: tuple[str, ...] = ()
    meaning: str


def parse(written: Mapping[str, Any]) -> tuple[Attribute, ...]:
    """The attributes of a file.

    Raises:
        ConfigError: an unknown key or kind, more than an expression, a name that is none, levels where there are none or none where there are.
    """
    found = []
    for name, body in written.items():
        where = f"attributes.yml: {name}"
        model = parse_model(_Written, body, where=where)
        refuse_unsafe_sql(model.value, where=where)
        if not name.isidentifier():
            raise ConfigError(f"{where} is no name", found=name, fix="use letters, digits and _")
        if model.block in (TEXT, REVIEWS):
            raise ConfigError(
                f"{where} stands in a block of words",
                found=model.block,
                fix="name another block, with its weight in product_matrix.weights",
            )
        if (model.kind == "ordered") != (len(set(model.levels)) >= 2):
            raise ConfigError(
                f"{where}: levels belong to the kind 'ordered', two or more of them",
                found=str(list(model.levels)),
                fix="mend 'levels' or 'kind'",
            )
        found.append(
            Attribute(
                name=name,
                block=model.block,
                kind=model.kind,
                value=model.value,
                levels=model.levels,
                meaning=model.meaning,
            )
        )
    return tuple(found)
