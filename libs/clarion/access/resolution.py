"""Which accounts, devices and cards belong to one person on a day."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.config import Config
from clarion.contracts.silver import FACTS
from clarion.declarations.shop import sources

ACCOUNT_COLUMNS = ("customer_id", "from_id", "to_id")
IDENTIFIER_KINDS = {"device_ref": "device", "member_ref": "member"}
# Every table of facts that name a device or a card, with the column that does.
IDENTIFIER_FACTS = tuple(
    (table, column)
    for table in FACTS.values()
    for column in IDENTIFIER_KINDS
    if column in table.column_names
)


@dataclass(frozen=True, slots=True)
class ActiveResolution:
    """The resolution that is active on a day.

    Args:
        as_of: day on which it was computed.
        linked_accounts: accounts that stand for another account's person.
        owned_identifiers: devices and cards that belong to a person.
    """

    as_of: date
    linked_accounts: int
    owned_identifiers: int


def active_resolution(
    models: DataFrame, *, as_of: date, before: bool = False
) -> ActiveResolution | None:
    """The last resolution of a day or earlier; None where accounts were never compared.

    Args:
        models: IDENTITY_MODELS.
        as_of: the day.
        before: whether only resolutions of earlier days count.
    """
    day = F.col("as_of")
    last = (
        models.where(day < F.lit(as_of) if before else day <= F.lit(as_of))
        .agg(
            F.max_by(F.struct("as_of", "linked_accounts", "owned_identifiers"), "as_of").alias(
                "last"
            )
        )
        .select("last.*")
        .first()
    )
    if last is None or last["as_of"] is None:
        return None
    return ActiveResolution(last["as_of"], last["linked_accounts"], last["owned_identifiers"])


def resolution_rows(resolutions: DataFrame, resolution: ActiveResolution) -> DataFrame:
    """The rows of RESOLUTIONS that belong to a resolution."""
    return resolutions.where(F.col("as_of") == F.lit(resolution.as_of))


def active_resolution_rows(
    models: DataFrame, resolutions: DataFrame, *, as_of: date
) -> DataFrame | None:
    """The active rows of RESOLUTIONS; None where no account stands for another.

    Args:
        models: IDENTITY_MODELS.
        resolutions: RESOLUTIONS.
        as_of: the day on which they are active.
    """
    active = active_resolution(models, as_of=as_of)
    if active is None or not active.linked_accounts:
        return None
    return resolution_rows(resolutions, active)


def assign_persons(frame: DataFrame, names: DataFrame, *, column: str = "customer_id") -> DataFrame:
    """The frame with the person's surrogate in place of the account's.

    Args:
        frame: any rows.
        names: rows of RESOLUTIONS of one day.
        column: holds an account's surrogate.
    """
    accounts = names.where("kind = 'customer'").select(
        F.col("ref").alias(column), F.col("customer_id").alias("_person")
    )
    persons = frame.join(accounts, column, "left")
    return persons.withColumn(column, F.coalesce("_person", column)).select(*frame.columns)


def assign_owners(
    frame: DataFrame, names: DataFrame, *, column: str, namespace: Column
) -> DataFrame:
    """The frame with a device's or card's owner where the row names no customer.

    Args:
        frame: rows with customer_id and the column.
        names: rows of RESOLUTIONS of one day.
        column: device_ref or member_ref.
        namespace: who gives the names in a row.
    """
    owners = names.where(F.col("kind") == IDENTIFIER_KINDS[column]).select(
        "namespace", F.col("ref").alias(column), F.col("customer_id").alias("_owner")
    )
    # Null where the row names a customer, so that no owner is found.
    asked = F.when(F.col("customer_id").isNull(), namespace)
    with_owner = frame.withColumn("namespace", asked).join(owners, ["namespace", column], "left")
    return with_owner.withColumn("customer_id", F.coalesce("customer_id", "_owner")).drop(
        "namespace", "_owner"
    )


def row_namespace(config: Config) -> Column:
    """Who gives the names in a row of silver, from the source it came through."""
    pairs = [F.lit(part) for source in sources(config) for part in (source.name, source.namespace)]
    return F.coalesce(
        F.element_at(F.create_map(*pairs), F.col("_source")),
        F.split_part("_source", F.lit("."), F.lit(1)),
    )
