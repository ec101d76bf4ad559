"""Match competitors' listings with the shop's products, by their words and by rules."""

from clarion.contracts.gold.matching import LISTING_MATCHES
from clarion.contracts.silver import MARKET_PRICES, PRODUCTS, STOCK
from clarion.products.matching.matches import (
    latest_listings,
    listing_matches,
    product_descriptions,
)
from clarion.products.matching.settings import MatchSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.listed_products import listed_products


def run(scope: Scope) -> None:
    """Write the matches of the listings that were seen in the last days."""
    settings = scope.settings(MatchSettings)
    if not scope.exists(MARKET_PRICES):
        scope.note("no listings")
        scope.replace(LISTING_MATCHES, scope.empty(LISTING_MATCHES))
        return
    prices = scope.facts_within(MARKET_PRICES, settings.days, time="observed_at")
    listings = scope.persist(latest_listings(prices))
    products = scope.persist(product_descriptions(listed_products(scope, scope.as_of)))
    matches = listing_matches(listings, products, as_of=scope.as_of, settings=settings)
    written = scope.replace(LISTING_MATCHES, matches)
    scope.note(f"{written} of {listings.count()} listings are products of the shop")


JOB = Job(
    name="match_listings",
    summary=__doc__,
    reads=(MARKET_PRICES, PRODUCTS, STOCK),
    writes=(LISTING_MATCHES,),
    purpose="analytics",
    settings=(MatchSettings,),
    run=run,
)
