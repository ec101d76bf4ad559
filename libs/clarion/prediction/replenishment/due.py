"""Due dates, intervals and probabilities, as columns over what is known of each customer."""

from collections.abc import Mapping
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.prediction.replenishment.calibration import Calibration, calibrated
from clarion.prediction.replenishment.gaps import power_sum
from clarion.prediction.replenishment.settings import ReplenishSettings

HORIZONS = (7, 14)
_FARTHEST = 3650  # days: what is expected later is dated so


def with_rates(gaps: DataFrame, categories: DataFrame, *, min_purchases: int) -> DataFrame:
    """Customers and categories with the posterior of their rate.

    Args:
        gaps: as `gaps.gaps_at` returns them.
        categories: category, gap_shape, rate_shape, rate_scale of the repeated categories; of
            several shapes each gives a row.
        min_purchases: fewer purchase days say nothing of a customer's own gaps.

    Returns:
        The rows with gap_shape, and with count and exposure, the parameters of the rate's gamma
        posterior as of the last purchase (the silence since then is not in it).
    """
    return (
        gaps.where(F.col("repeats") >= min_purchases - 1)
        .join(F.broadcast(categories), "category")
        .withColumns(
            {
                "count": F.col("rate_shape") + F.col("repeats"),
                "exposure": F.col("rate_scale") + power_sum("gaps", F.col("gap_shape")),
            }
        )
    )


def usual_gap() -> Column:
    """The gap within which a customer buys again half of the time, by the gaps before."""
    grown = F.col("exposure") * (F.pow(F.lit(2.0), 1 / F.col("count")) - 1)
    return F.pow(grown, 1 / F.col("gap_shape"))


def silence_chance() -> Column:
    """How probable a silence as long as the present one was, by the gaps before."""
    silent = F.pow("silence", "gap_shape")
    return F.pow(F.col("exposure") / (F.col("exposure") + silent), F.col("count"))


def days_until(chance: float) -> Column:
    """Days from the cut until a customer has bought with a probability, the silence known.

    The rate's posterior has the silence s in it: (r + n) / (alpha + Σ gap^k + s^k) is the rate.
    """
    silent = F.pow("silence", "gap_shape")
    known = F.col("exposure") + silent
    grown = known * (F.pow(F.lit(1 - chance), -1 / F.col("count")) - 1)
    days = F.pow(silent + grown, 1 / F.col("gap_shape")) - F.col("silence")
    return F.floor(F.least(days, F.lit(float(_FARTHEST)))).cast("int")


def buys_within(days: int) -> Column:
    """How probable a purchase within the days after the cut is, the silence known."""
    silent = F.pow("silence", "gap_shape")
    known = F.col("exposure") + silent
    later = F.pow(F.col("silence") + days, "gap_shape") - silent
    return 1 - F.pow(known / (known + later), F.col("count"))


def scored_pairs(rates: DataFrame) -> DataFrame:
    """The rows with the probability of a purchase within each horizon, not yet calibrated."""
    return rates.withColumns({f"probability_{days}d": buys_within(days) for days in HORIZONS})


def replenishments(
    rates: DataFrame,
    calibrations: Mapping[int, Calibration],
    *,
    as_of: date,
    fitted_before: date,
    settings: ReplenishSettings,
) -> DataFrame:
    """When each customer will need each repeated category again.

    A reminder comes `lead_days` before the usual gap ends. The due date knows the silence since the
    last purchase, so it is never before the end of the usual gap, and the reminder precedes it.

    Args:
        rates: as `with_rates` returns them, as of the day.
        calibrations: by horizon.
        as_of: first day that does not count.
        fitted_before: the cut at which the parameters were fitted.
        settings: lead time, and when a customer has lapsed.

    Returns:
        REPLENISHMENTS.
    """
    last_on = F.date_from_unix_date("last")
    usual = F.least(F.col("usual_gap_days"), F.lit(float(_FARTHEST)))
    wait = F.greatest(F.floor(usual) - settings.lead_days, F.lit(0)).cast("int")
    remind_on = F.date_add("last_on", wait)
    lapsed = silence_chance() < settings.lapsed_chance
    days_to_reminder = F.date_diff("remind_on", F.lit(as_of))
    state = (
        F.when(F.col("remind_on").isNull(), "lapsed")
        .when(days_to_reminder <= 0, "due")
        .when(days_to_reminder <= settings.soon_days, "soon")
        .otherwise("later")
    )
    # Each horizon has a calibration of its own; a longer one is never less probable.
    by_horizon = [calibrated(buys_within(days), calibrations[days]) for days in HORIZONS]
    probabilities = {
        f"probability_{days}d": F.greatest(F.lit(0.0), *by_horizon[: place + 1])
        for place, days in enumerate(HORIZONS)
    }
    return (
        rates.withColumns({"last_on": last_on, "usual_gap_days": usual_gap(), **probabilities})
        .withColumn("remind_on", F.when(~lapsed, remind_on))
        .select(
            F.lit(as_of).alias("as_of"),
            "customer_id",
            "category",
            (F.col("repeats") + 1).cast("bigint").alias("purchases"),
            "last_on",
            "usual_gap_days",
            F.date_add(F.lit(as_of), days_until(0.5)).alias("due_on"),
            F.date_add(F.lit(as_of), days_until(0.1)).alias("earliest_on"),
            F.date_add(F.lit(as_of), days_until(0.9)).alias("latest_on"),
            *probabilities,
            "remind_on",
            state.alias("state"),
            F.lit(fitted_before).alias("fitted_before"),
        )
    )
