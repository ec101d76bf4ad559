"""Features of customers on any day: from the run's own tables, or from the facts for a past day."""

from collections.abc import Callable
from datetime import date
from functools import partial

from pyspark.sql import DataFrame

from clarion.contracts import Table
from clarion.contracts.gold import (
    CUSTOMER_DAYS,
    CUSTOMER_PROFILES,
    INTERACTIONS,
    LIFE_CYCLE_RETURNS,
)
from clarion.contracts.silver import (
    CUSTOMERS,
    EVENTS,
    ORDER_LINES,
    PRODUCTS,
    REDEMPTIONS,
    RESPONSES,
    REVIEWS,
    SERVICE_CONTACTS,
    STOCK,
    TIES,
    TRAITS,
)
from clarion.customers.features import views
from clarion.customers.features.checks import check_features
from clarion.customers.features.definitions import Feature
from clarion.customers.features.transforms import compute_features
from clarion.customers.features.visits import visits
from clarion.customers.profiles.interests import product_interests, top_interests
from clarion.customers.profiles.profiles import customer_profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations import shop
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope
from clarion.workflows.life_cycle import limit_in_force

READS = (
    CUSTOMER_PROFILES,
    CUSTOMER_DAYS,
    INTERACTIONS,
    EVENTS,
    ORDER_LINES,
    PRODUCTS,
    REVIEWS,
    RESPONSES,
    REDEMPTIONS,
    SERVICE_CONTACTS,
    TRAITS,
    TIES,
    STOCK,
    CUSTOMERS,
    LIFE_CYCLE_RETURNS,
)
_VIEWS: dict[str, tuple[Table, Callable[..., DataFrame]]] = {
    "orders": (ORDER_LINES, views.orders),
    "events": (EVENTS, views.events),
    "reviews": (REVIEWS, views.facts),
    "responses": (RESPONSES, views.facts),
    "redemptions": (REDEMPTIONS, views.facts),
    "contacts": (SERVICE_CONTACTS, views.facts),
    "traits": (TRAITS, views.traits),
    "ties": (TIES, views.ties),
    "registrations": (CUSTOMERS, views.registrations),
}


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
    no_interests = scope.spark.createDataFrame(
        [], "customer_id string, interests array<struct<category:string,share:double>>"
    )
    profiles = customer_profiles(
        scope.facts(CUSTOMER_DAYS),
        no_interests,
        as_of=as_of,
        settings=scope.settings(ProfileSettings),
        life_cycle=shop.life_cycle(scope.config),
        lost_after=limit_in_force(scope),
    )
    return compute_features(profiles, feature_views(scope, features, as_of=as_of), features)


def feature_views(
    scope: Scope, features: tuple[Feature, ...], *, as_of: date
) -> dict[str, DataFrame]:
    """The views that some features need, by source; a table never written has no view.

    Args:
        scope: of a job that reads READS.
        features: the features.
        as_of: first day that does not count. On another day than the run's own, interests are
            computed from the facts.
    """

    def of_facts(table: Table, view: Callable[..., DataFrame]) -> DataFrame:
        return view(scope.facts(table), as_of=as_of, time_zone=scope.time_zone)

    makers: dict[str, Callable[[], DataFrame]] = {
        source: partial(of_facts, table, view)
        for source, (table, view) in _VIEWS.items()
        if scope.exists(table)
    }
    makers["days"] = lambda: views.days(scope.facts(CUSTOMER_DAYS), as_of=as_of)
    makers["interactions"] = lambda: _interactions(scope, as_of)
    makers["visits"] = lambda: visits(
        scope.facts(EVENTS), _products(scope, as_of), as_of=as_of, time_zone=scope.time_zone
    )
    sources = dict.fromkeys(feature.source for feature in features)
    return {source: makers[source]() for source in sources if source in makers}


def _products(scope: Scope, as_of: date) -> DataFrame:
    stock = scope.facts(STOCK) if scope.exists(STOCK) else None
    return current_products(
        scope.facts(PRODUCTS), as_of=as_of, time_zone=scope.time_zone, stock=stock
    )


def _interactions(scope: Scope, as_of: date) -> DataFrame:
    products = _products(scope, as_of)
    if as_of == scope.as_of:
        return views.interactions(scope.current(INTERACTIONS), products)
    settings = scope.settings(ProfileSettings)
    interests = product_interests(
        scope.facts(ORDER_LINES),
        scope.facts(EVENTS),
        products,
        as_of=as_of,
        time_zone=scope.time_zone,
        settings=settings,
    )
    top_products = top_interests(interests, as_of=as_of, keep=settings.interactions_kept)
    return views.interactions(top_products, products)
