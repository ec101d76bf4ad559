"""How often each rule fails, and whether that is more than usual."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clarion.collect.cleaning.rules import Rule
from clarion.measures.statistics.intervals import Interval, share

_REASONS = {
    "missing": "a required value is missing",
    "unreadable": "a value cannot be read as the mapping says",
    "malformed_record": "the record does not have the mapping's format",
    "no_consent_to_collection": (
        "the person did not consent to collection, and the fact is about nobody else"
    ),
    "missing_word": "a text such as N/A stands for no value, as missing_words.yml declares",
    "out_of_range": "a value that follows from others of the line is too large for its type",
    "filled": "a missing value was filled by the mapping's policy",
}

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
    """

    checked: int
    errors: Mapping[tuple[str, str], int]
    warnings: Mapping[str, int]
    filled: Mapping[str, int]
    missing_words: Mapping[str, int]


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

    Args:
        batch: counts of the batch.
        rules: active rules of the source.
        failed_before: records of earlier batches that failed, by rule and column.
        checked_before: records of earlier batches.
    """
    reasons = {rule.name: rule.reason for rule in rules} | _REASONS
    failed_rules = {name for name, _ in batch.errors} | set(batch.warnings)
    passed_rules = {rule.name for rule in rules} - failed_rules
    counts = [(name, "", "error", 0) for name in sorted(passed_rules)]
    counts += [(name, column, "error", count) for (name, column), count in batch.errors.items()]
    counts += [(name, "", "warning", count) for name, count in batch.warnings.items()]
    counts += [("filled", column, "repair", count) for column, count in batch.filled.items()]
    counts += [
        ("missing_word", column, "repair", count) for column, count in batch.missing_words.items()
    ]
    qualities = []
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
