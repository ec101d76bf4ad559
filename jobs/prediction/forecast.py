"""Forecast revenue, units and traffic, with the models that a rolling backtest chooses."""

from functools import partial

from clarion.contracts.gold import FORECAST_BACKTESTS, FORECASTS, PRODUCT_DAYS
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.declarations.shop import calendar
from clarion.lake.frames import rows_as_frame
from clarion.prediction.sales.model import forecast_panel
from clarion.prediction.sales.panel import panel_of
from clarion.prediction.sales.settings import ForecastSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.forecasting import daily_series, local_runner


def run(scope: Scope) -> None:
    """Write the forecasts of the day, and how each series was judged."""
    settings = scope.settings(ForecastSettings)
    panel = panel_of(daily_series(scope, settings), as_of=scope.as_of)
    found = forecast_panel(
        panel,
        calendar=calendar(scope.config),
        settings=settings,
        seed=scope.seed,
        run_local=local_runner(scope, settings),
    )
    if not found.forecasts:
        scope.note(f"nothing is forecast: the backtest needs {settings.needed_days} days")
    scope.run_concurrently(
        partial(scope.replace, table, rows_as_frame(scope.spark, table, rows))
        for table, rows in ((FORECASTS, found.forecasts), (FORECAST_BACKTESTS, found.backtests))
    )


JOB = Job(
    name="forecast",
    summary=__doc__,
    reads=(ORDER_LINES, PRODUCT_DAYS, PRODUCTS),
    writes=(FORECASTS, FORECAST_BACKTESTS),
    purpose="analytics",
    settings=(ForecastSettings,),
    run=run,
)
