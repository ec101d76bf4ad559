"""Sum facts by day, and describe every customer as of a day."""

from functools import partial

from pyspark.sql import DataFrame

from clarion.contracts.gold import (
    CUSTOMER_DAYS,
    CUSTOMER_PROFILES,
    INTERACTIONS,
    LIFE_CYCLE_FLOWS,
    PRODUCT_DAYS,
)
from clarion.contracts.silver import EVENTS, ORDER_LINES, PRODUCTS
from clarion.customers.profiles import transforms as profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.kernel.parallel import run_concurrently
from clarion.measures.columns.flows import flows, moves
from clarion.products.catalogue.current import current_products
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    settings, as_of, zone = scope.settings(ProfileSettings), scope.as_of, scope.time_zone
    lines, events = scope.facts(ORDER_LINES), scope.facts(EVENTS)
    known = f"known_on < DATE'{as_of}'"
    days = scope.persist(profiles.customer_days(lines, events, time_zone=zone).where(known))
    products = current_products(scope.facts(PRODUCTS), as_of=as_of, time_zone=zone)
    interest = scope.persist(
        profiles.interests(lines, events, products, as_of=as_of, time_zone=zone, settings=settings)
    )
    categories = profiles.category_interests(interest)
    described = scope.persist(
        profiles.customer_profiles(days, categories, as_of=as_of, settings=settings)
    )
    run_concurrently(
        [
            partial(scope.replace, CUSTOMER_DAYS, days, where=known),
            partial(
                scope.replace,
                PRODUCT_DAYS,
                profiles.product_days(lines, events, time_zone=zone).where(known),
                where=known,
            ),
            partial(
                scope.replace,
                INTERACTIONS,
                profiles.top_interests(interest, as_of=as_of, keep=settings.interactions_kept),
            ),
            partial(scope.replace, CUSTOMER_PROFILES, described),
            partial(_replace_flows, scope, described),
        ]
    )


def _replace_flows(scope: Scope, described: DataFrame) -> int:
    """How many went from stage to stage of the life cycle since the day described before."""
    last = scope.latest_earlier(CUSTOMER_PROFILES)
    if last is None:
        return 0
    day, before = last
    names = ("from_stage", "to_stage")
    moved = moves(before, described, column="life_cycle", names=names)
    return scope.replace(
        LIFE_CYCLE_FLOWS, flows(moved, names=names, as_of=scope.as_of, from_as_of=day)
    )


JOB = Job(
    name="profiles",
    summary=__doc__,
    reads=(ORDER_LINES, EVENTS, PRODUCTS),
    reads_earlier=(CUSTOMER_PROFILES,),
    writes=(CUSTOMER_DAYS, PRODUCT_DAYS, INTERACTIONS, CUSTOMER_PROFILES, LIFE_CYCLE_FLOWS),
    purpose="analytics",
    settings=(ProfileSettings,),
    run=run,
)
