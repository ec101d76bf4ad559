"""How often each rule is broken, and whether that is out of the ordinary."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clarion.collect.cleaning.rules import Rule
from clarion.measures.statistics.intervals import Interval, share

_IN_WORDS = {
    "missing": "a value that is needed is missing",
    "unreadable": "something stands there and cannot be read as the mapping says",
    "malformed_record": "the record cannot be taken apart",
    "no_consent_to_collection": "the person did not consent to collection, and the fact is about nobody else",
    "filled": "a missing value was filled in by the mapping's policy",
}

_TIMES = 2.0  # a rate that is less than twice the usual one is no jump, however many rows show it
_SOME = 20  # rows that must break a rule before anybody is alarmed


def jumped(broken: int, checked: int, *, before: int, checked_before: int) -> bool:
    """Whether a rule is broken more often than it used to be.

    Both must hold: the 95 % intervals (Wilson) of the two rates do not touch, and the rate is at least twice the usual one.

    Args:
        broken: rows that break the rule now.
        checked: rows that were checked.
        before: the same of all earlier batches of the source.
        checked_before: the same.
    """
    now, usual = share(broken, checked), share(before, checked_before)
    if broken < _SOME or not isinstance(now, Interval) or not isinstance(usual, Interval):
        return False
    return now.low > usual.high and now.value >= _TIMES * usual.value


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the records of one source in one batch.

    Args:
        checked: records, duplicates aside.
        errors: refused records by rule and column.
        warnings: accepted records by rule that only warns.
        filled: values filled in, by column.
    """

    checked: int
    errors: Mapping[tuple[str, str], int]
    warnings: Mapping[str, int]
    filled: Mapping[str, int]


def entries(
    tally: Tally,
    rules: Iterable[Rule],
    *,
    usual: Mapping[tuple[str, str], int],
    checked_before: int,
) -> list[dict[str, Any]]:
    """QUALITY rows, provenance aside: one for each rule that could be broken, whether it was or not.

    Args:
        tally: of the batch.
        rules: rules in force for the source.
        usual: records of earlier batches that broke each rule and column.
        checked_before: records of earlier batches.
    """
    words = {rule.name: rule.reason for rule in rules} | _IN_WORDS
    unbroken = (
        {rule.name for rule in rules} - {name for name, _ in tally.errors} - set(tally.warnings)
    )
    found = [(name, "", "error", 0) for name in sorted(unbroken)]
    found += [(name, column, "error", count) for (name, column), count in tally.errors.items()]
    found += [(name, "", "warning", count) for name, count in tally.warnings.items()]
    found += [("filled", column, "repair", count) for column, count in tally.filled.items()]
    return [
        {
            "rule": rule,
            "column": column,
            "severity": severity,
            "reason": words.get(rule, rule),
            "failed": broken,
            "checked": tally.checked,
            "usual_rate": usual.get((rule, column), 0) / checked_before if checked_before else None,
            "anomaly": jumped(
                broken,
                tally.checked,
                before=usual.get((rule, column), 0),
                checked_before=checked_before,
            ),
        }
        for rule, column, severity, broken in found
    ]
