"""Settings of the matches of competitors' listings."""

from typing import Literal

from clarion.config import settings


@settings("listing_matches")
class MatchSettings:
    """Which listings are matched, with how many products each is compared, and what is accepted."""

    days: int
    chinese: Literal["bigrams", "jieba"]
    candidates: int
    block_rows: int
    price_weight: float
    min_score: float
    min_margin: float
