"""Compute the declared features of every customer as of a day."""

from bisect import bisect_left
from functools import partial

from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_DAYS, CUSTOMER_FEATURES, CUSTOMER_PROFILES, FEATURES, INTERACTIONS
from clarion.contracts.silver import EVENTS, ORDER_LINES, PRODUCTS, REDEMPTIONS, RESPONSES, REVIEWS, SERVICE_CONTACTS, TRAITS
from clarion.features import transforms, views
from clarion.features.declared import Feature
from clarion.kernel.errors import ConfigError, first_line
from clarion.kernel.parallel import together
from clarion.ops.job import Job, Params
from clarion.ops.scope import Scope
from clarion.ops.shop import features
from clarion.profiles.transforms import current_products

_FACTS = {"reviews": REVIEWS, "responses": RESPONSES, "redemptions": REDEMPTIONS, "contacts": SERVICE_CONTACTS}


def run(scope: Scope, params: Params) -> None:
    declared = features(scope.config)
    profiles = scope.current(CUSTOMER_PROFILES)
    seen = _views(scope)
    as_of = F.lit(scope.as_of).alias("as_of")
    packed = scope.keep(transforms.packed(_described(profiles, seen, declared), declared))
    together(
        [
            partial(scope.replace, CUSTOMER_FEATURES, packed.select(as_of, "*")),
            partial(scope.replace, FEATURES, _summary(scope, packed, declared).select(as_of, "*")),
        ]
    )


def _views(scope: Scope) -> dict[str, DataFrame]:
    """The views of what the shop has; a table that nothing was ever written to has none."""
    as_of, zone = scope.as_of, scope.time_zone
    products = current_products(scope.read(PRODUCTS), as_of=as_of, time_zone=zone)
    return {
        "days": views.days(scope.read(CUSTOMER_DAYS), as_of=as_of),
        "orders": views.orders(scope.read(ORDER_LINES), as_of=as_of, time_zone=zone),
        "events": views.events(scope.read(EVENTS), as_of=as_of, time_zone=zone),
        "interactions": views.interactions(scope.current(INTERACTIONS), products),
        **({"traits": views.traits(scope.read(TRAITS), as_of=as_of, time_zone=zone)} if scope.lake.exists(TRAITS) else {}),
        **{name: views.facts(scope.read(table), as_of=as_of, time_zone=zone) for name, table in _FACTS.items() if scope.lake.exists(table)},
    }


def _described(profiles: DataFrame, seen: dict[str, DataFrame], declared: tuple[Feature, ...]) -> DataFrame:
    """The features of everyone who has a profile.

    Raises:
        ConfigError: a feature names what its view does not have.
    """
    try:
        return transforms.described(profiles, seen, declared)
    except (AnalysisException, ParseException) as error:

        def fails(first: int) -> bool:
            try:
                transforms.described(profiles, seen, declared[:first])
            except (AnalysisException, ParseException):
                return True
            return False

        guilty = declared[bisect_left(range(len(declared)), True, key=fails) - 1]
        raise ConfigError(
            f"features.yml: {guilty.name} cannot be understood: {guilty.value}",
            found=first_line(error),
            fix=f"use columns of the view '{guilty.source}', which libs/clarion/features/README.md names",
        ) from error


def _summary(scope: Scope, packed: DataFrame, declared: tuple[Feature, ...]) -> DataFrame:
    """FEATURES of the day, as_of aside: what was declared, beside how it is spread."""
    rows = [(item.name, item.source, item.type, item.unit, item.meaning, item.label_en, item.label_zh) for item in declared]
    named = scope.spark.createDataFrame(rows, "feature string, source string, type string, unit string, meaning string, label_en string, label_zh string")
    everyone = packed.agg(F.count("*").alias("everyone"))
    found = named.join(transforms.summary(packed), "feature", "left").crossJoin(F.broadcast(everyone))
    known = F.coalesce("customers", F.lit(0)).cast("bigint")
    share = F.coalesce(F.try_divide(known, F.col("everyone")), F.lit(0.0)).alias("share_known")
    return found.select(*named.columns, known.alias("customers"), share, "mean", "deviation", "lowest", "highest")


JOB = Job(
    name="features",
    summary=__doc__,
    reads=(CUSTOMER_PROFILES, CUSTOMER_DAYS, INTERACTIONS, EVENTS, ORDER_LINES, PRODUCTS, REVIEWS, RESPONSES, REDEMPTIONS, SERVICE_CONTACTS, TRAITS),
    writes=(CUSTOMER_FEATURES, FEATURES),
    run=run,
)
