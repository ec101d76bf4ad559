"""Find which accounts, devices and cards are one person's, each day anew."""

from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import (
    IDENTIFIER_KINDS,
    active_resolution,
    assign_persons,
    resolution_rows,
    row_namespace,
)
from clarion.collect.identity import links, model, pairs
from clarion.collect.identity.components import plausible
from clarion.collect.identity.consent import consented
from clarion.collect.identity.model import Weights
from clarion.collect.identity.people import owners, persons, since
from clarion.collect.identity.settings import IdentitySettings
from clarion.contracts import Table
from clarion.contracts.silver import (
    CONSENTS,
    CUSTOMERS,
    EVENTS,
    IDENTITIES,
    IDENTITY_LINKS,
    IDENTITY_MODELS,
    ORDER_LINES,
    RESOLUTIONS,
)
from clarion.kernel.parallel import run_concurrently
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.days import arrived_before
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope

_NAME = ("kind", "namespace", "ref")


def run(scope: Scope) -> None:
    settings = scope.settings(IdentitySettings)
    stated = scope.raw(CONSENTS).where(arrived_before(scope.as_of, scope.time_zone))
    consenting = scope.persist(consented(stated, purpose="analytics").select("customer_id"))
    seen = scope.persist(_seen(scope, consenting))
    before = scope.persist(_before(scope))
    people = scope.persist(_accounts(scope, seen, consenting, settings))
    compared = scope.persist(pairs.candidates(people, max_block=settings.max_block))
    weights, joined = None, before.drop("since").limit(0)
    found = scope.empty(IDENTITY_LINKS).drop("as_of")
    if not compared.isEmpty():
        weights = model.fitted(people, compared)
        judged = scope.persist(_links(compared, weights, settings))
        members = scope.persist(
            plausible(judged.where("is_linked"), people, max_accounts=settings.max_accounts)
        )
        joined = scope.persist(_joined(scope, members, before))
        found = _standing_links(judged, members)
    of_someone = assign_persons(seen.where("customer_id IS NOT NULL"), joined)
    owned = owners(
        of_someone, least_share=settings.device_share, least_times=settings.device_logins
    )
    nameless = seen.where("customer_id IS NULL").select(*_NAME)
    now = scope.persist(
        since(
            joined.unionByName(owned.join(nameless, list(_NAME), "left_semi")),
            before,
            as_of=scope.as_of,
        )
    )
    counts = {row["kind"]: row["count"] for row in now.groupBy("kind").count().collect()}
    writes = []
    if counts or scope.exists(RESOLUTIONS):
        writes.append(partial(scope.replace, RESOLUTIONS, _of_the_day(scope, now, RESOLUTIONS)))
    if weights or scope.exists(IDENTITY_LINKS):
        writes.append(
            partial(scope.replace, IDENTITY_LINKS, _of_the_day(scope, found, IDENTITY_LINKS))
        )
    run_concurrently(writes)
    # Last: with this row the day's resolution is in force.
    _enter_model(scope, counts, weights, compared.count() if weights else 0)


def _seen(scope: Scope, consenting: DataFrame) -> DataFrame:
    """How often each device and card was seen under each account that consents, and under none: kind, namespace, ref, customer_id, times."""
    both = []
    for table, column in ((EVENTS, "device_ref"), (ORDER_LINES, "member_ref")):
        facts = (
            scope.raw(table)
            .where(F.col(column).isNotNull())
            .where(arrived_before(scope.as_of, scope.time_zone))
        )
        name = (
            F.lit(IDENTIFIER_KINDS[column]).alias("kind"),
            row_namespace(scope.config).alias("namespace"),
            F.col(column).alias("ref"),
        )
        both.append(
            facts.select(*name, "customer_id")
            .groupBy(*_NAME, "customer_id")
            .agg(F.count("*").alias("times"))
        )
    found = (
        both[0]
        .unionByName(both[1])
        .join(consenting.withColumn("_consents", F.lit(True)), "customer_id", "left")
    )
    return found.where("customer_id IS NULL OR _consents").drop("_consents")


def _accounts(
    scope: Scope, seen: DataFrame, consenting: DataFrame, settings: IdentitySettings
) -> DataFrame:
    registered = (
        scope.raw(CUSTOMERS)
        .where(arrived_before(scope.as_of, scope.time_zone))
        .join(consenting, "customer_id", "left_semi")
    )
    devices = seen.where("kind = 'device' AND customer_id IS NOT NULL").select(
        "customer_id", F.to_json(F.struct("namespace", "ref")).alias("device")
    )
    return pairs.known(
        pairs.accounts(registered),
        pairs.shared_devices(devices, max_sharing=settings.max_sharing),
        max_sharing=settings.max_sharing,
    )


def _links(compared: DataFrame, weights: Weights, settings: IdentitySettings) -> DataFrame:
    scored = model.scored(compared, weights)
    return links.judged(
        scored,
        deterministic=settings.deterministic,
        conflicts=settings.conflicts,
        link_at=settings.link_at,
    )


def _standing_links(found: DataFrame, members: DataFrame) -> DataFrame:
    """Links with what became of them: those that an implausible crowd hung on were cut."""
    left = members.select(F.col("customer_id").alias("left_id"), F.col("component").alias("_left"))
    right = members.select(
        F.col("customer_id").alias("right_id"), F.col("component").alias("_right")
    )
    together_ = F.col("is_linked") & F.coalesce(F.col("_left") == F.col("_right"), F.lit(False))
    cut = F.when(F.col("is_linked") & ~together_, "implausible").otherwise(F.col("method"))
    return (
        found.join(left, "left_id", "left")
        .join(right, "right_id", "left")
        .withColumns({"method": cut, "is_linked": together_})
    )


def _joined(scope: Scope, members: DataFrame, before: DataFrame) -> DataFrame:
    first_seen = (
        scope.raw(IDENTITIES)
        .groupBy("customer_id")
        .agg(F.min("first_seen_at").alias("first_seen_at"))
    )
    stood = before.where("kind = 'customer'").select(
        F.col("ref").alias("customer_id"), F.col("customer_id").alias("person")
    )
    found = persons(members, first_seen, stood)
    return found.select(
        F.lit("customer").alias("kind"),
        F.lit("").alias("namespace"),
        F.col("customer_id").alias("ref"),
        F.col("person").alias("customer_id"),
    )


def _before(scope: Scope) -> DataFrame:
    """Names as an earlier day gave them: kind, namespace, ref, customer_id, since."""
    last = active_resolution(scope.own(IDENTITY_MODELS), as_of=scope.as_of, before=True)
    names = resolution_rows(scope.own(RESOLUTIONS), last) if last else scope.empty(RESOLUTIONS)
    return names.select(*_NAME, "customer_id", "since")


def _of_the_day(scope: Scope, frame: DataFrame, table: Table) -> DataFrame:
    return frame.withColumn("as_of", F.lit(scope.as_of)).select(*table.column_names)


def _enter_model(
    scope: Scope, counts: dict[str, int], weights: Weights | None, compared: int
) -> None:
    accounts = counts.get("customer", 0)
    row = {
        "as_of": scope.as_of, "accounts": weights.accounts if weights else 0, "pairs": compared, "prior": weights.prior if weights else None,
        "m": dict(weights.m) if weights else {}, "u": dict(weights.u) if weights else {},
        "linked_accounts": accounts, "owned_devices": sum(counts.values()) - accounts,
    }  # fmt: skip
    scope.replace(IDENTITY_MODELS, rows_as_frame(scope.spark, IDENTITY_MODELS, [row]))
    scope.note(
        f"{accounts:,} accounts stand for someone else; {row['owned_devices']:,} devices and cards have an owner"
    )


JOB = Job(
    name="resolve",
    summary=__doc__,
    reads=(CUSTOMERS, EVENTS, ORDER_LINES, CONSENTS, IDENTITIES),
    writes=(RESOLUTIONS, IDENTITY_LINKS, IDENTITY_MODELS),
    purpose="collection",
    settings=(IdentitySettings,),
    run=run,
)
