"""Find readable personal values where there should be none: by shape, and by the vault's tokens."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import arrow_udf, token_of

# No Latin letter or digit may be on either side: the digits of a fingerprint are no telephone.
# Chinese text may.
_BEFORE = r"(?<![A-Za-z0-9._+-])"
_AFTER = r"(?![A-Za-z0-9]|[._-][0-9])"
_CHINESE_PHONE = r"(?:[+]?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2}"
_OTHER_PHONE = r"[+][0-9](?:[ -]?[0-9]){8,14}"
_DAY = r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
SHAPES = {
    "phone": rf"{_BEFORE}(?:{_CHINESE_PHONE}|{_OTHER_PHONE}){_AFTER}",
    "mail": r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:[.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}",
    "id_number": rf"{_BEFORE}[1-9][0-9]{{5}}{_DAY}[0-9]{{3}}[0-9Xx]{_AFTER}",
}
# Fields without a shape: parts of a text are looked up among the vault's tokens.
FIELDS_WITHOUT_SHAPE = ("name", "address")
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_CHINESE = re.compile(r"[\u3400-\u9fff]+")
_CHINESE_OR_DIGITS = re.compile(r"[\u3400-\u9fff\d]+")
_MAX_TEXT = 400
_MAX_WORDS = 6
_CHINESE_NAME_LENGTHS = (2, 3, 4)
# One word of Latin letters with a digit in it is no name and no address; nor is a time or a number.
_REFERENCE = r"^[!-~]*[0-9][!-~]*$"
_LETTER = r"\p{L}"
# What has neither an @ nor nine digits in a row, save for spaces and dashes, has no shape.
_MAY_HAVE_SHAPE = r"@|[0-9](?:[ -]?[0-9]){8}"
# Of a cell: its table or file, the source and the batch that brought it, its column and its text.
CELL = ("location", "source", "part", "column", "text")


@dataclass(frozen=True, slots=True)
class Leak:
    """A column or file in which something personal can be read.

    Args:
        location: table or file.
        column: column; empty for a file.
        kind: phone, mail, id_number, name or address.
        cells: cells in which it was found.
        sample: one of the values; readable, so it must be masked before it is stored.
        source: mapping and source kind of records in bronze; None elsewhere.
        parts: batches, or the file of the outbox, in which it was found; empty elsewhere.
    """

    location: str
    column: str
    kind: str
    cells: int
    sample: str
    source: str | None = None
    parts: frozenset[str] = frozenset()


def text_columns(frame: DataFrame) -> DataFrame:
    """The columns of a frame that may hold text, each as one text per row."""
    texts = []
    for name, type_ in frame.dtypes:
        column = F.col(f"`{name}`")
        if type_ == "string":
            texts.append(column)
        elif "string" in type_:
            texts.append(F.to_json(F.struct(column.alias("_"))).alias(name))
    return frame.select(*texts)


def count_shapes(texts: DataFrame) -> DataFrame:
    """Cells of each column with the shape of a telephone, a mail address or an identity number.

    Args:
        texts: rows of `text_columns`.

    Returns:
        column, kind, cells, sample (readable).
    """
    aggregates = []
    entries = []
    for index, name in enumerate(texts.columns):
        for kind, shape in SHAPES.items():
            match = F.regexp_extract(F.col(f"`{name}`"), shape, 0)
            cells = f"n_{index}_{kind}"
            sample = f"s_{index}_{kind}"
            aggregates += [
                F.count_if(F.length(match) > 0).alias(cells),
                F.min(F.nullif(match, F.lit(""))).alias(sample),
            ]
            entry = F.struct(
                F.lit(name).alias("column"),
                F.lit(kind).alias("kind"),
                F.col(cells).alias("cells"),
                F.col(sample).alias("sample"),
            )
            entries.append(entry)
    return texts.agg(*aggregates).select(F.inline(F.array(*entries))).where("cells > 0")


def record_cells(records: DataFrame, *, table: str, accepted: Collection[str]) -> DataFrame:
    """The values of records as they arrived, one a row: CELL.

    Args:
        records: rows of a table of bronze.
        table: its name.
        accepted: columns that may look personal, such as bronze.orders.order_no.
    """
    cells = records.select(
        F.lit(table).alias("location"),
        F.col("_source").alias("source"),
        F.col("_batch").alias("part"),
        F.explode("raw").alias("column", "text"),
    )
    prefix = f"{table}."
    columns = [name.removeprefix(prefix) for name in accepted if name.startswith(prefix)]
    return cells.where(F.col("text").isNotNull() & ~F.col("column").isin(columns))


def count_shapes_in_cells(cells: DataFrame) -> DataFrame:
    """Cells with the shape of a telephone, a mail address or an identity number.

    Args:
        cells: CELL.

    Returns:
        location, source, column, kind, cells, sample (readable), parts.
    """
    matches = {
        kind: F.nullif(F.regexp_extract("text", shape, 0), F.lit(""))
        for kind, shape in SHAPES.items()
    }
    entries = [
        F.struct(F.lit(kind).alias("kind"), match.alias("match")) for kind, match in matches.items()
    ]
    return (
        cells.where(F.regexp_like("text", F.lit(_MAY_HAVE_SHAPE)))
        .select("location", "source", "part", "column", F.inline(F.array(*entries)))
        .where("match IS NOT NULL")
        .groupBy("location", "source", "column", "kind")
        .agg(
            F.count("*").alias("cells"),
            F.min("match").alias("sample"),
            F.collect_set("part").alias("parts"),
        )
    )


def may_hold_name(text: str) -> bool:
    """Whether a text may hold a name or an address: it has letters, and is no reference or time."""
    return any(map(str.isalpha, text)) and not re.match(_REFERENCE, text)


def possible_names_in_cells(cells: DataFrame) -> DataFrame:
    """Cells that may hold a name or an address: CELL, distinct.

    Args:
        cells: CELL.
    """
    has_words = F.regexp_like("text", F.lit(_LETTER)) & ~F.regexp_like("text", F.lit(_REFERENCE))
    return cells.where(has_words).distinct()


def possible_names(texts: DataFrame) -> DataFrame:
    """Texts that may hold a name or an address: column, text.

    Args:
        texts: rows of `text_columns`.
    """
    entries = [
        F.struct(F.lit(name).alias("column"), F.col(f"`{name}`").alias("text"))
        for name in texts.columns
    ]
    cells = texts.select(F.inline(F.array(*entries)))
    return cells.where(F.col("text").isNotNull() & ~F.regexp_like("text", F.lit(_REFERENCE)))


def name_candidates(text: str) -> list[str]:
    """Parts of a text that may be a name or an address.

    These are runs of words; of Chinese, up to four characters, and what is between punctuation.

    Args:
        text: any text; only its first 400 characters count.
    """
    text = text[:_MAX_TEXT]
    words = _WORDS.findall(text)
    parts = {text, *_CHINESE_OR_DIGITS.findall(text)}
    for start in range(len(words)):
        for end in range(start + 2, min(start + _MAX_WORDS, len(words)) + 1):
            parts.add(" ".join(words[start:end]))
    for run in _CHINESE.findall(text):
        for length in _CHINESE_NAME_LENGTHS:
            parts |= {run[start : start + length] for start in range(len(run) - length + 1)}
    return sorted(parts)


def candidate_tokens(field: str, key: Key) -> Callable[[Column], Column]:
    """A column function from texts to the tokens of their parts, as values of a field.

    Args:
        field: name or address.
        key: the key in use.
    """

    def tokens_of(text: str | None) -> list[str]:
        parts = name_candidates(text) if text else []
        return [token_of(part, field=field, key=key) for part in parts]

    @arrow_udf("array<string>")  # type: ignore[untyped-decorator]
    def tokens(values: pa.Array) -> pa.Array:
        lists = [tokens_of(value) for value in values.to_pylist()]
        return pa.array(lists, pa.list_(pa.string()))

    function: Callable[[Column], Column] = tokens
    return function


def find_vault_values(cells: DataFrame, vault: DataFrame, *, key: Key) -> DataFrame:
    """Cells in which a name or an address of the vault can be read.

    Args:
        cells: CELL, distinct.
        vault: PERSONAL_DATA under this key.
        key: the key in use.

    Returns:
        location, source, column, kind, cells, sample (readable), parts.
    """
    sealed = vault.where(F.col("field").isin(*FIELDS_WITHOUT_SHAPE)).select(
        "token", F.col("field").alias("kind")
    )
    by_field = []
    for field in FIELDS_WITHOUT_SHAPE:
        token = F.explode(candidate_tokens(field, key)(F.col("text"))).alias("token")
        candidates = cells.select(*CELL, token)
        by_field.append(candidates.join(sealed.where(F.col("kind") == field), "token"))
    cells_found = by_field[0].unionByName(by_field[1])
    return cells_found.groupBy("location", "source", "column", "kind").agg(
        F.countDistinct("text").alias("cells"),
        F.min("text").alias("sample"),
        F.collect_set("part").alias("parts"),
    )


def find_shapes(content: bytes) -> dict[str, list[str]]:
    """Values in a file with the shape of something personal, by kind."""
    text = content.decode("utf-8", errors="ignore")
    matches = {kind: re.findall(shape, text) for kind, shape in SHAPES.items()}
    return {kind: values for kind, values in matches.items() if values}
