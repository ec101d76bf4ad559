"""Sum facts by day, and compute the profile of every customer as of a day."""

from functools import partial

from clarion.contracts.gold import (
    CUSTOMER_DAYS,
    CUSTOMER_PROFILES,
    INTERACTIONS,
    LIFE_CYCLE_FLOWS,
    LIFE_CYCLE_RETURNS,
    PRODUCT_DAYS,
)
from clarion.contracts.live import REQUESTS
from clarion.contracts.silver import EVENTS, ORDER_LINES, PRODUCTS
from clarion.customers.profiles import interests
from clarion.customers.profiles.days import customer_days, product_days
from clarion.customers.profiles.profiles import customer_profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.declarations.shop import life_cycle
from clarion.products.catalogue.current import current_products
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.feature_views import READS_OF_FACTS
from clarion.workflows.life_cycle import measure_limit, stage_features, write_flows


def run(scope: Scope) -> None:
    """Write daily sums, interests, profiles and the flows between stages."""
    settings = scope.settings(ProfileSettings)
    as_of = scope.as_of
    zone = scope.time_zone
    lines = scope.facts_with_replaced(ORDER_LINES)
    events = scope.facts(EVENTS)
    products = current_products(scope.facts(PRODUCTS), as_of=as_of, time_zone=zone)

    is_known = f"known_on < DATE'{as_of}'"
    by_customer = scope.persist(customer_days(lines, events, time_zone=zone).where(is_known))
    by_product = product_days(lines, events, time_zone=zone).where(is_known)
    by_interest = interests.product_interests(
        scope.facts(ORDER_LINES), events, products, as_of=as_of, time_zone=zone, settings=settings
    )
    scope.persist(by_interest)
    limit = settings.interactions_kept
    interactions = interests.top_interests(by_interest, as_of=as_of, keep=limit)
    categories = interests.category_interests(by_interest)
    profiles = customer_profiles(
        by_customer,
        categories,
        stage_features(scope, by_customer, as_of=as_of),
        as_of=as_of,
        settings=settings,
        life_cycle=life_cycle(scope.config),
        lost_after=measure_limit(scope, by_customer),
    )
    scope.persist(profiles)
    scope.run_concurrently(
        [
            partial(scope.replace, CUSTOMER_DAYS, by_customer, where=is_known),
            partial(scope.replace, PRODUCT_DAYS, by_product, where=is_known),
            partial(scope.replace, INTERACTIONS, interactions),
            partial(scope.replace, CUSTOMER_PROFILES, profiles),
            partial(write_flows, scope, profiles),
        ]
    )


JOB = Job(
    name="profiles",
    summary=__doc__,
    reads=(*READS_OF_FACTS, PRODUCTS),
    reads_earlier=(CUSTOMER_PROFILES, LIFE_CYCLE_RETURNS),
    writes=(
        *(CUSTOMER_DAYS, PRODUCT_DAYS, INTERACTIONS, CUSTOMER_PROFILES),
        *(LIFE_CYCLE_FLOWS, LIFE_CYCLE_RETURNS, REQUESTS),
    ),
    purpose="analytics",
    settings=(ProfileSettings,),
    run=run,
)
