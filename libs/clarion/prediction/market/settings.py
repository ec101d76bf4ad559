"""Settings of the market position."""

from dataclasses import dataclass
from datetime import date

from clarion.config import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSize:
    """What somebody outside the shop says a market is worth.

    Args:
        category: category of the shop, or 'all'.
        amount: sales of all sellers in the period, in the shop's currency.
        first_day: first day of the period.
        last_day: its last day.
        source: who says so, for the reader.
    """

    category: str
    amount: float
    first_day: date
    last_day: date
    source: str

    def __post_init__(self) -> None:
        if self.amount <= 0 or self.last_day < self.first_day or not self.source.strip():
            raise ValueError(
                f"the size of '{self.category}' needs an amount above 0, a first_day that is not "
                "after its last_day, and a source"
            )


@settings("market_position")
class MarketSettings:
    """The window, what is new, what warns, and the declared sizes of markets."""

    weeks: int
    new_days: int
    min_trend_weeks: int
    warn_trend: float
    warn_share: float
    warn_least: int
    min_category_accuracy: float
    examples: int
    sizes: tuple[MarketSize, ...]

    def __post_init__(self) -> None:
        categories = [size.category for size in self.sizes]
        twice = sorted({name for name in categories if categories.count(name) > 1})
        if twice:
            raise ValueError(f"more than one size is declared for {', '.join(twice)}; keep one")
