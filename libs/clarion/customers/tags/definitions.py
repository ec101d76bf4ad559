"""Tags as conf/tags.yml declares them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql

_MEAN = re.compile(r"\{mean (\w+)\}")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that a person declared.

    Args:
        name: the name that audiences and offers use.
        when: SQL condition over the declared features; {mean NAME} stands for the mean of a feature
            over all customers of whom it is known.
        label_en: English label.
        label_zh: Chinese label.
        meaning: what the tag means, in words.
    """

    name: str
    when: str
    label_en: str
    label_zh: str
    meaning: str

    @property
    def means(self) -> tuple[str, ...]:
        """The features whose means the condition uses."""
        return tuple(dict.fromkeys(_MEAN.findall(self.when)))

    def condition(self, means: Mapping[str, float | None]) -> str:
        """The condition with the numbers of a day.

        Args:
            means: mean of each feature that it uses; None or missing if nobody has a value.

        Example:
            >>> big = Tag("big", "spend > 2 * {mean spend}", "big", "大", "spends much")
            >>> big.condition({"spend": 40.0})
            'spend > 2 * 40.0D'
        """

        def number(match: re.Match[str]) -> str:
            mean = means.get(match.group(1))
            return "CAST(NULL AS double)" if mean is None else f"{mean!r}D"

        return _MEAN.sub(number, self.when)


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
        tag = Tag(name, entry.when, entry.en, entry.zh, entry.meaning)
        condition = tag.condition({})
        if "{" in condition or "}" in condition:
            raise ConfigError(
                f"{where}: an unknown word in braces",
                found=entry.when,
                fix="write {mean NAME} with the name of a feature",
            )
        refuse_unsafe_sql(condition, where=where)
        tags.append(tag)
    return tuple(tags)
