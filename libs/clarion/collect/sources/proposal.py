"""A first mapping from a sample of a file, for a person to correct: every guess is noted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from clarion.collect.sources.discounts import propose_discount
from clarion.collect.sources.id_damage import propose_ids
from clarion.collect.sources.inference.currencies import currency_of_amounts, read_currency
from clarion.collect.sources.inference.customers import find_customer, note_customers
from clarion.collect.sources.inference.facts import Column, describe_columns
from clarion.collect.sources.inference.matching import (
    SURE_SIMILARITY,
    Match,
    is_evident,
    match_columns,
    score,
)
from clarion.collect.sources.inference.numbers import read_doubles, read_numbers
from clarion.collect.sources.inference.orders import (
    arrange_orders,
    find_shared_fields,
    note_equal_lines,
    note_flags,
    order_name,
    without_repeated_sums,
)
from clarion.collect.sources.inference.personal import sealed_columns
from clarion.collect.sources.inference.unnamed import match_by_values
from clarion.collect.sources.inference.vocabularies import note_words
from clarion.collect.sources.missing_words import MissingWords
from clarion.collect.sources.sample import Sample
from clarion.contracts.sources import KINDS, ORDER_FIELDS, Kind
from clarion.contracts.vocabularies import Vocabularies
from clarion.kernel.errors import SourceError
from clarion.kernel.expressions import column_name
from clarion.kernel.text import shape

Words = Mapping[str, Mapping[str, list[str]]]
_COLUMNS_SHOWN = 20
# First of the hundred years that years of two digits stand for: sales are of this century, and of
# those who buy few are older than a hundred.
_PIVOT, _PIVOT_OF_BIRTH = 2000, 1925
_TIMES = ("happened_at", "observed_at", "at", "day")  # a date of another meaning is seldom alone
_AMOUNTS = ("unit_price", "amount", "list_price", "price", "cost")
_DERIVED_SIMILARITY = 0.5  # of an order's name that no column gives
_NEAR = 0.15  # the score of another kind that a person should think of


@dataclass(slots=True)
class Proposal:
    """A mapping's body and what a person should look at.

    Args:
        kind: the source kind.
        body: as the mapping has it.
        notes: guesses, and what the sample does not decide.
        trial: what became of the sample under this mapping; None where it was not tried.
    """

    kind: str
    body: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    trial: str | None = None

    def text(self) -> str:
        """The mapping as YAML, with the trial and the notes as comments above it."""
        lines = [f"# tried: {_printable(self.trial)}\n"] if self.trial else []
        lines += [f"# look: {_printable(note)}\n" for note in self.notes]
        body = {self.kind: self.body}
        return "".join(lines) + yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=160)


def _printable(note: str) -> str:
    """One line of characters that YAML takes."""
    return "".join(char if char.isprintable() else "\ufffd" for char in " ".join(note.split()))


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of one source kind in a file.

    Args:
        kind: the source kind.
        columns: of the file.
        matches: the file's column for each of the kind's.
    """

    kind: Kind
    columns: Mapping[str, Column]
    matches: Mapping[str, Match]

    @property
    def score(self) -> float:
        """How well the file is of the kind."""
        return score(self.kind, self._with_derived(), self.columns)

    @property
    def is_evident(self) -> bool:
        """Whether enough columns were found to say that the file is of the kind."""
        return is_evident(self.kind, self._with_derived())

    def _with_derived(self) -> dict[str, Match]:
        """The matches, with what orders take from other columns."""
        matches = dict(self.matches)
        if self.kind.name == "orders" and order_name(matches):
            matches["order_ref"] = Match("", _DERIVED_SIMILARITY)
        return matches


def propose_mapping(
    path: str,
    sample: Sample,
    words: Words,
    *,
    kind: str | None,
    time_zone: str,
    where: str | None = None,
    vocabularies: Vocabularies = MappingProxyType({}),
    missing_words: MissingWords = MissingWords(),
    personal_words: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Proposal:
    """A mapping for the kind that a file's columns resemble most, by names and by values.

    Args:
        path: the file; its ending becomes part of `where`.
        sample: its first records.
        words: what columns are called, by kind and column.
        kind: the source kind; None lets names and values decide.
        time_zone: zone of the source's clock, which no file states.
        where: pattern of the files that fit; None for every file with the same ending.
        vocabularies: the value that each plain word stands for, by section of words.yml.
        missing_words: texts that stand for no value.
        personal_words: what columns of personal data are called, by what they hold.

    Raises:
        SourceError: the file resembles no kind, or no line names its columns and values do not
            say what they are.
    """
    columns = describe_columns(sample.columns, sample.lines, missing_words.number)
    if sample.format == "csv" and not sample.options.get("header"):
        found = [_by_values(path, sample, columns, kind)]
    else:
        found = [
            _find(KINDS[name], columns, words.get(name, {}), vocabularies)
            for name in ([kind] if kind else words)
        ]
    by_score = sorted(found, key=lambda item: -item.score)
    best = by_score[0]
    if not (best.matches and (kind or best.is_evident)):
        raise SourceError(
            f"{path}: its columns resemble no source kind",
            found=", ".join(list(columns)[:_COLUMNS_SHOWN]) + _nearest(best),
            fix="name the kind with --kind",
        )
    best, about_orders = _settled(sample, best)
    files = where or f"${{data}}/*{''.join(Path(path).suffixes)}"
    proposal = Proposal(best.kind.name, _body(sample, files, time_zone))
    proposal.notes += [f"time_zone: no file states it; {time_zone} is the shop's", *sample.notes]
    _add_columns(sample, best, proposal)
    _note_keys(sample, best, proposal)
    proposal.notes += note_customers(columns, best.matches, best.kind, missing_words)
    if best.kind.name == "orders":
        proposal.notes += [*about_orders, *note_flags(columns, best.matches)]
        proposal.notes += note_equal_lines(sample.columns, sample.lines, best.matches)
    for other in by_score[1:2]:
        if not kind and other.is_evident and best.score - other.score < _NEAR:
            proposal.notes.append(
                f"kind: it may be one of {other.kind.name}, too; if so, write --kind "
                f"{other.kind.name}"
            )
    proposal.notes += note_words(
        best.kind, columns, best.matches, words.get(best.kind.name, {}), vocabularies
    )
    _seal_personal(best, personal_words, proposal)
    return proposal


def _find(
    kind: Kind,
    columns: Mapping[str, Column],
    words: Mapping[str, list[str]],
    vocabularies: Vocabularies,
) -> _Found:
    matches = match_columns(columns, kind, words, vocabularies)
    if kind.name == "orders":
        matches = arrange_orders(columns, matches)
    return _Found(kind, columns, matches)


def _by_values(
    path: str, sample: Sample, columns: Mapping[str, Column], kind: str | None
) -> _Found:
    """What the values alone say, where no line names the columns."""
    matches = match_by_values(columns) if kind in (None, "orders") else {}
    if not matches:
        first = ", ".join(shape(str(values[0])) for values in sample.columns.values())
        raise SourceError(
            f"{path}: the first line names no columns",
            found=first[:80],
            fix="put a line of names on top, or write the mapping by hand: Spark calls the columns "
            f"{', '.join(list(columns)[:2])} and so on",
        )
    return _Found(KINDS["orders"], columns, matches)


def _settled(sample: Sample, found: _Found) -> tuple[_Found, list[str]]:
    """The matches that only the chosen kind needs, less sums of orders, and notes on those."""
    matches = find_customer(found.columns, _with_only_time(found), found.kind)
    notes: list[str] = []
    if found.kind.name == "orders":
        matches, notes = without_repeated_sums(sample.columns, matches)
    return replace(found, matches=matches), notes


def _with_only_time(found: _Found) -> dict[str, Match]:
    """The matches, with the only column of times for a time that is needed and has no match."""
    matches = dict(found.matches)
    time = found.kind.time
    used = {match.name for match in matches.values()}
    times = [name for name, column in found.columns.items() if column.dates.is_time]
    is_needed = time in found.kind.required and time not in matches
    if is_needed and time in _TIMES and len(times) == 1 and times[0] not in used:
        note = f"'{times[0]}' is the only column of times"
        matches[time] = Match(times[0], 0.0, note)
    return matches


def _nearest(found: _Found) -> str:
    if not found.matches:
        return ""
    missing = ", ".join(name for name in found.kind.required if name not in found.matches)
    return f"; of {found.kind.name} it lacks {missing}" if missing else ""


def _body(sample: Sample, where: str, time_zone: str) -> dict[str, Any]:
    """What a mapping says of the files themselves."""
    body: dict[str, Any] = {"where": where, "format": sample.format}
    if sample.options:
        body["options"] = dict(sample.options)
    if sample.layout:
        body["layout"] = dict(sample.layout)
    if sample.has_odd_lines:
        body["malformed"] = "quarantine"
    return body | {"time_zone": time_zone}


def _add_columns(sample: Sample, found: _Found, proposal: Proposal) -> None:
    """The expression of each column, and what belongs to those that no column states."""
    kind, matches = found.kind, found.matches
    columns: dict[str, Any] = {}
    for column in kind.columns:
        if (match := matches.get(column.name)) is not None:
            columns[column.name] = _expression(sample, found, column.name, proposal)
            if match.note or match.similarity < SURE_SIMILARITY:
                why = match.note or f"'{match.name}' only resembles it"
                proposal.notes.append(f"{column.name}: {why}")
    if columns.get("discount") is not None:
        columns["discount"] = propose_discount(columns["discount"], sample, matches, proposal.notes)
    _add_order_fields(found, columns, proposal)
    if kind.column("currency") and "currency" not in columns:
        amounts = {matches[name].name for name in _AMOUNTS if columns.get(name) is not None}
        form = currency_of_amounts([found.columns[name] for name in sorted(amounts)])
        proposal.notes += [f"currency: {note}" for note in form.notes]
        if form.body is None:
            proposal.body["currency"] = "${currency}"
        else:
            columns["currency"] = form.body
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
    texts = {column: sample.columns[match.name] for column, match in matches.items()}
    proposal.notes += propose_ids(kind, texts, proposal.body)


def _expression(sample: Sample, found: _Found, name: str, proposal: Proposal) -> Any:
    """The column's expression, in a standard form where its values need one.

    None where a person must decide.
    """
    declared = found.kind.column(name)
    assert declared is not None
    column = found.columns[found.matches[name].name]
    source = column_name(column.name)
    if declared.type in ("timestamp", "date"):
        return _date(column, name, source, proposal)
    if column.odd_numbers and declared.type != "string":
        odd = column.odd_numbers[0]
        _note_odd(name, column, odd, len(column.odd_numbers), proposal)
    if declared.type.startswith(("decimal", "double")):
        read = read_doubles if declared.type == "double" else read_numbers
        form = read(column, source, is_typed=sample.format == "parquet")
        proposal.notes += [f"{name}: {note}" for note in form.notes]
        return form.body
    if name == "currency":
        currency = read_currency(column, source)
        proposal.notes += [f"{name}: {note}" for note in currency.notes]
        return currency.body
    if name == "phone":
        proposal.notes.append("phone: a number without a country's code is read as Chinese")
        return {"from": source, "as": "phone", "country": "CN"}
    if column.has_wide_letters:
        return {"from": source, "as": "text"}
    return source


def _note_odd(name: str, column: Column, odd: str, count: int, proposal: Proposal) -> None:
    more = f"; {count} of {len(column.texts)} values are like it" if count > 1 else ""
    proposal.notes.append(
        f"{name}: '{shape(odd)}'{column.line_of(odd)} cannot be read as the others{more}; "
        "it will be rejected"
    )


def _date(column: Column, name: str, source: str, proposal: Proposal) -> Any:
    form = column.dates
    if form.odd:
        _note_odd(name, column, form.odd[0], len(form.odd), proposal)
    if form.order:
        day_first, month_first = form.order
        proposal.notes.append(
            f"{name}: day and month cannot be told apart in {source}; "
            f"write '{{from: {source}, as: date, formats: [\"{day_first}\"]}}' "
            f"or 'formats: [\"{month_first}\"]'"
        )
        return None
    if form.epoch:
        return form.epoch.format(source)
    if not form.patterns:
        return source
    body: dict[str, Any] = {"from": source, "as": "date", "formats": list(form.patterns)}
    if any("yyyy" not in pattern for pattern in form.patterns):
        body["pivot"] = pivot = _PIVOT_OF_BIRTH if name == "birth_date" else _PIVOT
        proposal.notes.append(
            f"{name}: years of two digits are read as {pivot} to {pivot + 99}, by 'pivot'"
        )
    return body


def _add_order_fields(found: _Found, columns: dict[str, Any], proposal: Proposal) -> None:
    """What orders need and not every line states: their name, and the fields of its first line."""
    if found.kind.name != "orders":
        return
    if (name := order_name(found.matches)) is not None:
        columns["order_ref"], note = name
        proposal.notes.append(note)
    if shared := find_shared_fields(found.columns):
        once = [name for name, match in found.matches.items() if match.name in shared[1]]
        filled = [name for name in once if name in ORDER_FIELDS]
        if filled:
            proposal.body["missing"] = {name: {"fill": "from_above"} for name in filled}
        proposal.notes.append(
            f"missing: only the first line of an order states {', '.join(sorted(shared[1]))}"
            + (f"; {', '.join(filled)}: taken from it" if filled else "")
        )


def _note_keys(sample: Sample, found: _Found, proposal: Proposal) -> None:
    """Note the columns that may name a record."""
    column_of = {match.name: column for column, match in found.matches.items()}
    unique = [
        name
        for name, values in sample.columns.items()
        if sample.rows > 1 and None not in values and len(set(values)) == len(values)
    ]
    keys = [name for name in unique if name not in column_of or column_of[name] in found.kind.key]
    if keys:
        proposal.notes.append(
            f"duplicates: {', '.join(keys)} differ in every sampled record; "
            "'duplicates: {key: [...]}' would name records by one"
        )


def _seal_personal(
    found: _Found, personal_words: Mapping[str, Sequence[str]], proposal: Proposal
) -> None:
    """Seal columns that look personal, though no personal column is mapped from them."""
    column_of = {match.name: column for column, match in found.matches.items()}
    sealed = sealed_columns(found.columns, column_of, personal_words)
    for name, what in sealed.items():
        proposal.notes.append(f"personal: '{name}' looks like personal data ({what}) and is sealed")
    if sealed:
        proposal.body["personal"] = list(sealed)
