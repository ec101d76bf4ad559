"""Grade which weekly series move with revenue; it says nothing of what causes it."""

from clarion.contracts.gold import CUSTOMER_DAYS, MARKET_POSITION, MESSAGES, PRODUCT_DAYS
from clarion.contracts.gold.market import GREY_RELATIONS
from clarion.contracts.silver import PRODUCTS
from clarion.lake.frames import rows_as_frame
from clarion.prediction.drivers.relations import ALL, relation_rows
from clarion.prediction.drivers.settings import GreySettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.market_series import weekly_series


def run(scope: Scope) -> None:
    """Write the grades of the day."""
    settings = scope.settings(GreySettings)
    series = weekly_series(scope, weeks=settings.weeks)
    rows = relation_rows(series, as_of=scope.as_of, settings=settings)
    scope.replace(GREY_RELATIONS, rows_as_frame(scope.spark, GREY_RELATIONS, rows))
    graded = [row for row in rows if row["category"] == ALL and "grade" in row]
    if not graded:
        scope.note(rows[0]["reason"] if rows else "no sales: nothing is compared")
        return
    closest = min(graded, key=lambda row: (row["rank"], row["driver"]))
    stable = "by every rho and scaling" if closest["worst_rank"] == 1 else "but not by all methods"
    scope.note(f"closest to weekly revenue: {closest['driver']} ({closest['grade']:.2f}), {stable}")


JOB = Job(
    name="grey_relations",
    summary=__doc__,
    reads=(PRODUCT_DAYS, CUSTOMER_DAYS, PRODUCTS, MARKET_POSITION),
    reads_earlier=(MESSAGES,),
    writes=(GREY_RELATIONS,),
    purpose="analytics",
    settings=(GreySettings,),
    run=run,
)
