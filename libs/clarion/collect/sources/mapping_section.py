"""One source kind as a mapping's YAML file has it, and what it must keep."""

import difflib
import re
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from clarion.collect.sources import formats
from clarion.collect.sources.ids import IdForm
from clarion.collect.sources.mapping import (
    PLAIN_LAYOUT,
    ChangedFilePolicy,
    Consent,
    Drift,
    DuplicateWord,
    Equal,
    Fill,
    Fit,
    FromAbove,
    Incremental,
    Layout,
    MalformedPolicy,
)
from clarion.collect.sources.order_fields import check_from_above
from clarion.collect.sources.standards import Standard
from clarion.contracts.sources import Kind
from clarion.kernel.days import zone
from clarion.kernel.errors import ConfigError

_SECRET = re.compile(r"password|secret|token|jaas|credential|private", re.IGNORECASE)
RULE_POLICIES: dict[str, tuple[str, ...]] = {
    "product_ref": ("unknown_is_refused", "unknown_is_warning", "unknown_is_accepted"),
    "quantity": ("must_be_positive", "negative_is_return"),
    "amount": ("must_be_positive", "may_be_zero"),
    "unit_price": ("must_be_positive", "may_be_zero"),
    "price": ("must_be_positive",),
    "status": ("unknown_is_refused", "unknown_is_warning"),
}
TIME_POLICIES = ("not_in_the_future", "any_time")


class SourceSection(BaseModel):
    """One source kind as the YAML file has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: str
    format: str
    options: dict[str, str | bool | int] = Field(default_factory=dict)
    secrets: dict[str, str] = Field(default_factory=dict)
    incremental: Incremental | None = None
    changed: ChangedFilePolicy = "refuse"
    drift: Drift = Drift()
    depth: int = Field(default=16, ge=1, le=500)
    manifest: str | None = None
    personal: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    mode: Literal["batch", "stream"] = "batch"
    namespace: str | None = None
    time_zone: str
    currency: str | None = None
    duplicates: DuplicateWord | Equal | None = None
    malformed: MalformedPolicy = "refuse"
    layout: Layout = PLAIN_LAYOUT
    consent: Consent | None = None
    columns: dict[str, Standard | str | int | float | bool]
    ids: dict[str, IdForm] = Field(default_factory=dict)
    rules: dict[str, str] = Field(default_factory=dict)
    missing: dict[str, Literal["refuse", "drop", "keep"] | FromAbove | Fill | Fit] = Field(
        default_factory=dict
    )


def check_section(where: str, kind: Kind, section: SourceSection) -> None:
    """Refuse a source that no reader can reach, or whose columns and policies its kind lacks.

    Args:
        where: the mapping and kind, for messages.
        kind: the source kind.
        section: the source.

    Raises:
        ConfigError: what is wrong, with what to write.
    """
    _check_columns(where, kind, section)
    _check_paths(where, section)
    _check_secrets(where, section)
    _check_format(where, section)
    _check_policies(where, kind, section)


def _check_columns(where: str, kind: Kind, section: SourceSection) -> None:
    available = [column.name for column in kind.columns]
    for column in (*section.columns, *section.missing):
        if column not in available:
            raise ConfigError(
                f"mapping {where}: there is no column '{column}'",
                found=", ".join(available),
                fix=suggest(column, available),
            )
    ids = [
        column.name for column in kind.columns if column.is_id and column.name in section.columns
    ]
    for column in section.ids:
        if column not in ids:
            raise ConfigError(
                f"mapping {where}: 'ids' names {column}, which is no mapped column of ids",
                found=", ".join(ids) or "no column of ids",
                fix=suggest(column, ids) if ids else "take it out",
            )
    for column in kind.required_of(section.columns):
        if column not in section.columns:
            others = next((group for group in kind.either if column in group), (column,))
            names = " or ".join(f"'{name}'" for name in others)
            raise ConfigError(
                f"mapping {where}: required column {names} is not mapped",
                found=", ".join(section.columns),
                fix=f"add an expression for {names}",
            )


def _check_policies(where: str, kind: Kind, section: SourceSection) -> None:
    zone(section.time_zone)
    for column, missing in section.missing.items():
        if isinstance(missing, Fit):
            _check_fit(where, kind, column, missing)
        if isinstance(missing, FromAbove):
            check_from_above(where, kind, column, section)
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
    if section.duplicates == "redelivered" and kind.name != "orders":
        raise ConfigError(
            f"mapping {where}: only lines of orders are delivered again as new versions",
            found="duplicates: redelivered",
            fix="write 'duplicates: drop'",
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


def _check_paths(where: str, section: SourceSection) -> None:
    for path in (section.where, section.manifest or ""):
        if ".." in path.replace("\\", "/").split("/"):
            raise ConfigError(
                f"mapping {where}: a path may not climb out of its folder",
                found=path,
                fix="name the folder itself",
            )


def _check_secrets(where: str, section: SourceSection) -> None:
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


def _check_format(where: str, section: SourceSection) -> None:
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
    known = formats.reader_modules()
    if section.format not in known:
        raise ConfigError(
            f"mapping {where}: there is no format '{section.format}'",
            found=", ".join(sorted(known)),
            fix=suggest(section.format, known),
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


def suggest(word: str, available: Iterable[str]) -> str:
    """The word that was probably meant, or all that there are."""
    words = list(available)
    nearest = difflib.get_close_matches(word, words, n=1)
    return f"did you mean '{nearest[0]}'?" if nearest else f"use one of {', '.join(words)}"
