"""What was seen of a market: listings with their weekly prices, the shop's goods, promotions."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
ALL = "all"
UNKNOWN = "(unknown)"
DAYS_OF_WEEK = 7


@dataclass(frozen=True, slots=True)
class Observed:
    """A market as it was known on a day. Week 0 is the seven days that end the day before it.

    Args:
        as_of: first day that does not count.
        listings: competitor, title, brand (or None), product_id (of the match, or None), category,
            is_estimated (whether the category is), first_seen, last_seen (days), promotion (or
            None).
        theirs: price of each listing at the end of each week, newest first; NaN where it was not on
            sale; shape (listings, weeks).
        ours: list price of the product that it is, at the same times; NaN where there is none;
            shape (listings, weeks).
        products: product_id, title, brand, category, list_price, since (day of the first dated
            statement, or NaT).
        promotions: competitor, name, category (of the shop, or None); those that run.
        observed_since: first day on which each competitor was seen.
    """

    as_of: date
    listings: pd.DataFrame
    theirs: Array
    ours: Array
    products: pd.DataFrame
    promotions: pd.DataFrame
    observed_since: dict[str, date]

    @property
    def is_on_sale(self) -> npt.NDArray[np.bool_]:
        """Whether each listing is on sale on the as-of day, shape (listings,)."""
        return np.isfinite(self.theirs[:, 0])

    @property
    def log_ratios(self) -> Array:
        """Logarithm of our price over theirs, shape (listings, weeks); NaN without either."""
        ratios: Array = np.log(self.ours) - np.log(self.theirs)
        return ratios

    def is_in(self, category: str) -> npt.NDArray[np.bool_]:
        """Whether each listing is in a category; all are in 'all'."""
        if category == ALL:
            return np.ones(len(self.listings), dtype=bool)
        return (self.listings["category"] == category).to_numpy(dtype=bool)

    def is_new(self, days: int) -> npt.NDArray[np.bool_]:
        """Whether each listing was first seen in the last days, of a competitor seen before them.

        Of a competitor who was not observed before, nobody knows what is new.
        """
        since = self.as_of - timedelta(days=days)
        was_observed = self.listings["competitor"].map(self.observed_since) < since
        is_recent = self.listings["first_seen"] >= since
        return (was_observed & is_recent).to_numpy(dtype=bool)


def weekly_prices(prices: pd.DataFrame, rows: int, *, weeks: int, carried: int | None) -> Array:
    """Prices at the end of each week, newest first; the last price seen holds until the next one.

    Args:
        prices: row, week (0 for the newest), price; the last price of each week in which there is
            one. Weeks beyond `weeks` serve to fill the first ones.
        rows: number of rows of the result.
        weeks: number of weeks of the result.
        carried: how many weeks a price holds, its own among them; None for ever.

    Returns:
        Shape (rows, weeks); NaN where no price holds.

    Example:
        A price of 9 in week 2 holds in weeks 1 and 0, or in week 1 alone:

        >>> seen = pd.DataFrame({"row": [0], "week": [2], "price": [9.0]})
        >>> weekly_prices(seen, 1, weeks=3, carried=None).tolist()
        [[9.0, 9.0, 9.0]]
        >>> weekly_prices(seen, 1, weeks=3, carried=2).tolist()
        [[nan, 9.0, 9.0]]
    """
    oldest = max(int(prices["week"].max()) if len(prices) else 0, weeks - 1)
    table = np.full((rows, oldest + 1), np.nan)
    table[prices["row"].to_numpy(), prices["week"].to_numpy()] = prices["price"].to_numpy()
    in_time = pd.DataFrame(table[:, ::-1].T)
    limit = None if carried is None else carried - 1
    filled = in_time if limit == 0 else in_time.ffill(limit=limit)
    values: Array = filled.to_numpy().T[:, ::-1][:, :weeks]
    return values


def day_of_week(as_of: date, week: int) -> date:
    """The last day of a week that counts."""
    return as_of - timedelta(days=1 + DAYS_OF_WEEK * week)
