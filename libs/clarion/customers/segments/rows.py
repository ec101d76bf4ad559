"""Rows of SEGMENT_MODELS and SEGMENT_GROUPS as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class FeatureBins:
    """The distribution of one input in a training: inner edges of the bins and their shares."""

    feature: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Trait:
    """How far a group's mean lies from the population in one input, in standard deviations."""

    feature: str
    z: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a group's name: an input, and whether the group has much of it or little."""

    feature: str
    is_high: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of the model in force: a row of SEGMENT_GROUPS without its day."""

    cluster: int
    segment_id: str
    state: Literal["new", "kept"]
    distance: float | None
    name_en: str
    name_zh: str
    named_by: tuple[Word, ...]
    traits: tuple[Trait, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The group of a row of SEGMENT_GROUPS."""
        columns = {name: row[name] for name in cls.__dataclass_fields__}
        nested = {
            "traits": tuple(Trait(**item) for item in row["traits"]),
            "named_by": tuple(Word(**item) for item in row["named_by"]),
        }
        return cls(**(columns | nested))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """The model in force and the challenger of a day: a row of SEGMENT_MODELS without its day."""

    model_version: str
    trained_on: date
    algorithm: str
    groups: int
    features: Mapping[str, str]
    settings_hash: str
    metrics: Mapping[str, float]
    feature_drift: Mapping[str, float]
    group_drift: float | None
    baseline: tuple[FeatureBins, ...]
    group_shares: Mapping[str, float]
    retired: tuple[str, ...] = ()
    retrained_because: str | None = None
    challenger_version: str | None = None
    challenger_metrics: Mapping[str, float] | None = None
    promoted: bool = False
    verdict: tuple[str, ...] = ()

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The model of a row of SEGMENT_MODELS."""
        columns = {name: row[name] for name in cls.__dataclass_fields__}
        baseline = tuple(
            FeatureBins(item["feature"], tuple(item["edges"]), tuple(item["shares"]))
            for item in row["baseline"]
        )
        lists = {"retired": tuple(row["retired"]), "verdict": tuple(row["verdict"])}
        return cls(**(columns | lists | {"baseline": baseline}))
