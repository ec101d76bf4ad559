"""Stages of the life cycle as conf/life_cycle.yml declares them, and when a customer is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.config.load import parse_model
from clarion.contracts.gold.customers import STAGES
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import refuse_unsafe_sql
from clarion.kernel.safe_sql import null_on_error
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql

_LIMIT = "{lost_after}"
_LOST = "lost"
_FILE = "life_cycle.yml"


class _Stage(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    stage: str
    when: str


class _Lost(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    after: list[float] = Field(min_length=1)
    return_share: float = Field(gt=0, lt=1)
    within_days: int = Field(gt=0)
    min_customers: int = Field(gt=0)
    again_days: int = Field(gt=0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: list[_Stage] = Field(min_length=1)
    lost: _Lost


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """The stages, and how it is found out after how long a silence a customer is lost.

    Args:
        stages: stage and SQL condition over the profile; the first that is true counts.
        limits: candidates for {lost_after}, smallest first.
        return_share: of the customers beyond the limit, at most this share may have come back.
        within_days: days within which they came back.
        min_customers: with fewer beyond a limit, their share says nothing.
        again_days: days after which the limit is measured again.
    """

    stages: tuple[tuple[str, str], ...]
    limits: tuple[float, ...]
    return_share: float
    within_days: int
    min_customers: int
    again_days: int

    def stage(self, *, lost_after: float) -> Column:
        """The stage of a customer with a profile.

        Args:
            lost_after: the value of {lost_after}.
        """
        conditions = [
            (stage, F.expr(null_on_error(_filled(when, lost_after)))) for stage, when in self.stages
        ]
        column = F.when(conditions[0][1], conditions[0][0])
        for stage, condition in conditions[1:]:
            column = column.when(condition, stage)
        return column.otherwise(_LOST)

    def check(self, profiles: DataFrame) -> None:
        """Refuse conditions that are not valid over the columns of profiles.

        Raises:
            ConfigError: a condition names a column that does not exist, or is no condition.
        """
        check_user_sql(
            profiles,
            [
                UserSql(
                    where=f"{_FILE}: {stage}",
                    text=_filled(when, self.limits[0]),
                    result=CONDITION,
                    hint="use the columns that libs/clarion/customers/profiles/README.md names, "
                    "or features of features.yml over facts such as orders and contacts",
                )
                for stage, when in self.stages
            ],
        )


@dataclass(frozen=True, slots=True)
class Returns:
    """Who came back of those who are lost by a limit.

    Args:
        lost_after: the limit.
        customers: customers who were lost by it.
        returned: those of them who ordered within the days that followed.
    """

    lost_after: float
    customers: int
    returned: int

    @property
    def share(self) -> float | None:
        """Share of the lost who came back; None if nobody was lost."""
        return self.returned / self.customers if self.customers else None


def parse(content: Mapping[str, Any]) -> LifeCycle:
    """The life cycle of a file.

    Args:
        content: what the file holds.

    Raises:
        ConfigError: an unknown key or stage, a stage that is declared twice, limits that do not
            rise, or more than an expression.
    """
    file = parse_model(_File, content, where=_FILE)
    names = [item.stage for item in file.stages]
    for item in file.stages:
        where = f"{_FILE}: {item.stage}"
        if item.stage not in STAGES or item.stage == _LOST:
            others = ", ".join(name for name in STAGES if name != _LOST)
            raise ConfigError(
                f"{where} is no stage that has a condition",
                found=item.stage,
                fix=f"use {others}; a customer for whom none is true is lost",
            )
        if names.count(item.stage) > 1:
            raise ConfigError(
                f"{where} is declared twice", found=item.when, fix="join the two conditions by OR"
            )
        if "{" in _filled(item.when, 1.0):
            raise ConfigError(
                f"{where}: an unknown word in braces", found=item.when, fix=f"write {_LIMIT}"
            )
        refuse_unsafe_sql(_filled(item.when, 1.0), where=where)
    limits = tuple(file.lost.after)
    if list(limits) != sorted(set(limits)) or limits[0] <= 0:
        raise ConfigError(
            f"{_FILE}: lost.after does not rise",
            found=", ".join(f"{limit:g}" for limit in limits),
            fix="write numbers above 0, the smallest first",
        )
    return LifeCycle(
        tuple((item.stage, item.when) for item in file.stages),
        limits,
        file.lost.return_share,
        file.lost.within_days,
        file.lost.min_customers,
        file.lost.again_days,
    )


def choose_limit(measured: Sequence[Returns], life_cycle: LifeCycle) -> Returns:
    """The limit after which customers are lost: the smallest beyond which few come back.

    Where more come back beyond every limit, it is the largest that has enough customers beyond it;
    where no limit has enough, the smallest.

    Args:
        measured: one per limit, the smallest first.
        life_cycle: how many may come back, and how many customers are enough.
    """
    enough = [item for item in measured if item.customers >= life_cycle.min_customers]
    if not enough:
        return measured[0]
    few = (item for item in enough if (item.share or 0.0) <= life_cycle.return_share)
    return next(few, enough[-1])


def returns_by_limit(profiles: DataFrame, buyers: DataFrame, life_cycle: LifeCycle) -> DataFrame:
    """Who came back, of those who were lost on a past day by each limit.

    Args:
        profiles: profiles of the past day, with the columns that conditions use.
        buyers: customer_id of those who ordered in the days that followed.
        life_cycle: the stages and the limits.

    Returns:
        One row per limit: lost_after, customers, returned.
    """
    came_back = buyers.select("customer_id", F.lit(True).alias("_came_back")).distinct()
    counts = []
    for limit in life_cycle.limits:
        is_lost = life_cycle.stage(lost_after=limit) == _LOST
        counts.append(
            F.struct(
                F.lit(limit).alias("lost_after"),
                F.count_if(is_lost).alias("customers"),
                F.count_if(is_lost & F.col("_came_back").isNotNull()).alias("returned"),
            )
        )
    joined = profiles.join(came_back, "customer_id", "left")
    return joined.agg(F.array(*counts).alias("counts")).select(F.inline("counts"))


def _filled(when: str, lost_after: float) -> str:
    return when.replace(_LIMIT, f"{lost_after!r}D")
