"""The scorecard of the last day, with the age of tags by the clock, and the targets it misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_PROFILES, CUSTOMER_TAGS
from clarion.contracts.ops import TARGETS
from clarion.kernel.errors import ClarionError, UsageError
from clarion.lake import Lake

TAG_DAYS = 1  # P6 and C6: tags are computed at least daily


class TargetsMissedError(ClarionError):
    """Targets are missed, and the caller asked to be told by an exit code."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Score:
    """One target with its value.

    Args:
        target: id of the requirement, and name.
        value: the share; None where it cannot be measured.
        goal: the share to reach; None where none is set.
        verdict: met, missed, measured or not measurable.
        reason: why it cannot be measured, or what is left out.
    """

    target: str
    value: float | None
    goal: float | None
    verdict: str
    reason: str | None


def read_scorecard(lake: Lake, *, now: date) -> tuple[date, list[Score]]:
    """The targets of the last day up to now, and the age of tags now.

    Args:
        lake: the tables.
        now: today, in the shop's zone, or the day that is looked at.

    Returns:
        The day of the targets, and the scores.

    Raises:
        UsageError: there is no scorecard yet.
    """
    targets = lake.read(TARGETS).where(F.col("as_of") <= F.lit(now))
    row = targets.agg(F.max("as_of")).first()
    if row is None or row[0] is None:
        raise UsageError(
            "there is no scorecard yet",
            found=f"no day up to {now} in {lake.root}",
            fix="run the pipeline first: clarion run all",
        )
    day: date = row[0]
    rows = targets.where(F.col("as_of") == F.lit(day)).orderBy("target").collect()
    scores = [
        Score(row["target"], row["value"], row["goal"], row["verdict"], row["reason"])
        for row in rows
    ]
    return day, [*scores, age_of_tags(lake, now=now)]


def age_of_tags(lake: Lake, *, now: date) -> Score:
    """How many customers have tags that are at most a day old, by the clock.

    A week without a run shows here, though the scorecard of the last run met its targets.

    Args:
        lake: the tables.
        now: today, in the shop's zone, or the day that is looked at.
    """
    name = "P6 C6 age of tags"
    profiles = lake.read(CUSTOMER_PROFILES).where(F.col("as_of") <= F.lit(now))
    last = profiles.agg(F.max("as_of")).first()
    if last is None or last[0] is None:
        return Score(name, None, 1.0, "not measurable", "no customer has a profile yet")
    customers = profiles.where(F.col("as_of") == F.lit(last[0])).select("customer_id")
    newest = (
        lake.read(CUSTOMER_TAGS)
        .where(F.col("as_of") <= F.lit(now))
        .groupBy("customer_id")
        .agg(F.max("as_of").alias("newest"))
    )
    sums = (
        customers.join(newest, "customer_id", "left")
        .agg(
            F.count("*").alias("customers"),
            F.count_if(F.col("newest") >= F.lit(now - timedelta(days=TAG_DAYS))).alias("fresh"),
            F.min("newest").alias("oldest"),
        )
        .first()
    )
    assert sums is not None
    value = sums["fresh"] / sums["customers"]
    if value == 1.0:
        return Score(name, value, 1.0, "met", None)
    age = f"{(now - sums['oldest']).days} days old" if sums["oldest"] else "missing"
    return Score(name, value, 1.0, "missed", f"the oldest tags are {age}")


def require_met(scores: Sequence[Score]) -> None:
    """Stop where a target is missed.

    Raises:
        TargetsMissedError: with the names of the missed ones; its exit code is 3.
    """
    missed = [score for score in scores if score.verdict == "missed"]
    if missed:
        raise TargetsMissedError(
            f"{len(missed)} targets are missed",
            found="; ".join(
                f"{score.target} {score.value:.2%} instead of {score.goal:.0%}"
                for score in missed
                if score.value is not None and score.goal is not None
            ),
            fix="see definition and reason in ops.targets",
        )
