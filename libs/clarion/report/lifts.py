"""Lifts as people read them: estimate, interval, customers, and what so many customers can show."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from clarion.measures.statistics.power import Lift


@dataclass(frozen=True, slots=True)
class LiftRow:
    """What the messages of a strategy changed.

    Args:
        strategy: id and version.
        name: of the group, in both languages.
        as_of: day of the measurement.
        treated: customers outside the holdout.
        held_out: customers in the holdout.
        treated_rate: share of the treated who ordered; None without any.
        held_out_rate: the same of the holdout.
        orders: the difference of these shares; None where it is not computable.
        revenue: the difference of the revenue per customer.
        true_effect: the true difference of the shares; None outside of simulations.
    """

    strategy: str
    name: str
    as_of: date
    treated: int
    held_out: int
    treated_rate: float | None
    held_out_rate: float | None
    orders: Lift | None
    revenue: Lift | None
    true_effect: float | None = None

    @property
    def rates(self) -> str:
        """Shares of customers who ordered, with and without messages."""
        shares = (self.treated_rate, self.held_out_rate)
        return " / ".join("–" if share is None else f"{share:.1%}" for share in shares)

    @property
    def points(self) -> str:
        """The difference of the shares with its interval, in percentage points."""
        return "not computable" if self.orders is None else _interval(self.orders, 100.0)

    @property
    def smallest_points(self) -> str:
        """The smallest difference of the shares that so many customers show."""
        return "–" if self.orders is None else _smallest(self.orders, 100.0)

    @property
    def money(self) -> str:
        """The difference of the revenue per customer with its interval."""
        return "not computable" if self.revenue is None else _interval(self.revenue, 1.0)

    @property
    def smallest_money(self) -> str:
        """The smallest difference of the revenue per customer that so many customers show."""
        return "–" if self.revenue is None else _smallest(self.revenue, 1.0)

    @property
    def truth(self) -> str:
        """The true difference of the shares, in percentage points."""
        return "–" if self.true_effect is None else f"{100 * self.true_effect:+.2f}"

    def meaning(self, currency: str) -> str:
        """What the customers of both arms can show, and what they do show, in English."""
        if self.orders is None or self.revenue is None:
            return "Nothing can be said: too few customers are held out, or nobody ordered."
        size = (
            f"With {self.treated:,} and {self.held_out:,} customers, a true difference below "
            f"{self.smallest_points} points or {self.smallest_money} {currency} may well go "
            "unnoticed."
        )
        found = [
            f"{'More' if lift.value > 0 else 'Less'} {what} because of the messages."
            for what, lift in (("orders", self.orders), ("revenue", self.revenue))
            if lift.excludes_zero
        ]
        return " ".join([size, *(found or ["Nothing is shown: the difference may be chance."])])

    def meaning_zh(self, currency: str) -> str:
        """The same in Chinese."""
        if self.orders is None or self.revenue is None:
            return "无法判断：对照客户太少，或无人下单。"
        size = (
            f"{self.treated:,} 人对 {self.held_out:,} 人时，低于 {self.smallest_points} 个百分点或 "
            f"{self.smallest_money} {currency} 的真实差异很可能看不出来。"
        )
        found = [
            f"消息带来了{'更多' if lift.value > 0 else '更少'}{what}。"
            for what, lift in (("下单", self.orders), ("收入", self.revenue))
            if lift.excludes_zero
        ]
        return "".join([size, *(found or ["尚未看出效果：差异可能只是偶然。"])])


@dataclass(frozen=True, slots=True)
class Proof:
    """The same plan on a large simulated shop.

    Args:
        customers: of the large shop.
        decided_on: day of the decisions.
        days: length of the window in which outcomes count.
        holdout: share of the customers who got nothing.
        rows: one per strategy; the last one is of all together.
    """

    customers: int
    decided_on: date
    days: int
    holdout: float
    rows: tuple[LiftRow, ...]


def lift_rows(kpis: pd.DataFrame, strategies: pd.DataFrame) -> list[LiftRow]:
    """The lifts that were measured, one per row of STRATEGY_KPIS.

    Args:
        kpis: STRATEGY_KPIS.
        strategies: STRATEGIES, for the names of the groups.
    """
    names = strategy_names(strategies)
    return [
        LiftRow(
            strategy=f"{kpi['strategy_id']} v{kpi['strategy_version']}",
            name=names.get(kpi["strategy_id"], ""),
            as_of=kpi["as_of"],
            treated=int(kpi["treated"]),
            held_out=int(kpi["held_out"]),
            treated_rate=_share(kpi["treated_buyers"], kpi["treated"]),
            held_out_rate=_share(kpi["held_out_buyers"], kpi["held_out"]),
            orders=_lift(kpi, "order_rate_lift", "order_rate"),
            revenue=_lift(kpi, "lift", "lift"),
        )
        for kpi in kpis.to_dict("records")
    ]


def strategy_names(strategies: pd.DataFrame) -> dict[str, str]:
    """The names of groups in both languages, by strategy; those of the last day."""
    return {
        row["strategy_id"]: f"{row['name_en']} · {row['name_zh']}"
        for row in strategies.sort_values("as_of").to_dict("records")
    }


def _lift(kpi: dict[Hashable, Any], value: str, prefix: str) -> Lift | None:
    """A lift of a row of STRATEGY_KPIS; None where it is not computable."""
    columns = (value, *(f"{prefix}_{end}" for end in ("low", "high", "detectable")))
    numbers = [kpi[column] for column in columns]
    return None if any(pd.isna(number) for number in numbers) else Lift(*map(float, numbers))


def _share(part: Any, whole: Any) -> float | None:
    return None if pd.isna(part) or not whole else float(part) / float(whole)


def _interval(lift: Lift, scale: float) -> str:
    digits = _digits(lift, scale)
    value, low, high = (
        f"{scale * number:+,.{digits}f}" for number in (lift.value, lift.low, lift.high)
    )
    return f"{value} ({low} to {high})"


def _smallest(lift: Lift, scale: float) -> str:
    return f"{scale * lift.detectable:,.{_digits(lift, scale)}f}"


def _digits(lift: Lift, scale: float) -> int:
    """Decimals that say something: one, or two where differences below 1 can be seen."""
    return 1 if scale * lift.detectable >= 1 else 2
