"""Tags as they stand in conf/tags.yml."""

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
        name: under which audiences and offers speak of it.
        when: SQL condition over the declared features.
        label_en: what a person calls it.
        label_zh: the same in Chinese.
        meaning: in words.
    """

    name: str
    when: str
    label_en: str
    label_zh: str
    meaning: str


class _Written(BaseModel):
    """A tag as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    en: str
    zh: str
    meaning: str


def parse(written: Mapping[str, Any]) -> tuple[Tag, ...]:
    """The tags of a file.

    Raises:
        ConfigError: an unknown key, or more than an expression.
    """
    found = []
    for name, body in written.items():
        where = f"tags.yml: {name}"
        model = parse_model(_Written, body, where=where)
        refuse_unsafe_sql(model.when, where=where)
        found.append(Tag(name, model.when, model.en, model.zh, model.meaning))
    return tuple(found)
