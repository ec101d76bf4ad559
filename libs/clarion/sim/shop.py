"""The shop file: customers, products, and the quality of the data."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """A text in both languages."""

    en: str
    zh: str


class Persona(_Strict):
    """How one type of customer behaves; each customer varies around it."""

    name: str
    share: float = Field(ge=0)
    sessions_per_month: float = Field(gt=0)
    views_per_session: float = Field(ge=1)
    cart: float = Field(ge=0, le=1)
    conversion: float = Field(ge=0, le=1)
    items_per_order: float = Field(ge=1)
    price_level: float = Field(gt=0)
    discount: float = Field(ge=0, le=1)
    leaving_per_month: float = Field(ge=0, le=1)
    likes: tuple[int, ...]
    click: float = Field(ge=0, le=1)
    uplift: float = Field(ge=-1, le=1)
    annoyed: float = Field(ge=0, le=1)


class Change(_Strict):
    """A share of a persona's customers become another persona, or leave, within some days.

    Attributes:
        persona: the persona whose customers change, whenever they joined.
        share: share of them that changes.
        from_day: first day of the change, counted from the shop's start.
        over_days: number of days over which the changes are spread evenly.
        becomes: the persona they behave as from then on; without it they leave.
    """

    persona: str
    share: float = Field(gt=0, le=1)
    from_day: int = Field(ge=0)
    over_days: int = Field(ge=1)
    becomes: str | None = None


class Cluster(_Strict):
    """A category of products, with its words and its price range."""

    department: Text
    category: Text
    share: float = Field(gt=0)
    price: tuple[float, float]
    nouns: tuple[Text, ...]
    words: tuple[Text, ...]


class Dirt(_Strict):
    """Share of order and event records with each kind of damage; a record has at most one."""

    duplicates: float = Field(ge=0, lt=0.2)
    bad_dates: float = Field(ge=0, lt=0.2)
    negative_prices: float = Field(ge=0, lt=0.2)
    unknown_products: float = Field(ge=0, lt=0.2)
    missing_ids: float = Field(ge=0, lt=0.2)


class Shop(_Strict):
    """A whole shop."""

    name: Text
    language: Literal["en", "zh"]
    currency: str
    time_zone: str
    starts_on: date
    history_days: int = Field(gt=60)
    customers: int = Field(gt=0)
    products: int = Field(gt=0)
    spread: float = Field(ge=0)
    weekday: tuple[float, float, float, float, float, float, float]
    season: float = Field(ge=0, lt=1)
    no_collection: float = Field(ge=0, lt=1)
    no_marketing: float = Field(ge=0, lt=1)
    competitors: tuple[str, ...]
    dirt: Dirt
    personas: tuple[Persona, ...]
    clusters: tuple[Cluster, ...]
    changes: tuple[Change, ...] = ()

    def persona_index(self, persona: str) -> int:
        """Index of a persona among the shop's personas."""
        return [item.name for item in self.personas].index(persona)


def parse_shop(content: Mapping[str, Any], *, where: str) -> Shop:
    """The shop that a YAML file declares.

    Args:
        content: content of the file.
        where: name of the file, for messages.

    Raises:
        ConfigError: a key is unknown, a value is out of range, or a persona or cluster does
            not exist.
    """
    shop = parse_model(Shop, content, where=where)
    for persona in shop.personas:
        if any(like >= len(shop.clusters) for like in persona.likes):
            raise ConfigError(
                f"{where}: persona {persona.name} likes a cluster that does not exist",
                fix=f"use numbers below {len(shop.clusters)}",
            )
    names = {persona.name for persona in shop.personas}
    for change in shop.changes:
        for name in (change.persona, change.becomes or change.persona):
            if name not in names:
                raise ConfigError(
                    f"{where}: changes name persona {name}, which does not exist",
                    fix=f"use one of {', '.join(sorted(names))}",
                )
    return shop
