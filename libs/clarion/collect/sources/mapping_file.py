"""Reads a mapping: one YAML file that says how a shop's own data becomes Clarion's source kinds."""

import difflib
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.collect.sources import standards
from clarion.collect.sources.expressions import Expression
from clarion.collect.sources.mapping import (
    PLAIN_LAYOUT,
    ChangedFilePolicy,
    Consent,
    Drift,
    Equal,
    Fill,
    Fit,
    Format,
    Incremental,
    Layout,
    MalformedPolicy,
    Source,
)
from clarion.collect.sources.missing_words import MissingWords
from clarion.collect.sources.standards import Standard
from clarion.config.load import parse_model
from clarion.contracts.core import Column
from clarion.contracts.sources import KINDS, Kind
from clarion.kernel.days import zone
from clarion.kernel.errors import ConfigError, SourceError

Regions = Mapping[str, Mapping[str, list[str]]]
_SECRET = re.compile(r"password|secret|token|jaas|credential|private", re.IGNORECASE)
RULE_POLICIES: dict[str, tuple[str, ...]] = {
    "product_ref": ("unknown_is_refused", "unknown_is_warning", "unknown_is_accepted"),
    "quantity": ("must_be_positive", "negative_is_return"),
    "amount": ("must_be_positive", "may_be_zero"),
    "unit_price": ("must_be_positive",),
    "price": ("must_be_positive",),
    "status": ("unknown_is_refused", "unknown_is_warning"),
}
TIME_POLICIES = ("not_in_the_future", "any_time")


@dataclass(frozen=True, slots=True)
class _Words:
    """Words of a mapping and of values, and what they stand for.

    Args:
        variables: values for ${...}.
        regions: names of regions by country and code.
        order_states: the state of an order that each word stands for.
        missing: texts that stand for no value.
    """

    variables: Mapping[str, str]
    regions: Regions
    order_states: Mapping[str, str]
    missing: MissingWords


class _SourceSection(BaseModel):
    """One source kind as the YAML file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str
    format: Format
    options: dict[str, str | bool | int] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    incremental: Incremental | None = None
    changed: ChangedFilePolicy = "refuse"
    drift: Drift = Drift()
    depth: int = Field(default=16, ge=1, le=500)
    manifest: str | None = None
    personal: tuple[str, ...] = ()
    mode: Literal["batch", "stream"] = "batch"
    namespace: str | None = None
    time_zone: str
    currency: str | None = None
    duplicates: Literal["keep", "drop"] | Equal = "drop"
    malformed: MalformedPolicy = "refuse"
    layout: Layout = PLAIN_LAYOUT
    consent: Consent | None = None
    columns: dict[str, Standard | str | int | float | bool]
    rules: dict[str, str] = Field(default_factory=dict)
    missing: dict[str, Literal["refuse", "drop", "keep"] | Fill | Fit] = Field(default_factory=dict)


def parse_mapping(
    name: str,
    content: Mapping[str, Any],
    *,
    variables: Mapping[str, str],
    regions: Regions = MappingProxyType({}),
    order_states: Mapping[str, str] = MappingProxyType({}),
    missing_words: MissingWords = MissingWords(),
) -> tuple[Source, ...]:
    """The sources of one mapping file.

    Args:
        name: the file's name without '.yml'.
        content: its content.
        variables: values for ${...} in `where`.
        regions: names of regions by country and code.
        order_states: the state of an order that each word stands for.
        missing_words: texts that stand for no value.

    Raises:
        ConfigError: an unknown kind, key, column, policy or variable;
            a required column that is not mapped.
    """
    words = _Words(variables, regions, order_states, missing_words)
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
            fix=_suggest(kind_name, KINDS),
        )
    section = parse_model(_SourceSection, body, where=f"mapping {where}")
    _check_columns(where, kind, section)
    _check_policies(where, kind, section)
    _check_paths(where, section)
    _check_secrets(where, section)
    _check_format(where, section)

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
        mode=section.mode,
        namespace=section.namespace or name,
        time_zone=section.time_zone,
        currency=_expand(section.currency, words.variables, where) if section.currency else None,
        duplicates=_duplicates(section.duplicates),
        duplicate_days=equal.within_days if equal else None,
        malformed=section.malformed,
        layout=section.layout,
        consent=section.consent,
        columns={
            name: replace(
                _expression(body, kind, declared[name], where, words),
                time_zone=section.time_zone,
                missing_words=words.missing.of(kind, declared[name]),
                gives_text=declared[name].type == "string",
            )
            for name, body in section.columns.items()
        },
        rules=section.rules,
        missing={
            column: "refuse" if policy == "drop" else policy
            for column, policy in section.missing.items()
        },
    )


def _option(value: str | bool | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _duplicates(
    policy: Literal["keep", "drop"] | Equal,
) -> Literal["keep", "drop"] | tuple[str, ...]:
    return (policy.key or "drop") if isinstance(policy, Equal) else policy


def _expression(
    body: Standard | str | int | float | bool,
    kind: Kind,
    column: Column,
    where: str,
    words: _Words,
) -> Expression:
    of_column = f"mapping {where}.{column.name}"
    if kind.name == "orders" and column.name == "status" and words.order_states:
        value = (
            body
            if isinstance(body, Standard)
            else Standard.model_validate({"from": str(body), "as": "text"})
        )
        stated = standards.expression(value, words.regions)
        state = standards.order_state(stated, words.order_states)
        return Expression(state, of_column, over=value.from_)
    if not isinstance(body, Standard):
        return Expression(str(body), of_column)
    if body.as_ == "phone" and not column.personal:
        raise ConfigError(
            f"{of_column}: only a personal column is brought into a phone's form",
            found=column.name,
            fix="use 'as: text'",
        )
    if body.as_ in ("phone", "region") and not body.country:
        raise ConfigError(
            f"{of_column}: a {body.as_} belongs to a country",
            fix=f"write '{{from: ..., as: {body.as_}, country: CN}}'",
        )
    return Expression(
        standards.expression(body, words.regions),
        of_column,
        over=body.from_,
        phone=body.country if body.as_ == "phone" else None,
    )


def _check_columns(where: str, kind: Kind, section: _SourceSection) -> None:
    available = [column.name for column in kind.columns]
    for column in (*section.columns, *section.missing):
        if column not in available:
            raise ConfigError(
                f"mapping {where}: there is no column '{column}'",
                found=", ".join(available),
                fix=_suggest(column, available),
            )
    for column in kind.required:
        if column not in section.columns:
            raise ConfigError(
                f"mapping {where}: required column '{column}' is not mapped",
                found=", ".join(section.columns),
                fix=f"add '{column}: EXPRESSION'",
            )


def _check_policies(where: str, kind: Kind, section: _SourceSection) -> None:
    zone(section.time_zone)
    for column, missing in section.missing.items():
        if isinstance(missing, Fit):
            _check_fit(where, kind, column, missing)
    for column, policy in section.rules.items():
        declared = kind.column(column)
        is_time = declared is not None and declared.type in ("timestamp", "date")
        policies = TIME_POLICIES if is_time else RULE_POLICIES.get(column, ())
        if policy not in policies:
            raise ConfigError(
                f"mapping {where}: no policy '{policy}' for {column}",
                found=policy,
                fix=f"use one of {', '.join(policies) or 'none'}",
            )
    if kind.people and section.consent is None:
        raise ConfigError(
            f"mapping {where}: holds people and does not say on what ground",
            fix="add 'consent: {basis: recorded}' "
            "or 'consent: {basis: declared, purposes: [analytics], note: ...}'",
        )
    if section.incremental and section.incremental.overlap and section.duplicates == "keep":
        raise ConfigError(
            f"mapping {where}: an overlap reads rows twice and 'duplicates: keep' keeps both",
            fix="write 'duplicates: drop'",
        )


def _check_fit(where: str, kind: Kind, column: str, policy: Fit) -> None:
    declared = kind.column(column)
    numeric = ("decimal", "bigint", "int", "double")
    if declared and policy.fit != "mode" and not declared.type.startswith(numeric):
        raise ConfigError(
            f"mapping {where}: {column} has no {policy.fit}",
            found=declared.type,
            fix="use 'fit: mode', or 'fill: VALUE'",
        )
    for name in policy.by:
        if kind.column(name) is None or name == column:
            raise ConfigError(
                f"mapping {where}: {column} cannot be learned by '{name}'",
                found=", ".join(other.name for other in kind.columns),
                fix="name another column",
            )


def _check_paths(where: str, section: _SourceSection) -> None:
    for path in (section.where, section.manifest or ""):
        if ".." in path.replace("\\", "/").split("/"):
            raise ConfigError(
                f"mapping {where}: a path may not climb out of its folder",
                found=path,
                fix="name the folder itself",
            )


def _check_secrets(where: str, section: _SourceSection) -> None:
    for key, value in section.options.items():
        fix = f"write 'secrets: {{{key}: env:NAME}}' or file:PATH"
        if _SECRET.search(key):
            raise ConfigError(f"mapping {where}: '{key}' is readable in 'options'", fix=fix)
        if _SECRET.search(str(value)) and "=" in str(value):
            raise ConfigError(f"mapping {where}: option '{key}' holds a secret", fix=fix)
    if re.search(r"password=|://[^/@]*:[^/@]*@", section.where):
        raise ConfigError(
            f"mapping {where}: 'where' holds a password",
            fix="write 'secrets: {password: env:NAME}' or file:PATH",
        )


def _check_format(where: str, section: _SourceSection) -> None:
    """What a format needs to be reached; its reader has the rest."""
    if section.layout != PLAIN_LAYOUT and section.format != "csv":
        raise ConfigError(
            f"mapping {where}: only files of format csv have a layout",
            found=f"format: {section.format}",
            fix="remove 'layout'",
        )
    if section.layout != PLAIN_LAYOUT and section.mode == "stream":
        raise ConfigError(
            f"mapping {where}: a stream does not know which lines of its files come first",
            found="layout, and mode: stream",
            fix="write 'mode: batch', or deliver files without such lines",
        )
    is_address = section.where.startswith("jdbc:") and "dbtable" in section.options
    if section.format == "jdbc" and (section.incremental is None or not is_address):
        raise ConfigError(
            f"mapping {where}: a database is read by ranges of a column",
            found=f"where: {section.where}",
            fix="write 'where: jdbc:...', 'options: {dbtable: TABLE, user: NAME}' "
            "and 'incremental: {by: COLUMN}'",
        )
    if section.format == "kafka" and not re.fullmatch(r"kafka://[^/]+/[^/]+", section.where):
        raise ConfigError(
            f"mapping {where}: a topic is named by its brokers and itself",
            found=section.where,
            fix="write 'where: kafka://HOST:PORT/TOPIC'",
        )


def _suggest(word: str, available: Iterable[str]) -> str:
    words = list(available)
    nearest = difflib.get_close_matches(word, words, n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else f"use one of {', '.join(words)}"


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
