"""How often each rule fails, and whether that is more than usual."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clarion.collect.cleaning.rules import BUILT_IN_REASONS, Rule
from clarion.measures.statistics.intervals import Interval, share

_MIN_RATIO = 2.0  # a rate below twice the usual one is no anomaly, however many rows show it
_MIN_FAILED = 20  # fewer failed rows are no anomaly


def is_anomaly(failed: int, checked: int, *, failed_before: int, checked_before: int) -> bool:
    """Whether a rule fails more often than it used to.

    Both must hold: the 95 % interval (Wilson) of the rate lies above that of earlier batches, and
    the rate is at least twice the usual one.

    Args:
        failed: rows of this batch that fail the rule.
        checked: rows of this batch that were checked.
        failed_before: rows of the source's earlier batches that failed the rule.
        checked_before: rows of the source's earlier batches that were checked.
    """
    rate = share(failed, checked)
    usual = share(failed_before, checked_before)
    if failed < _MIN_FAILED or not isinstance(rate, Interval) or not isinstance(usual, Interval):
        return False
    return rate.low > usual.high and rate.value >= _MIN_RATIO * usual.value


@dataclass(frozen=True, slots=True)
class BatchQuality:
    """Counts over the records of one source in one batch.

    Args:
        checked: records without duplicates.
        errors: rejected records by rule and column.
        warnings: accepted records by rule that only warns.
        filled: filled values, by column.
        missing_words: texts that stand for no value, by column.
        repaired_ids: ids that were repaired, by column.
        values: stated values that could be read, by column.
        other_forms: those of them that do not have their column's standard form, by column.
    """

    checked: int
    errors: Mapping[tuple[str, str], int]
    warnings: Mapping[str, int]
    filled: Mapping[str, int]
    missing_words: Mapping[str, int]
    repaired_ids: Mapping[str, int]
    values: Mapping[str, int]
    other_forms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RuleQuality:
    """A QUALITY row without its provenance: how often one rule failed in one batch."""

    rule: str
    column: str
    severity: str
    reason: str
    failed: int
    checked: int
    usual_rate: float | None
    anomaly: bool


def rule_qualities(
    batch: BatchQuality,
    rules: Iterable[Rule],
    *,
    failed_before: Mapping[tuple[str, str], int],
    checked_before: int,
) -> list[RuleQuality]:
    """How often each active rule failed in a batch, also where it never did.

    The rule `standard_form` counts the values of a column, every other one counts records.

    Args:
        batch: counts of the batch.
        rules: active rules of the source.
        failed_before: records of earlier batches that failed, by rule and column.
        checked_before: records of earlier batches.
    """
    reasons = {rule.name: rule.reason for rule in rules} | BUILT_IN_REASONS
    failed_rules = {name for name, _ in batch.errors} | set(batch.warnings)
    passed_rules = {rule.name for rule in rules} - failed_rules
    counts = [(name, "", "error", 0) for name in sorted(passed_rules)]
    counts += [(name, column, "error", count) for (name, column), count in batch.errors.items()]
    counts += [(name, "", "warning", count) for name, count in batch.warnings.items()]
    counts += [("filled", column, "repair", count) for column, count in batch.filled.items()]
    counts += [
        ("missing_word", column, "repair", count) for column, count in batch.missing_words.items()
    ]
    counts += [
        ("repaired_id", column, "repair", count) for column, count in batch.repaired_ids.items()
    ]
    qualities = _standard_forms(batch)
    for rule, column, severity, failed in counts:
        before = failed_before.get((rule, column), 0)
        quality = RuleQuality(
            rule=rule,
            column=column,
            severity=severity,
            reason=reasons.get(rule, rule),
            failed=failed,
            checked=batch.checked,
            usual_rate=before / checked_before if checked_before else None,
            anomaly=is_anomaly(
                failed, batch.checked, failed_before=before, checked_before=checked_before
            ),
        )
        qualities.append(quality)
    return qualities


def _standard_forms(batch: BatchQuality) -> list[RuleQuality]:
    """How many of the values that a batch states have the standard form of their column."""
    qualities = []
    for column, readable in batch.values.items():
        unreadable = batch.errors.get(("unreadable", column), 0)
        quality = RuleQuality(
            rule="standard_form",
            column=column,
            severity="measure",
            reason=BUILT_IN_REASONS["standard_form"],
            failed=unreadable + batch.other_forms.get(column, 0),
            checked=unreadable + readable,
            usual_rate=None,  # each rule that a value can fail has its own
            anomaly=False,
        )
        qualities.append(quality)
    return qualities
