"""A mapping: one YAML file that says how a shop's own files become Clarion's source kinds."""

import difflib
import importlib.util
import re
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.collect.sources import standards
from clarion.collect.sources.expressions import Expression
from clarion.collect.sources.standards import Standard
from clarion.config.load import validated
from clarion.contracts.sources import KINDS, Kind
from clarion.kernel.days import zone
from clarion.kernel.errors import ConfigError, SourceError
from clarion.kernel.ids import digest

Secrets = Callable[[str], str]  # from a reference to the secret itself
Regions = MappingType[str, MappingType[str, list[str]]]
FILE_FORMATS = ("csv", "json", "parquet", "text", "binary")
Format = Literal["csv", "json", "parquet", "text", "binary", "delta", "jdbc", "kafka"]
Changed = Literal["refuse", "version", "replace"]
_SECRET = re.compile(r"password|secret|token|jaas|credential|private", re.IGNORECASE)
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


class Fit(BaseModel):
    """Put a value that was learned from accepted rows where one is missing; every use is counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fit: Literal["mean", "median", "mode"]
    by: tuple[str, ...] = ()


class Equal(BaseModel):
    """Records with equal values in these columns (none: in all) are duplicates; the first that arrived stays.

    With `within_days` only what arrived at most so long before is looked at: what is new costs the same however old the lake is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: tuple[str, ...] = ()
    within_days: int | None = Field(default=None, ge=1)


class Drift(BaseModel):
    """What happens when files no longer look like those before them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    new: Literal["keep", "fail"] = "keep"
    missing: Literal["fail", "null"] = "fail"
    retyped: Literal["fail", "quarantine"] = "fail"


class Incremental(BaseModel):
    """Rows of a table are taken in ranges of a column that grows; `overlap` reads back, for rows that are committed late."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: str
    overlap: int = Field(default=0, ge=0)


class _Written(BaseModel):
    """One source kind as it stands in the YAML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str
    format: Format
    options: dict[str, str | bool | int] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    incremental: Incremental | None = None
    changed: Changed = "refuse"
    drift: Drift = Drift()
    depth: int = Field(default=16, ge=1, le=500)
    manifest: str | None = None
    personal: tuple[str, ...] = ()
    mode: Literal["batch", "stream"] = "batch"
    namespace: str | None = None
    time_zone: str
    currency: str | None = None
    duplicates: Literal["keep", "drop"] | Equal = "drop"
    malformed: Literal["refuse", "quarantine"] = "refuse"
    consent: Consent | None = None
    columns: dict[str, Standard | str | int | float | bool]
    rules: dict[str, str] = Field(default_factory=dict)
    missing: dict[str, Literal["refuse", "drop", "keep"] | Fill | Fit] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One source kind of one mapping: where its data is and how each column is computed.

    Args:
        name: mapping.kind.
        kind: the source kind.
        where: a pattern of files, a folder of a Delta table, jdbc:... or kafka://hosts/topic.
        format: how it is read.
        options: of Spark's reader.
        secrets: further options, each a reference such as env:NAME.
        incremental: how a table's rows are taken in ranges.
        changed: what happens to a file that was changed after it was taken.
        drift: what happens when columns come, go or change their type.
        depth: deepest nesting of a JSON record.
        manifest: pattern of files that state how many records each file should hold.
        sealed: columns of the source that are personal though no column is computed from them.
        mode: batch is taken by ingest, stream by monitor.
        namespace: who gives the names of customers.
        time_zone: zone of the source's clock.
        currency: of amounts that state none.
        duplicates: whether equal records are dropped, or the columns that name a record.
        duplicate_days: how long after the first an equal record is one; None for ever.
        malformed: what happens to records that cannot be parsed.
        consent: on what ground people's data is used.
        columns: an expression for each column of the kind.
        rules: policies that differ from the defaults.
        missing: what happens where a value is missing.
    """

    name: str
    kind: Kind
    where: str
    format: Format
    options: MappingType[str, str]
    secrets: MappingType[str, str]
    incremental: Incremental | None
    changed: Changed
    drift: Drift
    depth: int
    manifest: str | None
    sealed: tuple[str, ...]
    mode: Literal["batch", "stream"]
    namespace: str
    time_zone: str
    currency: str | None
    duplicates: Literal["keep", "drop"] | tuple[str, ...]
    duplicate_days: int | None
    malformed: Literal["refuse", "quarantine"]
    consent: Consent | None
    columns: MappingType[str, Expression]
    rules: MappingType[str, str]
    missing: MappingType[str, Literal["refuse", "keep"] | Fill | Fit]

    @property
    def fingerprint(self) -> str:
        """Equal for mappings that clean alike; where the files lie does not matter."""
        parts = {name: expression.sql for name, expression in self.columns.items()}
        missing = {name: str(policy) for name, policy in self.missing.items()}
        equal = (
            self.duplicates
            if self.duplicate_days is None
            else [self.duplicates, self.duplicate_days]
        )
        return digest(
            self.name,
            parts,
            dict(self.rules),
            missing,
            equal,
            self.time_zone,
            self.currency,
            self.namespace,
            str(self.consent),
        )

    @property
    def names_used(self) -> tuple[str, ...]:
        """Every name in the expressions that may be a column."""
        names: list[str] = []
        for expression in self.columns.values():
            names += expression.names
        return tuple(dict.fromkeys(names))

    def columns_used(self, available: tuple[str, ...]) -> tuple[str, ...]:
        """The source's columns that the expressions use."""
        used: list[str] = []
        for expression in self.columns.values():
            used += expression.columns(available)
        return tuple(dict.fromkeys(used))

    @property
    def is_of_files(self) -> bool:
        """Whether it is taken file by file."""
        return self.format in FILE_FORMATS

    def hidden_options(self, secrets: Secrets) -> dict[str, str]:
        """Options of the reader whose values stand behind references."""
        return {name: secrets(reference) for name, reference in self.secrets.items()}

    @property
    def required(self) -> tuple[str, ...]:
        """Columns without which a row is refused: those the kind requires, and those the mapping refuses to miss."""
        return tuple(
            dict.fromkeys(
                (
                    *self.kind.required,
                    *(name for name, policy in self.missing.items() if policy == "refuse"),
                )
            )
        )

    @property
    def personal(self) -> tuple[str, ...]:
        """Mapped columns that hold personal values."""
        return tuple(
            column.name
            for column in self.kind.columns
            if column.personal and column.name in self.columns
        )


def parse(
    name: str,
    written: MappingType[str, Any],
    *,
    variables: MappingType[str, str],
    regions: Regions = MappingProxyType({}),
) -> tuple[Source, ...]:
    """The sources of one mapping file.

    Args:
        name: the file's name without '.yml'.
        written: its content.
        variables: values for ${...} in `where`.
        regions: names of regions by country and code.

    Raises:
        ConfigError: an unknown kind, key, column, policy or variable; a required column that is not mapped.
    """
    sources = tuple(
        _source(name, kind_name, body, variables, regions) for kind_name, body in written.items()
    )
    if not sources:
        raise ConfigError(
            f"mapping {name} maps nothing",
            found="an empty file",
            fix=f"add one of {', '.join(KINDS)}",
        )
    return sources


def _source(
    name: str, kind_name: str, body: Any, variables: MappingType[str, str], regions: Regions
) -> Source:
    where = f"{name}.{kind_name}"
    kind = KINDS.get(kind_name.split(".")[0])  # 'orders.tills' is another source of orders
    if kind is None:
        raise ConfigError(
            f"mapping {name}: there is no source kind '{kind_name}'",
            found=", ".join(KINDS),
            fix=_near(kind_name, tuple(KINDS)),
        )
    written = validated(_Written, body, where=f"mapping {where}")
    zone(written.time_zone)
    known = tuple(column.name for column in kind.columns)
    for column in (*written.columns, *written.missing):
        if column not in known:
            raise ConfigError(
                f"mapping {where}: there is no column '{column}'",
                found=", ".join(known),
                fix=_near(column, known),
            )
    for column in kind.required:
        if column not in written.columns:
            raise ConfigError(
                f"mapping {where}: required column '{column}' is not mapped",
                found=", ".join(written.columns),
                fix=f"add '{column}: EXPRESSION'",
            )
    for column, missing in written.missing.items():
        _check_fit(where, kind, column, missing)
    for column, policy in written.rules.items():
        policies = RULE_POLICIES.get(column, ())
        if policy not in policies:
            raise ConfigError(
                f"mapping {where}: no policy '{policy}' for {column}",
                found=policy,
                fix=f"use one of {', '.join(policies) or 'none'}",
            )
    _check_access(where, written)
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
        options={
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in written.options.items()
        },
        secrets=written.secrets,
        incremental=written.incremental,
        changed=written.changed,
        drift=written.drift,
        depth=written.depth,
        manifest=_expanded(written.manifest, variables, where) if written.manifest else None,
        sealed=written.personal,
        mode=written.mode,
        namespace=written.namespace or name,
        time_zone=written.time_zone,
        currency=_expanded(written.currency, variables, where) if written.currency else None,
        duplicates=(written.duplicates.key or "drop")
        if isinstance(written.duplicates, Equal)
        else written.duplicates,
        duplicate_days=written.duplicates.within_days
        if isinstance(written.duplicates, Equal)
        else None,
        malformed=written.malformed,
        consent=written.consent,
        columns={
            column: _expression(body, kind, column, where, regions)
            for column, body in written.columns.items()
        },
        rules=written.rules,
        missing={
            column: "refuse" if policy == "drop" else policy
            for column, policy in written.missing.items()
        },
    )


def _expression(
    body: Standard | str | int | float | bool, kind: Kind, column: str, where: str, regions: Regions
) -> Expression:
    place = f"mapping {where}.{column}"
    if not isinstance(body, Standard):
        return Expression(str(body), place)
    declared = kind.column(column)
    if body.as_ == "phone" and not (declared and declared.personal):
        raise ConfigError(
            f"{place}: only a personal column is brought into a phone's form",
            found=column,
            fix="use 'as: text'",
        )
    if body.as_ in ("phone", "region") and not body.country:
        raise ConfigError(
            f"{place}: a {body.as_} is one of a country",
            fix=f"write '{{from: ..., as: {body.as_}, country: CN}}'",
        )
    return Expression(
        standards.expression(body, regions),
        place,
        over=body.from_,
        phone=body.country if body.as_ == "phone" else None,
    )


def _check_fit(where: str, kind: Kind, column: str, policy: object) -> None:
    if not isinstance(policy, Fit):
        return
    found = kind.column(column)
    if (
        found is not None
        and policy.fit != "mode"
        and not found.type.startswith(("decimal", "bigint", "int", "double"))
    ):
        raise ConfigError(
            f"mapping {where}: {column} has no {policy.fit}",
            found=found.type,
            fix="use 'fit: mode', or 'fill: VALUE'",
        )
    for name in policy.by:
        if kind.column(name) is None or name == column:
            raise ConfigError(
                f"mapping {where}: {column} cannot be learned by '{name}'",
                found=", ".join(c.name for c in kind.columns),
                fix="name another column",
            )


def _check_access(where: str, written: _Written) -> None:
    """Where the data is must be plain to see, and may neither lead out of its folder nor hold a secret.

    Raises:
        ConfigError: it does.
    """
    for text in (written.where, written.manifest or ""):
        if ".." in text.replace("\\", "/").split("/"):
            raise ConfigError(
                f"mapping {where}: a path may not climb out of its folder",
                found=text,
                fix="name the folder itself",
            )
    for key, value in written.options.items():
        if _SECRET.search(key):
            raise ConfigError(
                f"mapping {where}: '{key}' stands open in 'options'",
                fix=f"write 'secrets: {{{key}: env:NAME}}' or file:PATH",
            )
        if _SECRET.search(str(value)) and "=" in str(value):
            raise ConfigError(
                f"mapping {where}: option '{key}' holds a secret",
                fix=f"write 'secrets: {{{key}: env:NAME}}' or file:PATH",
            )
    if re.search(r"password=|://[^/@]*:[^/@]*@", written.where):
        raise ConfigError(
            f"mapping {where}: 'where' holds a password",
            fix="write 'secrets: {password: env:NAME}' or file:PATH",
        )
    if written.format == "jdbc" and (
        written.incremental is None
        or not written.where.startswith("jdbc:")
        or "dbtable" not in written.options
    ):
        raise ConfigError(
            f"mapping {where}: a database is read by ranges of a column",
            found=f"where: {written.where}",
            fix="write 'where: jdbc:...', 'options: {dbtable: TABLE, user: NAME}' and 'incremental: {by: COLUMN}'",
        )
    if written.format == "kafka" and not re.fullmatch(r"kafka://[^/]+/[^/]+", written.where):
        raise ConfigError(
            f"mapping {where}: a topic is named by its brokers and itself",
            found=written.where,
            fix="write 'where: kafka://HOST:PORT/TOPIC'",
        )
    if written.incremental and written.incremental.overlap and written.duplicates == "keep":
        raise ConfigError(
            f"mapping {where}: an overlap reads rows twice and 'duplicates: keep' keeps both",
            fix="write 'duplicates: drop'",
        )


def _near(word: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"use one of {', '.join(known)}"


def _expanded(where: str, variables: MappingType[str, str], source: str) -> str:
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
