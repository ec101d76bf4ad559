"""Tags as conf/tags.yml declares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.kernel.expressions import refuse_unsafe_sql


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that a person declared.

    Args:
        name: the name that audiences and offers use.
        when: SQL condition over the declared features.
        label_en: English label.
        label_zh: Chinese label.
        meaning: what the tag means, in words.
    """

    name: str
    when: str
    label_en: str
    label_zh: str
    meaning: str


class _Entry(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    en: str
    zh: str
    meaning: str


def parse(entries: Mapping[str, Any]) -> tuple[Tag, ...]:
    """The tags of a file.

    Args:
        entries: content of the file, by name.

    Raises:
        ConfigError: an unknown key, or more than an expression.
    """
    tags = []
    for name, body in entries.items():
        where = f"tags.yml: {name}"
        entry = parse_model(_Entry, body, where=where)
        refuse_unsafe_sql(entry.when, where=where)
        tags.append(Tag(name, entry.when, entry.en, entry.zh, entry.meaning))
    return tuple(tags)
