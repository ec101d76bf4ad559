"""Everything that names one person."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import IDENTIFIER_FACTS, IDENTIFIER_KINDS, row_namespace
from clarion.collect.privacy.suppression import IDENTIFYING_FIELDS
from clarion.config import Config
from clarion.contracts.silver import CUSTOMERS, IDENTITIES, RESOLUTIONS
from clarion.kernel.errors import UsageError
from clarion.lake import Lake
from clarion.lake.frames import union_all


@dataclass(frozen=True, slots=True)
class Subject:
    """A person, by everything that names them.

    Args:
        accounts: surrogates.
        names: field of a suppressed name (ref:NAMESPACE, device:NAMESPACE, member:NAMESPACE), and
            the name.
        tokens: personal column and token of the values that nobody else has stated.
    """

    accounts: frozenset[str]
    names: frozenset[tuple[str, str]]
    tokens: frozenset[tuple[str, str]]


def find_subject(lake: Lake, config: Config, customer: str) -> Subject:
    """Everything that names a person: all accounts ever linked with one, their devices and cards.

    Args:
        lake: the tables.
        config: the shop's sources give the namespaces.
        customer: a surrogate, or the shop's own name for a customer.

    Raises:
        UsageError: no customer has that name.
    """
    identities = lake.read(IDENTITIES)
    of_name = (F.col("customer_id") == customer) | (F.col("ref") == customer)
    first_accounts = {row["customer_id"] for row in identities.where(of_name).collect()}
    if not first_accounts:
        raise UsageError(
            f"no customer is known as '{customer}'",
            fix="name a surrogate (customer_id), or the shop's own name as its files write it",
        )
    resolutions = lake.read(RESOLUTIONS)
    accounts = linked_accounts(resolutions, first_accounts)
    names = {
        (f"ref:{row['namespace']}", row["ref"])
        for row in identities.where(F.col("customer_id").isin(*accounts)).collect()
    }
    names |= _exclusive_identifiers(lake, config, accounts)
    owned = (
        resolutions.where("kind != 'customer'")
        .where(F.col("customer_id").isin(*accounts))
        .select("kind", "namespace", "ref")
        .distinct()
    )
    names |= {(f"{row['kind']}:{row['namespace']}", row["ref"]) for row in owned.collect()}
    tokens = _exclusive_values(lake, accounts)
    return Subject(frozenset(accounts), frozenset(names), frozenset(tokens))


def linked_accounts(resolutions: DataFrame, accounts: set[str]) -> set[str]:
    """The accounts, and all that any day linked with one of them, directly or through others.

    Each round looks up the links of the accounts that the round before has found, so that only
    one person's links reach the driver.

    Args:
        resolutions: RESOLUTIONS of all days.
        accounts: surrogates to start from.
    """
    links = resolutions.where("kind = 'customer'").select("ref", "customer_id")
    linked, new_accounts = set(accounts), set(accounts)
    while new_accounts:
        touches = F.col("ref").isin(*new_accounts) | F.col("customer_id").isin(*new_accounts)
        rows = links.where(touches).distinct().collect()
        new_accounts = {account for row in rows for account in row} - linked
        linked |= new_accounts
    return linked


def _exclusive_identifiers(lake: Lake, config: Config, accounts: set[str]) -> set[tuple[str, str]]:
    """Devices and cards that were used under these accounts, and under no other in any table."""
    uses = [
        lake.read(table)
        .where(f"{column} IS NOT NULL AND customer_id IS NOT NULL")
        .select(
            F.lit(IDENTIFIER_KINDS[column]).alias("kind"),
            row_namespace(config).alias("namespace"),
            F.col(column).alias("ref"),
            "customer_id",
        )
        for table, column in IDENTIFIER_FACTS
        if lake.exists(table)
    ]
    if not uses:
        return set()
    rows = (
        union_all(uses)
        .groupBy("kind", "namespace", "ref")
        .agg(F.bool_and(F.col("customer_id").isin(*accounts)).alias("is_exclusive"))
        .where("is_exclusive")
        .collect()
    )
    return {(f"{row['kind']}:{row['namespace']}", row["ref"]) for row in rows}


def _exclusive_values(lake: Lake, accounts: set[str]) -> set[tuple[str, str]]:
    """Telephone, mail and identity number that nobody else has stated.

    A household shares its telephone: it must not keep out the people who stay.
    """
    values = set()
    registrations = lake.read(CUSTOMERS)
    for column in IDENTIFYING_FIELDS:
        rows = (
            registrations.where(f"{column} IS NOT NULL")
            .groupBy(column)
            .agg(F.bool_and(F.col("customer_id").isin(*accounts)).alias("is_exclusive"))
            .where("is_exclusive")
            .collect()
        )
        values |= {(column, row[column]) for row in rows}
    return values
