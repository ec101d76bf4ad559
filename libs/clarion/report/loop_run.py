"""What the report says of a run of the loop beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class LoopRun:
    """A lake whose loop ran on one day or several.

    Args:
        shop: name of the shop.
        currency: in which it counts.
        days: as-of days, the last one last.
        planted: damaged records that a simulated shop delivered, by kind and damage; empty for real data.
        seconds: how long it took; None where nobody measured.
    """

    shop: str
    currency: str
    days: tuple[date, ...]
    planted: Mapping[tuple[str, str], int] = field(default_factory=dict)
    seconds: float | None = None
