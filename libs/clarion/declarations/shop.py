"""The shop at hand: its sources, as the configuration names them."""

from functools import cache

from clarion.collect.cleaning.detectors import Detector, parse_detectors
from clarion.collect.cleaning.parsing import ParseSpec
from clarion.collect.cleaning.rules import Rule, parse_rules
from clarion.collect.privacy.tokens import TOKEN_PREFIX
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.customers.features import definitions as feature_definitions
from clarion.customers.features.definitions import Feature
from clarion.customers.tags import definitions as tag_definitions
from clarion.customers.tags.definitions import Tag
from clarion.kernel.errors import ConfigError
from clarion.products.similarity import attributes as declared_attributes
from clarion.products.similarity.attributes import Attribute
from clarion.products.similarity.settings import ProductSettings


@cache
def sources(config: Config) -> tuple[Source, ...]:
    """Every source of the shop's mappings.

    Raises:
        ConfigError: no mapping is named, or one of them is wrong.
    """
    names = config.get("shop.sources")
    if not names:
        raise ConfigError(
            "no source is named",
            found="shop.sources: []",
            fix="set shop.sources to mappings such as [online_retail]",
        )
    variables = {
        "data": str(config.get("data") or ""),
        "currency": str(config.get("shop.currency")),
    }
    regions = parse_yaml(config.text("regions.yml"), where="regions.yml")
    found: list[Source] = []
    for name in names:
        file = f"sources/{name}.yml"
        found += parse_mapping(
            name, parse_yaml(config.text(file), where=file), variables=variables, regions=regions
        )
    _refuse_mixed_money(found, str(config.get("shop.currency")))
    return tuple(found)


def _refuse_mixed_money(found: list[Source], currency: str) -> None:
    """Amounts in another currency count only by a rate.

    Raises:
        ConfigError: a mapping declares another currency than the shop's, and none holds rates.
    """
    other = next((source for source in found if source.currency not in (None, currency)), None)
    if other is not None and not any(source.kind.name == "rates" for source in found):
        raise ConfigError(
            f"mapping {other.name} is in {other.currency}, the shop counts in {currency}, and no mapping holds rates",
            found=f"shop.currency: {currency}",
            fix=f"set shop.currency to {other.currency}, or map the kind 'rates'",
        )


def parse_spec(source: Source) -> ParseSpec:
    """How the records of a source are read; personal columns are read from their tokens."""
    names = source.names_used
    open_columns = {
        name: expression
        for name, expression in source.columns.items()
        if name not in source.personal
    }
    return ParseSpec(
        kind=source.kind,
        expressions={name: expression.try_sql for name, expression in open_columns.items()},
        uses={name: expression.columns(names) for name, expression in open_columns.items()},
        tokens={name: f"{TOKEN_PREFIX}{name}" for name in source.personal},
        time_zone=source.time_zone,
        currency=source.currency,
    )


@cache
def detectors(config: Config) -> tuple[Detector, ...]:
    """The detectors of invalid activity, as conf/invalid_activity.yml has them.

    Raises:
        ConfigError: a detector is wrong.
    """
    return parse_detectors(
        parse_yaml(config.text("invalid_activity.yml"), where="invalid_activity.yml")
    )


@cache
def features(config: Config) -> tuple[Feature, ...]:
    """What customers are described by, as conf/features.yml has it.

    Raises:
        ConfigError: a feature is wrong.
    """
    return feature_definitions.parse(parse_yaml(config.text("features.yml"), where="features.yml"))


@cache
def tags(config: Config) -> tuple[Tag, ...]:
    """The tags that a person declared, as conf/tags.yml has them.

    Raises:
        ConfigError: a tag is wrong.
    """
    return tag_definitions.parse(parse_yaml(config.text("tags.yml"), where="tags.yml"))


@cache
def attributes(config: Config) -> tuple[Attribute, ...]:
    """What products are compared by beside their words, as conf/attributes.yml has it.

    Raises:
        ConfigError: an attribute is wrong, or its block has no weight.
    """
    found = declared_attributes.parse(
        parse_yaml(config.text("attributes.yml"), where="attributes.yml")
    )
    weights = config.section(ProductSettings).weights
    for item in found:
        if item.block not in weights:
            raise ConfigError(
                f"attributes.yml: {item.name}: its block has no weight",
                found=item.block,
                fix=f"add '{item.block}' to product_matrix.weights",
            )
    return found


@cache
def rules(config: Config) -> dict[str, tuple[Rule, ...]]:
    """The rules of each source kind, as conf/rules has them; a shop's own file of a name takes the packaged one's place.

    Raises:
        ConfigError: a rule is wrong.
    """
    return parse_rules(
        {
            name: parse_yaml(config.text(f"rules/{name}.yml"), where=f"rules/{name}.yml")
            for name in config.names("rules")
        }
    )
