"""Forecasts of sales, and how each series was judged."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, share

MEASURES = ("revenue", "units", "orders", "buyers", "views")
LEVELS = ("all", "category", "brand", "channel")
_SERIES = (
    AS_OF,
    Column("measure", "string", f"one of {', '.join(MEASURES)}"),
    Column("level", "string", f"one of {', '.join(LEVELS)}"),
    Column(
        "series",
        "string",
        "category, brand or channel; 'all' for the total, '(other)' for the rest of a level",
    ),
)
_QUALITY = (
    Column(
        "mase",
        "double",
        "mean absolute error of the model on untouched origins, in units of the seasonal naive "
        "error on the days before; null where every week was like the one before it",
        nullable=True,
    ),
    Column("mase_naive", "double", "the same of the seasonal naive model", nullable=True),
    Column(
        "rmsse",
        "double",
        "root of the mean squared error of the model on untouched origins, scaled likewise",
        nullable=True,
    ),
    share("coverage", "share of the untouched days inside their intervals", nullable=True),
)
_KNOWN = (
    Check("known_measure", f"measure IN {MEASURES}"),
    Check("known_level", f"level IN {LEVELS}"),
)
FORECASTS = Table(
    name="gold.forecasts",
    grain="one row per as-of day, measure, level, series and day ahead",
    key=("as_of", "measure", "level", "series", "day"),
    slice=("as_of",),
    columns=(
        *_SERIES,
        Column("day", "date", "day that is forecast"),
        Column("model", "string", "the model that forecasts the series"),
        Column(
            "expected",
            "double",
            "value of the day; categories, brands and channels each sum to the total",
            unit="shop currency for revenue, a number otherwise",
        ),
        Column("low", "double", "lower end of the 80 % interval", unit="as expected"),
        Column("high", "double", "upper end of the 80 % interval", unit="as expected"),
        *_QUALITY,
        Column(
            "reason",
            "string",
            "why the seasonal naive model forecasts; null where another does",
            nullable=True,
        ),
    ),
    checks=(
        *_KNOWN,
        Check("ordered", "low <= expected AND expected <= high"),
        Check("not_negative", "low >= 0"),
    ),
    owner="growth",
)
FORECAST_BACKTESTS = Table(
    name="gold.forecast_backtests",
    grain="one row per as-of day, measure, level and series, also of those that are not forecast",
    key=("as_of", "measure", "level", "series"),
    slice=("as_of",),
    columns=(
        *_SERIES,
        Column("days", "int", "days since the series began", unit="days"),
        Column(
            "intermittent",
            "boolean",
            "whether fewer than three of four days have a value; null where it is not forecast",
            nullable=True,
        ),
        Column(
            "group_model",
            "string",
            "the model with the lowest error over all series of its measure, level and kind "
            "(intermittent or not); null where it is not forecast",
            nullable=True,
        ),
        Column(
            "model",
            "string",
            "the model that forecasts the series; null where it is not forecast",
            nullable=True,
        ),
        Column(
            "errors",
            "map<string,double>",
            "MASE of each candidate on the origins that choose; null where it is not forecast",
            nullable=True,
        ),
        *_QUALITY,
        Column(
            "reason",
            "string",
            "why the seasonal naive model forecasts, or why nothing is forecast (zero, too short, "
            "broken); null where neither is so",
            nullable=True,
        ),
    ),
    checks=(
        *_KNOWN,
        Check("reason_or_model", "model IS NOT NULL OR reason IS NOT NULL"),
    ),
    owner="growth",
)
