"""Whose facts a job may use, in which version, under which surrogate, in one currency."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import RLock

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import (
    ACCOUNT_COLUMNS,
    IDENTIFIER_KINDS,
    ActiveResolution,
    active_resolution,
    assign_owners,
    assign_persons,
    resolution_rows,
    row_namespace,
)
from clarion.collect.cleaning.currencies import (
    AmountSpec,
    RowsWithoutRate,
    convert_amounts,
    count_without_rate,
    daily_rates,
)
from clarion.collect.cleaning.order_versions import (
    may_replace,
    replacements,
    without_replaced,
)
from clarion.collect.identity.consent import (
    consenting_customers,
    known_statements,
    withdrawals_by_response,
)
from clarion.collect.identity.settings import ConsentSettings
from clarion.config import Config
from clarion.contracts import Table
from clarion.contracts.gold import MESSAGES
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
    RESPONSES,
)
from clarion.contracts.sources import KINDS, ROW_CURRENCY
from clarion.lake import Lake
from clarion.measures.columns.consents import consents_to_channel, consents_to_every_channel
from clarion.measures.columns.days import arrived_before, start_of

# What the policy reads. Messages, too, but those of earlier passes: nobody waits for them.
POLICY_TABLES = (
    CONSENTS,
    DETECTIONS,
    IDENTITY_MODELS,
    INVALID_ACTIVITY,
    RATES,
    RESOLUTIONS,
    RESPONSES,
)
FACT_TIMES = {FACTS[kind.silver].name: kind.time for kind in KINDS.values()}
LATER_TIMES = {FACTS[kind.silver].name: kind.later for kind in KINDS.values() if kind.later}


@dataclass(slots=True)
class AccessPolicy:
    """The access policy on a day. Jobs that run side by side may share it.

    What it reads of the lake it reads once, when a frame first needs it.

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
    _lock: RLock = field(default_factory=RLock)
    _active_resolution: ActiveResolution | None = None
    _is_resolution_read: bool = False
    _resolution_rows: DataFrame | None = None
    _consenting_customers: dict[str, DataFrame] = field(default_factory=dict)
    _tables_with_invalid_activity: frozenset[str] | None = None
    _invalid_activity: dict[str, DataFrame] = field(default_factory=dict)
    _replacements: DataFrame | None = None
    _is_replaced_asked: bool = False
    _daily_rates: DataFrame | None = None
    _rows_without_rate: dict[str, RowsWithoutRate | None] = field(default_factory=dict)

    def apply(self, table: Table, frame: DataFrame, *, purpose: str) -> DataFrame:
        """The rows of a table that a purpose may use.

        Args:
            table: contract of the rows, of silver or gold.
            frame: its rows as stored.
            purpose: analytics or marketing.
        """
        newest = self.without_replaced(table, self.without_later_times(table, frame))
        return self._of_newest(table, newest, purpose=purpose)

    def with_replaced(self, table: Table, frame: DataFrame, *, purpose: str) -> DataFrame:
        """The rows that a purpose may use, with those that a newer version replaces.

        Args:
            table: contract of the rows.
            frame: its rows as stored.
            purpose: analytics or marketing.

        Returns:
            The rows, with replaced_at: when a newer version arrived, null where none did. The
            column is there only if a row of the table was delivered more than once.
        """
        replaced = self._replaced_lines() if table is ORDER_LINES else None
        if replaced is not None:
            times = replaced.select("order_line_id", "replaced_at")
            frame = frame.join(times, "order_line_id", "left")
        return self._of_newest(table, frame, purpose=purpose)

    def _of_newest(self, table: Table, frame: DataFrame, *, purpose: str) -> DataFrame:
        valid = self.without_invalid_activity(table, frame)
        converted = self.in_shop_currency(table, valid)
        return self.with_consent(table, self.resolve(table, converted), purpose=purpose)

    def without_later_times(self, table: Table, frame: DataFrame) -> DataFrame:
        """The rows of a silver table, without times that had not come by the as-of day.

        An item that was shown before the day and clicked on it is one that nobody has clicked.
        """
        start = start_of(self.as_of, self.time_zone)
        times = {
            name: F.when(F.col(name) < start, F.col(name))
            for name in LATER_TIMES.get(table.name, ())
        }
        return frame.withColumns(times) if times else frame

    def without_replaced(self, table: Table, frame: DataFrame) -> DataFrame:
        """The rows of a silver table without those that a newer version had replaced by the day."""
        replaced = self._replaced_lines() if table is ORDER_LINES else None
        if replaced is None:
            return frame
        return without_replaced(frame, replaced, as_of=self.as_of, time_zone=self.time_zone)

    def _replaced_lines(self) -> DataFrame | None:
        """When each line of orders is replaced; None where each was delivered once."""
        with self._lock:
            if not self._is_replaced_asked and self.lake.exists(ORDER_LINES):
                lines = self.lake.read(ORDER_LINES)
                # Three columns are read; mostly each line was delivered once.
                if not lines.where(may_replace()).isEmpty():
                    self._replacements = self.persist(replacements(lines))
            self._is_replaced_asked = True
            return self._replacements

    def without_invalid_activity(self, table: Table, frame: DataFrame) -> DataFrame:
        """The rows of a silver table without invalid activity, as known on the as-of day."""
        if table not in (EVENTS, ORDER_LINES):
            return frame
        with self._lock:
            if self._tables_with_invalid_activity is None:
                self._tables_with_invalid_activity = _tables_with_detections(self.lake, self.as_of)
            if table.name not in self._tables_with_invalid_activity:
                return frame
            if table.name not in self._invalid_activity:
                self._invalid_activity[table.name] = self.persist(self._keys_of_invalid(table))
            flagged = self._invalid_activity[table.name]
        return frame.join(flagged, table.key[0], "left_anti").select(*frame.columns)

    def _keys_of_invalid(self, table: Table) -> DataFrame:
        """Keys of the rows of a silver table that are invalid activity, as known on the day."""
        invalid_activity = (
            self.lake.read(INVALID_ACTIVITY)
            .where(F.col("as_of") <= F.lit(self.as_of))
            .where(F.col("fact_table") == table.name)
        )
        flagged = invalid_activity.select(F.col("record_id").alias(table.key[0]))
        replaced = self._replaced_lines() if table is ORDER_LINES else None
        if replaced is None:
            return flagged
        # What nobody intended stays so in each of its versions.
        keys = replaced.join(flagged, "order_line_id", "left_semi").select("line_key")
        versions = replaced.join(keys, "line_key", "left_semi").select("order_line_id")
        return flagged.union(versions)

    def in_shop_currency(self, table: Table, frame: DataFrame) -> DataFrame:
        """The rows of a silver table with amounts in the shop's currency.

        Rates are those known on the as-of day; rows without a rate are left out.
        """
        spec = self._amount_spec(table)
        return convert_amounts(frame, self._rates(), spec) if spec else frame

    def rows_without_rate(self, table: Table) -> RowsWithoutRate | None:
        """The rows of a silver table, known on the as-of day, that `in_shop_currency` leaves out.

        They are counted once; None where no row is left out.
        """
        spec = self._amount_spec(table)
        if spec is None:
            return None
        with self._lock:
            if table.name not in self._rows_without_rate:
                newest = self.without_replaced(table, self.lake.read(table))
                known = newest.where(arrived_before(self.as_of, self.time_zone))
                row = count_without_rate(known, self._rates(), spec).first()
                counted = None
                if row and row["rows"]:
                    named = tuple((one["currency"], one["rows"]) for one in row["currencies"])
                    counted = RowsWithoutRate(row["rows"], named)
                self._rows_without_rate[table.name] = counted
            return self._rows_without_rate[table.name]

    def _amount_spec(self, table: Table) -> AmountSpec | None:
        """How the amounts of a table are converted; None for a table without such amounts."""
        money = tuple(column for column in table.columns if column.unit == ROW_CURRENCY)
        if table.layer != "silver" or not money:
            return None
        return AmountSpec(
            money=money,
            time=FACT_TIMES[table.name],
            # A price list holds today, whenever it was written.
            rates_on=self.as_of - timedelta(days=1) if table is PRODUCTS else None,
            currency=str(self.config.get("shop.currency")),
            time_zone=self.time_zone,
        )

    def _rates(self) -> DataFrame | None:
        """The daily rates known on the as-of day; None where the shop has none."""
        with self._lock:
            if self._daily_rates is None and self.lake.exists(RATES):
                rates = self.lake.read(RATES).where(arrived_before(self.as_of, self.time_zone))
                self._daily_rates = self.persist(daily_rates(rates, time_zone=self.time_zone))
            return self._daily_rates

    def consenting_customers(self, purpose: str) -> DataFrame:
        """The people who consent to a purpose on the as-of day, and on which channels.

        A statement on one account, or an answer to a message, counts for the person.

        Args:
            purpose: collection, analytics or marketing.

        Returns:
            Rows of `consenting_customers`: customer_id, basis, channels.
        """
        with self._lock:
            if purpose not in self._consenting_customers:
                consenting = consenting_customers(self._statements(purpose), purpose=purpose)
                self._consenting_customers[purpose] = self.persist(consenting)
            return self._consenting_customers[purpose]

    def _statements(self, purpose: str) -> DataFrame:
        """The statements that count on the as-of day, each under the person's surrogate."""
        statements = self.lake.read(CONSENTS)
        if purpose == "marketing" and self.lake.exists(RESPONSES):
            statements = withdrawals_by_response(
                statements,
                self.lake.read(RESPONSES),
                self.lake.read(MESSAGES),
                self.config.section(ConsentSettings),
            )
        known = known_statements(statements, as_of=self.as_of, time_zone=self.time_zone)
        return self.resolve(CONSENTS, known)

    def with_consent(
        self, table: Table, frame: DataFrame, *, purpose: str, channel: str | None = None
    ) -> DataFrame:
        """The rows of people who consent to a purpose, and rows that name nobody.

        A row that names two people, such as a tie, is there where both consent.

        Args:
            table: contract of the rows.
            frame: its rows, resolved.
            purpose: analytics or marketing.
            channel: for which the rows are used; None asks for consent on every channel.
        """
        has_consent = (
            consents_to_channel(F.lit(channel)) if channel else consents_to_every_channel()
        )
        permitted = frame
        for column in ACCOUNT_COLUMNS:
            if column in table.column_names:
                consenting = self.consenting_customers(purpose).where(has_consent)
                people = consenting.select(
                    F.col("customer_id").alias(column), F.lit(True).alias("_consents")
                )
                joined = permitted.join(people, column, "left")
                permitted = joined.where(F.col(column).isNull() | F.col("_consents"))
                permitted = permitted.select(*frame.columns)
        return permitted

    def resolve(self, table: Table, frame: DataFrame) -> DataFrame:
        """Rows of a silver table, each under the person's surrogate.

        A row that names no customer gets the owner of its device or card.
        """
        names_somebody = {*ACCOUNT_COLUMNS, *IDENTIFIER_KINDS}.intersection(frame.columns)
        if table.layer != "silver" or not names_somebody:
            return frame
        active, names = self._resolution()
        if active is None or names is None:
            return frame
        resolved = frame
        for column in ACCOUNT_COLUMNS if active.linked_accounts else ():
            if column in frame.columns:
                resolved = assign_persons(resolved, names, column=column)
        for column in IDENTIFIER_KINDS if active.owned_identifiers else ():
            if column in frame.columns:
                namespace = row_namespace(self.config)
                resolved = assign_owners(resolved, names, column=column, namespace=namespace)
        return resolved.select(*frame.columns)

    def _resolution(self) -> tuple[ActiveResolution | None, DataFrame | None]:
        """The active resolution and its rows; None where accounts were never compared."""
        with self._lock:
            if not self._is_resolution_read and self.lake.exists(IDENTITY_MODELS):
                models = self.lake.read(IDENTITY_MODELS)
                active = active_resolution(models, as_of=self.as_of)
                if active is not None:
                    rows = resolution_rows(self.lake.read(RESOLUTIONS), active)
                    self._resolution_rows = self.persist(rows)
                self._active_resolution = active
            self._is_resolution_read = True
            return self._active_resolution, self._resolution_rows


def _tables_with_detections(lake: Lake, as_of: date) -> frozenset[str]:
    """Names of the tables in which invalid activity was detected up to a day."""
    if not lake.exists(DETECTIONS):
        return frozenset()
    detections = lake.read(DETECTIONS).where(F.col("as_of") <= F.lit(as_of)).where("flagged > 0")
    # One row a detector and day.
    return frozenset(row["fact_table"] for row in detections.select("fact_table").collect())
