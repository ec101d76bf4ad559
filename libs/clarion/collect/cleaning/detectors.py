"""Detectors of invalid activity: accidental clicks, bots and fake orders.

A detector is data (conf/invalid_activity.yml): features and a condition, both SQL, over one of
the three views of `invalid_activity.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.config.load import parse_model
from clarion.kernel.expressions import refuse_unsafe_sql
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql, user_column

View = Literal["clicks", "actor_days", "orders"]
_UNITS: dict[View, tuple[str, ...]] = {
    "clicks": ("record_id",),
    "actor_days": ("actor", "day"),
    "orders": ("order_id", "customer_id"),
}


@dataclass(frozen=True, slots=True)
class Detector:
    """One declared kind of invalid activity, and how it is recognised.

    Args:
        name: recorded with each fact that it flags.
        view: the view of the facts that it checks.
        reason: in words.
        features: SQL by name; aggregates where a unit has several rows.
        flag_when: SQL over the view's columns; over the features, where a unit has several rows.
    """

    name: str
    view: View
    reason: str
    features: tuple[tuple[str, str], ...]
    flag_when: str

    @property
    def checks_orders(self) -> bool:
        """Whether it flags order lines; it flags events otherwise."""
        return self.view == "orders"


class _DeclaredDetector(BaseModel):
    """A detector as its file declares it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    view: View
    reason: str
    features: dict[str, str]
    flag_when: str


def parse_detectors(content: Mapping[str, Any]) -> tuple[Detector, ...]:
    """The detectors of a file.

    Args:
        content: of conf/invalid_activity.yml, by detector.

    Raises:
        ConfigError: an unknown key or view, or more than an expression.
    """
    return tuple(_parse_detector(name, body) for name, body in content.items())


def _parse_detector(name: str, body: Any) -> Detector:
    where = f"invalid_activity.yml: {name}"
    declared = parse_model(_DeclaredDetector, body, where=where)
    for expression in (*declared.features.values(), declared.flag_when):
        refuse_unsafe_sql(expression, where=where)
    features = tuple(declared.features.items())
    return Detector(name, declared.view, declared.reason, features, declared.flag_when)


def check_detector(detector: Detector, view: DataFrame) -> None:
    """Refuse a detector that its view cannot compute.

    Args:
        detector: the detector.
        view: `clicks` for clicks and actor days, `orders` for orders.

    Raises:
        ConfigError: a feature or the condition is invalid over the view's columns.
    """
    is_aggregate = detector.view == "actor_days"
    where = f"invalid_activity.yml: {detector.name}"
    hint = "use the columns that libs/clarion/collect/cleaning/README.md names"
    keys = _UNITS["actor_days"] if is_aggregate else ()
    features = [
        UserSql(
            where=where,
            text=text,
            result="double",
            is_aggregate=is_aggregate,
            keys=keys,
            hint=hint,
        )
        for _, text in detector.features
    ]
    check_user_sql(view, features)
    condition = UserSql(where=where, text=detector.flag_when, result=CONDITION, hint=hint)
    check_user_sql(_actor_days(detector, view) if is_aggregate else view, [condition])


def _actor_days(detector: Detector, clicks: DataFrame) -> DataFrame:
    """The features of a detector, summed over the clicks of each actor and day."""
    features = [user_column(expression).alias(name) for name, expression in detector.features]
    return clicks.groupBy(*_UNITS["actor_days"]).agg(*features)


def flag_units(detector: Detector, view: DataFrame) -> DataFrame:
    """Units of a view that a detector flags, with their features.

    Args:
        detector: the detector.
        view: `clicks` for clicks and actor days, `orders` for orders.

    Returns:
        record_id, or actor and day, or order_id and customer_id; features (map of doubles).
    """
    unit = _UNITS[detector.view]
    features = {name: user_column(expression) for name, expression in detector.features}
    if detector.view == "actor_days":
        view = _actor_days(detector, view)
        features = {name: F.col(name) for name in features}
    entries = []
    for name, value in features.items():
        entries += [F.lit(name), value.cast("double")]
    is_flagged = user_column(detector.flag_when)
    return view.where(is_flagged).select(*unit, F.create_map(*entries).alias("features"))


def flagged_facts(
    detector: Detector, units: DataFrame, clicks: DataFrame, lines: DataFrame
) -> DataFrame:
    """The single facts of the units that a detector flags.

    Args:
        detector: the detector.
        units: rows of `flag_units`.
        clicks: rows of `clicks`.
        lines: ORDER_LINES.

    Returns:
        record_id, happened_at, features.
    """
    if detector.checks_orders:
        # Returns too: without the sales they take back, they would count as negative sales.
        lines_of_orders = lines.join(F.broadcast(units), ["order_id", "customer_id"])
        return lines_of_orders.select(
            F.col("order_line_id").alias("record_id"), "happened_at", "features"
        )
    keys = list(_UNITS[detector.view])
    return clicks.join(units, keys).select("record_id", "happened_at", "features")
