"""What a fact may not be. Rules are data, in conf/rules: each is an expression that is true for a broken row."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from clarion.config.load import validated
from clarion.contracts.core import Column
from clarion.contracts.sources import EVENT_TYPES, KINDS, RESPONSE_TYPES, Kind
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql

Severity = Literal["error", "warning"]
_LISTS = {"{event_types}": EVENT_TYPES, "{response_types}": RESPONSE_TYPES}
# Two rules share a column: the policy that a mapping without one follows.
DEFAULT_POLICIES = {"quantity": "must_be_positive", "amount": "must_be_positive"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a source kind.

    Args:
        name: what stands in the quarantine.
        column: the column it speaks of.
        invalid_when: SQL over the kind's columns, `_ingested_at` and `_product_known`.
        severity: error puts the record into the quarantine, warning marks the row.
        reason: in words.
        policies: policies of the mapping under which it holds; none: always.
        warns_under: policies under which it only warns.
    """

    name: str
    column: str
    invalid_when: str
    severity: Severity
    reason: str
    policies: tuple[str, ...] = ()
    warns_under: tuple[str, ...] = ()

    def refuses(self, policy: str | None) -> bool:
        """Whether broken rows are refused under the mapping's policy (None: the default)."""
        return self.severity == "error" and (
            not self.policies or policy is None or policy in self.policies
        )

    def warns(self, policy: str | None) -> bool:
        """Whether broken rows are only marked."""
        return policy in self.warns_under or (
            self.severity == "warning"
            and (not self.policies or policy is None or policy in self.policies)
        )


class _Written(BaseModel):
    """A rule as it stands in its file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    column: str
    type: str | None = None
    invalid_when: str
    severity: Severity
    reason: str
    policies: tuple[str, ...] = ()
    warns_under: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()

    def speaks_of(self, kind: Kind, column: Column) -> bool:
        pattern = kind.time if self.column == "{time}" else self.column
        return (
            fnmatch.fnmatch(column.name, pattern)
            and self.type in (None, column.type)
            and not column.personal
        )


def parse(files: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Rule, ...]]:
    """The rules of each kind.

    Args:
        files: contents by name: a kind's, or `every` for all kinds.

    Raises:
        ConfigError: no such kind, an unknown key, a column that the kind does not have, or more than an expression.
    """
    for name in files:
        if name != "every" and name not in KINDS:
            raise ConfigError(
                f"rules/{name}.yml: there is no source kind '{name}'",
                found=", ".join(KINDS),
                fix="name the file after a kind, or 'every'",
            )
    found = {}
    for kind in KINDS.values():
        own = [
            rule
            for name in (kind.name, "every")
            for id_, body in files.get(name, {}).items()
            for rule in _rules(id_, body, kind, file=name)
        ]
        found[kind.name] = tuple(own)
    return found


def _rules(id_: str, body: Any, kind: Kind, *, file: str) -> list[Rule]:
    plain = (
        {("except_" if key == "except" else key): value for key, value in body.items()}
        if isinstance(body, dict)
        else body
    )
    written = validated(_Written, plain, where=f"rules/{file}.yml {id_}")
    refuse_unsafe_sql(written.invalid_when, where=f"rules/{file}.yml: {id_}")
    columns = [column.name for column in kind.columns if written.speaks_of(kind, column)]
    if file != "every" and not columns:
        raise ConfigError(
            f"rules/{file}.yml: {id_} speaks of no column of {kind.name}",
            found=written.column,
            fix="name one of its columns",
        )
    text = written.invalid_when
    for name, values in _LISTS.items():
        text = text.replace(name, ", ".join(sql.text(value) for value in values))
    if kind.name in written.except_:
        return []
    return [
        Rule(
            id_,
            column,
            text.replace("{column}", column),
            written.severity,
            written.reason,
            written.policies,
            written.warns_under,
        )
        for column in columns
    ]
