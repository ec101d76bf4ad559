"""A first mapping from a sample of a file, for a person to correct: every guess is written down as one."""

import csv
import difflib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.fs as fs
import pyarrow.parquet as pq
import yaml

from clarion.contracts.sources import KINDS, Kind
from clarion.kernel.errors import SourceError

Words = Mapping[str, Mapping[str, list[str]]]
ROWS = 1000
_SAMPLE_BYTES = 1 << 20
_ENCODINGS = ("utf-8-sig", "gb18030", "iso-8859-1")
_SPARK_NAMES = {"utf-8-sig": "UTF-8", "gb18030": "GB18030", "iso-8859-1": "ISO-8859-1"}
# Python's pattern and Spark's, in the order in which they are tried.
_DATES = (
    ("%Y-%m-%d %H:%M:%S", "yyyy-MM-dd HH:mm:ss"), ("%Y-%m-%dT%H:%M:%S", "yyyy-MM-dd'T'HH:mm:ss"), ("%Y-%m-%d %H:%M:%S UTC", "yyyy-MM-dd HH:mm:ss 'UTC'"),
    ("%Y-%m-%d %H:%M", "yyyy-MM-dd HH:mm"), ("%Y-%m-%d", "yyyy-MM-dd"), ("%Y/%m/%d %H:%M:%S", "yyyy/MM/dd HH:mm:ss"), ("%Y/%m/%d %H:%M", "yyyy/M/d H:mm"),
    ("%Y/%m/%d", "yyyy/M/d"), ("%d.%m.%Y", "d.M.yyyy"), ("%d.%m.%Y %H:%M", "d.M.yyyy H:mm"), ("%Y年%m月%d日", "yyyy年M月d日"), ("%Y%m%d", "yyyyMMdd"),
    ("%d/%m/%Y %H:%M", "d/M/yyyy H:mm"), ("%m/%d/%Y %H:%M", "M/d/yyyy H:mm"), ("%d/%m/%Y", "d/M/yyyy"), ("%m/%d/%Y", "M/d/yyyy"),
)  # fmt: skip
_PERSONAL = {
    "phone": re.compile(r"^\+?[\d\s()-]{7,20}$"),
    "mail": re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", re.IGNORECASE),
    "id_number": re.compile(r"^\d{17}[\dXx]$"),
}
_KEYWORDS = {
    "order",
    "when",
    "from",
    "to",
    "group",
    "by",
    "date",
    "timestamp",
    "case",
    "end",
    "select",
    "over",
}
_NUMBER = re.compile(r"^[+-]?\d+([.,]\d+)?$")
_MONEY = re.compile(r"[$€£¥￥₡₹元]|\b(USD|EUR|GBP|CNY|RMB|JPY|IDR)\b|Rp")


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a file.

    Args:
        form: csv, json or parquet.
        options: of Spark's reader.
        columns: values as text, by column.
    """

    form: str
    options: Mapping[str, Any]
    columns: Mapping[str, Sequence[str | None]]

    @property
    def rows(self) -> int:
        return max((len(values) for values in self.columns.values()), default=0)


@dataclass(slots=True)
class Proposal:
    """A mapping's body and what a person should look at."""

    kind: str
    body: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The mapping as YAML, its doubts as comments above it."""
        doubts = "".join(f"# look: {note}\n" for note in self.notes)
        return f"{doubts}{yaml.safe_dump({self.kind: self.body}, allow_unicode=True, sort_keys=False, width=160)}"


def sample(path: str) -> Sample:
    """The first thousand records of a CSV, JSON or Parquet file, compressed or not.

    Raises:
        SourceError: there is no such file, it is empty, or it is none of these.
    """
    file = Path(path)
    if not file.is_file():
        raise SourceError(f"{path} is no file", fix="name one file of the source")
    ending = (
        file.suffixes[-2]
        if file.suffix in (".gz", ".zst") and len(file.suffixes) > 1
        else file.suffix
    )
    if ending == ".parquet":
        batch = next(pq.ParquetFile(file).iter_batches(ROWS), None)
        values = (
            {}
            if batch is None
            else {
                name: [_text(item) for item in batch.column(name).to_pylist()]
                for name in batch.schema.names
            }
        )
        return Sample("parquet", {}, _some(values, path))
    content, encoding = _decoded(file, path)
    stripped = content.lstrip()
    if ending in (".json", ".jsonl", ".ndjson") or stripped.startswith(("{", "[{")):
        return _json(content, path)
    return _csv(content, encoding, path)


def propose(
    path: str, found: Sample, words: Words, *, kind: str | None, time_zone: str
) -> Proposal:
    """A mapping for the kind whose columns the file's resemble most.

    Args:
        path: the file; its folder becomes `where`.
        found: its first records.
        words: what columns are called, by kind and column.
        kind: the source kind; None lets the names decide.
        time_zone: zone of the source's clock, which no file states.

    Raises:
        SourceError: the names resemble no kind.
    """
    matches = {
        name: _matched(found, KINDS[name], words.get(name, {}))
        for name in ([kind] if kind else words)
    }
    best = max(matches, key=lambda name: _score(KINDS[name], matches[name]))
    if not matches[best]:
        raise SourceError(
            f"{path}: its columns resemble no source kind",
            found=", ".join(found.columns),
            fix="name the kind with --kind",
        )
    return _written(path, found, KINDS[best], matches[best], time_zone)


def _decoded(file: Path, path: str) -> tuple[str, str]:
    raw = _opened(file)
    if not raw:
        raise SourceError(f"{path} is empty", found="0 bytes", fix="name a file that holds records")
    for encoding in _ENCODINGS:
        for cut in range(4):  # the sample may end within a letter
            try:
                return raw[: len(raw) - cut].decode(encoding), encoding
            except UnicodeDecodeError:
                continue
    raise AssertionError("every byte is a letter of ISO-8859-1")


def _opened(file: Path) -> bytes:
    with fs.LocalFileSystem().open_input_stream(
        str(file)
    ) as stream:  # decompressed by the file's ending
        return bytes(stream.read(_SAMPLE_BYTES))


def _csv(content: str, encoding: str, path: str) -> Sample:
    lines = content.splitlines(keepends=True)[: ROWS + 1]
    try:
        dialect = csv.Sniffer().sniff("".join(lines[:50]), delimiters=",;\t|^")
        separator, quote = dialect.delimiter, dialect.quotechar or '"'
    except csv.Error:
        separator, quote = ",", '"'
    rows = [
        row
        for row in csv.reader(io.StringIO("".join(lines)), delimiter=separator, quotechar=quote)
        if row
    ]
    header, *records = rows
    if any(_NUMBER.match(cell) for cell in header):
        raise SourceError(
            f"{path}: the first line names no columns",
            found=separator.join(header)[:80],
            fix="put a line of names on top, or write the mapping by hand",
        )
    options: dict[str, Any] = {"header": True}
    options |= {"sep": separator} if separator != "," else {}
    options |= {"encoding": _SPARK_NAMES[encoding]} if encoding != "utf-8-sig" else {}
    options |= {"escape": '"'} if '""' in content else {}
    whole = [row for row in records if len(row) == len(header)]
    return Sample(
        "csv",
        options,
        _some(
            {name: [row[place] or None for row in whole] for place, name in enumerate(header)}, path
        ),
    )


def _json(content: str, path: str) -> Sample:
    lines = [line for line in content.splitlines() if line.strip()]
    try:
        records, options = [json.loads(line) for line in lines[:ROWS]], dict[str, Any]()
        if not all(isinstance(record, dict) for record in records):
            raise ValueError("no objects")
    except ValueError:
        try:
            whole = json.loads(content)
        except ValueError as error:
            raise SourceError(
                f"{path} is no JSON that can be sampled",
                found=str(error),
                fix="write the mapping by hand",
            ) from error
        records, options = (
            (whole if isinstance(whole, list) else [whole])[:ROWS],
            {"multiLine": True},
        )
    names = dict.fromkeys(name for record in records for name in record)
    return Sample(
        "json",
        options,
        _some({name: [_text(record.get(name)) for record in records] for name in names}, path),
    )


def _some(
    columns: Mapping[str, Sequence[str | None]], path: str
) -> Mapping[str, Sequence[str | None]]:
    if not any(len(values) for values in columns.values()):
        raise SourceError(f"{path} holds no records", fix="name a file that does")
    return columns


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return (
        json.dumps(value, ensure_ascii=False, default=str)
        if isinstance(value, dict | list)
        else str(value)
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.lower())


def _similarity(name: str, words: Sequence[str]) -> float:
    mine = _plain(name)
    return max(
        (difflib.SequenceMatcher(None, mine, _plain(word)).ratio() for word in words), default=0.0
    )


def _matched(
    found: Sample, kind: Kind, words: Mapping[str, list[str]]
) -> dict[str, tuple[str, float]]:
    """The file's column that each of the kind's resembles most, best pairs first; a column is used once."""
    pairs = [
        (_similarity(name, [column.name, *words.get(column.name, [])]), column.name, name)
        for column in kind.columns
        if column.name in words or not column.nullable
        for name in found.columns
    ]
    chosen: dict[str, tuple[str, float]] = {}
    used: set[str] = set()
    for similarity, column, name in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if (
            similarity >= 0.75
            and column not in chosen
            and name not in used
            and _fits(found.columns[name], kind, column)
        ):
            chosen[column] = (name, similarity)
            used.add(name)
    return chosen


def _fits(values: Sequence[str | None], kind: Kind, column: str) -> bool:
    """Whether a sample may be of the column's type."""
    declared, some = kind.column(column), [value for value in values if value]
    if declared is None or not some:
        return True
    if declared.type in ("timestamp", "date"):
        return bool(_formats(some)) or all(re.fullmatch(r"\d{10}(\d{3})?", value) for value in some)
    if declared.type.startswith(("decimal", "bigint", "double")):
        return sum(
            bool(_NUMBER.match(value) or _MONEY.search(value)) for value in some
        ) >= 0.9 * len(some)
    return True


def _score(kind: Kind, matched: Mapping[str, tuple[str, float]]) -> float:
    needed = sum(matched[name][1] for name in kind.required if name in matched) / len(kind.required)
    return needed + 0.05 * sum(
        similarity for name, (_, similarity) in matched.items() if name not in kind.required
    )


def _formats(values: Sequence[str]) -> list[tuple[str, str]]:
    """Date patterns that read every value."""
    return [
        (python, spark)
        for python, spark in _DATES
        if all(_reads(value, python) for value in values)
    ]


def _reads(value: str, pattern: str) -> bool:
    try:
        datetime.strptime(value.strip(), pattern)
    except ValueError:
        return False
    return True


def _written(
    path: str, found: Sample, kind: Kind, matched: Mapping[str, tuple[str, float]], time_zone: str
) -> Proposal:
    file = Path(path)
    proposal = Proposal(
        kind.name, {"where": f"${{data}}/*{''.join(file.suffixes)}", "format": found.form}
    )
    if found.options:
        proposal.body["options"] = dict(found.options)
    proposal.body["time_zone"] = time_zone
    proposal.notes.append(f"time_zone: no file states it; {time_zone} is the shop's")
    columns: dict[str, Any] = {}
    for column in kind.columns:
        if column.name in matched:
            name, similarity = matched[column.name]
            columns[column.name] = _expression(found, kind, column.name, name, proposal)
            if similarity < 0.9:
                proposal.notes.append(f"{column.name}: '{name}' only resembles it")
    if kind.column("currency") and "currency" not in columns:
        proposal.body["currency"] = "${currency}"
        proposal.notes.append("currency: no column states it; the shop's is taken")
    if kind.people:
        proposal.body["consent"] = {"basis": "recorded"}
        proposal.notes.append(
            "consent: 'recorded' needs a consents source; 'declared' needs the ground on which the data is used"
        )
    proposal.body["columns"] = {name: body for name, body in columns.items() if body is not None}
    for name in kind.required:
        if columns.get(name) is None:
            proposal.notes.append(f"{name}: required, and no column was found for it")
    _look_closer(found, kind, matched, proposal)
    return proposal


def _quoted(name: str) -> str:
    return (
        name
        if re.fullmatch(r"[A-Za-z_]\w*", name)
        and name.lower() not in ("order", "when", "from", "to", "group", "by", "date", "timestamp")
        else f"`{name}`"
    )


def _expression(found: Sample, kind: Kind, column: str, name: str, proposal: Proposal) -> Any:
    """The column's expression, in a standard form where its values need one; None where a person must decide."""
    declared, some = kind.column(column), [value for value in found.columns[name] if value]
    assert declared is not None
    source = _quoted(name)
    if declared.type in ("timestamp", "date"):
        return _date(some, column, source, proposal)
    if declared.type.startswith("decimal") and any(
        not re.fullmatch(r"[+-]?\d+(\.\d+)?", value) for value in some
    ):
        comma = sum(bool(re.search(r"\d,\d{1,2}\D*$", value)) for value in some) > 0.5 * len(some)
        return {"from": source, "as": "price", **({"decimal": ","} if comma else {})}
    if column == "phone":
        proposal.notes.append("phone: written without a country's code they are taken for Chinese")
        return {"from": source, "as": "phone", "country": "CN"}
    return (
        {"from": source, "as": "text"}
        if any(re.search("[\uff01-\uff5e\u3000\u00a0]", value) for value in some)
        else source
    )


def _date(some: Sequence[str], column: str, source: str, proposal: Proposal) -> Any:
    if some and all(re.fullmatch(r"\d{10}", value) for value in some):
        return f"timestamp_seconds(cast({source} as bigint))"
    if some and all(re.fullmatch(r"\d{13}", value) for value in some):
        return f"timestamp_millis(cast({source} as bigint))"
    formats = [spark for _, spark in _formats(some)]
    day_first, month_first = (
        next((item for item in formats if item.startswith(start)), None) for start in ("d/M", "M/d")
    )
    if day_first and month_first:
        proposal.notes.append(
            f"{column}: day and month cannot be told apart in {source}; write 'formats: [{day_first}]' or 'formats: [{month_first}]'"
        )
        return None
    return {"from": source, "as": "date", "formats": formats[:1]} if formats else source


def _look_closer(
    found: Sample, kind: Kind, matched: Mapping[str, tuple[str, float]], proposal: Proposal
) -> None:
    """Likely keys, and personal data in columns that nobody would take for such."""
    used = {name: column for column, (name, _) in matched.items()}
    unique = [
        name
        for name, values in found.columns.items()
        if found.rows > 1 and None not in values and len(set(values)) == len(values)
    ]
    keys = [name for name in unique if used.get(name) in kind.key or name not in used]
    if keys:
        proposal.notes.append(
            f"duplicates: {', '.join(keys)} differ in every sampled record; 'duplicates: {{key: [...]}}' would name records by one"
        )
    sealed: list[str] = []
    for name, values in found.columns.items():
        some = [value for value in values if value]
        for what, pattern in _PERSONAL.items():
            is_one = what == used.get(name) or (
                what == "phone" and (name in used or all(len(value) < 11 for value in some))
            )
            if (
                some
                and not is_one
                and sum(bool(pattern.match(value)) for value in some) >= 0.8 * len(some)
            ):
                sealed.append(name)
                proposal.notes.append(
                    f"personal: '{name}' looks like personal data ({what}) and is sealed"
                )
    if sealed:
        proposal.body["personal"] = list(dict.fromkeys(sealed))
