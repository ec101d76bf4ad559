"""Everything that names one person."""

from dataclasses import dataclass

from pyspark.sql import functions as F

from clarion.access.resolution import IDENTIFIER_KINDS, row_namespace
from clarion.collect.privacy.suppression import IDENTIFYING_FIELDS
from clarion.config import Config
from clarion.contracts import Table
from clarion.contracts.silver import CUSTOMERS, EVENTS, IDENTITIES, ORDER_LINES, RESOLUTIONS
from clarion.kernel.errors import UsageError
from clarion.lake import Lake


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, by everything that names them.

    Args:
        accounts: surrogates.
        names: field of a suppressed name (ref:NAMESPACE, device:NAMESPACE, member:NAMESPACE), and the name.
        tokens: personal column and token of the values that are nobody else's.
    """

    accounts: frozenset[str]
    names: frozenset[tuple[str, str]]
    tokens: frozenset[tuple[str, str]]


def find(lake: Lake, config: Config, customer: str) -> Subject:
    """Everything that names a person: all accounts that were ever joined with the one named, their devices and cards.

    Raises:
        UsageError: nobody is known by that name.
    """
    named = (
        lake.read(IDENTITIES)
        .where((F.col("customer_id") == customer) | (F.col("ref") == customer))
        .collect()
    )
    if not named:
        raise UsageError(
            f"no customer is known as '{customer}'",
            fix="name a surrogate (customer_id), or the shop's own name as it stands in its files",
        )
    accounts = {row["customer_id"] for row in named}
    joined = (
        lake.read(RESOLUTIONS)
        .where("kind = 'customer'")
        .select("ref", "customer_id")
        .distinct()
        .collect()
    )
    while (
        more := {
            end
            for row in joined
            for end in (row["ref"], row["customer_id"])
            if {row["ref"], row["customer_id"]} & accounts
        }
        - accounts
    ):
        accounts |= more
    rows = lake.read(IDENTITIES).where(F.col("customer_id").isin(*accounts)).collect()
    names = {(f"ref:{row['namespace']}", row["ref"]) for row in rows}
    for table, column in ((EVENTS, "device_ref"), (ORDER_LINES, "member_ref")):
        names |= _own(lake, config, table, column, accounts)
    given = (
        lake.read(RESOLUTIONS)
        .where("kind != 'customer'")
        .where(F.col("customer_id").isin(*accounts))
        .select("kind", "namespace", "ref")
        .distinct()
    )
    names |= {(f"{row['kind']}:{row['namespace']}", row["ref"]) for row in given.collect()}
    return Subject(frozenset(accounts), frozenset(names), frozenset(_own_values(lake, accounts)))


def _own(
    lake: Lake, config: Config, table: Table, column: str, accounts: set[str]
) -> set[tuple[str, str]]:
    """Devices or cards under which these accounts were seen, and no other."""
    seen = lake.read(table).where(f"{column} IS NOT NULL AND customer_id IS NOT NULL")
    mine = F.bool_and(F.col("customer_id").isin(*accounts)).alias("mine")
    found = (
        seen.groupBy(row_namespace(config).alias("namespace"), F.col(column).alias("ref"))
        .agg(mine)
        .where("mine")
        .collect()
    )
    return {(f"{IDENTIFIER_KINDS[column]}:{row['namespace']}", row["ref"]) for row in found}


def _own_values(lake: Lake, accounts: set[str]) -> set[tuple[str, str]]:
    """Telephone, mail and identity number that no one else has stated: a household's telephone keeps nobody else out."""
    values = set()
    registrations = lake.read(CUSTOMERS)
    for column in IDENTIFYING_FIELDS:
        mine = F.bool_and(F.col("customer_id").isin(*accounts)).alias("mine")
        found = (
            registrations.where(f"{column} IS NOT NULL")
            .groupBy(column)
            .agg(mine)
            .where("mine")
            .collect()
        )
        values |= {(column, row[column]) for row in found}
    return values
