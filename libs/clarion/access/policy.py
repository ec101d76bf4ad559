"""Whose facts a job sees: those who consent to its purpose, each under the surrogate of the person, noise left out, in one currency."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.collect.cleaning import currencies
from clarion.collect.identity.consent import consented
from clarion.config import Config
from clarion.contracts import Table
from clarion.contracts.ops import DETECTIONS
from clarion.contracts.silver import (
    CONSENTS,
    EVENTS,
    FACTS,
    IDENTITY_MODELS,
    INVALID_ACTIVITY,
    ORDER_LINES,
    PRODUCTS,
    RATES,
    RESOLUTIONS,
)
from clarion.contracts.sources import KINDS, ROW_CURRENCY
from clarion.declarations.shop import sources
from clarion.lake import Lake
from clarion.measures.columns.days import arrived_before

TIMES = {FACTS[kind.silver].name: kind.time for kind in KINDS.values()}
ACCOUNTS = ("customer_id", "from_id", "to_id")
NAMES = {"device_ref": "device", "member_ref": "member"}


@dataclass(frozen=True, slots=True)
class ActiveResolution:
    """The resolution in force on a day.

    Args:
        as_of: day on which it was made.
        joined: accounts that stand for someone else.
        names: devices and cards that belong to a person.
    """

    as_of: date
    joined: int
    names: int


@dataclass(slots=True)
class People:
    """The shop's people as of a day, for one run.

    Args:
        lake: the tables.
        config: the shop's sources give the namespaces.
        as_of: first day that does not count.
        time_zone: the shop's zone.
        persist: computes a frame once for the rest of the run.
    """

    lake: Lake
    config: Config
    as_of: date
    time_zone: str
    persist: Callable[[DataFrame], DataFrame]
    _active_resolution: ActiveResolution | None = None
    _looked: bool = False
    _allowed: DataFrame | None = None
    _tables_with_invalid_activity: frozenset[str] | None = None
    _rates: DataFrame | None = None

    def without_invalid_activity(self, table: Table, frame: DataFrame) -> DataFrame:
        """The rows of a silver table without those that are noise, as far as was known on the as-of day."""
        if table not in (EVENTS, ORDER_LINES):
            return frame
        if self._tables_with_invalid_activity is None:
            self._tables_with_invalid_activity = _tables_with_detections(self.lake, self.as_of)
        if table.name not in self._tables_with_invalid_activity:
            return frame
        invalid_activity = (
            self.lake.read(INVALID_ACTIVITY)
            .where(F.col("as_of") <= F.lit(self.as_of))
            .where(F.col("facts") == table.name)
        )
        return frame.join(
            invalid_activity.select(F.col("record_id").alias(table.key[0])),
            table.key[0],
            "left_anti",
        ).select(*frame.columns)

    def in_own_currency(self, table: Table, frame: DataFrame) -> DataFrame:
        """The rows of a silver table with amounts in the shop's currency, by rates known on the as-of day; without those that have none."""
        money = tuple(column for column in table.columns if column.unit == ROW_CURRENCY)
        if table.layer != "silver" or not money:
            return frame
        if self._rates is None and self.lake.exists(RATES):
            known = self.lake.read(RATES).where(arrived_before(self.as_of, self.time_zone))
            self._rates = self.persist(currencies.daily(known, time_zone=self.time_zone))
        # A price list holds today, whenever it was written.
        on = self.as_of - timedelta(days=1) if table is PRODUCTS else None
        return currencies.converted(
            frame,
            self._rates,
            money=money,
            time=TIMES[table.name],
            on=on,
            currency=str(self.config.get("shop.currency")),
            time_zone=self.time_zone,
        )

    def consents(self) -> DataFrame:
        """Statements on the use of data, known before the as-of day; a person's statements speak for all their accounts."""
        known = self.lake.read(CONSENTS).where(arrived_before(self.as_of, self.time_zone))
        return self.resolved(CONSENTS, known)

    def consenting(self, table: Table, frame: DataFrame, *, purpose: str) -> DataFrame:
        """The rows of people who consent to a purpose, and rows of nobody.

        Args:
            table: contract of the rows.
            frame: its rows, resolved.
            purpose: analytics or marketing.
        """
        if "customer_id" not in table.column_names:
            return frame
        if self._allowed is None:
            self._allowed = self.persist(
                consented(self.consents(), purpose=purpose).select(
                    "customer_id", F.lit(True).alias("_consents")
                )
            )
        joined = frame.join(self._allowed, "customer_id", "left")
        return joined.where("customer_id IS NULL OR _consents").select(*frame.columns)

    def resolved(self, table: Table, frame: DataFrame) -> DataFrame:
        """Rows of a silver table, each under the person's surrogate; anonymous ones under that of a device's or card's owner."""
        active = self._in_force()
        if active is None or table.layer != "silver":
            return frame
        names = names_of(self.lake.read(RESOLUTIONS), active)
        found = frame
        for column in ACCOUNTS if active.joined else ():
            if column in frame.columns:
                found = under_persons(found, names, column=column)
        for column, kind in NAMES.items() if active.names else ():
            if column in frame.columns:
                owned = names.where(F.col("kind") == kind).select(
                    "namespace", F.col("ref").alias(column), F.col("customer_id").alias("_owner")
                )
                nobody = F.when(F.col("customer_id").isNull(), namespace_of(self.config))
                found = found.withColumn("namespace", nobody).join(
                    owned, ["namespace", column], "left"
                )
                found = found.withColumn("customer_id", F.coalesce("customer_id", "_owner")).drop(
                    "namespace", "_owner"
                )
        return found.select(*frame.columns)

    def _in_force(self) -> ActiveResolution | None:
        if not self._looked:
            self._looked = True
            if self.lake.exists(IDENTITY_MODELS):
                models = self.lake.read(IDENTITY_MODELS)
                self._active_resolution = active_resolution(models, as_of=self.as_of)
        return self._active_resolution


def _tables_with_detections(lake: Lake, as_of: date) -> frozenset[str]:
    """Tables in which noise was found up to a day."""
    if not lake.exists(DETECTIONS):
        return frozenset()
    known = lake.read(DETECTIONS).where(F.col("as_of") <= F.lit(as_of)).where("flagged > 0")
    return frozenset(row["fact_table"] for row in known.select("fact_table").distinct().collect())


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
        .agg(F.max_by(F.struct("as_of", "linked_accounts", "owned_devices"), "as_of").alias("last"))
        .select("last.*")
        .first()
    )
    if last is None or last["as_of"] is None:
        return None
    return ActiveResolution(last["as_of"], last["linked_accounts"], last["owned_devices"])


def names_of(resolutions: DataFrame, resolution: ActiveResolution) -> DataFrame:
    """The rows of RESOLUTIONS that belong to a resolution."""
    return resolutions.where(F.col("as_of") == F.lit(resolution.as_of))


def active_names(models: DataFrame, resolutions: DataFrame, *, as_of: date) -> DataFrame | None:
    """The active rows of RESOLUTIONS; None where no account stands for another.

    Args:
        models: IDENTITY_MODELS.
        resolutions: RESOLUTIONS.
        as_of: the day on which they are active.
    """
    active = active_resolution(models, as_of=as_of)
    return names_of(resolutions, active) if active and active.joined else None


def under_persons(frame: DataFrame, names: DataFrame, *, column: str = "customer_id") -> DataFrame:
    """The frame with the person's surrogate in place of the account's.

    Args:
        frame: any rows.
        names: RESOLUTIONS of one day.
        column: holds an account's surrogate.
    """
    accounts = names.where("kind = 'customer'").select(
        F.col("ref").alias(column), F.col("customer_id").alias("_person")
    )
    joined = frame.join(accounts, column, "left")
    return joined.withColumn(column, F.coalesce("_person", column)).select(*frame.columns)


def namespace_of(config: Config) -> Column:
    """Who gives the names in a row of silver, from the source it came through."""
    known = [F.lit(part) for source in sources(config) for part in (source.name, source.namespace)]
    return F.coalesce(
        F.element_at(F.create_map(*known), F.col("_source")),
        F.split_part("_source", F.lit("."), F.lit(1)),
    )
