"""Past days on which a model learns and is judged: the cuts, and what each is for."""

from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.measures.columns.buckets import bucket
from clarion.measures.statistics.intervals import NotComputable

TRAIN, CHOOSE, CALIBRATE, JUDGE = "train", "choose", "calibrate", "judge"


@dataclass(frozen=True, slots=True)
class Cuts:
    """Past days, the oldest first; the outcome of each is complete before the next one.

    Args:
        days: at least two.
        history_days: days of history before the first cut.
    """

    days: tuple[date, ...]
    history_days: int

    @property
    def train(self) -> tuple[date, ...]:
        """Cuts that models are fitted on."""
        return self.days[:-2] or self.days[:1]

    @property
    def judge(self) -> date:
        """The last cut, on which the chosen model is judged."""
        return self.days[-1]

    def role(self) -> Column:
        """What a customer at a cut is for: column cut, by the customer's hash.

        With three cuts or more the last one judges, and halves of the one before choose the model
        and calibrate it. With two, thirds of the last one do these three things.
        """
        share = bucket("calibration", "customer_id")
        if len(self.days) == 2:
            later = F.when(share % 3 == 0, CHOOSE).when(share % 3 == 1, CALIBRATE).otherwise(JUDGE)
        else:
            half = F.when(share % 2 == 0, CHOOSE).otherwise(CALIBRATE)
            later = F.when(F.col("cut") == F.lit(self.judge), JUDGE).otherwise(half)
        return F.when(F.col("cut").isin(*self.train), TRAIN).otherwise(later)


def choose_cuts(
    first_day: date | None, *, as_of: date, stride_days: int, most: int, min_history_days: int
) -> Cuts | NotComputable:
    """The cuts of a run, each a stride before the next.

    Args:
        first_day: first day of the shop's history; None without one.
        as_of: first day that does not count.
        stride_days: days between two cuts: the longest horizon, so that no outcome reaches into
            the window of the next one.
        most: most cuts.
        min_history_days: days of history that a cut needs.

    Returns:
        The cuts, or why there are none.

    Example:
        >>> cuts = choose_cuts(
        ...     date(2026, 1, 1), as_of=date(2026, 6, 30), stride_days=28, most=4,
        ...     min_history_days=90,
        ... )
        >>> [str(day) for day in cuts.days], cuts.history_days
        (['2026-04-07', '2026-05-05', '2026-06-02'], 96)
    """
    if first_day is None:
        return NotComputable("there is no history")
    candidates = [as_of - timedelta(days=stride_days * number) for number in range(most, 0, -1)]
    days = tuple(day for day in candidates if (day - first_day).days >= min_history_days)
    if len(days) < 2:
        return NotComputable(
            f"the history of {(as_of - first_day).days} days is too short: a model is fitted "
            f"{2 * stride_days} days back, and needs {min_history_days} days before that"
        )
    return Cuts(days, (days[0] - first_day).days)
