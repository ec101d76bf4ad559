"""Settings of the strategy, and the offer catalogue."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.config import settings
from clarion.config.load import validated
from clarion.kernel.errors import ConfigError

Shown = Literal["interests", "neighbours", "open_cart", "alerted", "none"]


@settings("strategy")
class StrategySettings:
    """Holdout, exploration, budget, window and targets."""

    holdout: float
    explore: float
    explore_budget_share: float
    budget: float
    window_days: int
    churn_high: float
    products_shown: int
    target_ctr: float
    target_cr: float
    target_apu: float
    target_rpr: float


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Name(_Strict):
    """A name in both languages."""

    en: str
    zh: str


class Prior(_Strict):
    """A declared effect, until an experiment has measured it."""

    mean: float
    sd: float = Field(ge=0)


class Offer(_Strict):
    """One offer of the catalogue; conf/offers.yml says what each field means."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Name
    kind: str
    channel: str
    public_rule: str
    when: str
    trigger: Literal["open_cart", "market_alert"] | None = None
    benefit: float = Field(ge=0)
    redemption: float = Field(ge=0, le=1)
    uplift: Prior
    contact_cost: float = Field(ge=0)
    products: Shown


class Defaults(_Strict):
    """What holds for every offer."""

    margin: float = Field(gt=0, le=1)
    fallback_order_value: float = Field(gt=0)
    benefit_response: float = Field(ge=0, le=1)


class Catalogue(_Strict):
    """All offers."""

    defaults: Defaults
    offers: tuple[Offer, ...]


def catalogue(written: Mapping[str, Any], *, where: str) -> Catalogue:
    """The offers of a YAML file.

    Raises:
        ConfigError: an unknown key, a value out of range, or an offer that stands twice.
    """
    found = validated(Catalogue, written, where=where)
    ids = [offer.id for offer in found.offers]
    twice = sorted({name for name in ids if ids.count(name) > 1} | ({"nothing"} & set(ids)))
    if twice:
        raise ConfigError(
            f"{where}: offer '{twice[0]}' stands twice or is a reserved name",
            found=", ".join(ids),
            fix="give it another id",
        )
    return found
