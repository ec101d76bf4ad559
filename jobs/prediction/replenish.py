"""Find when each customer will need a category again, and who is to be reminded."""

from datetime import timedelta
from functools import partial

from pyspark.sql import functions as F

from clarion.contracts.gold import (
    REPLENISHMENT_CALIBRATION,
    REPLENISHMENT_CATEGORIES,
    REPLENISHMENTS,
)
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.measures.columns.frames import local_frame
from clarion.prediction.replenishment.calibration import outcomes
from clarion.prediction.replenishment.due import (
    HORIZONS,
    replenishments,
    scored_pairs,
    with_rates,
)
from clarion.prediction.replenishment.gaps import gaps_at, grouped_gaps, purchase_days
from clarion.prediction.replenishment.model import RATES, category_rows, fit_categories, rate_rows
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
    of_shapes = local_frame(scope.spark, rate_rows(categories), RATES)
    rates = partial(with_rates, min_purchases=settings.min_purchases)
    scored = scored_pairs(rates(before, of_shapes))
    counts = outcomes(scored, cut=cut, horizons=HORIZONS).toPandas()
    chosen = calibrate(counts, horizons=HORIZONS, settings=settings)
    for note in notes(categories, chosen):
        scope.note(note)

    due = replenishments(
        rates(gaps_at(days, cut=as_of), of_shapes.where(F.col("gap_shape") == chosen.gap_shape)),
        chosen.calibrations,
        as_of=as_of,
        fitted_before=cut,
        settings=settings,
    )
    dated = {"as_of": as_of, "fitted_before": cut}
    local = {
        REPLENISHMENT_CATEGORIES: category_rows(categories, gap_shape=chosen.gap_shape, **dated),
        REPLENISHMENT_CALIBRATION: calibration_rows(chosen.judgements, **dated),
    }
    frames = {table: local_frame(scope.spark, rows, table.ddl) for table, rows in local.items()}
    writes = {REPLENISHMENTS: due, **frames}
    scope.run_concurrently(partial(scope.replace, *write) for write in writes.items())


JOB = Job(
    name="replenish",
    summary=__doc__,
    reads=(ORDER_LINES, PRODUCTS),
    writes=(REPLENISHMENTS, REPLENISHMENT_CATEGORIES, REPLENISHMENT_CALIBRATION),
    purpose="analytics",
    settings=(ReplenishSettings,),
    run=run,
)
