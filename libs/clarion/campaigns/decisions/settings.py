"""Settings of the strategy, and the offer catalogue."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.config import settings
from clarion.config.load import parse_model
from clarion.kernel.errors import ConfigError

ProductSource = Literal["interests", "neighbours", "open_cart", "alerted", "none"]


@settings("strategy")
class StrategySettings:
    """Holdout, exploration, budget, window and targets."""

    holdout: float
    explore: float
    explore_budget_share: float
    budget: float
    window_days: int
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
    products: ProductSource


class Defaults(_Strict):
    """Values that apply to every offer."""

    margin: float = Field(gt=0, le=1)
    fallback_order_value: float = Field(gt=0)
    benefit_response: float = Field(ge=0, le=1)


class Catalogue(_Strict):
    """All offers."""

    defaults: Defaults
    offers: tuple[Offer, ...]


def parse_catalogue(raw: Mapping[str, Any], *, where: str) -> Catalogue:
    """The offers of a YAML file.

    Args:
        raw: content of the file.
        where: name of the file, for messages.

    Raises:
        ConfigError: an unknown key, a value out of range, a reserved name, or an id used twice.
    """
    catalogue = parse_model(Catalogue, raw, where=where)
    ids = [offer.id for offer in catalogue.offers]
    if "nothing" in ids:
        raise ConfigError(
            f"{where}: 'nothing' is a reserved name",
            found=", ".join(ids),
            fix="give the offer another id",
        )
    duplicates = sorted({name for name in ids if ids.count(name) > 1})
    if duplicates:
        raise ConfigError(
            f"{where}: the id '{duplicates[0]}' is used by several offers",
            found=", ".join(ids),
            fix="give each offer an id of its own",
        )
    return catalogue
