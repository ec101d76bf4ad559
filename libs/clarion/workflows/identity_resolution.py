"""The steps of `resolve`: from registrations and device uses to the persons of a day."""

from dataclasses import dataclass
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import (
    IDENTIFIER_FACTS,
    IDENTIFIER_KINDS,
    active_resolution,
    assign_persons,
    resolution_rows,
    row_namespace,
)
from clarion.collect.identity.components import plausible_components
from clarion.collect.identity.consent import consenting_customers, known_statements
from clarion.collect.identity.links import classify_pairs, remove_implausible
from clarion.collect.identity.model import Weights, agreement_patterns, fit_weights, score_pairs
from clarion.collect.identity.pairs import (
    candidate_pairs,
    comparable_accounts,
    latest_accounts,
    shared_devices,
)
from clarion.collect.identity.people import add_since, choose_persons, device_owners
from clarion.collect.identity.settings import IdentitySettings
from clarion.contracts import Table
from clarion.contracts.silver import (
    CONSENTS,
    CUSTOMERS,
    EXPOSURES,
    IDENTITIES,
    IDENTITY_LINKS,
    IDENTITY_MODELS,
    RESOLUTIONS,
)
from clarion.lake.frames import rows_as_frame, union_all
from clarion.measures.columns.days import arrived_before
from clarion.runtime.scope import Scope

_NAME = ("kind", "namespace", "ref")


@dataclass(frozen=True, slots=True)
class LinkedAccounts:
    """Which accounts of a day are one person.

    Args:
        weights: fitted weights; None where no two accounts could be compared.
        pairs: number of compared pairs.
        links: IDENTITY_LINKS without the day.
        names: kind, namespace, ref, customer_id of the accounts that belong to another's person.
    """

    weights: Weights | None
    pairs: int
    links: DataFrame
    names: DataFrame


def consenting_accounts(scope: Scope) -> DataFrame:
    """customer_id of the accounts that consented to analytics, by what had arrived."""
    consents = known_statements(scope.raw(CONSENTS), as_of=scope.as_of, time_zone=scope.time_zone)
    return consenting_customers(consents, purpose="analytics").select("customer_id")


def _arrived(scope: Scope, table: Table) -> DataFrame:
    return scope.raw(table).where(arrived_before(scope.as_of, scope.time_zone))


def device_uses(scope: Scope, consenting: DataFrame) -> DataFrame:
    """How often each device and card was used, by consenting account and by nobody.

    What a device shows at one time is one use, however many items that are.

    Args:
        scope: the run.
        consenting: customer_id of the accounts that consented.

    Returns:
        kind, namespace, ref, customer_id (null for nobody), times.
    """
    uses_by_table = []
    for table, column in _identifier_facts(scope):
        facts = _arrived(scope, table).where(F.col(column).isNotNull())
        if table is EXPOSURES:
            facts = facts.dropDuplicates(["_source", column, "customer_id", "happened_at"])
        named = facts.select(
            F.lit(IDENTIFIER_KINDS[column]).alias("kind"),
            row_namespace(scope.config).alias("namespace"),
            F.col(column).alias("ref"),
            "customer_id",
        )
        uses_by_table.append(named)
    uses = union_all(uses_by_table).groupBy(*_NAME, "customer_id").agg(F.count("*").alias("times"))
    marked = uses.join(consenting.withColumn("_consents", F.lit(True)), "customer_id", "left")
    return marked.where("customer_id IS NULL OR _consents").drop("_consents")


def _identifier_facts(scope: Scope) -> list[tuple[Table, str]]:
    """The tables that there are of facts with a device or a card; one of them where none is."""
    existing = [(table, column) for table, column in IDENTIFIER_FACTS if scope.exists(table)]
    return existing or list(IDENTIFIER_FACTS[:1])


def accounts_to_compare(scope: Scope, uses: DataFrame, consenting: DataFrame) -> DataFrame:
    """The consenting accounts with their fields and devices: rows of `comparable_accounts`."""
    settings = scope.settings(IdentitySettings)
    registrations = _arrived(scope, CUSTOMERS).join(consenting, "customer_id", "left_semi")
    logins = uses.where("kind = 'device' AND customer_id IS NOT NULL").select(
        "customer_id", F.to_json(F.struct("namespace", "ref")).alias("device")
    )
    return comparable_accounts(
        latest_accounts(registrations),
        shared_devices(logins, max_sharing=settings.max_sharing),
        max_sharing=settings.max_sharing,
    )


def earlier_names(scope: Scope) -> DataFrame:
    """Names as an earlier day resolved them: kind, namespace, ref, customer_id, since."""
    last = active_resolution(scope.own(IDENTITY_MODELS), as_of=scope.as_of, before=True)
    names = resolution_rows(scope.own(RESOLUTIONS), last) if last else scope.empty(RESOLUTIONS)
    return names.select(*_NAME, "customer_id", "since")


def link_accounts(scope: Scope, accounts: DataFrame, earlier: DataFrame) -> LinkedAccounts:
    """Compare accounts and decide which are one person.

    Args:
        scope: the run.
        accounts: rows of `comparable_accounts`.
        earlier: rows of `earlier_names`.
    """
    settings = scope.settings(IdentitySettings)
    pairs = scope.persist(candidate_pairs(accounts, max_block=settings.max_block))
    patterns = agreement_patterns(pairs)
    if not patterns:
        no_links = scope.empty(IDENTITY_LINKS).drop("as_of")
        return LinkedAccounts(None, 0, no_links, earlier.drop("since").limit(0))
    weights = fit_weights(accounts, patterns)
    links = scope.persist(classify_pairs(score_pairs(pairs, weights), settings))
    members = scope.persist(
        plausible_components(links.where("is_linked"), accounts, max_accounts=settings.max_accounts)
    )
    names = scope.persist(_account_names(scope, members, earlier))
    pair_count = sum(count for _, count in patterns)
    return LinkedAccounts(weights, pair_count, remove_implausible(links, members), names)


def _account_names(scope: Scope, members: DataFrame, earlier: DataFrame) -> DataFrame:
    """kind, namespace, ref, customer_id of the accounts that belong to another's person."""
    first_seen = (
        scope.raw(IDENTITIES)
        .groupBy("customer_id")
        .agg(F.min("first_seen_at").alias("first_seen_at"))
    )
    earlier_persons = earlier.where("kind = 'customer'").select(
        F.col("ref").alias("customer_id"), F.col("customer_id").alias("person")
    )
    return choose_persons(members, first_seen, earlier_persons).select(
        F.lit("customer").alias("kind"),
        F.lit("").alias("namespace"),
        F.col("customer_id").alias("ref"),
        F.col("person").alias("customer_id"),
    )


def names_of_day(
    scope: Scope, linked: LinkedAccounts, uses: DataFrame, earlier: DataFrame
) -> DataFrame:
    """The resolved names of the day: linked accounts, and devices and cards with an owner.

    Args:
        scope: the run.
        linked: which accounts are one person.
        uses: rows of `device_uses`.
        earlier: rows of `earlier_names`.

    Returns:
        kind, namespace, ref, customer_id, since.
    """
    settings = scope.settings(IdentitySettings)
    uses_by_person = assign_persons(uses.where("customer_id IS NOT NULL"), linked.names)
    owners = device_owners(
        uses_by_person, min_share=settings.device_share, min_times=settings.device_logins
    )
    # An owner matters only where some fact of the device names nobody.
    without_customer = uses.where("customer_id IS NULL").select(*_NAME)
    devices = owners.join(without_customer, list(_NAME), "left_semi")
    return add_since(linked.names.unionByName(devices), earlier, as_of=scope.as_of)


def write_resolution(scope: Scope, names: DataFrame, linked: LinkedAccounts) -> None:
    """Write the day's resolution, its links and its model.

    Args:
        scope: the run.
        names: rows of `names_of_day`.
        linked: which accounts are one person.
    """
    counts = {row["kind"]: row["count"] for row in names.groupBy("kind").count().collect()}
    writes = []
    if counts or scope.exists(RESOLUTIONS):
        rows = _rows_of_day(scope, names, RESOLUTIONS)
        writes.append(partial(scope.replace, RESOLUTIONS, rows))
    if linked.weights or scope.exists(IDENTITY_LINKS):
        rows = _rows_of_day(scope, linked.links, IDENTITY_LINKS)
        writes.append(partial(scope.replace, IDENTITY_LINKS, rows))
    scope.run_concurrently(writes)
    # Last: with this row the day's resolution becomes active.
    _write_model(scope, linked, counts)


def _rows_of_day(scope: Scope, frame: DataFrame, table: Table) -> DataFrame:
    return frame.withColumn("as_of", F.lit(scope.as_of)).select(*table.column_names)


def _write_model(scope: Scope, linked: LinkedAccounts, counts: dict[str, int]) -> None:
    weights = linked.weights
    linked_accounts = counts.get("customer", 0)
    owned_identifiers = sum(counts.values()) - linked_accounts
    row = {
        "as_of": scope.as_of,
        "accounts": weights.accounts if weights else 0,
        "pairs": linked.pairs,
        "prior": weights.prior if weights else None,
        "m": dict(weights.m) if weights else {},
        "u": dict(weights.u) if weights else {},
        "linked_accounts": linked_accounts,
        "owned_identifiers": owned_identifiers,
    }
    scope.replace(IDENTITY_MODELS, rows_as_frame(scope.spark, IDENTITY_MODELS, [row]))
    scope.note(
        f"{linked_accounts:,} accounts belong to the person of another account; "
        f"{owned_identifiers:,} devices and cards have an owner"
    )
