"""A mapping: one YAML file that says how a shop's own files become Clarion's source kinds."""

import difflib
import importlib.util
import re
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.config.load import validated
from clarion.contracts.sources import KINDS, Kind
from clarion.kernel.days import zone
from clarion.kernel.errors import ConfigError, SourceError
from clarion.kernel.ids import digest
from clarion.sources.expressions import Expression

Format = Literal["csv", "json", "parquet"]
RULE_POLICIES: dict[str, tuple[str, ...]] = {
    "product_ref": ("unknown_is_refused", "unknown_is_warning", "unknown_is_accepted"),
    "quantity": ("must_be_positive", "negative_is_return"),
    "amount": ("must_be_positive", "may_be_zero"),
    "unit_price": ("must_be_positive",),
    "price": ("must_be_positive",),
    "happened_at": ("not_in_the_future", "any_time"),
}


class Consent(BaseModel):
    """On what ground people's data is used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    basis: Literal["declared", "recorded"]
    purposes: tuple[Literal["collection", "analytics", "marketing"], ...] = ()
    note: str = ""


class Fill(BaseModel):
    """Put this value where one is missing; every use is counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fill: str | int | float


class KeyColumns(BaseModel):
    """Records with equal values in these columns are duplicates; the first that arrived stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: tuple[str, ...]


class _Written(BaseModel):
    """One source kind as it stands in the YAML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str
    format: Format
    options: dict[str, str | bool | int] = Field(default_factory=dict)
    mode: Literal["batch", "stream"] = "batch"
    namespace: str | None = None
    time_zone: str
    currency: str | None = None
    duplicates: Literal["keep", "drop"] | KeyColumns = "drop"
    broken: Literal["refuse", "quarantine"] = "refuse"
    consent: Consent | None = None
    columns: dict[str, str | int | float | bool]
    rules: dict[str, str] = Field(default_factory=dict)
    missing: dict[str, Literal["refuse", "keep"] | Fill] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source kind of one mapping: where its files are and how each column is computed."""

    name: str
    kind: Kind
    where: str
    format: Format
    options: MappingType[str, str]
    mode: Literal["batch", "stream"]
    namespace: str
    time_zone: str
    currency: str | None
    duplicates: Literal["keep", "drop"] | tuple[str, ...]
    broken: Literal["refuse", "quarantine"]
    consent: Consent | None
    columns: MappingType[str, Expression]
    rules: MappingType[str, str]
    missing: MappingType[str, Literal["refuse", "keep"] | Fill]

    @property
    def fingerprint(self) -> str:
        """Equal for mappings that clean alike; where the files lie does not matter."""
        parts = {name: expression.sql for name, expression in self.columns.items()}
        missing = {name: str(policy) for name, policy in self.missing.items()}
        return digest(self.name, parts, dict(self.rules), missing, self.duplicates, self.time_zone, self.currency, self.namespace, str(self.consent))

    def columns_used(self, known: tuple[str, ...], *, names: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The source's columns that these (default: all) expressions use."""
        wanted = self.columns if names is None else {name: self.columns[name] for name in names if name in self.columns}
        found = (column for expression in wanted.values() for column in expression.columns(known))
        return tuple(dict.fromkeys(found))

    @property
    def personal(self) -> tuple[str, ...]:
        """Mapped columns that hold personal values."""
        return tuple(column.name for column in self.kind.columns if column.personal and column.name in self.columns)


def parse(name: str, written: MappingType[str, Any], *, variables: MappingType[str, str]) -> tuple[Source, ...]:
    """The sources of one mapping file.

    Args:
        name: the file's name without '.yml'.
        written: its content.
        variables: values for ${...} in `where`.

    Raises:
        ConfigError: an unknown kind, key, column, policy or variable; a required column that is not mapped.
    """
    sources = tuple(_source(name, kind_name, body, variables) for kind_name, body in written.items())
    if not sources:
        raise ConfigError(f"mapping {name} maps nothing", found="an empty file", fix=f"add one of {', '.join(KINDS)}")
    return sources


def _source(name: str, kind_name: str, body: Any, variables: MappingType[str, str]) -> Source:
    where = f"{name}.{kind_name}"
    kind = KINDS.get(kind_name)
    if kind is None:
        raise ConfigError(f"mapping {name}: there is no source kind '{kind_name}'", found=", ".join(KINDS), fix=_near(kind_name, tuple(KINDS)))
    written = validated(_Written, body, where=f"mapping {where}")
    zone(written.time_zone)
    known = tuple(column.name for column in kind.columns)
    for column in (*written.columns, *written.missing):
        if column not in known:
            raise ConfigError(f"mapping {where}: there is no column '{column}'", found=", ".join(known), fix=_near(column, known))
    for column in kind.required:
        if column not in written.columns:
            raise ConfigError(f"mapping {where}: required column '{column}' is not mapped", found=", ".join(written.columns), fix=f"add '{column}: EXPRESSION'")
    for column, policy in written.rules.items():
        policies = RULE_POLICIES.get(column, ())
        if policy not in policies:
            raise ConfigError(f"mapping {where}: no policy '{policy}' for {column}", found=policy, fix=f"use one of {', '.join(policies) or 'none'}")
    if kind.people and written.consent is None:
        raise ConfigError(
            f"mapping {where}: holds people and does not say on what ground",
            fix="add 'consent: {basis: recorded}' or 'consent: {basis: declared, purposes: [analytics], note: ...}'",
        )
    return Source(
        name=where,
        kind=kind,
        where=_expanded(written.where, variables, where),
        format=written.format,
        options={key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in written.options.items()},
        mode=written.mode,
        namespace=written.namespace or name,
        time_zone=written.time_zone,
        currency=written.currency,
        duplicates=written.duplicates.key if isinstance(written.duplicates, KeyColumns) else written.duplicates,
        broken=written.broken,
        consent=written.consent,
        columns={column: Expression(str(sql), f"mapping {where}.{column}") for column, sql in written.columns.items()},
        rules=written.rules,
        missing=written.missing,
    )


def _near(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(known)}"


def _expanded(where: str, variables: MappingType[str, str], source: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not variables.get(name):
            raise ConfigError(f"mapping {source}: ${{{name}}} has no value", found=where, fix=f"set it with --set {name}=DIR")
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
