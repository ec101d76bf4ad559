"""Features of customers on any day: from the run's own tables, or from the facts for a past day."""

from datetime import date

from pyspark.sql import DataFrame

from clarion.contracts.gold import CUSTOMER_DAYS, CUSTOMER_PROFILES, LIFE_CYCLE_RETURNS
from clarion.customers.features.checks import check_features
from clarion.customers.features.definitions import Feature
from clarion.customers.features.transforms import compute_features
from clarion.customers.profiles.profiles import customer_profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations import shop
from clarion.measures.columns.frames import local_frame
from clarion.runtime.scope import Scope
from clarion.workflows import feature_views as facts_of_customers
from clarion.workflows.feature_views import feature_views
from clarion.workflows.life_cycle import limit_in_force, stage_features

READS = (*facts_of_customers.READS, CUSTOMER_PROFILES, LIFE_CYCLE_RETURNS)


def current_features(scope: Scope, features: tuple[Feature, ...]) -> DataFrame:
    """The features of every customer with a profile of the run's day.

    Args:
        scope: of a job that reads READS.
        features: the declared features.

    Returns:
        One row per customer: customer_id and each feature.

    Raises:
        ConfigError: a feature uses a column that its view does not have.
    """
    profiles = scope.current(CUSTOMER_PROFILES)
    facts = feature_views(scope, features, as_of=scope.as_of)
    check_features(profiles, facts, features)
    return compute_features(profiles, facts, features)


def past_features(scope: Scope, features: tuple[Feature, ...], *, as_of: date) -> DataFrame:
    """The features of every customer on a past day, from what had arrived by then.

    Args:
        scope: of a job that reads READS and declares ProfileSettings.
        features: the features wanted.
        as_of: the past day.

    Returns:
        One row per customer: customer_id and each feature.
    """
    no_interests = local_frame(
        scope.spark, [], "customer_id string, interests array<struct<category:string,share:double>>"
    )
    customer_days = scope.facts(CUSTOMER_DAYS)
    profiles = customer_profiles(
        customer_days,
        no_interests,
        stage_features(scope, customer_days, as_of=as_of),
        as_of=as_of,
        settings=scope.settings(ProfileSettings),
        life_cycle=shop.life_cycle(scope.config),
        lost_after=limit_in_force(scope),
    )
    return compute_features(profiles, feature_views(scope, features, as_of=as_of), features)
