"""The views that features are computed from, over the facts that a job may use."""

from collections.abc import Callable
from datetime import date

from pyspark.sql import DataFrame

from clarion.contracts import Table
from clarion.contracts.gold import CUSTOMER_DAYS, INTERACTIONS
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
from clarion.customers.features.definitions import Feature
from clarion.customers.features.deliveries import deliveries
from clarion.customers.features.visits import visits
from clarion.customers.profiles.interests import product_interests, top_interests
from clarion.customers.profiles.settings import ProfileSettings
from clarion.runtime.scope import Scope
from clarion.workflows.listed_products import listed_products

_VIEWS: dict[str, tuple[Table, Callable[..., DataFrame]]] = {
    "orders": (ORDER_LINES, views.orders),
    "deliveries": (ORDER_LINES, deliveries),
    "events": (EVENTS, views.events),
    "reviews": (REVIEWS, views.facts),
    "responses": (RESPONSES, views.facts),
    "redemptions": (REDEMPTIONS, views.facts),
    "contacts": (SERVICE_CONTACTS, views.contacts),
    "traits": (TRAITS, views.traits),
    "ties": (TIES, views.ties),
    "registrations": (CUSTOMERS, views.registrations),
}
SOURCES_OF_FACTS = tuple(_VIEWS)
READS_OF_FACTS = tuple(dict.fromkeys(table for table, _ in _VIEWS.values()))
READS = (*READS_OF_FACTS, PRODUCTS, STOCK, CUSTOMER_DAYS, INTERACTIONS)


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
    found = views_of_facts(scope, features, as_of=as_of)
    sources = {feature.source for feature in features}
    if "days" in sources:
        found["days"] = views.days(scope.facts(CUSTOMER_DAYS), as_of=as_of)
    if "interactions" in sources:
        found["interactions"] = _interactions(scope, as_of)
    if "visits" in sources and scope.exists(EVENTS):
        found["visits"] = visits(
            scope.facts(EVENTS),
            listed_products(scope, as_of),
            as_of=as_of,
            time_zone=scope.time_zone,
        )
    return found


def views_of_facts(
    scope: Scope, features: tuple[Feature, ...], *, as_of: date
) -> dict[str, DataFrame]:
    """The views over silver that some features need, by source.

    Args:
        scope: of a job that reads READS_OF_FACTS.
        features: the features; what those of other sources need is left out.
        as_of: first day that does not count.
    """
    sources = dict.fromkeys(feature.source for feature in features)
    return {
        source: _VIEWS[source][1](
            scope.facts(_VIEWS[source][0]), as_of=as_of, time_zone=scope.time_zone
        )
        for source in sources
        if source in _VIEWS and scope.exists(_VIEWS[source][0])
    }


def _interactions(scope: Scope, as_of: date) -> DataFrame:
    products = listed_products(scope, as_of)
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
