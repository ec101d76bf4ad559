"""Lift: revenue per customer outside the holdout less inside, by strategy."""

from collections.abc import Iterable, Mapping
from typing import Any

from clarion.measures.statistics.intervals import Interval, Moments, welch

LIFT_COLUMNS = (
    "strategy_id string, held_out bigint, treated bigint, lift double, lift_low double, "
    "lift_high double"
)
_DIGITS = 6  # beyond them the order of summation decides
_NOBODY = Moments(0, 0.0, 0.0)


def lift_rows(arm_rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The lift of each strategy with Welch's 95 % interval; null where it is not computable.

    Args:
        arm_rows: rows of arms, at most two a strategy.

    Returns:
        Rows of LIFT_COLUMNS.
    """
    moments: dict[tuple[str, bool], Moments] = {}
    for row in arm_rows:
        key = (row["strategy_id"], row["is_holdout"])
        moments[key] = Moments(row["n"], row["mean"], row["m2"])
    rows: list[tuple[Any, ...]] = []
    for strategy_id in sorted({strategy_id for strategy_id, _ in moments}):
        treated = moments.get((strategy_id, False), _NOBODY)
        holdout = moments.get((strategy_id, True), _NOBODY)
        lift = welch(treated, holdout)
        values: tuple[float | None, ...] = (None, None, None)
        if isinstance(lift, Interval):
            values = tuple(round(value, _DIGITS) for value in (lift.value, lift.low, lift.high))
        rows.append((strategy_id, holdout.n, treated.n, *values))
    return rows
