"""What the shop declares: sources, rules, detectors, features, tags, attributes, offers."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from clarion.campaigns.decisions.scale import in_scale
from clarion.campaigns.decisions.settings import Catalogue, parse_catalogue
from clarion.collect.cleaning.detectors import Detector, parse_detectors
from clarion.collect.cleaning.parsing import IdSql, ParseSpec, stated_name
from clarion.collect.cleaning.rules import Rule, parse_rules
from clarion.collect.privacy.tokens import TOKEN_PREFIX
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.mapping_file import Regions, parse_mapping
from clarion.collect.sources.missing_words import MissingWords
from clarion.config import Config
from clarion.config.load import parse_model, parse_yaml
from clarion.contracts.sources import KINDS
from clarion.contracts.vocabularies import VOCABULARIES
from clarion.customers.features import definitions as feature_definitions
from clarion.customers.features.definitions import Feature, required_features
from clarion.customers.profiles import life_cycle as life_cycle_stages
from clarion.customers.profiles.life_cycle import LifeCycle
from clarion.customers.segments.settings import SegmentSettings
from clarion.customers.tags import definitions as tag_definitions
from clarion.customers.tags.definitions import Tag
from clarion.declarations.tag_trees import check_tree
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql
from clarion.kernel.text import plain_word
from clarion.measures.calendar import Calendar, CalendarFile, calendar_of
from clarion.prediction.outcomes.models import models_of
from clarion.prediction.outcomes.settings import PredictSettings
from clarion.products.similarity import attributes as declared_attributes
from clarion.products.similarity.attributes import Attribute
from clarion.products.similarity.settings import ProductSettings


@cache
def sources(config: Config) -> tuple[Source, ...]:
    """Every source of the shop's mappings.

    Raises:
        ConfigError: no mapping is named, or one of them is invalid.
    """
    names = config.get("shop.sources")
    if not names:
        raise ConfigError(
            "no source is named",
            found="shop.sources: []",
            fix="set shop.sources to mappings such as [online_retail]",
        )
    declared: list[Source] = []
    for name in names:
        file = f"sources/{name}.yml"
        declared += parse_sources(config, name, parse_yaml(config.text(file), where=file))
    _refuse_mixed_currencies(declared, str(config.get("shop.currency")))
    return tuple(declared)


def parse_sources(
    config: Config, name: str, content: Mapping[str, Any], **variables: str
) -> tuple[Source, ...]:
    """The sources of a mapping, with the shop's words and settings.

    Args:
        config: the shop's configuration.
        name: what the mapping is called.
        content: the mapping.
        variables: values for ${...} in place of the shop's.

    Raises:
        ConfigError: the mapping is invalid.
    """
    shop = {
        "data": str(config.get("data") or ""),
        "currency": str(config.get("shop.currency")),
        "time_zone": str(config.get("shop.time_zone")),
    }
    return parse_mapping(
        name,
        content,
        variables=shop | variables,
        regions=_regions(config),
        vocabularies=value_words(config),
        missing_words=missing_words(config),
    )


@cache
def _regions(config: Config) -> Regions:
    """Names of regions by country and code; read once for all mappings."""
    return parse_yaml(config.text("regions.yml"), where="regions.yml")


@cache
def missing_words(config: Config) -> MissingWords:
    """Texts that stand for no value, by kind of value."""
    file = "missing_words.yml"
    return parse_model(MissingWords, parse_yaml(config.text(file), where=file), where=file)


@cache
def column_words(config: Config) -> dict[str, dict[str, list[str]]]:
    """What the columns of raw files are called, by kind and column, from conf/words.yml."""
    words = parse_yaml(config.text("words.yml"), where="words.yml")
    return {kind: columns for kind, columns in words.items() if kind in KINDS}


@cache
def personal_words(config: Config) -> dict[str, list[str]]:
    """What columns of personal data are called, by what they hold, from conf/words.yml.

    The words of the kinds' personal columns, and those of the section `personal`. A column called
    `name` may be that of a product, so that names have the words of the section alone.
    """
    further = parse_yaml(config.text("words.yml"), where="words.yml").get("personal", {})
    words: dict[str, list[str]] = {"name": []}
    for kind, columns in column_words(config).items():
        for column in KINDS[kind].columns:
            if column.personal and column.name != "name":
                words.setdefault(column.name, []).extend(columns.get(column.name, []))
    return {what: [*of_kinds, *further.get(what, [])] for what, of_kinds in words.items()}


@cache
def value_words(config: Config) -> dict[str, dict[str, str]]:
    """The value that each plain word stands for, by its section of conf/words.yml.

    A value's own name stands for itself.

    Raises:
        ConfigError: a value that does not exist, or a word for two values.
    """
    sections = parse_yaml(config.text("words.yml"), where="words.yml")
    return {
        section: _words_of(section, values, sections.get(section, {}))
        for section, values in VOCABULARIES.items()
    }


def _words_of(
    section: str, values: tuple[str, ...], declared: Mapping[str, list[object]]
) -> dict[str, str]:
    """The value of each word of one section.

    Raises:
        ConfigError: a value that does not exist, or a word for two values.
    """
    words = {plain_word(value): value for value in values}
    for value, same in declared.items():
        if value not in values:
            raise ConfigError(
                f"words.yml: {section} names a value that does not exist",
                found=value,
                fix=f"use one of {', '.join(values)}",
            )
        for word in map(str, same):
            if words.setdefault(plain_word(word), value) != value:
                raise ConfigError(
                    f"words.yml: '{word}' stands for two values of {section}",
                    found=f"{words[plain_word(word)]}, {value}",
                    fix="take it out of one of them",
                )
    return words


def _refuse_mixed_currencies(mappings: list[Source], currency: str) -> None:
    """Amounts in another currency count only by a rate.

    Raises:
        ConfigError: a mapping declares another currency than the shop's, and none has rates.
    """
    other = next((source for source in mappings if source.currency not in (None, currency)), None)
    if other is not None and not any(source.kind.name == "rates" for source in mappings):
        raise ConfigError(
            f"mapping {other.name} is in {other.currency}, the shop's currency is {currency}, "
            "and no mapping has rates",
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
        expressions={
            name: expression.stated_sql if expression.id_form else expression.try_sql
            for name, expression in open_columns.items()
        },
        ids={
            name: IdSql(
                is_odd=expression.id_form.is_odd(stated_name(name)),
                repaired=expression.id_form.repaired(stated_name(name)),
                fault=expression.id_form.fault(sql.name(name)),
            )
            for name, expression in open_columns.items()
            if expression.id_form
        },
        uses={name: expression.columns(names) for name, expression in open_columns.items()},
        tokens={name: f"{TOKEN_PREFIX}{name}" for name in source.personal},
        time_zone=source.time_zone,
        local_times=frozenset(
            name for name, expression in open_columns.items() if expression.shows_local_time
        ),
        missing_words={name: expression.missing_words for name, expression in open_columns.items()},
        currency=source.currency,
        price_currencies={
            name: expression.currency
            for name, expression in open_columns.items()
            if expression.currency
        },
        from_above=source.from_above,
        discount=source.discount,
        of_order=source.of_order,
    )


@cache
def detectors(config: Config) -> tuple[Detector, ...]:
    """The detectors of invalid activity, from conf/invalid_activity.yml.

    Raises:
        ConfigError: a detector is invalid.
    """
    return parse_detectors(
        parse_yaml(config.text("invalid_activity.yml"), where="invalid_activity.yml")
    )


@cache
def features(config: Config) -> tuple[Feature, ...]:
    """The features of customers, from conf/features.yml.

    Raises:
        ConfigError: a feature is invalid.
    """
    return feature_definitions.parse(parse_yaml(config.text("features.yml"), where="features.yml"))


@cache
def life_cycle(config: Config) -> LifeCycle:
    """The stages of the life cycle, from conf/life_cycle.yml.

    Raises:
        ConfigError: a stage is invalid.
    """
    return life_cycle_stages.parse(
        parse_yaml(config.text("life_cycle.yml"), where="life_cycle.yml")
    )


@cache
def calendar(config: Config) -> Calendar:
    """Holidays and festivals, from conf/calendar.yml.

    Raises:
        ConfigError: a festival is invalid, or a country unknown.
    """
    where = "calendar.yml"
    file = parse_model(CalendarFile, parse_yaml(config.text(where), where=where), where=where)
    return calendar_of(file, where=where)


def check_inputs(config: Config) -> int:
    """Refuse inputs of models, and labels, that are more than an expression.

    Returns:
        The number of inputs.

    Raises:
        ConfigError: an expression of the settings is more than one, or an input uses no declared
            feature.
    """
    predict = config.section(PredictSettings)
    compared = config.section(SegmentSettings).features
    inputs = {f"predict.features.{name}": value for name, value in predict.values.items()}
    inputs |= {f"segment.features.{name}": item.value for name, item in compared.items()}
    labels = {
        f"predict.labels.{name}.{part}": text
        for name, label in predict.labels.items()
        for part, text in (("outcome", label.outcome), ("population", label.population))
    }
    for key, value in {**inputs, **labels}.items():
        refuse_unsafe_sql(value, where=key)
    for kind in sorted({label.kind for label in predict.labels.values()}):
        models_of(predict.models.get(kind, ()), kind, where=f"predict.models.{kind}")
    required_features(features(config), inputs.values())
    declared = {feature.name for feature in features(config)}
    for name, item in compared.items():
        for feature in item.rests_on:
            if feature not in declared:
                raise ConfigError(
                    f"segment.features.{name} rests on a feature that is not declared",
                    found=feature,
                    fix="use the features of features.yml",
                )
    return len(inputs)


@cache
def tags(config: Config) -> tuple[Tag, ...]:
    """The tags that the shop declares, from conf/tags.yml.

    Raises:
        ConfigError: a tag is invalid, it uses the mean of what is no number feature, or its tree
            would explain it by what defines it.
    """
    declared = tag_definitions.parse(parse_yaml(config.text("tags.yml"), where="tags.yml"))
    numbers = {feature.name for feature in features(config) if feature.type == "number"}
    for tag in declared:
        for name in tag.means:
            if name not in numbers:
                raise ConfigError(
                    f"tags.yml: {tag.name}: the mean of a feature that is not declared",
                    found=name,
                    fix="use a number feature of features.yml",
                )
        check_tree(tag, features(config))
    return declared


@cache
def attributes(config: Config) -> tuple[Attribute, ...]:
    """The attributes by which products are compared, from conf/attributes.yml.

    Raises:
        ConfigError: an attribute is invalid, or its block has no weight.
    """
    declared = declared_attributes.parse_attributes(
        parse_yaml(config.text("attributes.yml"), where="attributes.yml")
    )
    weights = config.section(ProductSettings).weights
    for item in declared:
        if item.block not in weights:
            raise ConfigError(
                f"attributes.yml: {item.name}: its block has no weight",
                found=item.block,
                fix=f"add '{item.block}' to product_matrix.weights",
            )
    return declared


@cache
def rules(config: Config) -> dict[str, tuple[Rule, ...]]:
    """The rules of each source kind, from conf/rules.

    A shop's own file replaces the packaged one of its name.

    Raises:
        ConfigError: a rule is invalid.
    """
    return parse_rules(
        {
            name: parse_yaml(config.text(f"rules/{name}.yml"), where=f"rules/{name}.yml")
            for name in config.names("rules")
        }
    )


@cache
def offers(config: Config) -> Catalogue:
    """The offer catalogue, from the file that `shop.offers` names, in the shop's scale.

    Raises:
        ConfigError: an offer is invalid, its condition is more than an expression, or the shop's
            order value is no amount.
    """
    file = str(config.get("shop.offers"))
    catalogue = parse_catalogue(parse_yaml(config.text(file), where=file), where=file)
    for offer in catalogue.offers:
        refuse_unsafe_sql(offer.when, where=f"{file}: {offer.id}")
    order_value = config.get("shop.order_value")
    if order_value is not None and not (isinstance(order_value, int | float) and order_value > 0):
        raise ConfigError(
            "shop.order_value is no amount",
            found=repr(order_value),
            fix="write what an order is usually worth, or null for the catalogue's own amounts",
        )
    return in_scale(catalogue, order_value)
