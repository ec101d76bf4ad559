"""After how long a silence customers are lost, and how many change their stage."""

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_PROFILES, LIFE_CYCLE_FLOWS, LIFE_CYCLE_RETURNS
from clarion.customers.features.checks import check_features
from clarion.customers.features.definitions import Feature, required_features
from clarion.customers.features.transforms import (
    compute_features,
    pack_features,
    without_features,
)
from clarion.customers.profiles.life_cycle import (
    LifeCycle,
    Returns,
    choose_limit,
    returns_by_limit,
)
from clarion.customers.profiles.profiles import measured_customers
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations import shop
from clarion.kernel.expressions import names
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.days import is_known_by, known_sums
from clarion.measures.columns.flows import flows, moves
from clarion.runtime.scope import Scope
from clarion.workflows.daily_requests import write_dormancy
from clarion.workflows.feature_views import SOURCES_OF_FACTS, views_of_facts
from clarion.workflows.known_features import summarise

_STAGES = ("from_stage", "to_stage")


def measure_limit(scope: Scope, customer_days: DataFrame) -> float:
    """The usual gaps of silence after which a customer is lost on the run's day; writes its row.

    The limit of the last day serves until it is `again_days` old, or is no longer declared.

    Args:
        scope: of a job that writes LIFE_CYCLE_RETURNS, reads earlier rows of it and
            `feature_views.READS_OF_FACTS`, and declares ProfileSettings.
        customer_days: CUSTOMER_DAYS as of the run's day; persisted.
    """
    life_cycle = shop.life_cycle(scope.config)
    row = scope.earlier(LIFE_CYCLE_RETURNS).orderBy(F.desc("as_of")).first()
    last = row.asDict() if row else None
    if last is None or _is_over(last, life_cycle, as_of=scope.as_of):
        last = _measured(scope, customer_days, life_cycle)
        scope.note(_text(last, life_cycle))
    today = {**last, "as_of": scope.as_of}
    scope.replace(LIFE_CYCLE_RETURNS, rows_as_frame(scope.spark, LIFE_CYCLE_RETURNS, [today]))
    return float(today["lost_after"])


def limit_in_force(scope: Scope) -> float:
    """The usual gaps of silence after which a customer is lost on the run's day.

    Args:
        scope: of a job that reads LIFE_CYCLE_RETURNS.
    """
    row = scope.current(LIFE_CYCLE_RETURNS).select("lost_after").first()
    return float(row["lost_after"]) if row else shop.life_cycle(scope.config).limits[0]


def stage_features(scope: Scope, customer_days: DataFrame, *, as_of: date) -> DataFrame:
    """The features that conditions of the life cycle name, as they were on a day.

    Such a feature is over facts: profiles and interests are computed later. One that says nothing
    of the shop's customers is unknown.

    Args:
        scope: of a job that reads `feature_views.READS_OF_FACTS`.
        customer_days: CUSTOMER_DAYS.
        as_of: first day that does not count.

    Returns:
        One row per customer: customer_id and each feature.
    """
    features = _features_of_stages(scope)
    customers = customer_days.where(is_known_by(as_of)).select("customer_id").distinct()
    facts = views_of_facts(scope, features, as_of=as_of)
    check_features(customers, facts, features)
    wide = compute_features(customers, facts, features)
    if not facts:
        return wide
    scope.persist(wide)
    _, left_out = summarise(pack_features(wide, features), features)
    return without_features(wide, features, left_out)


def _features_of_stages(scope: Scope) -> tuple[Feature, ...]:
    """The declared features over facts that conditions name, and those that they rest on."""
    declared = shop.features(scope.config)
    named = {name for _, when in shop.life_cycle(scope.config).stages for name in names(when)}

    def is_over_facts(feature: Feature) -> bool:
        used = required_features(declared, [feature.name])
        return {item.source for item in used} <= {*SOURCES_OF_FACTS, "features"}

    chosen = [item for item in declared if item.name in named]
    return required_features(declared, [item.name for item in chosen if is_over_facts(item)])


def write_flows(scope: Scope, profiles: DataFrame) -> int:
    """Write how many customers changed their stage since the previous day, and who became dormant.

    Args:
        scope: of a job that writes LIFE_CYCLE_FLOWS and REQUESTS, and reads earlier rows of
            CUSTOMER_PROFILES.
        profiles: CUSTOMER_PROFILES of the run's day.
    """
    last = scope.latest_earlier(CUSTOMER_PROFILES)
    if last is None:
        return 0
    day, earlier_profiles = last
    stages = scope.persist(moves(earlier_profiles, profiles, column="life_cycle", names=_STAGES))
    write_dormancy(scope, stages)
    counts = flows(stages, names=_STAGES, as_of=scope.as_of, from_as_of=day)
    return scope.replace(LIFE_CYCLE_FLOWS, counts)


def _is_over(last: dict[str, Any], life_cycle: LifeCycle, *, as_of: date) -> bool:
    is_declared = last["lost_after"] in life_cycle.limits
    is_alike = is_declared and last["within_days"] == life_cycle.within_days
    return not is_alike or (as_of - last["measured_on"]).days >= life_cycle.again_days


def _measured(scope: Scope, customer_days: DataFrame, life_cycle: LifeCycle) -> dict[str, Any]:
    past_day = scope.as_of - timedelta(days=life_cycle.within_days)
    customers = measured_customers(
        customer_days,
        stage_features(scope, customer_days, as_of=past_day),
        as_of=past_day,
        settings=scope.settings(ProfileSettings),
    )
    life_cycle.check(customers)
    since = customer_days.where(F.col("day") >= F.lit(past_day))
    buyers = known_sums(since, of="customer_id", as_of=scope.as_of).where("orders > 0")
    rows = returns_by_limit(customers, buyers, life_cycle).orderBy("lost_after").collect()
    chosen = choose_limit([Returns(**row.asDict()) for row in rows], life_cycle)
    return {
        "lost_after": chosen.lost_after,
        "measured_on": scope.as_of,
        "within_days": life_cycle.within_days,
        "customers": chosen.customers,
        "returned": chosen.returned,
        "return_share": chosen.share,
    }


def _text(row: dict[str, Any], life_cycle: LifeCycle) -> str:
    returns = Returns(row["lost_after"], row["customers"], row["returned"])
    start = f"customers are lost after {returns.lost_after:g} usual gaps of silence"
    past = f"of {returns.customers:,} who were lost {row['within_days']} days ago"
    if returns.customers < life_cycle.min_customers:
        return f"{start}; {past} it cannot be said how many come back"
    text = f"{start}: {past}, {returns.share:.1%} have ordered since"
    if (returns.share or 0.0) <= life_cycle.return_share:
        return text
    more = f"more than the {life_cycle.return_share:.0%} of life_cycle.yml"
    return f"{text}, {more}; add larger numbers to its lost.after"
