"""Rows of TAGS as frozen values."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """A tag of a day: a row of TAGS without its day and its counts."""

    tag: str
    kind: Literal["declared", "tree"]
    rule: str
    label_en: str
    label_zh: str
    meaning: str
    segment_id: str | None = None
    explains: str | None = None
    category: str | None = None
    confidence: float | None = None
    lift: float | None = None
    recall: float | None = None
    fidelity: float | None = None
    fidelity_low: float | None = None
    fidelity_high: float | None = None
