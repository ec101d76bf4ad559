"""Whether declared features are valid over the views that they are computed from."""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame

from clarion.customers.features.definitions import Feature, levels
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.measures.columns.frames import local_frame

_TYPES = {"number": "double", "text": "string"}


def check_features(
    profiles: DataFrame, views: Mapping[str, DataFrame], features: tuple[Feature, ...]
) -> None:
    """Refuse a feature that its view cannot compute.

    Args:
        profiles: CUSTOMER_PROFILES; the view `profile`.
        views: the other views, by source.
        features: in an order in which those over `features` come after those they name.

    Raises:
        ConfigError: a feature names a column that its view does not have, or is invalid.
    """
    for source, view in {**views, "profile": profiles}.items():
        of_view = [item for item in features if item.source == source]
        check_user_sql(view, [sql for item in of_view for sql in _user_sql(item)])
    earlier = [item for item in features if item.source != "features"]
    for group in levels(tuple(item for item in features if item.source == "features")):
        of_group = [sql for item in group for sql in _user_sql(item)]
        check_user_sql(_earlier_features(profiles, earlier), of_group)
        earlier.extend(group)


def _user_sql(feature: Feature) -> list[UserSql]:
    where = f"features.yml: {feature.name}"
    hint = (
        f"use columns of the view '{feature.source}', "
        "which libs/clarion/customers/features/README.md names"
    )
    value = UserSql(
        where=where,
        text=feature.value,
        sql=feature.sql,
        result=_TYPES[feature.type],
        is_aggregate=feature.is_aggregate,
        hint=hint,
    )
    if feature.where is None:
        return [value]
    # The condition first: the value has it, too, and would be named for it.
    return [UserSql(where=where, text=feature.where, result=CONDITION, hint=hint), value]


def _earlier_features(profiles: DataFrame, features: Iterable[Feature]) -> DataFrame:
    columns = [f"{item.name} {_TYPES[item.type]}" for item in features]
    return local_frame(profiles.sparkSession, [], ", ".join(["customer_id string", *columns]))
