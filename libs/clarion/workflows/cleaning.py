"""The steps of `clean` from bronze records to rows with their reasons, and their counts."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning.from_above import fill_from_above
from clarion.collect.cleaning.missing import fill_expression, fit_fill_values
from clarion.collect.cleaning.order_versions import FIRST
from clarion.collect.cleaning.parsing import ParseSpec, fill_missing, parse_records
from clarion.collect.cleaning.reasons import ACCEPTED, REJECTED, RowPolicy, find_reasons
from clarion.collect.sources import drift
from clarion.collect.sources.drift import Change
from clarion.collect.sources.mapping import Fill, Fit, FromAbove, Source
from clarion.collect.sources.records import fingerprint
from clarion.contracts.bronze import BRONZE
from clarion.contracts.ops import FITS
from clarion.contracts.silver import FACTS, PRODUCTS, REFERENCES
from clarion.contracts.sources import UNKNOWN_STATE
from clarion.declarations.shop import parse_spec, rules
from clarion.kernel import sql
from clarion.lake.frames import rows_as_frame, union_all
from clarion.runtime.scope import Scope
from clarion.workflows.cleaning_plan import CleaningBatch, active_rules_of
from clarion.workflows.cleaning_records import BatchCounts
from clarion.workflows.cleaning_repeats import Repeats

_FILLS = FromAbove | Fill | Fit
_MIN_UNREADABLE = 5  # fewer unreadable values say nothing about a column's type


@dataclass(frozen=True, slots=True)
class CleanedRows:
    """The typed rows of a cleaning batch, each with its reasons and warnings."""

    cleaning: CleaningBatch
    rows: DataFrame

    @property
    def accepted(self) -> DataFrame:
        """Rows that become facts."""
        return self.rows.where(ACCEPTED)

    @property
    def rejected(self) -> DataFrame:
        """Rows that go to the quarantine."""
        return self.rows.where(REJECTED)


def known_products(
    scope: Scope, arriving: list[CleanedRows], *, in_batches: str
) -> DataFrame | None:
    """Products of the shop's list, the arriving ones included; None where it has no list.

    Args:
        scope: the run.
        arriving: rows of the products sources.
        in_batches: condition, in SQL, that a row belongs to the cleaned batches.

    Returns:
        product_id, distinct.
    """
    products = [
        cleaned.accepted.select(F.col("product_ref").alias("product_id")) for cleaned in arriving
    ]
    if scope.exists(PRODUCTS):
        products.append(scope.own(PRODUCTS).where(f"NOT {in_batches}").select("product_id"))
    return scope.persist(union_all(products).distinct()) if products else None


def clean_batch(scope: Scope, cleaning: CleaningBatch, products: DataFrame | None) -> CleanedRows:
    """The rows of a cleaning batch, persisted.

    Args:
        scope: the run.
        cleaning: what is cleaned.
        products: product_id of every product of the shop; None where it has no list.
    """
    source = cleaning.source
    spec = parse_spec(source)
    policy = RowPolicy(
        rules=rules(scope.config)[source.kind.name], policies=source.rules, required=source.required
    )
    arriving, earlier = _records(scope, cleaning, spec)
    repeats = Repeats(scope, cleaning, earlier)
    parsed = parse_records(arriving, spec)
    rows = parsed.withColumns(repeats.keys())
    values = {
        name: F.lit(fill.fill) for name, fill in source.missing.items() if isinstance(fill, Fill)
    }
    fits = {name: fit for name, fit in source.missing.items() if isinstance(fit, Fit)}
    if fits:
        filled = fill_missing(rows, values, spec)
        marked = repeats.mark(find_reasons(filled, spec, policy, products=products))
        accepted = marked.where(ACCEPTED)
        for name, fit in fits.items():
            values[name] = _fitted_value(scope, cleaning, accepted, name, fit)
    filled = fill_missing(rows, values, spec)
    checked = find_reasons(filled, spec, policy, products=products)
    return CleanedRows(cleaning, repeats.mark(checked.drop("_malformed", "_person_removed")))


def _records(
    scope: Scope, cleaning: CleaningBatch, spec: ParseSpec
) -> tuple[DataFrame, DataFrame | None]:
    """The bronze records of a cleaning batch, and those that they may repeat; None for none."""
    source = cleaning.source
    records = scope.raw(BRONZE[source.kind.name]).where(F.col("_source") == source.name)
    if source.from_above:
        # What a line says includes what its order says: equal lines of a paid order and of the
        # same order once it was refunded are no duplicates.
        records = fill_from_above(records, spec).withColumn("_hash", fingerprint(F.col("raw")))
    arriving = records.where(F.col("_batch").isin(list(cleaning.batches)))
    if not cleaning.earlier:
        return arriving, None
    return arriving, records.where(F.col("_batch").isin(list(cleaning.earlier)))


def _fitted_value(
    scope: Scope, cleaning: CleaningBatch, accepted: DataFrame, column: str, fit: Fit
) -> Column:
    """The fill value of a column, fitted on rows accepted before the as-of day; recorded in FITS.

    The rows of the batches that are being cleaned count, too.
    """
    kind = cleaning.source.kind
    source = cleaning.source.name
    day = F.to_utc_timestamp(F.lit(str(scope.as_of)), scope.time_zone)
    before_day = F.col(kind.time) < day
    names = [column, *fit.by]
    silver_names = [F.col(REFERENCES.get(name, name)).alias(name) for name in names]
    was_filled = F.array_contains(F.coalesce("filled_columns", F.array()), column)
    earlier = (
        scope.own(FACTS[kind.silver])
        .where(F.col("_source") == source)
        .where(~F.col("_batch").isin(list(cleaning.batches)))
        .where(before_day & ~was_filled)
    )
    rows = accepted.where(before_day).select(*names).unionByName(earlier.select(*silver_names))
    values = fit_fill_values(rows, column=column, statistic=fit.fit, by=fit.by)
    fits = []
    for batch in cleaning.batches:
        fits += [
            {
                "_batch": batch, "_source": source, "column": column, "statistic": value.statistic,
                "group": list(value.group), "value": value.value, "rows": value.rows,
            }
            for value in values
        ]  # fmt: skip
    conditions = {"_batch": cleaning.batches, "_source": (source,), "column": (column,)}
    where = " AND ".join(sql.among(name, allowed) for name, allowed in conditions.items())
    scope.replace(FITS, rows_as_frame(scope.spark, FITS, fits), where=where)
    return fill_expression(values, by=fit.by, type_=str(dict(accepted.dtypes)[column]))


def count_rows(scope: Scope, cleaned: list[CleanedRows]) -> list[BatchCounts]:
    """What became of the records, by source and batch.

    One pass over the rows, which also computes the persisted frames.
    """
    counts = [
        BatchCounts(
            source=row["_source"],
            batch=row["_batch"],
            **{
                name: value
                for name, value in row.asDict().items()
                if name not in ("_source", "_batch")
            },
        )
        for row in union_all(_count_by_batch(scope, one) for one in cleaned).collect()
    ]
    counted = {(count.source, count.batch) for count in counts}
    for one in cleaned:
        source = one.cleaning.source.name
        # A file may hold no record at all: its batch is clean, too.
        counts += [
            BatchCounts(source=source, batch=batch)
            for batch in one.cleaning.batches
            if (source, batch) not in counted
        ]
    return counts


def _count_by_batch(scope: Scope, cleaned: CleanedRows) -> DataFrame:
    source = cleaned.cleaning.source
    fillable = [name for name, fill in source.missing.items() if isinstance(fill, _FILLS)]
    warning_rules = [
        rule.name
        for rule in active_rules_of(scope, source)
        if rule.warns(source.rules.get(rule.column))
        or rule.empties(source.rules.get(rule.column), required=source.required)
    ]
    ids = [name for name, expression in source.columns.items() if expression.id_form]
    with_form = _columns_with_form(source)
    sums = {
        "rows_in": "count(*)",
        "accepted": f"count_if({ACCEPTED})",
        "quarantined": f"count_if({REJECTED})",
        "duplicates": "count_if(_duplicate)",
        "unreadable": f"count_if({REJECTED} AND array_contains(_reasons.rule, 'unreadable'))",
        "warned": f"count_if({ACCEPTED} AND size(_warnings) > 0)",
        "filled_values": _accepted_with("_filled", fillable),
        "warnings": _accepted_with("_warnings", warning_rules),
        "missing_words": _rows_with("_missing_words", list(source.columns)),
        "repaired_ids": _rows_with("_repaired_ids", ids),
        "values": _rows_where({name: _is_stated(name, fillable) for name in with_form}),
        "other_forms": _rows_where(_other_forms(source)),
        "redelivered": "0L",
        "equal_lines": "0L",
    }
    if "_redelivery" in cleaned.rows.columns:
        sums["redelivered"] = f"count_if({ACCEPTED} AND _redelivery > {FIRST})"
        sums["equal_lines"] = f"count_if({ACCEPTED} AND _is_equal)"
    return cleaned.rows.groupBy("_source", "_batch").agg(
        *(F.expr(value).alias(name) for name, value in sums.items())
    )


def _accepted_with(list_column: str, names: list[str]) -> str:
    """SQL of a map: in how many accepted rows a list column has each name."""
    return _rows_with(list_column, names, condition=ACCEPTED)


def _rows_with(list_column: str, names: list[str], *, condition: str = "NOT _duplicate") -> str:
    """SQL of a map: in how many rows of a condition a list column has each name."""
    contains = {name: f"array_contains({list_column}, {sql.text(name)})" for name in names}
    return _rows_where(contains, condition=condition)


def _rows_where(conditions: dict[str, str], *, condition: str = "NOT _duplicate") -> str:
    """SQL of a map: in how many rows of a condition each of others holds, by its name."""
    counts = ", ".join(
        f"{sql.text(name)}, count_if({condition} AND {other})" for name, other in conditions.items()
    )
    return f"CAST(map({counts}) AS map<string,bigint>)"


def _is_stated(name: str, fillable: list[str]) -> str:
    """SQL that is true where the source states a readable value of a column."""
    has_value = f"{sql.name(name)} IS NOT NULL"
    if name not in fillable:
        return has_value
    return f"{has_value} AND NOT array_contains(_filled, {sql.text(name)})"


def _columns_with_form(source: Source) -> list[str]:
    """Mapped columns with a standard form: personal values are sealed, texts may be anything."""
    other_forms = _other_forms(source)
    return [
        column.name
        for column in source.kind.columns
        if column.name in other_forms
        or (column.name in source.columns and not column.personal and column.type != "string")
    ]


def _other_forms(source: Source) -> dict[str, str]:
    """SQL that is true for a value without its column's standard form, of mapped texts.

    A value of another type that cannot be read is null.
    """
    conditions = {"currency": "NOT currency RLIKE '^[A-Z]{3}$'"}
    for column in source.kind.columns:
        if column.words and column.type == "string":
            conditions[column.name] = f"{sql.name(column.name)} = {sql.text(UNKNOWN_STATE)}"
        if column.is_id:
            conditions[column.name] = f"_id_faults[{sql.text(column.name)}] IS NOT NULL"
    return {name: other for name, other in conditions.items() if name in source.columns}


def refuse_retyped_columns(
    scope: Scope, cleaned: list[CleanedRows], counts: list[BatchCounts]
) -> None:
    """Stop before any fact is written where a file has a column without one readable value.

    Args:
        scope: the run.
        cleaned: rows of each source.
        counts: what became of the records.

    Raises:
        SourceError: the mapping does not accept such a column.
    """
    for one in cleaned:
        source = one.cleaning.source
        smallest = one.cleaning.smallest_files
        # A column that a tenth of a file's records fill makes so many of them unreadable; fewer
        # are single unreadable values.
        suspects = [
            count.batch
            for count in counts
            if count.source == source.name
            and count.unreadable >= max(_MIN_UNREADABLE, smallest[count.batch] / 10)
        ]
        if suspects:
            changes = _retyped_columns(one.rows.where(F.col("_batch").isin(suspects)))
            for change in changes:
                scope.note(f"{source.name}: {change.text}")
            drift.refuse_changes(source, changes)


def _retyped_columns(rows: DataFrame) -> tuple[Change, ...]:
    """Columns of files of which not one value can be read."""
    unreadable = (
        rows.where(REJECTED)
        .select("_file", F.inline("_reasons"))
        .where("rule = 'unreadable'")
        .groupBy("_file", "column")
        .count()
        .collect()
    )
    columns = sorted({row["column"] for row in unreadable})
    readable = (
        rows.where("NOT _duplicate")
        .groupBy("_file")
        .agg(*(F.count(name).alias(name) for name in columns))
        .collect()
    )
    values = {row["_file"]: row for row in readable}
    return tuple(
        Change("retyped", row["column"], row["_file"])
        for row in unreadable
        if row["count"] >= _MIN_UNREADABLE and not values[row["_file"]][row["column"]]
    )
