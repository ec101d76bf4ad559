"""Why a row is rejected, and which warnings it has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.masking import escape_invisible_sql, mask_sql
from clarion.collect.cleaning.parsing import (
    NAMES_TYPE,
    ParseSpec,
    derived_values,
    is_unreadable,
    source_text,
)
from clarion.collect.cleaning.rules import DEFAULT_POLICIES, Rule
from clarion.contracts.core import Column as ContractColumn
from clarion.contracts.sources import Kind
from clarion.kernel import sql
from clarion.kernel.safe_sql import null_on_error
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql

ACCEPTED = "NOT _duplicate AND size(_reasons) = 0"
REJECTED = "NOT _duplicate AND size(_reasons) > 0"
_REASONS_TYPE = "array<struct<rule:string,column:string,sample:string>>"


@dataclass(frozen=True, slots=True)
class _Condition:
    """Something that may be wrong with a row; every text is SQL."""

    holds: str
    rule: str
    column: str = "''"
    shows_value: str = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPolicy:
    """What the rows of a source must fulfil.

    Args:
        rules: rules of the kind.
        policies: the mapping's policy by column.
        required: columns without which a row is rejected.
    """

    rules: tuple[Rule, ...]
    policies: Mapping[str, str]
    required: tuple[str, ...]


def find_reasons(
    rows: DataFrame, parse_spec: ParseSpec, policy: RowPolicy, *, products: DataFrame | None
) -> DataFrame:
    """The rows with every reason to reject them, and every warning.

    Args:
        rows: rows of `parse_records`, with missing values filled.
        parse_spec: how the records were parsed.
        policy: what the rows must fulfil.
        products: product_id of every product of the shop; None where the shop has no list, so
            that no product is unknown.

    Returns:
        The rows with `_reasons` and `_warnings`, without `_raw`.

    Raises:
        ConfigError: a rule is invalid over the columns of its kind.
    """
    columns = [sql.name(name) for name in rows.columns if name != "_raw"]
    active = active_rules(policy.rules, parse_spec, policy.policies)
    optional = [
        rule
        for rule in active
        if rule.empties(_policy(rule, policy.policies), required=policy.required)
    ]
    others = [rule for rule in active if rule not in optional]
    # A value that the kind derives was not stated.
    emptying = [rule for rule in optional if rule.column in parse_spec.expressions]
    rejecting = [rule for rule in others if not rule.warns(_policy(rule, policy.policies))]
    warning = [rule for rule in others if rule.warns(_policy(rule, policy.policies))]
    reasons = [
        _Condition("_malformed IS NOT NULL", "'malformed_record'"),
        *_value_conditions(parse_spec, policy.required, emptying),
        *_id_conditions(parse_spec),
        *_range_conditions(parse_spec),
        *_currency_conditions(parse_spec),
        *_rule_conditions(rejecting),
    ]
    warnings = [*_rule_conditions(warning), *_emptied_conditions(emptying)]

    complete = _add_product_known(rows, parse_spec.kind, products)
    every_rule = [_of_source(rule, parse_spec) for rule in policy.rules]
    check_user_sql(complete, [_user_sql(rule, parse_spec.kind) for rule in every_rule])
    emptied = _empty_values(complete, emptying, parse_spec)
    # Conditions in a step of their own: each is used twice, and would be in the plan twice.
    results = [*_results(reasons, prefix="_r"), *_results(warnings, prefix="_w")]
    return emptied.selectExpr("*", *results).selectExpr(
        *columns,
        f"{_reasons_sql(reasons, parse_spec)} AS _reasons",
        f"{_warnings_sql(warnings)} AS _warnings",
    )


def _empty_values(rows: DataFrame, rules: list[Rule], parse_spec: ParseSpec) -> DataFrame:
    """The rows without the values that rules empty, and a mark for each of those columns."""
    if not rules:
        return rows
    marks = {
        rule.column: F.expr(
            f"coalesce(({rule.invalid_when}) AND "
            f"{source_text(parse_spec, rule.column)} IS NOT NULL, false)"
        )
        for rule in rules
    }
    marked = rows.withColumns({_mark(column): mark for column, mark in marks.items()})
    emptied = marked.withColumns(
        {column: F.when(~F.col(_mark(column)), F.col(column)) for column in marks}
    )
    # What is derived from a value that is gone is derived again.
    time = parse_spec.kind.time
    derived = derived_values(parse_spec)
    if time in marks:
        is_derived = F.expr(f"{source_text(parse_spec, 'arrived_at')} IS NULL")
        arrived_at = F.when(~(F.col(_mark(time)) & is_derived), F.col("arrived_at"))
        emptied = emptied.withColumn("arrived_at", arrived_at)
    times = [name for name in (time, "arrived_at") if name in derived]
    return emptied.withColumns({name: F.expr(derived[name]) for name in times})


def _mark(column: str) -> str:
    return f"_empty_{column}"


def _emptied_conditions(rules: list[Rule]) -> list[_Condition]:
    """One condition per rule name: it emptied a value of the row."""
    columns: dict[str, list[str]] = {}
    for rule in rules:
        columns.setdefault(rule.name, []).append(sql.name(_mark(rule.column)))
    return [_Condition(" OR ".join(marks), sql.text(name)) for name, marks in columns.items()]


def _user_sql(rule: Rule, kind: Kind) -> UserSql:
    return UserSql(
        where=f"rules/{rule.file}.yml: {rule.name} ({kind.name}.{rule.column})",
        text=rule.invalid_when,
        result=CONDITION,
        hint=f"use columns of {kind.name}, _ingested_at and _product_known",
    )


def _add_product_known(rows: DataFrame, kind: Kind, products: DataFrame | None) -> DataFrame:
    """The rows with `_product_known`: whether the shop's product list has the row's product."""
    if products is None or kind.column("product_ref") is None or kind.name == "products":
        return rows.withColumn("_product_known", F.lit(True))
    listed = products.select(
        F.col("product_id").alias("product_ref"), F.lit(True).alias("_listed")
    ).distinct()
    joined = rows.join(F.broadcast(listed), "product_ref", "left")
    return joined.withColumn("_product_known", F.col("_listed").isNotNull())


def _results(conditions: list[_Condition], *, prefix: str) -> list[str]:
    return [
        f"coalesce({condition.holds}, false) AS {prefix}{index}"
        for index, condition in enumerate(conditions)
    ]


def _reasons_sql(conditions: list[_Condition], parse_spec: ParseSpec) -> str:
    entries = ", ".join(
        f"named_struct('holds', _r{index}, 'rule', {condition.rule}, "
        f"'column', {condition.column}, 'shows_value', {condition.shows_value})"
        for index, condition in enumerate(conditions)
    )
    texts = " ".join(
        f"WHEN {sql.text(name)} THEN {source_text(parse_spec, name)}" for name in parse_spec.uses
    )
    sample = sql.text(None)
    if texts:
        shown = escape_invisible_sql("substring(s, 1, 24)")
        shape = f"IF(r.shows_value, {shown}, {mask_sql('s')})"
        sample = f"transform(array(CASE r.column {texts} END), s -> {shape})[0]"
    reason = f"named_struct('rule', r.rule, 'column', r.column, 'sample', {sample})"
    reasons = f"transform(filter(array({entries}), r -> r.holds), r -> {reason})"
    # The list is built only for rows with a reason, which keeps the rest compiled.
    any_holds = " OR ".join(f"_r{index}" for index in range(len(conditions)))
    return (
        f"CASE WHEN {any_holds} THEN CAST({reasons} AS {_REASONS_TYPE}) "
        f"ELSE CAST(array() AS {_REASONS_TYPE}) END"
    )


def _warnings_sql(conditions: list[_Condition]) -> str:
    names = ", ".join(
        f"IF(_w{index}, {condition.rule}, NULL)" for index, condition in enumerate(conditions)
    )
    return f"CAST(array_compact(array({names})) AS {NAMES_TYPE})"


def active_rules(
    rules: tuple[Rule, ...], parse_spec: ParseSpec, policies: Mapping[str, str]
) -> list[Rule]:
    """Rules that rows of a source can fail: of columns with a value, under its policies."""
    valued = {*parse_spec.expressions, *derived_values(parse_spec)}
    return [
        _of_source(rule, parse_spec)
        for rule in rules
        if rule.column in valued
        and all(name in parse_spec.expressions for name in rule.needs)
        and (rule.rejects(_policy(rule, policies)) or rule.warns(_policy(rule, policies)))
    ]


def _of_source(rule: Rule, parse_spec: ParseSpec) -> Rule:
    """The rule with the source's own text and zone."""
    condition = rule.invalid_when.replace("{text}", source_text(parse_spec, rule.column))
    zone = sql.text(parse_spec.time_zone)
    safe = null_on_error(condition.replace("{time_zone}", zone))
    return replace(rule, invalid_when=safe)


def _policy(rule: Rule, policies: Mapping[str, str]) -> str | None:
    return policies.get(rule.column, DEFAULT_POLICIES.get(rule.column))


def _rule_conditions(rules: list[Rule]) -> list[_Condition]:
    """One condition per rule name, so that the plan stays short.

    Where a rule is about several columns, the reason names the first column that fails it.
    """
    by_name: dict[str, list[Rule]] = {}
    for rule in rules:
        by_name.setdefault(rule.name, []).append(rule)
    conditions = []
    for name, same_name in by_name.items():
        column = sql.text(same_name[0].column)
        if len(same_name) > 1:
            cases = " ".join(
                f"WHEN {rule.invalid_when} THEN {sql.text(rule.column)}" for rule in same_name
            )
            column = f"CASE {cases} END"
        holds = " OR ".join(f"coalesce({rule.invalid_when}, false)" for rule in same_name)
        shows_value = str(same_name[0].shows_value).lower()
        conditions.append(_Condition(holds, sql.text(name), column, shows_value))
    return conditions


def _id_conditions(parse_spec: ParseSpec) -> list[_Condition]:
    """Ids that are damaged, or do not have the form that the mapping declares."""
    conditions = []
    for name in parse_spec.ids:
        fault = f"_id_faults[{sql.text(name)}]"
        # A rounded number tells nothing about who had it.
        shows_value = "false" if name in parse_spec.kind.people else f"{fault} = 'rounded_id'"
        conditions.append(_Condition(f"{fault} IS NOT NULL", fault, sql.text(name), shows_value))
    return conditions


def _value_conditions(
    parse_spec: ParseSpec, required: tuple[str, ...], emptying: list[Rule]
) -> list[_Condition]:
    """Required columns without a value, and values that cannot be read."""
    conditions = []
    emptied = {rule.column for rule in emptying}
    for column in parse_spec.kind.columns:
        is_required = column.name in required
        if is_required:
            conditions.append(_missing_condition(column, parse_spec))
        # An amount whose currency is not read would count in the shop's.
        has_form = column.type != "string" or column.name == "currency"
        if column.name in parse_spec.expressions and (is_required or has_form):
            unless = f" AND NOT {sql.name(_mark(column.name))}" if column.name in emptied else ""
            conditions.append(
                _Condition(
                    f"_malformed IS NULL AND {is_unreadable(parse_spec, column.name)}{unless}",
                    "'unreadable'",
                    sql.text(column.name),
                )
            )
    return conditions


def _missing_condition(column: ContractColumn, parse_spec: ParseSpec) -> _Condition:
    kind = parse_spec.kind
    names_person = column.name in kind.people
    # A fact whose person was removed for lack of consent stays, where its kind allows that, as a
    # fact about nobody.
    may_be_nobody = names_person and column.name not in kind.required
    about_nobody = "_person_removed" if may_be_nobody else "false"
    rule = "'missing'"
    if names_person:
        rule = "IF(_person_removed, 'no_consent_to_collection', 'missing')"
    is_null = f"_malformed IS NULL AND {sql.name(column.name)} IS NULL"
    no_text = f"{source_text(parse_spec, column.name)} IS NULL"
    for group in kind.either:
        # Of columns that follow from each other, all are missing or none.
        others = [name for name in group if column.name in group and name != column.name]
        for name in others:
            is_null += f" AND {sql.name(name)} IS NULL"
            no_text += f" AND {source_text(parse_spec, name)} IS NULL"
    return _Condition(
        f"{is_null} AND {no_text} AND NOT {about_nobody}", rule, sql.text(column.name)
    )


def _range_conditions(parse_spec: ParseSpec) -> list[_Condition]:
    """Values that follow from others of a line and are larger than their type can hold."""
    conditions = []
    for group in parse_spec.kind.either:
        for name in group:
            others = " OR ".join(f"{sql.name(other)} IS NOT NULL" for other in group)
            holds = (
                f"{sql.name(name)} IS NULL AND {source_text(parse_spec, name)} IS NULL "
                f"AND ({others}) AND quantity <> 0"
            )
            conditions.append(_Condition(holds, "'out_of_range'", sql.text(name)))
    return conditions


def _currency_conditions(parse_spec: ParseSpec) -> list[_Condition]:
    """Prices that state another currency beside their number than the one they count in."""
    if parse_spec.kind.column("currency") is None:
        return []
    conditions = []
    for name, stated in parse_spec.price_currencies.items():
        text = source_text(parse_spec, name)
        # Most prices are plain numbers.
        has_mark = f"{text} RLIKE {sql.text('[^0-9.,+ -]')}"
        differs = f"{has_mark} AND {sql.let(text, stated)} <> currency"
        conditions.append(_Condition(differs, "'other_currency'", sql.text(name), "true"))
    return conditions
