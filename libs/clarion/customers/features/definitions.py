"""Features as they stand in conf/features.yml."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import names, refuse_unsafe_sql

Source = Literal[
    "days", "orders", "events", "interactions", "profile", "reviews", "responses", "redemptions", "contacts", "traits", "registrations", "features"
]  # fmt: skip
_WITHOUT_AGE: tuple[Source, ...] = ("profile", "features", "interactions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One value that is known of a customer.

    Args:
        name: under which models, tags and audiences speak of it.
        source: the view of the facts it is computed from.
        value: SQL: one aggregate over a customer's rows of the view; an expression where a customer has one row.
        where: SQL condition on the rows that count; None for all.
        within: days before the as-of day that count; None for all that the view holds.
        empty: value of a customer without such rows; None where it is unknown then.
        type: number or text.
        unit: of the value.
        meaning: in words.
        label_en: what a person calls it.
        label_zh: the same in Chinese.
    """

    name: str
    source: Source
    value: str
    where: str | None
    within: int | None
    empty: float | None
    type: Literal["number", "text"]
    unit: str
    meaning: str
    label_en: str
    label_zh: str

    @property
    def counts_when(self) -> str | None:
        """The condition on the rows that count, the window included."""
        parts = [f"({self.where})"] if self.where else []
        parts += [f"age <= {self.within}"] if self.within else []
        return " AND ".join(parts) or None


class _Written(BaseModel):
    """A feature as it stands in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source
    value: str
    where: str | None = None
    within: int | list[int] | None = None
    empty: float | None = None
    type: Literal["number", "text"] = "number"
    unit: str
    meaning: str
    en: str
    zh: str


def parse(written: Mapping[str, Any]) -> tuple[Feature, ...]:
    """The features of a file; one with several windows becomes one for each, named by its days.

    Raises:
        ConfigError: an unknown key or source, a name that is none, two features of one name, or more than an expression.
    """
    found: dict[str, Feature] = {}
    for name, body in written.items():
        where = f"features.yml: {name}"
        model = parse_model(_Written, body, where=where)
        for text in (model.value, model.where or ""):
            refuse_unsafe_sql(text, where=where)
        if model.within is not None and model.source in _WITHOUT_AGE:
            raise ConfigError(
                f"{where}: rows of '{model.source}' have no age",
                found=f"within: {model.within}",
                fix="leave 'within' out",
            )
        windows = model.within if isinstance(model.within, list) else [model.within]
        for days in windows:
            feature = _feature(
                f"{name}_{days}d" if isinstance(model.within, list) else name, days, model
            )
            if not re.fullmatch(r"[a-z][a-z0-9_]*", feature.name):
                raise ConfigError(
                    f"{where} is no name", found=feature.name, fix="use small letters, digits and _"
                )
            if feature.name in found:
                raise ConfigError(
                    f"{where} is declared twice", found=feature.name, fix="rename one of them"
                )
            found[feature.name] = feature
    return tuple(found.values())


def required_features(
    features: tuple[Feature, ...], expressions: Iterable[str]
) -> tuple[Feature, ...]:
    """The features that some expressions over features speak of, and those that these are made of, in the file's order.

    Raises:
        ConfigError: an expression speaks of none.
    """
    by_name = {item.name: item for item in features}
    wanted: set[str] = set()
    for text in expressions:
        spoken_of = {name for name in names(text) if name in by_name}
        if not spoken_of:
            raise ConfigError(
                "an input of a model speaks of no declared feature",
                found=text,
                fix="use the features of features.yml",
            )
        wanted |= spoken_of
    for item in reversed(features):  # a feature over others stands behind them
        if item.name in wanted and item.source == "features":
            wanted |= {
                name for name in names(f"{item.value} {item.where or ''}") if name in by_name
            }
    return tuple(item for item in features if item.name in wanted)


def _feature(name: str, days: int | None, model: _Written) -> Feature:
    def dated(text: str) -> str:
        return text.replace("{days}", str(days))

    return Feature(
        name=name,
        source=model.source,
        value=dated(model.value),
        where=model.where,
        within=days,
        empty=model.empty,
        type=model.type,
        unit=model.unit,
        meaning=dated(model.meaning),
        label_en=dated(model.en),
        label_zh=dated(model.zh),
    )
