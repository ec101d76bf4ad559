"""Find when each customer will need a category again, and who is to be reminded."""

from datetime import timedelta
from functools import partial

from clarion.contracts.gold import (
    REPLENISHMENT_CALIBRATION,
    REPLENISHMENT_CATEGORIES,
    REPLENISHMENTS,
)
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.prediction.replenishment.calibration import outcomes
from clarion.prediction.replenishment.due import (
    HORIZONS,
    replenishments,
    scored_pairs,
    with_rates,
)
from clarion.prediction.replenishment.gaps import gaps_at, grouped_gaps, purchase_days
from clarion.prediction.replenishment.model import category_rows, fit_categories
from clarion.prediction.replenishment.settings import ReplenishSettings
from clarion.prediction.replenishment.summary import calibrate, calibration_rows, notes
from clarion.products.catalogue.current import current_products
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Fit on the facts before an earlier cut, calibrate on what came after it, date the needs."""
    settings = scope.settings(ReplenishSettings)
    as_of, zone = scope.as_of, scope.time_zone
    cut = as_of - timedelta(days=max(HORIZONS))
    products = current_products(scope.facts(PRODUCTS), as_of=as_of, time_zone=zone)
    lines = scope.facts_within(ORDER_LINES, settings.window_days)
    days = scope.persist(purchase_days(lines, products, as_of=as_of, time_zone=zone))
    before = gaps_at(days, cut=cut)

    categories = fit_categories(grouped_gaps(before, cut=cut).toPandas(), settings=settings)
    rows = category_rows(categories, as_of=as_of, fitted_before=cut)
    of_categories = scope.spark.createDataFrame(rows, REPLENISHMENT_CATEGORIES.ddl)
    repeated = of_categories.where("is_repeated").select(
        "category", "gap_shape", "rate_shape", "rate_scale"
    )
    rates = partial(with_rates, categories=repeated, min_purchases=settings.min_purchases)
    counts = outcomes(scored_pairs(rates(before)), cut=cut, horizons=HORIZONS).toPandas()
    calibrations, judgements = calibrate(counts, horizons=HORIZONS, settings=settings)
    for note in notes(categories, calibrations, judgements):
        scope.note(note)

    due = replenishments(
        rates(gaps_at(days, cut=as_of)),
        calibrations,
        as_of=as_of,
        fitted_before=cut,
        settings=settings,
    )
    judged = calibration_rows(judgements, as_of=as_of, fitted_before=cut)
    calibration = scope.spark.createDataFrame(judged, REPLENISHMENT_CALIBRATION.ddl)
    scope.run_concurrently(
        [
            partial(scope.replace, REPLENISHMENTS, due),
            partial(scope.replace, REPLENISHMENT_CATEGORIES, of_categories),
            partial(scope.replace, REPLENISHMENT_CALIBRATION, calibration),
        ]
    )


JOB = Job(
    name="replenish",
    summary=__doc__,
    reads=(ORDER_LINES, PRODUCTS),
    writes=(REPLENISHMENTS, REPLENISHMENT_CATEGORIES, REPLENISHMENT_CALIBRATION),
    purpose="analytics",
    settings=(ReplenishSettings,),
    run=run,
)
