"""Customers as the declared features describe them on any day: on the run's own from its tables, on another from the facts."""

from collections.abc import Callable
from datetime import date
from functools import partial

from pyspark.sql import DataFrame

from clarion.contracts import Table
from clarion.contracts.gold import CUSTOMER_DAYS, CUSTOMER_PROFILES, INTERACTIONS
from clarion.contracts.silver import (
    CUSTOMERS,
    EVENTS,
    ORDER_LINES,
    PRODUCTS,
    REDEMPTIONS,
    RESPONSES,
    REVIEWS,
    SERVICE_CONTACTS,
    TRAITS,
)
from clarion.customers.features import transforms, views
from clarion.customers.features.definitions import Feature
from clarion.customers.profiles import transforms as profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope

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
    CUSTOMERS,
)
_VIEWS: dict[str, tuple[Table, Callable[..., DataFrame]]] = {
    "orders": (ORDER_LINES, views.orders),
    "events": (EVENTS, views.events),
    "reviews": (REVIEWS, views.facts),
    "responses": (RESPONSES, views.facts),
    "redemptions": (REDEMPTIONS, views.facts),
    "contacts": (SERVICE_CONTACTS, views.facts),
    "traits": (TRAITS, views.traits),
    "registrations": (CUSTOMERS, views.registrations),
}


def feature_views(
    scope: Scope, declared: tuple[Feature, ...], *, as_of: date
) -> dict[str, DataFrame]:
    """The views that the features look at, of what the shop has; a table that nothing was ever written to has none.

    Args:
        scope: of a job that reads READS.
        declared: features.
        as_of: the day; interests of another day than the run's own are computed from the facts.
    """

    def of_facts(table: Table, view: Callable[..., DataFrame]) -> DataFrame:
        return view(scope.facts(table), as_of=as_of, time_zone=scope.time_zone)

    made: dict[str, Callable[[], DataFrame]] = {
        name: partial(of_facts, table, view)
        for name, (table, view) in _VIEWS.items()
        if scope.exists(table)
    }
    made |= {
        "days": lambda: views.days(scope.facts(CUSTOMER_DAYS), as_of=as_of),
        "interactions": lambda: _interactions(scope, as_of),
    }
    used = dict.fromkeys(item.source for item in declared if item.source in made)
    return {source: made[source]() for source in used}


def past_features(scope: Scope, declared: tuple[Feature, ...], *, as_of: date) -> DataFrame:
    """Everybody who was known on a past day, by what had arrived by then: customer_id and a column for each feature."""
    nothing = scope.spark.createDataFrame(
        [], "customer_id string, interests array<struct<category:string,share:double>>"
    )
    settings = scope.settings(ProfileSettings)
    known = profiles.customer_profiles(
        scope.facts(CUSTOMER_DAYS), nothing, as_of=as_of, settings=settings
    )
    return transforms.compute_features(known, feature_views(scope, declared, as_of=as_of), declared)


def _interactions(scope: Scope, as_of: date) -> DataFrame:
    products = current_products(scope.facts(PRODUCTS), as_of=as_of, time_zone=scope.time_zone)
    if as_of == scope.as_of:
        return views.interactions(scope.current(INTERACTIONS), products)
    settings, zone = scope.settings(ProfileSettings), scope.time_zone
    interest = profiles.interests(
        scope.facts(ORDER_LINES),
        scope.facts(EVENTS),
        products,
        as_of=as_of,
        time_zone=zone,
        settings=settings,
    )
    return views.interactions(
        profiles.top_interests(interest, as_of=as_of, keep=settings.interactions_kept), products
    )
