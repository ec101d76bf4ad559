"""A first mapping from a sample of a file, for a person to correct: every guess is noted."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from clarion.collect.sources.discounts import propose_discount
from clarion.collect.sources.id_damage import propose_ids
from clarion.collect.sources.numerals import Evidence, evidence
from clarion.collect.sources.sample import Sample, Values
from clarion.collect.sources.standards import BY_POINTS
from clarion.contracts.sources import KINDS, Kind
from clarion.kernel.errors import SourceError
from clarion.kernel.expressions import column_name
from clarion.kernel.instants import states_time
from clarion.kernel.text import plain_word

Words = Mapping[str, Mapping[str, list[str]]]
_NO_WORDS: Mapping[str, str] = MappingProxyType({})
_MIN_SIMILARITY = 0.75
_SURE_SIMILARITY = 0.9
_WORDS_SHOWN = 5  # of values that are no known word
# Python's pattern and Spark's, in the order in which they are tried.
_DATES = (
    ("%Y-%m-%d %H:%M:%S", "yyyy-MM-dd HH:mm:ss"),
    ("%Y-%m-%dT%H:%M:%S", "yyyy-MM-dd'T'HH:mm:ss"),
    ("%Y-%m-%d %H:%M:%S UTC", "yyyy-MM-dd HH:mm:ss 'UTC'"),
    ("%Y-%m-%d %H:%M", "yyyy-MM-dd HH:mm"),
    ("%Y-%m-%d", "yyyy-MM-dd"),
    ("%Y/%m/%d %H:%M:%S", "yyyy/MM/dd HH:mm:ss"),
    ("%Y/%m/%d %H:%M", "yyyy/M/d H:mm"),
    ("%Y/%m/%d", "yyyy/M/d"),
    ("%d.%m.%Y", "d.M.yyyy"),
    ("%d.%m.%Y %H:%M", "d.M.yyyy H:mm"),
    ("%Y年%m月%d日", "yyyy年M月d日"),
    ("%Y%m%d", "yyyyMMdd"),
    ("%d/%m/%Y %H:%M", "d/M/yyyy H:mm"),
    ("%m/%d/%Y %H:%M", "M/d/yyyy H:mm"),
    ("%d/%m/%Y", "d/M/yyyy"),
    ("%m/%d/%Y", "M/d/yyyy"),
)
# Digits of seconds, milliseconds and microseconds since 1970, and the expression that reads them.
_EPOCHS = {
    r"\d{10}": "timestamp_seconds(cast({} as bigint))",
    r"\d{10}(\.\d+)?": "timestamp_seconds(cast({} as decimal(18,6)))",
    r"\d{13}": "timestamp_millis(cast({} as bigint))",
    r"\d{16}": "timestamp_micros(cast({} as bigint))",
}
# Up to this share of the values that decide may contradict the others; they are odd ones then.
_MAX_CONTRADICTING = 0.2
_PERSONAL = {
    "phone": re.compile(r"^\+?[\d\s()-]{7,20}$"),
    "mail": re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", re.IGNORECASE),
    "id_number": re.compile(r"^\d{17}[\dXx]$"),
}
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_MONEY = re.compile(r"[$€£¥￥₡₹元]|\b(USD|EUR|GBP|CNY|RMB|JPY|IDR)\b|Rp")


@dataclass(frozen=True, slots=True)
class Match:
    """The file's column that a column of the kind resembles.

    Args:
        name: the file's column.
        similarity: from 0 to 1.
    """

    name: str
    similarity: float


@dataclass(slots=True)
class Proposal:
    """A mapping's body and what a person should look at."""

    kind: str
    body: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The mapping as YAML, with the notes as comments above it."""
        notes = "".join(f"# look: {note}\n" for note in self.notes)
        body = {self.kind: self.body}
        return notes + yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=160)


def propose_mapping(
    path: str,
    sample: Sample,
    words: Words,
    *,
    kind: str | None,
    time_zone: str,
    order_states: Mapping[str, str] = _NO_WORDS,
) -> Proposal:
    """A mapping for the kind whose columns the file's resemble most.

    Args:
        path: the file; its ending becomes part of `where`.
        sample: its first records.
        words: what columns are called, by kind and column.
        kind: the source kind; None lets the names decide.
        time_zone: zone of the source's clock, which no file states.
        order_states: the state of an order that each plain word stands for.

    Raises:
        SourceError: the names resemble no kind.
    """
    matches = {
        name: _match_columns(sample, KINDS[name], words.get(name, {}), order_states)
        for name in ([kind] if kind else words)
    }
    best = max(matches, key=lambda name: _score(KINDS[name], matches[name]))
    if not matches[best]:
        raise SourceError(
            f"{path}: its columns resemble no source kind",
            found=", ".join(sample.columns),
            fix="name the kind with --kind",
        )
    proposal = _write_proposal(path, sample, KINDS[best], matches[best], time_zone=time_zone)
    if best == "orders":
        names = ["status", *words.get(best, {}).get("status", [])]
        _note_states(sample, matches[best], names, order_states, proposal)
    return proposal


def _match_columns(
    sample: Sample,
    kind: Kind,
    words: Mapping[str, list[str]],
    order_states: Mapping[str, str],
) -> dict[str, Match]:
    """For each of the kind's columns the file's most similar one; a column is used once."""
    pairs = [
        (_similarity(name, [column.name, *words.get(column.name, [])]), column.name, name)
        for column in kind.columns
        if column.name in words or not column.nullable
        for name in sample.columns
    ]
    matches: dict[str, Match] = {}
    used: set[str] = set()
    for similarity, column, name in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if similarity < _MIN_SIMILARITY or column in matches or name in used:
            continue
        if (
            column == "status"
            and order_states
            and not _holds_states(sample.columns[name], order_states)
        ):
            continue
        if _fits(sample.columns[name], kind, column):
            matches[column] = Match(name, similarity)
            used.add(name)
    return matches


def _holds_states(values: Values, order_states: Mapping[str, str]) -> bool:
    """Whether at least half of the different texts are words for the state of an order."""
    texts = _texts(values)
    return 2 * len(texts - _unknown_states(values, order_states)) >= len(texts)


def _unknown_states(values: Values, order_states: Mapping[str, str]) -> set[str]:
    """The texts that are no known word for the state of an order."""
    return {text for text in _texts(values) if plain_word(text) not in order_states}


def _texts(values: Values) -> set[str]:
    return {value for value in values if value and value.strip()}


def _note_states(
    sample: Sample,
    matches: Mapping[str, Match],
    words: Sequence[str],
    order_states: Mapping[str, str],
    proposal: Proposal,
) -> None:
    """Say what the proposal makes of columns that hold, or may hold, the state of an order."""
    mapped = matches["status"].name if "status" in matches else None
    used = {match.name for match in matches.values()}
    for name, values in sample.columns.items():
        unknown = ", ".join(sorted(_unknown_states(values, order_states))[:_WORDS_SHOWN])
        is_free = name not in used and bool(_texts(values))
        if name == mapped and unknown:
            proposal.notes.append(
                f"status: no word of order_states in words.yml: {unknown}; "
                "such records are quarantined"
            )
        elif is_free and _holds_states(values, order_states):
            proposal.notes.append(
                f"status: '{name}' holds states of orders and is not mapped"
                + (f"; '{mapped}' is" if mapped else "")
            )
        elif is_free and not mapped and _similarity(name, words) >= _SURE_SIMILARITY:
            proposal.notes.append(
                f"status: '{name}' is not mapped, because words.yml does not have its words under "
                f"order_states: {unknown}; every order counts as a sale"
            )


def _similarity(name: str, words: Sequence[str]) -> float:
    plain = plain_word(name)
    ratios = (difflib.SequenceMatcher(None, plain, plain_word(word)).ratio() for word in words)
    return max(ratios, default=0.0)


def _fits(values: Values, kind: Kind, column: str) -> bool:
    """Whether a sample may be of the column's type."""
    declared = kind.column(column)
    texts = [value for value in values if value]
    if declared is None or not texts:
        return True
    if declared.type in ("timestamp", "date"):
        is_epoch = any(all(re.fullmatch(item, text) for text in texts) for item in _EPOCHS)
        return is_epoch or bool(_date_formats(texts)) or all(map(states_time, texts))
    if declared.type.startswith(("decimal", "bigint", "double")):
        numbers = sum(map(_is_number, texts))
        return numbers >= 0.9 * len(texts)
    return True


def _is_number(text: str) -> bool:
    if _NUMBER.match(text) or _MONEY.search(text):
        return True
    return evidence(text) != "no number" and not re.search(r"[^\W\d_]", text)


def _score(kind: Kind, matches: Mapping[str, Match]) -> float:
    names = kind.required_of(matches)
    weights = {name: 1 / len(names) for name in names}
    return sum(weights.get(name, 0.05) * match.similarity for name, match in matches.items())


def _date_formats(values: Sequence[str]) -> list[str]:
    """Spark's date patterns that read every value."""
    return [spark for python, spark in _DATES if all(_is_date(value, python) for value in values)]


def _is_date(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value.strip(), pattern)
    except ValueError:
        return False
    return True


def _write_proposal(
    path: str, sample: Sample, kind: Kind, matches: Mapping[str, Match], *, time_zone: str
) -> Proposal:
    where = f"${{data}}/*{''.join(Path(path).suffixes)}"
    proposal = Proposal(kind.name, {"where": where, "format": sample.format})
    if sample.options:
        proposal.body["options"] = dict(sample.options)
    proposal.body["time_zone"] = time_zone
    proposal.notes.append(f"time_zone: no file states it; {time_zone} is the shop's")

    columns: dict[str, Any] = {}
    for column in kind.columns:
        match = matches.get(column.name)
        if match is None:
            continue
        columns[column.name] = _expression(sample, kind, column.name, match.name, proposal)
        if match.similarity < _SURE_SIMILARITY:
            proposal.notes.append(f"{column.name}: '{match.name}' only resembles it")
    if columns.get("discount") is not None:
        columns["discount"] = propose_discount(columns["discount"], sample, matches, proposal.notes)
    if kind.column("currency") and "currency" not in columns:
        proposal.body["currency"] = "${currency}"
        proposal.notes.append("currency: no column states it; the shop's is taken")
    if kind.people:
        proposal.body["consent"] = {"basis": "recorded"}
        proposal.notes.append(
            "consent: 'recorded' needs a consents source; "
            "'declared' needs the ground on which the data is used"
        )
    proposal.body["columns"] = {name: body for name, body in columns.items() if body is not None}
    for name in kind.required_of(matches):
        if columns.get(name) is None:
            proposal.notes.append(f"{name}: required, and no column was found for it")

    column_of = {match.name: column for column, match in matches.items()}
    texts = {column: sample.columns[match.name] for column, match in matches.items()}
    proposal.notes += propose_ids(kind, texts, proposal.body)
    _note_keys(sample, kind, column_of, proposal)
    _seal_personal(sample, column_of, proposal)
    return proposal


def _expression(sample: Sample, kind: Kind, column: str, name: str, proposal: Proposal) -> Any:
    """The column's expression, in a standard form where its values need one.

    None where a person must decide.
    """
    declared = kind.column(column)
    assert declared is not None
    values = [value for value in sample.columns[name] if value]
    source = column_name(name)
    if declared.type in ("timestamp", "date"):
        return _date(values, column, source, proposal)
    if declared.type.startswith("decimal"):
        return _number(sample, values, column, source, proposal)
    if column == "phone":
        proposal.notes.append("phone: a number without a country's code is read as Chinese")
        return {"from": source, "as": "phone", "country": "CN"}
    if any(re.search("[\uff01-\uff5e\u3000\u00a0]", value) for value in values):
        return {"from": source, "as": "text"}
    return source


def _number(
    sample: Sample, values: Sequence[str], column: str, source: str, proposal: Proposal
) -> Any:
    """A number by the convention that the sample decides; None where it decides none."""
    is_plain = all(re.fullmatch(r"[+-]?\d+(\.\d+)?", value) for value in values)
    if is_plain and sample.format == "parquet":  # numbers, which Spark writes with a point
        return source
    # Some currencies bring their own convention.
    written = [value for value in values if not any(sign in value for sign in BY_POINTS)]
    by_evidence: dict[Evidence, list[str]] = {}
    for value in written:
        by_evidence.setdefault(evidence(value), []).append(value)
    points, commas = by_evidence.get(".", []), by_evidence.get(",", [])
    undecided = by_evidence.get("undecided", [])
    decimal, contradicting = (".", commas) if len(points) >= len(commas) else (",", points)
    share = len(contradicting) / max(len(points) + len(commas), 1)
    if share > _MAX_CONTRADICTING or (undecided and not points and not commas):
        examples = ", ".join(f"'{texts[0]}'" for texts in (points, commas, undecided) if texts)
        proposal.notes.append(
            f"{column}: {examples} in {source} do not tell a decimal sign from one of thousands; "
            f"write '{{from: {source}, as: price, decimal: \".\"}}' or 'decimal: \",\"'"
        )
        return None
    if contradicting:
        proposal.notes.append(
            f"{column}: {len(contradicting)} of {len(values)} values of {source}, such as "
            f"'{contradicting[0]}', contradict 'decimal: \"{decimal}\"' and will be rejected"
        )
    if is_plain and decimal == ".":
        return source
    return {"from": source, "as": "price", **({"decimal": ","} if decimal == "," else {})}


def _date(values: Sequence[str], column: str, source: str, proposal: Proposal) -> Any:
    for digits, expression in _EPOCHS.items():
        if values and all(re.fullmatch(digits, value) for value in values):
            return expression.format(source)
    formats = _date_formats(values)
    day_first = next((item for item in formats if item.startswith("d/M")), None)
    month_first = next((item for item in formats if item.startswith("M/d")), None)
    if day_first and month_first:
        proposal.notes.append(
            f"{column}: day and month cannot be told apart in {source}; "
            f"write 'formats: [{day_first}]' or 'formats: [{month_first}]'"
        )
        return None
    return {"from": source, "as": "date", "formats": formats[:1]} if formats else source


def _note_keys(
    sample: Sample, kind: Kind, column_of: Mapping[str, str], proposal: Proposal
) -> None:
    """Note the columns that may name a record."""
    unique = [
        name
        for name, values in sample.columns.items()
        if sample.rows > 1 and None not in values and len(set(values)) == len(values)
    ]
    keys = [name for name in unique if name not in column_of or column_of[name] in kind.key]
    if keys:
        proposal.notes.append(
            f"duplicates: {', '.join(keys)} differ in every sampled record; "
            "'duplicates: {key: [...]}' would name records by one"
        )


def _seal_personal(sample: Sample, column_of: Mapping[str, str], proposal: Proposal) -> None:
    """Seal columns whose values look personal, though no personal column is mapped from them."""
    sealed: list[str] = []
    for name, values in sample.columns.items():
        texts = [value for value in values if value]
        for what, pattern in _PERSONAL.items():
            if not texts or what == column_of.get(name):
                continue
            # Plain numbers of another meaning look like short phone numbers.
            is_short = all(len(value) < 11 for value in texts)
            if what == "phone" and (name in column_of or is_short):
                continue
            if sum(bool(pattern.match(value)) for value in texts) >= 0.8 * len(texts):
                sealed.append(name)
                proposal.notes.append(
                    f"personal: '{name}' looks like personal data ({what}) and is sealed"
                )
    if sealed:
        proposal.body["personal"] = list(dict.fromkeys(sealed))
