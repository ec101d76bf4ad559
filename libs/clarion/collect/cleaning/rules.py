"""The rules that facts must keep, as conf/rules declares them.

Each rule is an SQL expression that is true for an invalid row.
"""

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from clarion.config.load import parse_model
from clarion.contracts.core import Column
from clarion.contracts.sources import (
    EVENT_TYPES,
    ID_FAULTS,
    KINDS,
    RESPONSE_TYPES,
    TOUCH_TYPES,
    Kind,
)
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql

Severity = Literal["error", "warning"]
IfOptional = Literal["reject", "empty"]
_LISTS = {
    "{event_types}": EVENT_TYPES,
    "{response_types}": RESPONSE_TYPES,
    "{touch_types}": TOUCH_TYPES,
}
# What is checked or counted for every source, without a rule of conf/rules.
BUILT_IN_REASONS: dict[str, str] = {
    "missing": "a required value is missing",
    "unreadable": "a value cannot be read as the mapping says",
    "malformed_record": "the record does not have the mapping's format",
    "no_consent_to_collection": (
        "the person did not consent to collection, and the fact is about nobody else"
    ),
    "missing_word": "a text such as N/A stands for no value, as missing_words.yml declares",
    "other_currency": (
        "the price states another currency than its record, or than the shop where that states none"
    ),
    "out_of_range": "a value that follows from others of the line is too large for its type",
    "filled": "a missing value was filled by the mapping's policy",
    "repaired_id": "what a table added to an id was taken away, as the mapping's 'ids' declares",
    "standard_form": "a value that is stated does not have the standard form of its column",
    **ID_FAULTS,
}
# Several rules can be about one column: the policy of a mapping that states none.
DEFAULT_POLICIES = {
    "quantity": "must_be_positive",
    "unit_price": "must_be_positive",
    "amount": "must_be_positive",
    "status": "unknown_is_refused",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a source kind.

    Args:
        name: its name in the quarantine.
        column: the column that it is about.
        invalid_when: SQL over the kind's columns, `_ingested_at` and `_product_known`; with
            placeholders for the source's text and zone.
        severity: error puts the record into the quarantine, warning marks the row.
        reason: in words.
        policies: policies of the mapping under which it applies; empty for always.
        warns_under: policies under which it only warns.
        if_optional: what becomes of the row where its source can do without the column: it is
            rejected, or the value counts as missing.
        shows_value: whether the quarantine shows the value, not its shape.
        file: name of the file that declares it.
        needs: columns that the mapping states; without one of them the rule says nothing.
    """

    name: str
    column: str
    invalid_when: str
    severity: Severity
    reason: str
    policies: tuple[str, ...] = ()
    warns_under: tuple[str, ...] = ()
    if_optional: IfOptional = "reject"
    shows_value: bool = False
    file: str = "every"
    needs: tuple[str, ...] = ()

    def rejects(self, policy: str | None) -> bool:
        """Whether invalid rows are rejected under the mapping's policy (None: the default)."""
        return self.severity == "error" and self._applies(policy)

    def warns(self, policy: str | None) -> bool:
        """Whether invalid rows are only marked under the mapping's policy."""
        return policy in self.warns_under or (self.severity == "warning" and self._applies(policy))

    def empties(self, policy: str | None, *, required: Iterable[str]) -> bool:
        """Whether the value of an invalid row counts as missing under the mapping's policy.

        Args:
            policy: the mapping's policy for the column.
            required: columns that the source cannot do without.
        """
        return self.if_optional == "empty" and self.column not in required and self.rejects(policy)

    def _applies(self, policy: str | None) -> bool:
        return not self.policies or policy is None or policy in self.policies


class _DeclaredRule(BaseModel):
    """A rule as its file declares it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    column: str
    type: str | None = None
    invalid_when: str
    severity: Severity
    reason: str
    policies: tuple[str, ...] = ()
    warns_under: tuple[str, ...] = ()
    except_: tuple[str, ...] = ()
    if_optional: IfOptional = "reject"
    shows_value: bool = False
    needs: tuple[str, ...] = ()

    def matches(self, kind: Kind, column: Column) -> bool:
        """Whether the rule is about a column of a kind; it never is about a personal one."""
        pattern = kind.time if self.column == "{time}" else self.column
        return (
            fnmatch.fnmatch(column.name, pattern)
            and self.type in (None, column.type)
            and not column.personal
        )


def parse_rules(files: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Rule, ...]]:
    """The rules of each kind.

    Args:
        files: contents by name: a kind's, or `every` for all kinds.

    Raises:
        ConfigError: no such kind, an unknown key, a column that the kind does not have, more than
            an expression, or a name that is checked for every source.
    """
    for name in files:
        if name != "every" and name not in KINDS:
            raise ConfigError(
                f"rules/{name}.yml: there is no source kind '{name}'",
                found=", ".join(KINDS),
                fix="name the file after a kind, or 'every'",
            )
    return {kind.name: tuple(_rules_of_kind(files, kind)) for kind in KINDS.values()}


def _rules_of_kind(files: Mapping[str, Mapping[str, Any]], kind: Kind) -> list[Rule]:
    rules: list[Rule] = []
    for file in (kind.name, "every"):
        for name, body in files.get(file, {}).items():
            _refuse_built_in(name, file=file)
            rules += _parse_rule(name, body, kind, file=file)
    return rules


def _refuse_built_in(name: str, *, file: str) -> None:
    if name in BUILT_IN_REASONS:
        raise ConfigError(
            f"rules/{file}.yml: '{name}' is checked for every source",
            found=BUILT_IN_REASONS[name],
            fix="take the rule out, or name it otherwise",
        )


def _parse_rule(name: str, body: Any, kind: Kind, *, file: str) -> list[Rule]:
    """The rule, once for each column of the kind that it is about."""
    content = body
    if isinstance(body, dict):
        content = {("except_" if key == "except" else key): value for key, value in body.items()}
    declared = parse_model(_DeclaredRule, content, where=f"rules/{file}.yml {name}")
    refuse_unsafe_sql(declared.invalid_when, where=f"rules/{file}.yml: {name}")
    columns = [column.name for column in kind.columns if declared.matches(kind, column)]
    for needed in declared.needs:
        if kind.column(needed) is None:
            raise ConfigError(
                f"rules/{file}.yml: {name} needs a column that {kind.name} does not have",
                found=needed,
                fix=f"name one of {', '.join(column.name for column in kind.columns)}",
            )
    if file != "every" and not columns:
        raise ConfigError(
            f"rules/{file}.yml: {name} is about no column of {kind.name}",
            found=declared.column,
            fix="name one of its columns",
        )
    if kind.name in declared.except_:
        return []
    condition = declared.invalid_when
    for placeholder, values in _LISTS.items():
        condition = condition.replace(placeholder, ", ".join(sql.text(value) for value in values))
    return [
        Rule(
            name,
            column,
            condition.replace("{column}", column),
            declared.severity,
            declared.reason,
            declared.policies,
            declared.warns_under,
            declared.if_optional,
            declared.shows_value,
            file,
            declared.needs,
        )
        for column in columns
    ]
