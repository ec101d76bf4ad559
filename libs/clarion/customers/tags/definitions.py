"""Tags as conf/tags.yml declares them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.config.load import parse_model
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql

_MEAN = re.compile(r"\{mean (\w+)\}")
_IN_CATEGORY = re.compile(r"\{(recent|earlier) in category\}")
CATEGORY_COLUMNS = ("recent_interest", "earlier_interest", "recent", "earlier")
EARLIER = "earlier in category"


@dataclass(frozen=True, slots=True)
class TagTree:
    """What a tree may know when it explains a declared tag.

    Args:
        features: number features, or 'earlier in category' for a tag of each category.
        learns_from: SQL condition: the customers of whom the tag is sure; None for all of whom
            it is known.
    """

    features: tuple[str, ...]
    learns_from: str | None

    def columns(self, category: str) -> tuple[str, ...]:
        """SQL of the features.

        Args:
            category: SQL of the tag's category.

        Example:
            >>> TagTree(("views_90d", "earlier in category"), None).columns("'Toys'")
            ('views_90d', "earlier['Toys']")
        """
        return tuple(f"earlier[{category}]" if name == EARLIER else name for name in self.features)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that a person declared.

    Args:
        name: the name that audiences and offers use.
        when: SQL condition over the declared features; {mean NAME} stands for the mean of a feature
            over all customers of whom it is known, {NAME in category} for the customer's share
            in the tag's category.
        label_en: English label.
        label_zh: Chinese label.
        meaning: what the tag means, in words.
        tree: what a tree that explains the tag may know; None for no tree.
        of_each_category: whether there is one such tag for each category. {category} stands for it
            in labels and meaning.
    """

    name: str
    when: str
    label_en: str
    label_zh: str
    meaning: str
    tree: TagTree | None = None
    of_each_category: bool = False

    @property
    def means(self) -> tuple[str, ...]:
        """The features whose means the condition uses."""
        return tuple(dict.fromkeys(_MEAN.findall(self.when)))

    def condition(self, means: Mapping[str, float | None], *, category: str | None = None) -> str:
        """The condition with the numbers of a day.

        Args:
            means: mean of each feature that it uses; None or missing if nobody has a value.
            category: SQL of the category, of a tag of each category.

        Example:
            >>> big = Tag("big", "spend > 2 * {mean spend}", "big", "大", "spends much")
            >>> big.condition({"spend": 40.0})
            'spend > 2 * 40.0D'
        """

        def number(match: re.Match[str]) -> str:
            mean = means.get(match.group(1))
            return "CAST(NULL AS double)" if mean is None else f"{mean!r}D"

        with_means = _MEAN.sub(number, self.when)
        if category is None:
            return with_means
        return _IN_CATEGORY.sub(lambda match: f"{match.group(1)}[{category}]", with_means)

    def of_category(self, category: str) -> "Tag":
        """The tag of one category.

        Example:
            >>> tag = Tag("likes", "{recent in category} > 0.5", "likes {category}", "爱{category}",
            ...     "looks at {category}", of_each_category=True)
            >>> tag.of_category("Toys").name, tag.of_category("Toys").when
            ('likes:Toys', "recent['Toys'] > 0.5")
        """

        def fill(text: str) -> str:
            return text.replace("{category}", category)

        literal = sql.text(category)
        return replace(
            self,
            name=f"{self.name}:{category}",
            when=_IN_CATEGORY.sub(lambda match: f"{match.group(1)}[{literal}]", self.when),
            label_en=fill(self.label_en),
            label_zh=fill(self.label_zh),
            meaning=fill(self.meaning),
        )


class _TreeEntry(BaseModel):
    """What the file says of a tag's tree."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[str, ...] = Field(min_length=1)
    learns_from: str | None = None


class _Entry(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: str
    en: str
    zh: str
    meaning: str
    each: Literal["category"] | None = None
    tree: _TreeEntry | None = None


def parse(entries: Mapping[str, Any]) -> tuple[Tag, ...]:
    """The tags of a file.

    Args:
        entries: content of the file, by name.

    Raises:
        ConfigError: an unknown key, or more than an expression.
    """
    return tuple(_tag(name, body, where=f"tags.yml: {name}") for name, body in entries.items())


def _tag(name: str, body: object, *, where: str) -> Tag:
    entry = parse_model(_Entry, body, where=where)
    tree = TagTree(entry.tree.features, entry.tree.learns_from) if entry.tree else None
    of_each = entry.each == "category"
    tag = Tag(name, entry.when, entry.en, entry.zh, entry.meaning, tree, of_each)
    condition = tag.condition({}, category="''" if of_each else None)
    if "{" in condition or "}" in condition:
        raise ConfigError(
            f"{where}: an unknown word in braces",
            found=entry.when,
            fix="write {mean NAME} with the name of a feature; with 'each: category' also "
            "{recent in category} or {earlier in category}",
        )
    refuse_unsafe_sql(condition, where=where)
    if tree and tree.learns_from is not None:
        refuse_unsafe_sql(tree.learns_from, where=f"{where}: learns_from")
    if of_each:
        _refuse_without_category(tag, where=where)
    return tag


def _refuse_without_category(tag: Tag, *, where: str) -> None:
    """Refuse a tag of each category that is the same for all of them."""
    for key, text, word in (
        ("when", tag.when, "{recent in category}"),
        ("en", tag.label_en, "{category}"),
        ("zh", tag.label_zh, "{category}"),
    ):
        if not (_IN_CATEGORY.search(text) if key == "when" else word in text):
            raise ConfigError(
                f"{where}: '{key}' is the same for each category",
                found=text,
                fix=f"name the category by {word}, or remove 'each'",
            )
