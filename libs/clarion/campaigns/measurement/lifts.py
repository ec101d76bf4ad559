"""Lift: what customers outside the holdout do more than those inside, by strategy."""

from collections.abc import Iterable, Mapping
from typing import Any

from clarion.measures.statistics.intervals import Moments, NotComputable
from clarion.measures.statistics.power import Lift, lift_of, share_lift_of

LIFT_COLUMNS = (
    "strategy_id string, held_out bigint, treated bigint, "
    "lift double, lift_low double, lift_high double, lift_detectable double, "
    "held_out_buyers bigint, treated_buyers bigint, order_rate_lift double, "
    "order_rate_low double, order_rate_high double, order_rate_detectable double"
)
_DIGITS = 6  # beyond them the order of summation decides
_EMPTY_ARM = {"n": 0, "buyers": 0, "mean": 0.0, "m2": 0.0}


def lift_rows(arm_rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """The lifts of each strategy with interval and smallest detectable difference.

    Of revenue per customer (Welch's 95 % interval), and of the share of customers who order
    (Newcombe's). What is not computable is null.

    Args:
        arm_rows: rows of arms, at most two a strategy.

    Returns:
        Rows of LIFT_COLUMNS.
    """
    arms = {(row["strategy_id"], row["is_holdout"]): row for row in arm_rows}
    rows: list[tuple[Any, ...]] = []
    for strategy_id in sorted({strategy_id for strategy_id, _ in arms}):
        treated = arms.get((strategy_id, False), _EMPTY_ARM)
        holdout = arms.get((strategy_id, True), _EMPTY_ARM)
        rows.append(
            (
                strategy_id,
                holdout["n"],
                treated["n"],
                *_columns(lift_of(_revenue(treated), _revenue(holdout))),
                holdout["buyers"],
                treated["buyers"],
                *_columns(share_lift_of(_order_rate(treated), _order_rate(holdout))),
            )
        )
    return rows


def _revenue(arm: Mapping[str, Any]) -> Moments:
    return Moments(arm["n"], arm["mean"], arm["m2"])


def _order_rate(arm: Mapping[str, Any]) -> Moments:
    return Moments.of_share(arm["buyers"], arm["n"])


def _columns(lift: Lift | NotComputable) -> tuple[float | None, ...]:
    """Estimate, both ends of the interval, and the smallest difference that can be shown."""
    if isinstance(lift, NotComputable):
        return (None, None, None, None)
    return tuple(
        round(value, _DIGITS) for value in (lift.value, lift.low, lift.high, lift.detectable)
    )
