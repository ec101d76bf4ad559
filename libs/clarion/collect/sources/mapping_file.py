"""Reads a mapping: one YAML file that says how a shop's own data becomes Clarion's source kinds."""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clarion.collect.sources import standards
from clarion.collect.sources.expressions import Expression
from clarion.collect.sources.ids import IdForm
from clarion.collect.sources.mapping import (
    DuplicateWord,
    Equal,
    Source,
)
from clarion.collect.sources.mapping_section import SourceSection, check_section, suggest
from clarion.collect.sources.missing_words import MissingWords
from clarion.collect.sources.standards import Standard
from clarion.config.load import parse_model
from clarion.contracts.core import Column
from clarion.contracts.sources import KINDS, Kind
from clarion.contracts.vocabularies import Vocabularies
from clarion.kernel.errors import ConfigError, SourceError

Regions = Mapping[str, Mapping[str, list[str]]]


@dataclass(frozen=True, slots=True)
class _Words:
    """Words of a mapping and of values, and what they stand for.

    Args:
        variables: values for ${...}.
        regions: names of regions by country and code.
        vocabularies: the value that each word stands for, by section of words.yml.
        missing: texts that stand for no value.
    """

    variables: Mapping[str, str]
    regions: Regions
    vocabularies: Vocabularies
    missing: MissingWords


def parse_mapping(
    name: str,
    content: Mapping[str, Any],
    *,
    variables: Mapping[str, str],
    regions: Regions = MappingProxyType({}),
    vocabularies: Vocabularies = MappingProxyType({}),
    missing_words: MissingWords = MissingWords(),
) -> tuple[Source, ...]:
    """The sources of one mapping file.

    Args:
        name: the file's name without '.yml'.
        content: its content.
        variables: values for ${...} in `where`.
        regions: names of regions by country and code.
        vocabularies: the value that each word stands for, by section of words.yml.
        missing_words: texts that stand for no value.

    Raises:
        ConfigError: an unknown kind, key, column, policy or variable;
            a required column that is not mapped.
    """
    words = _Words(variables, regions, vocabularies, missing_words)
    sources = tuple(_source(name, kind_name, body, words) for kind_name, body in content.items())
    if not sources:
        raise ConfigError(
            f"mapping {name} maps nothing",
            found="an empty file",
            fix=f"add one of {', '.join(KINDS)}",
        )
    return sources


def _source(name: str, kind_name: str, body: Any, words: _Words) -> Source:
    where = f"{name}.{kind_name}"
    kind = KINDS.get(kind_name.split(".")[0])  # 'orders.tills' is another source of orders
    if kind is None:
        raise ConfigError(
            f"mapping {name}: there is no source kind '{kind_name}'",
            found=", ".join(KINDS),
            fix=suggest(kind_name, KINDS),
        )
    section = parse_model(SourceSection, body, where=f"mapping {where}")
    time_zone = _expand(section.time_zone, words.variables, where)
    section = section.model_copy(update={"time_zone": time_zone})
    check_section(where, kind, section)

    declared = {column.name: column for column in kind.columns}
    equal = section.duplicates if isinstance(section.duplicates, Equal) else None
    return Source(
        name=where,
        kind=kind,
        where=_expand(section.where, words.variables, where),
        format=section.format,
        options={name: _option(value) for name, value in section.options.items()},
        secrets=section.secrets,
        incremental=section.incremental,
        changed=section.changed,
        drift=section.drift,
        depth=section.depth,
        manifest=_expand(section.manifest, words.variables, where) if section.manifest else None,
        sealed=section.personal,
        optional=section.optional,
        mode=section.mode,
        namespace=section.namespace or name,
        time_zone=section.time_zone,
        currency=_expand(section.currency, words.variables, where) if section.currency else None,
        duplicates=_duplicates(section.duplicates, kind),
        duplicate_days=equal.within_days if equal else None,
        malformed=section.malformed,
        layout=section.layout,
        consent=section.consent,
        columns={
            name: replace(
                _expression(body, declared[name], where, words),
                time_zone=section.time_zone,
                missing_words=words.missing.of(kind, declared[name]),
                gives_text=declared[name].type == "string",
                id_form=section.ids.get(name, IdForm()) if declared[name].is_id else None,
            )
            for name, body in section.columns.items()
        },
        discount=standards.discount(section.columns.get("discount")),
        of_order=tuple(name for name, one in section.columns.items() if standards.is_of_order(one)),
        rules=_policies(section.rules),
        missing={
            column: "refuse" if policy == "drop" else policy
            for column, policy in section.missing.items()
        },
    )


def _policies(stated: Mapping[str, str]) -> dict[str, str]:
    """The policies of a mapping; of a line at price 0 the amount is 0, too."""
    is_gift_accepted = stated.get("unit_price") == "may_be_zero"
    return {**({"amount": "may_be_zero"} if is_gift_accepted else {}), **stated}


def _option(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _duplicates(
    policy: DuplicateWord | Equal | None, kind: Kind
) -> DuplicateWord | tuple[str, ...]:
    if policy is None:
        return "redelivered" if kind.name == "orders" else "drop"
    return (policy.key or "drop") if isinstance(policy, Equal) else policy


def _expression(
    body: Standard | str | int | float | bool,
    column: Column,
    where: str,
    words: _Words,
) -> Expression:
    of_column = f"mapping {where}.{column.name}"
    if isinstance(body, Standard):
        _check_standard(body, column, of_column)
    vocabulary = words.vocabularies.get(column.words or column.standard or "")
    if vocabulary:
        value = (
            body
            if isinstance(body, Standard)
            else Standard.model_validate({"from": str(body), "as": "text"})
        )
        stated = standards.expression(value, words.regions)
        standard = standards.standard_word(stated, vocabulary, is_closed=bool(column.words))
        return Expression(standard, of_column, over=value.from_)
    if not isinstance(body, Standard):
        return Expression(str(body), of_column)
    standards.check_patterns(body, where=of_column)
    return Expression(
        standards.expression(body, words.regions),
        of_column,
        over=body.from_,
        phone=body.country if body.as_ == "phone" else None,
        currency=standards.price_currency(body),
    )


def _check_standard(body: Standard, column: Column, where: str) -> None:
    """Refuse a form that a column cannot have.

    Raises:
        ConfigError: a phone that is not personal, a form without its country, or a discount's form
            of another column.
    """
    if body.as_ == "phone" and not column.personal:
        raise ConfigError(
            f"{where}: only a personal column is brought into a phone's form",
            found=column.name,
            fix="use 'as: text'",
        )
    if body.as_ in ("phone", "region") and not body.country:
        raise ConfigError(
            f"{where}: a {body.as_} belongs to a country",
            fix=f"write '{{from: ..., as: {body.as_}, country: CN}}'",
        )
    of_discount = body.as_ == "percent" or bool({"per", "sign"} & body.model_fields_set)
    is_refund_of_order = (
        column.name == "refund" and body.per == "order" and "sign" not in body.model_fields_set
    )
    if of_discount and column.name != "discount" and not is_refund_of_order:
        raise ConfigError(
            f"{where}: only a discount is stated in per cent, of a unit or with a sign, "
            "and only a discount or a refund of the whole order",
            found=column.name,
            fix="leave 'per' and 'sign' out, and write 'as: number' or 'as: price'",
        )
    if body.as_ == "percent" and body.per != "line":
        raise ConfigError(
            f"{where}: a share in per cent is the same of a unit, of a line and of an order",
            found=f"as: percent, per: {body.per}",
            fix="leave 'per' out",
        )


def _expand(where: str, variables: Mapping[str, str], source: str) -> str:
    """`where` with its variables replaced, and the folder of a package in place of its name."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not variables.get(name):
            raise ConfigError(
                f"mapping {source}: ${{{name}}} has no value",
                found=where,
                fix=f"set it with --set {name}=DIR",
            )
        return variables[name]

    expanded = re.sub(r"\$\{(\w+)\}", value, where)
    if not expanded.startswith("package:"):
        return expanded
    package, _, inside = expanded.removeprefix("package:").partition("/")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise SourceError(
            f"mapping {source} needs the package {package}",
            found="not installed",
            fix=f"pip install {package.replace('_', '-')}",
        )
    return str(Path(spec.origin).parent / inside)
