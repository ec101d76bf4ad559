"""Why a strategy changes or not, in sentences for people who plan campaigns, in two languages."""

from collections.abc import Sequence
from dataclasses import dataclass

from clarion.campaigns.measurement.factor import Term

_NAMES = {
    "ctr": ("click rate", "点击率"),
    "cr": ("conversion", "转化率"),
    "apu": ("revenue per buyer", "每位买家收入"),
    "rpr": ("repurchase rate", "复购率"),
}
_RATES = {
    "ctr": (
        "{part} of {whole} messages delivered were clicked",
        "送达的 {whole} 条消息中 {part} 条被点击",
    ),
    "cr": (
        "{part} of {whole} customers who clicked ordered",
        "{whole} 位点击的客户中 {part} 位下单",
    ),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in English and Chinese."""

    en: str
    zh: str

    def __add__(self, other: "Reason") -> "Reason":
        return Reason(f"{self.en} {other.en}", f"{self.zh}{other.zh}")


@dataclass(frozen=True, slots=True)
class Gap:
    """A rate that is further from its target than chance explains.

    Args:
        term: the rate: ctr or cr.
        part: what it counts.
        whole: of how many.
    """

    term: Term
    part: int
    whole: int


def reason_of_change(
    significant: Sequence[Gap], relative: float, *, before: float, after: float
) -> Reason:
    """Which measure missed its target by how much, and what changes because of it.

    Args:
        significant: clicks, conversion or both; at least one.
        relative: the relative AdjustmentFactor.
        before: benefit multiplier that was measured.
        after: benefit multiplier of the next version.
    """
    above = relative < 0
    size = f"{abs(relative):.1%}"
    together = Reason(
        "Weighed together, click rate, conversion, revenue per buyer and repurchase rate are "
        f"{size} {'above' if above else 'below'} their targets.",
        f"点击率、转化率、每位买家收入和复购率加权后，比目标{'高' if above else '低'} {size}。",
    )
    change, old, new = f"{abs(after / before - 1):.1%}", f"{100 * before:.4g}", f"{100 * after:.4g}"
    if after < before:
        next_step = Reason(
            f"So a smaller benefit is tried: {change} less. "
            f"A coupon of {old} becomes one of {new}.",
            f"因此尝试较小的优惠：减少 {change}，面值 {old} 的券变为 {new}。",
        )
    else:
        next_step = Reason(
            f"So a larger benefit is tried: {change} more. A coupon of {old} becomes one of {new}.",
            f"因此尝试较大的优惠：增加 {change}，面值 {old} 的券变为 {new}。",
        )
    gaps = [_sentence(gap) for gap in significant]
    return sum((*gaps[1:], together, next_step), start=gaps[0])


def _sentence(gap: Gap) -> Reason:
    """How far a rate is from its target."""
    term = gap.term
    en, zh = (text.format(part=gap.part, whole=gap.whole) for text in _RATES[term.kpi])
    points = f"{100 * abs(term.gap):.1f}"
    above = term.actual > term.target
    return Reason(
        f"{en} ({term.actual:.1%}): {points} points {'above' if above else 'below'} the target of "
        f"{term.target:.1%}, more than chance explains.",
        f"{zh}（{term.actual:.1%}），比目标 {term.target:.1%} {'高' if above else '低'} {points} "
        "个百分点，差距超出偶然范围。",
    )


def too_few_messages(delivered: int, needed: int) -> Reason:
    """Nothing changes: too few messages were delivered to judge."""
    return Reason(
        f"Nothing changes: {delivered} messages were delivered, and it takes {needed} to judge.",
        f"不调整：送达 {delivered} 条消息，至少 {needed} 条才能判断。",
    )


def explained_by_chance() -> Reason:
    """Nothing changes: clicks and conversion may differ from their targets by chance."""
    return Reason(
        "Nothing changes: chance alone explains how far click rate and conversion are from their "
        "targets.",
        "不调整：点击率和转化率与目标的差距可能只是偶然。",
    )


def at_its_bound(benefit: float) -> Reason:
    """Nothing changes: the benefit multiplier may not go further."""
    return Reason(
        f"Nothing changes: the benefit multiplier is at its bound of {benefit:g}.",
        f"不调整：优惠系数已到界限 {benefit:g}。",
    )


def gaps_that_cancel() -> Reason:
    """Nothing changes: some measures are as far above their targets as others are below."""
    return Reason(
        "Nothing changes: the measures above their targets make up for those below.",
        "不调整：高于目标和低于目标的指标相互抵消。",
    )


def not_computable(missing: Sequence[str], *, delivered: int, clickers: int, buyers: int) -> Reason:
    """Nothing changes: a measure has no value.

    Args:
        missing: the KPIs without a value.
        delivered: messages delivered.
        clickers: messages clicked.
        buyers: clickers who ordered.
    """
    en = " and no ".join(_NAMES[kpi][0] for kpi in missing)
    zh = "、".join(_NAMES[kpi][1] for kpi in missing)
    return Reason(
        f"Nothing changes: there is no {en} yet. Of {delivered} messages delivered, {clickers} "
        f"were clicked, and {buyers} of these customers ordered.",
        f"不调整：还没有{zh}。送达 {delivered} 条消息，{clickers} 条被点击，"
        f"其中 {buyers} 位客户下单。",
    )
