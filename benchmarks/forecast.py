"""Forecast many series, beside statsforecast called directly on the same ones.

    python benchmarks/forecast.py 300 5000 --models "seasonal naive" "optimised theta"

For each number of series, two years of daily sales of as many categories are drawn.
`forecast_panel` lets the models compete from all origins of conf/base.yml, chooses, judges and adds
up; Spark's workers run the models of single series. statsforecast forecasts the same series
from the same origins with the same models, by its own cross-validation on two processes, and
chooses nothing.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import numpy as np
import pandas as pd
from statsforecast import StatsForecast

from clarion.config import Config
from clarion.declarations.shop import calendar
from clarion.prediction.sales.backtest import origins
from clarion.prediction.sales.local import BOOSTED, COMBINED, local_model
from clarion.prediction.sales.model import forecast_panel
from clarion.prediction.sales.panel import ALL, Key, Panel
from clarion.prediction.sales.settings import ForecastSettings
from clarion.runtime.session import start
from clarion.workflows.forecasting import by_workers

AS_OF, DAYS = date(2026, 6, 1), 728


def sales(series: int, *, seed: int) -> Panel:
    """Categories with a level, a week, a season and noise of their own, and their total."""
    draws = np.random.default_rng(seed)
    day = np.arange(DAYS)
    week = draws.dirichlet(np.full(7, 20.0), size=series)[:, day % 7] * 7
    phase = draws.uniform(0, 1, (series, 1))
    season = 1 + 0.3 * np.sin(2 * np.pi * (day / 365 + phase))
    level = draws.lognormal(4.0, 1.0, (series, 1))
    values = draws.poisson(level * week * season).astype(np.float64)
    keys = [Key("units", "category", f"c{number:05d}") for number in range(series)]
    rows = np.vstack([values.sum(axis=0), values])
    prices = np.full_like(rows, 10.0)
    return Panel((Key("units", ALL, ALL), *keys), rows, prices, AS_OF)


def with_statsforecast(panel: Panel, settings: ForecastSettings, models: Sequence[str]) -> None:
    """Forecasts of the same models from the same origins."""
    looks_ahead = origins(DAYS, settings)
    days = pd.date_range(end=pd.Timestamp(AS_OF), periods=DAYS + 1, inclusive="left")
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(panel.keys)), DAYS),
            "ds": np.tile(days, len(panel.keys)),
            "y": panel.values.ravel(),
        }
    )
    single = [local_model(name) for name in models if name not in (BOOSTED, COMBINED)]
    library = StatsForecast(models=single, freq="D", n_jobs=2)
    for cuts in (looks_ahead.choosing, looks_ahead.untouched):
        library.cross_validation(
            df=frame[frame["ds"] < days[0] + pd.Timedelta(days=cuts[-1] + settings.horizon_days)],
            h=settings.horizon_days, n_windows=len(cuts), step_size=settings.step_days,
        )  # fmt: skip
    library.forecast(df=frame, h=settings.horizon_days)


def main() -> None:
    """Measure each number of series."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=int, nargs="+")
    parser.add_argument("--models", nargs="+", help="instead of forecast.models")
    wanted = parser.parse_args()
    config = Config.load()
    settings = config.section(ForecastSettings)
    if wanted.models:
        settings = replace(settings, models=wanted.models)
    spark = start(config)
    for number in wanted.series:
        panel = sales(number, seed=1)
        began = time.perf_counter()
        found = forecast_panel(
            panel,
            calendar=calendar(config),
            settings=settings,
            seed=1,
            run_local=partial(by_workers, spark),
        )
        own = time.perf_counter() - began
        began = time.perf_counter()
        with_statsforecast(panel, settings, settings.models)
        other = time.perf_counter() - began
        print(
            f"{number:,} series, {len(found.forecasts):,} days ahead: clarion {own:.1f} s, "
            f"statsforecast {other:.1f} s, {own / other:.2f} times"
        )


if __name__ == "__main__":
    main()
