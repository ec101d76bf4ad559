"""Readable personal values where there should be none: by their shape, and by the vault's own tokens."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import arrow_udf, token_of

# No Latin letter or digit may stand on either side: the digits of a fingerprint are no telephone. Chinese text may.
_BEFORE, _AFTER = r"(?<![A-Za-z0-9._+-])", r"(?![A-Za-z0-9]|[._-][0-9])"
_DAY = r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
SHAPES = {
    "phone": rf"{_BEFORE}(?:(?:[+]?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{{4}}){{2}}|[+][0-9](?:[ -]?[0-9]){{8,14}}){_AFTER}",
    "mail": r"[A-Za-z0-9][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:[.][A-Za-z0-9-]+)*[.][A-Za-z]{2,}",
    "id_number": rf"{_BEFORE}[1-9][0-9]{{5}}{_DAY}[0-9]{{3}}[0-9Xx]{_AFTER}",
}
RECOGNISED = (
    "name",
    "address",
)  # have no shape; they are found by looking up what stands in a text among the vault's tokens
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_JOINED, _PLACED = re.compile(r"[\u3400-\u9fff]+"), re.compile(r"[\u3400-\u9fff\d]+")
_LONGEST_TEXT, _LONGEST_NAME = 400, 6


@dataclass(frozen=True, slots=True)
class Leak:
    """A column in which something personal can be read.

    Args:
        place: table or file.
        column: column; empty for a file.
        kind: phone, mail, id_number, name or address.
        cells: cells in which it was found.
        sample: one of them, masked.
    """

    place: str
    column: str
    kind: str
    cells: int
    sample: str


def texts(frame: DataFrame) -> dict[str, Column]:
    """The columns of a frame that may hold text, each as one text a row."""
    found: dict[str, Column] = {}
    for name, type_ in frame.dtypes:
        if type_ == "string":
            found[name] = F.col(f"`{name}`")
        elif "string" in type_:
            found[name] = F.to_json(F.struct(F.col(f"`{name}`").alias("_")))
    return found


def shaped(frame: DataFrame, columns: Mapping[str, Column]) -> DataFrame:
    """How many cells of each column hold something of the shape of a telephone, a mail address or an identity number.

    Args:
        frame: any rows.
        columns: texts of the frame by column.

    Returns:
        column, kind, cells, sample (what was found, in the clear).
    """
    sums = []
    for place, text in enumerate(columns.values()):
        for kind, shape in SHAPES.items():
            hit = F.regexp_extract(text, shape, 0)
            sums += [
                F.count_if(F.length(hit) > 0).alias(f"n_{place}_{kind}"),
                F.min(F.nullif(hit, F.lit(""))).alias(f"s_{place}_{kind}"),
            ]
    entries = [
        F.struct(
            F.lit(name).alias("column"),
            F.lit(kind).alias("kind"),
            F.col(f"n_{place}_{kind}").alias("cells"),
            F.col(f"s_{place}_{kind}").alias("sample"),
        )
        for place, name in enumerate(columns)
        for kind in SHAPES
    ]
    return frame.agg(*sums).select(F.inline(F.array(*entries))).where("cells > 0")


def spoken(text: str) -> list[str]:
    """Parts of a text that may be a name or an address: runs of words; of Chinese, up to four characters, and what stands between marks."""
    text = text[:_LONGEST_TEXT]
    words, parts = _WORDS.findall(text), {text}
    for start in range(len(words)):
        for end in range(start + 2, min(start + _LONGEST_NAME, len(words)) + 1):
            parts.add(" ".join(words[start:end]))
    for run in _JOINED.findall(text):
        parts |= {
            run[start : start + length]
            for length in (2, 3, 4)
            for start in range(len(run) - length + 1)
        }
    return sorted(parts | set(_PLACED.findall(text)))


def candidates(field: str, key: Key) -> Callable[[Column], Column]:
    """A column function from texts to the tokens that the parts of a text would have, were they values of a field."""

    @arrow_udf("array<string>")  # type: ignore[untyped-decorator]
    def tokens(values: pa.Array) -> pa.Array:
        found = [
            [token_of(part, field=field, key=key) for part in spoken(value)] if value else []
            for value in values.to_pylist()
        ]
        return pa.array(found, pa.list_(pa.string()))

    made: Callable[[Column], Column] = tokens
    return made


def recognised(cells: DataFrame, vault: DataFrame, *, key: Key) -> DataFrame:
    """Cells in which a name or an address that the vault holds stands in the clear.

    Args:
        cells: place, column, text (distinct); single words that hold a digit, such as references, may be left out.
        vault: PERSONAL_DATA under this key.
        key: the key in use.

    Returns:
        place, column, kind, cells, sample (in the clear).
    """
    known = vault.where(F.col("field").isin(*RECOGNISED)).select(
        "token", F.col("field").alias("kind")
    )
    frames = [
        cells.select(
            "place",
            "column",
            "text",
            F.explode(candidates(field, key)(F.col("text"))).alias("token"),
        ).join(known.where(F.col("kind") == field), "token")
        for field in RECOGNISED
    ]
    both = frames[0].unionByName(frames[1])
    return both.groupBy("place", "column", "kind").agg(
        F.countDistinct("text").alias("cells"), F.min("text").alias("sample")
    )


def in_bytes(content: bytes) -> dict[str, list[str]]:
    """What in a file has the shape of a telephone, a mail address or an identity number, by kind."""
    text = content.decode("utf-8", errors="ignore")
    found = {kind: re.findall(shape, text) for kind, shape in SHAPES.items()}
    return {kind: hits for kind, hits in found.items() if hits}


def masked(text: str) -> str:
    """The shape of a text: letters as x, all but its first two digits as 0."""
    return text[:2] + re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "0", text[2:24]))
