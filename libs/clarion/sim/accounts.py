"""People with several accounts, devices and cards: who is whom is known, and is hard to tell on purpose."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.sim.draws import Draws

_FAMILIES, _GIVEN = 300, 150
_BORN_OVER_DAYS = 50 * 365
_LETTERS = "qxzjkvwy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """How much stands between a person's accounts.

    Args:
        missing: chance that an account lacks a field.
        mistyped: chance that a field is mistyped.
        changed: chance that telephone, mail or address is another one by the second account.
        household: share of people who live in twos, with one address and surname and, half of them, one telephone.
        recycled: chance that an account has a telephone that was someone else's.
        shared: chance that a household's devices are used by both.
        resold: chance that a device goes to a stranger halfway.
        lent: chance that a card is shown by someone else.
        random_radio: chance that a device's radio shows another name at each visit.
    """

    missing: float
    mistyped: float
    changed: float
    household: float
    recycled: float
    shared: float
    resold: float
    lent: float
    random_radio: float


DIFFICULTIES = {
    "easy": Difficulty(
        missing=0.05,
        mistyped=0.01,
        changed=0.05,
        household=0.1,
        recycled=0.002,
        shared=0.05,
        resold=0.005,
        lent=0.01,
        random_radio=0.1,
    ),
    "default": Difficulty(
        missing=0.15,
        mistyped=0.04,
        changed=0.15,
        household=0.2,
        recycled=0.01,
        shared=0.2,
        resold=0.02,
        lent=0.03,
        random_radio=0.3,
    ),
    "hard": Difficulty(
        missing=0.35,
        mistyped=0.1,
        changed=0.3,
        household=0.35,
        recycled=0.03,
        shared=0.4,
        resold=0.05,
        lent=0.05,
        random_radio=0.5,
    ),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """What the shop receives; the column `person` of each is the truth and no part of it.

    Args:
        registrations: namespace (app or store), customer_ref, registered_at, phone, mail, id_number, name, birth_date, address, sex.
        events: event_ref, happened_at, type, signal, customer_ref (null where nobody logged in), device_ref, channel.
        tills: order_ref, happened_at, customer_ref (the card's, of namespace store).
    """

    registrations: DataFrame
    events: DataFrame
    tills: DataFrame


def plant(
    spark: SparkSession, *, people: int, difficulty: Difficulty, seed: int, starts_on: date
) -> Planted:
    """People, six in ten of them with a card of the shop on the street, one in twelve with a second account of the app.

    Args:
        spark: the session.
        people: how many.
        difficulty: what stands between their accounts.
        seed: names the draw.
        starts_on: day of the first fact.
    """
    world = _World(Draws(seed), difficulty, starts_on, people)
    persons = world.persons(spark)
    return Planted(world.registrations(persons), world.events(persons), world.tills(persons))


@dataclass(frozen=True, slots=True)
class _World:
    draws: Draws
    difficulty: Difficulty
    starts_on: date
    people: int

    def _below(self, name: str, chance: float, *ids: str) -> Column:
        return self.draws.uniform(f"accounts/{name}", *ids) < chance

    def _zipf(self, name: str, size: int, *ids: str) -> Column:
        return F.floor(
            F.pow(F.lit(float(size)), self.draws.uniform(f"accounts/{name}", *ids))
        ).cast("int")

    def persons(self, spark: SparkSession) -> DataFrame:
        """Two and two stand side by side; some of these live together."""
        two = spark.range(self.people).withColumn("home", F.floor(F.col("id") / 2).cast("bigint"))
        paired = two.withColumn(
            "household", self._below("household", self.difficulty.household, "home")
        )
        place = F.when(F.col("household"), F.col("home")).otherwise(F.col("id") + self.people)
        return (
            paired.withColumn("home", place)
            .withColumn(
                "number",
                F.when(
                    F.col("household") & self._below("one_phone", 0.5, "home"), F.col("home")
                ).otherwise(F.col("id") + self.people),
            )
            .withColumns(
                {
                    "person": F.col("id"),
                    "family": self._zipf("family", _FAMILIES, "home"),
                    "given": self._zipf("given", _GIVEN, "id"),
                    "born": F.floor(
                        self.draws.uniform("accounts/born", "id") * _BORN_OVER_DAYS
                    ).cast("int"),
                    "sex": F.when(self._below("sex", 0.5, "id"), "f").otherwise("m"),
                    "has_card": self._below("card", 0.6, "id"),
                    "has_second": self._below("second", 1 / 12, "id"),
                    "common_device": F.col("household")
                    & self._below("shared", self.difficulty.shared, "home"),
                }
            )
        )

    def _at(self, name: str, *ids: str) -> Column:
        seconds = F.floor(self.draws.uniform(f"accounts/at/{name}", *ids) * 90 * 86400).cast(
            "bigint"
        )
        return F.timestamp_seconds(
            F.unix_seconds(F.lit(self.starts_on).cast("timestamp")) + seconds
        )

    def registrations(self, persons: DataFrame) -> DataFrame:
        hard, ids = self.difficulty, ("id", "account")
        accounts = persons.withColumn(
            "account", F.explode(F.array_compact(F.array(F.lit(0), F.when(F.col("has_card"), 1), F.when(F.col("has_second"), 2))))
        )  # fmt: skip
        later = F.col("account") > 0

        def stated(
            name: str, value: Column, *, missing: float, mistyped: Column | None = None
        ) -> Column:
            typed = (
                value
                if mistyped is None
                else F.when(self._below(f"{name}/typo", hard.mistyped, *ids), mistyped).otherwise(
                    value
                )
            )
            return F.when(~self._below(f"{name}/missing", missing, *ids), typed)

        def moved(name: str) -> Column:
            return later & self._below(f"{name}/changed", hard.changed, *ids)

        other = F.col("id") + 3 * self.people * (F.col("account") + 1)
        number = (
            F.when(moved("phone"), other)
            .when(
                self._below("recycled", hard.recycled, *ids),
                (F.col("number") + 17) % (2 * self.people),
            )
            .otherwise(F.col("number"))
        )
        name = F.format_string("given%d family%d", "given", "family")
        letter = F.substring(
            F.lit(_LETTERS),
            (F.floor(self.draws.uniform("accounts/letter", *ids) * len(_LETTERS)) + 1).cast("int"),
            F.lit(1),
        )
        birth = F.date_add(F.lit(date(1955, 1, 1)), F.col("born"))
        return accounts.select(
            F.when(F.col("account") == 1, "store").otherwise("app").alias("namespace"),
            F.format_string(
                "%s%07d",
                F.element_at(F.array(F.lit("A"), F.lit("M"), F.lit("B")), F.col("account") + 1),
                "id",
            ).alias("customer_ref"),
            self._at("registered", *ids).alias("registered_at"),
            stated("phone", F.format_string("13%09d", number), missing=hard.missing).alias("phone"),
            stated(
                "mail",
                F.format_string(
                    "m%d@mail.example", F.when(moved("mail"), other).otherwise(F.col("id"))
                ),
                missing=2 * hard.missing,
            ).alias("mail"),
            stated("id_number", F.format_string("ID%09d", "id"), missing=0.95).alias("id_number"),
            stated("name", name, missing=hard.missing / 3, mistyped=F.concat(name, letter)).alias(
                "name"
            ),
            stated("birth", birth, missing=hard.missing, mistyped=F.date_add(birth, 9)).alias(
                "birth_date"
            ),
            stated(
                "address",
                F.format_string(
                    "%d street", F.when(moved("address"), other).otherwise(F.col("home"))
                ),
                missing=hard.missing,
            ).alias("address"),
            "sex",
            "person",
        )

    def _devices(self, persons: DataFrame) -> DataFrame:
        """One telephone each; those who live together may use one device between them."""
        device = F.when(F.col("common_device"), F.format_string("common-%d", "home")).otherwise(
            F.format_string("phone-%d", "id")
        )
        return persons.withColumns(
            {"device_ref": device, "resold": self._below("resold", self.difficulty.resold, "id")}
        )

    def events(self, persons: DataFrame) -> DataFrame:
        """Six visits in the app, half of them without a login, and two arrivals in the shop on the street."""
        ids = ("id", "visit")
        visits = (
            self._devices(persons)
            .withColumn("visit", F.explode(F.sequence(F.lit(0), F.lit(7))))
            .withColumn("at", self._at("visit", *ids))
        )
        in_store, late = (
            F.col("visit") >= 6,
            F.col("at") >= F.lit(self.starts_on).cast("timestamp") + F.expr("INTERVAL 60 DAYS"),
        )
        radio = F.when(self._below("radio", 0.5, "id"), "wifi").otherwise("bluetooth")
        logs_in = ~in_store & ((F.col("visit") < 2) | self._below("login", 0.4, *ids))
        # A device that was sold is from then on in the hands of a stranger, who never logs in.
        owner = F.when(F.col("resold") & late, -1 - F.col("id")).otherwise(F.col("person"))
        shown = F.when(
            in_store & self._below("random_radio", self.difficulty.random_radio, "id"),
            F.format_string("radio-%d-%d", *ids),
        )
        return visits.select(
            F.format_string("E%07d-%d", *ids).alias("event_ref"),
            F.col("at").alias("happened_at"),
            F.when(in_store, "arrival").when(logs_in, "login").otherwise("view").alias("type"),
            F.when(in_store, radio).otherwise("app").alias("signal"),
            F.when(logs_in & (owner >= 0), F.format_string("A%07d", "id")).alias("customer_ref"),
            F.coalesce(shown, F.col("device_ref")).alias("device_ref"),
            F.when(in_store, "store").otherwise("app").alias("channel"),
            owner.alias("person"),
        )

    def tills(self, persons: DataFrame) -> DataFrame:
        """Two purchases under each card, now and then by someone to whom it was lent."""
        ids = ("id", "visit")
        bought = persons.where("has_card").withColumn(
            "visit", F.explode(F.sequence(F.lit(0), F.lit(1)))
        )
        lent = self._below("lent", self.difficulty.lent, *ids)
        return bought.select(
            F.format_string("T%07d-%d", *ids).alias("order_ref"),
            self._at("till", *ids).alias("happened_at"),
            F.format_string("M%07d", "id").alias("customer_ref"),
            F.when(lent, (F.col("person") + 2) % self.people)
            .otherwise(F.col("person"))
            .alias("person"),
        )
