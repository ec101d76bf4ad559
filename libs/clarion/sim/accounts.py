"""Simulated people with several accounts, devices and cards; the owner of each is known."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim.column_draws import ColumnDraws
from clarion.sim.difficulty import AccountDifficulty

_FAMILY_NAMES = 300
_GIVEN_NAMES = 150
_BORN_WITHIN_DAYS = 50 * 365
_FACTS_WITHIN_DAYS = 90
_TYPO_LETTERS = "qxzjkvwy"
_PREFIXES = ("A", "M", "B")  # of a customer_ref: app, card, second account of the app
_ACCOUNT = ("id", "account")
_VISIT = ("id", "visit")


@dataclass(frozen=True, slots=True)
class SimulatedAccounts:
    """What the shop receives. The column `person` of each frame is the truth, not shop data.

    Args:
        registrations: namespace (app or store), customer_ref, registered_at, phone, mail,
            id_number, name, birth_date, address, sex.
        events: event_ref, happened_at, type, signal, customer_ref (null without a login),
            device_ref, channel.
        tills: order_ref, happened_at, customer_ref (the card's, of namespace store).
    """

    registrations: DataFrame
    events: DataFrame
    tills: DataFrame


def simulate_accounts(
    spark: SparkSession, *, people: int, difficulty: AccountDifficulty, seed: int, starts_on: date
) -> SimulatedAccounts:
    """Accounts, visits and purchases of people whose identity is known.

    Six people in ten also have a card of the shop on the street; one in twelve has a second
    account of the app.

    Args:
        spark: the session.
        people: number of people.
        difficulty: how hard it is to recognise the accounts of one person.
        seed: names the draw.
        starts_on: day of the first fact.
    """
    world = _AccountWorld(ColumnDraws(seed), difficulty, starts_on, people)
    persons = world.persons(spark)
    return SimulatedAccounts(
        world.registrations(persons), world.events(persons), world.tills(persons)
    )


@dataclass(frozen=True, slots=True)
class _AccountWorld:
    draws: ColumnDraws
    difficulty: AccountDifficulty
    starts_on: date
    people: int

    @property
    def _start(self) -> Column:
        return F.lit(self.starts_on).cast("timestamp")

    def _happens(self, name: str, chance: float, *ids: str) -> Column:
        return self.draws.uniform(f"accounts/{name}", *ids) < chance

    def _zipf(self, name: str, size: int, *ids: str) -> Column:
        drawn = self.draws.uniform(f"accounts/{name}", *ids)
        return F.floor(F.pow(F.lit(float(size)), drawn)).cast("int")

    def _instant(self, name: str, *ids: str) -> Column:
        drawn = self.draws.uniform(f"accounts/at/{name}", *ids)
        seconds = F.floor(drawn * _FACTS_WITHIN_DAYS * 86400).cast("bigint")
        return F.timestamp_seconds(F.unix_seconds(self._start) + seconds)

    def persons(self, spark: SparkSession) -> DataFrame:
        """One row per person. People with neighbouring numbers may live in one household."""
        pairs = spark.range(self.people).withColumn("home", F.floor(F.col("id") / 2).cast("bigint"))
        is_household = self._happens("household", self.difficulty.household_share, "home")
        own_number = F.col("id") + self.people
        shares_phone = F.col("household") & self._happens("one_phone", 0.5, "home")
        shares_device = F.col("household") & self._happens(
            "shared", self.difficulty.shared_device_rate, "home"
        )
        born = self.draws.index("accounts/born", _BORN_WITHIN_DAYS, "id")
        return (
            pairs.withColumn("household", is_household)
            .withColumn("home", F.when(F.col("household"), F.col("home")).otherwise(own_number))
            .withColumn("number", F.when(shares_phone, F.col("home")).otherwise(own_number))
            .withColumns(
                {
                    "person": F.col("id"),
                    "family": self._zipf("family", _FAMILY_NAMES, "home"),
                    "given": self._zipf("given", _GIVEN_NAMES, "id"),
                    "born": born,
                    "sex": F.when(self._happens("sex", 0.5, "id"), "f").otherwise("m"),
                    "has_card": self._happens("card", 0.6, "id"),
                    "has_second": self._happens("second", 1 / 12, "id"),
                    "common_device": shares_device,
                }
            )
        )

    def registrations(self, persons: DataFrame) -> DataFrame:
        """One row per account, with the fields as its owner entered them."""
        account_numbers = F.array(
            F.lit(0), F.when(F.col("has_card"), 1), F.when(F.col("has_second"), 2)
        )
        accounts = persons.withColumn("account", F.explode(F.array_compact(account_numbers)))
        prefix = F.element_at(F.array(*(F.lit(item) for item in _PREFIXES)), F.col("account") + 1)
        return accounts.select(
            F.when(F.col("account") == 1, "store").otherwise("app").alias("namespace"),
            F.format_string("%s%07d", prefix, "id").alias("customer_ref"),
            self._instant("registered", *_ACCOUNT).alias("registered_at"),
            *(value.alias(name) for name, value in self._account_fields().items()),
            "sex",
            "person",
        )

    def _account_fields(self) -> dict[str, Column]:
        """Fields of an account: some missing, some mistyped, some changed since the first one."""
        missing = self.difficulty.missing_rate
        other = F.col("id") + 3 * self.people * (F.col("account") + 1)
        mail = F.when(self._changes("mail"), other).otherwise(F.col("id"))
        address = F.when(self._changes("address"), other).otherwise(F.col("home"))
        id_number = F.format_string("ID%09d", "id")
        name = F.format_string("given%d family%d", "given", "family")
        birth_date = F.date_add(F.lit(date(1955, 1, 1)), F.col("born"))
        return {
            "phone": self._unless_missing(
                "phone", F.format_string("13%09d", self._phone_number(other)), missing
            ),
            "mail": self._unless_missing(
                "mail", F.format_string("m%d@mail.example", mail), 2 * missing
            ),
            "id_number": self._unless_missing("id_number", id_number, 0.95),
            "name": self._unless_missing(
                "name",
                self._with_typo("name", name, typo=F.concat(name, self._typo_letter())),
                missing / 3,
            ),
            "birth_date": self._unless_missing(
                "birth",
                self._with_typo("birth", birth_date, typo=F.date_add(birth_date, 9)),
                missing,
            ),
            "address": self._unless_missing(
                "address", F.format_string("%d street", address), missing
            ),
        }

    def _unless_missing(self, name: str, value: Column, chance: float) -> Column:
        return F.when(~self._happens(f"{name}/missing", chance, *_ACCOUNT), value)

    def _with_typo(self, name: str, value: Column, *, typo: Column) -> Column:
        has_typo = self._happens(f"{name}/typo", self.difficulty.typo_rate, *_ACCOUNT)
        return F.when(has_typo, typo).otherwise(value)

    def _changes(self, name: str) -> Column:
        changes = self._happens(f"{name}/changed", self.difficulty.change_rate, *_ACCOUNT)
        return (F.col("account") > 0) & changes

    def _phone_number(self, other: Column) -> Column:
        """The own number, another one by a later account, or one that was someone else's."""
        is_recycled = self._happens("recycled", self.difficulty.recycled_phone_rate, *_ACCOUNT)
        recycled = (F.col("number") + 17) % (2 * self.people)
        return (
            F.when(self._changes("phone"), other)
            .when(is_recycled, recycled)
            .otherwise(F.col("number"))
        )

    def _typo_letter(self) -> Column:
        index = self.draws.index("accounts/letter", len(_TYPO_LETTERS), *_ACCOUNT)
        return F.substring(F.lit(_TYPO_LETTERS), index + 1, F.lit(1))

    def events(self, persons: DataFrame) -> DataFrame:
        """Six visits in the app, half of them without a login, and two arrivals in the shop."""
        visits = (
            self._with_devices(persons)
            .withColumn("visit", F.explode(F.sequence(F.lit(0), F.lit(7))))
            .withColumn("at", self._instant("visit", *_VISIT))
        )
        is_in_store = F.col("visit") >= 6
        is_late = F.col("at") >= self._start + F.expr("INTERVAL 60 DAYS")
        radio = F.when(self._happens("radio", 0.5, "id"), "wifi").otherwise("bluetooth")
        may_log_in = (F.col("visit") < 2) | self._happens("login", 0.4, *_VISIT)
        logs_in = ~is_in_store & may_log_in
        # The stranger to whom a device was sold never logs in.
        owner = F.when(F.col("resold") & is_late, -1 - F.col("id")).otherwise(F.col("person"))
        random_radio = F.when(
            is_in_store & self._happens("random_radio", self.difficulty.random_radio_rate, "id"),
            F.format_string("radio-%d-%d", *_VISIT),
        )
        event_type = F.when(is_in_store, "arrival").when(logs_in, "login").otherwise("view")
        customer_ref = F.when(logs_in & (owner >= 0), F.format_string("A%07d", "id"))
        return visits.select(
            F.format_string("E%07d-%d", *_VISIT).alias("event_ref"),
            F.col("at").alias("happened_at"),
            event_type.alias("type"),
            F.when(is_in_store, radio).otherwise("app").alias("signal"),
            customer_ref.alias("customer_ref"),
            F.coalesce(random_radio, F.col("device_ref")).alias("device_ref"),
            F.when(is_in_store, "store").otherwise("app").alias("channel"),
            owner.alias("person"),
        )

    def _with_devices(self, persons: DataFrame) -> DataFrame:
        """One phone per person; the people of a household may use one device together."""
        common = F.format_string("common-%d", "home")
        own = F.format_string("phone-%d", "id")
        return persons.withColumns(
            {
                "device_ref": F.when(F.col("common_device"), common).otherwise(own),
                "resold": self._happens("resold", self.difficulty.resold_device_rate, "id"),
            }
        )

    def tills(self, persons: DataFrame) -> DataFrame:
        """Two purchases with each card; someone else may show the card."""
        visits = persons.where("has_card").withColumn(
            "visit", F.explode(F.sequence(F.lit(0), F.lit(1)))
        )
        is_lent = self._happens("lent", self.difficulty.lent_card_rate, *_VISIT)
        borrower = (F.col("person") + 2) % self.people
        return visits.select(
            F.format_string("T%07d-%d", *_VISIT).alias("order_ref"),
            self._instant("till", *_VISIT).alias("happened_at"),
            F.format_string("M%07d", "id").alias("customer_ref"),
            F.when(is_lent, borrower).otherwise(F.col("person")).alias("person"),
        )
