"""Pairs of accounts that may be one person: found by blocks, compared field by field."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

UNIQUE = ("phone", "mail", "id_number")  # belong to one person as a rule
STATED = (*UNIQUE, "name", "birth_date", "address", "sex")
FIELDS = (*STATED, "device")
# Pairs that agree in all fields of one of these are compared, no others: the cost grows with the accounts, not with their square.
BLOCKS = (
    ("phone",),
    ("mail",),
    ("id_number",),
    ("device",),
    ("name", "birth_date"),
    ("name", "address"),
    ("birth_date", "address"),
)
AGREES, DIFFERS, UNKNOWN = "a", "d", "-"


def accounts(registrations: DataFrame) -> DataFrame:
    """What is known of each account: of each field the value stated last.

    Args:
        registrations: CUSTOMERS; personal columns hold tokens.

    Returns:
        One row per account: customer_id and the stated fields as text, null where unknown.
    """
    when = F.struct("registered_at", "arrived_at", "record_id")
    last = [
        F.max_by(name, F.when(F.col(name).isNotNull(), when)).cast("string").alias(name)
        for name in STATED
    ]
    return registrations.groupBy("customer_id").agg(*last)


def shared_devices(seen: DataFrame, *, max_sharing: int) -> DataFrame:
    """Devices on which more than one account was seen, but not more than a household has.

    Args:
        seen: customer_id, device; repeats allowed.
        max_sharing: accounts beyond which a device tells nothing, such as a till or a library's computer.

    Returns:
        customer_id, devices (array).
    """
    few = (
        seen.groupBy("device")
        .agg(F.collect_set("customer_id").alias("ids"))
        .where(F.size("ids").between(2, max_sharing))
    )
    return (
        few.select("device", F.explode("ids").alias("customer_id"))
        .groupBy("customer_id")
        .agg(F.collect_set("device").alias("devices"))
    )


def known(people: DataFrame, devices: DataFrame, *, max_sharing: int) -> DataFrame:
    """Accounts as they are compared: values that too many have in common are taken out, as nobody's own.

    Args:
        people: rows of `accounts`.
        devices: rows of `shared_devices`.
        max_sharing: accounts beyond which a phone, a mail address or an identity number is a placeholder.

    Returns:
        people's columns, devices (array, may be empty), name_count (accounts that bear the name).
    """
    frame = people.join(devices, "customer_id", "left").withColumn(
        "devices", F.coalesce("devices", F.array().cast("array<string>"))
    )
    for name in UNIQUE:
        placeholders = (
            people.groupBy(name)
            .count()
            .where((F.col("count") > max_sharing) & F.col(name).isNotNull())
            .select(name, F.lit(True).alias("_many"))
        )
        frame = (
            frame.join(F.broadcast(placeholders), name, "left")
            .withColumn(name, F.when(F.col("_many").isNull(), F.col(name)))
            .drop("_many")
        )
    counts = people.where("name IS NOT NULL").groupBy("name").agg(F.count("*").alias("name_count"))
    return frame.join(counts, "name", "left").select(
        "customer_id", *STATED, "devices", "name_count"
    )


def candidates(people: DataFrame, *, max_block: int) -> DataFrame:
    """Pairs of accounts that share a block, each once, compared field by field.

    Args:
        people: rows of `known`.
        max_block: accounts beyond which a block is left out: its key is too common to tell people apart.

    Returns:
        left_id, right_id (left before right), name_count, and a column per field: agrees, differs or unknown.
    """

    def keys(fields: tuple[str, ...]) -> Column:
        if fields == ("device",):
            return F.transform("devices", lambda device: F.xxhash64(F.lit("device"), device))
        complete = reduce_and([F.col(name).isNotNull() for name in fields])
        return F.when(complete, F.array(F.xxhash64(F.lit(" ".join(fields)), *fields))).otherwise(
            F.array().cast("array<bigint>")
        )

    blocked = people.select(
        "*",
        F.explode(F.array_distinct(F.flatten(F.array(*(keys(fields) for fields in BLOCKS))))).alias(
            "block"
        ),
    )
    # Most keys belong to one account: counting first keeps the wide rows small in number, and no block is gathered that is too large.
    useful = (
        blocked.groupBy("block").count().where(F.col("count").between(2, max_block)).select("block")
    )
    row = F.struct("customer_id", *STATED, "devices", "name_count")
    members = (
        blocked.join(useful, "block", "left_semi")
        .groupBy("block")
        .agg(F.sort_array(F.collect_list(row)).alias("rows"))
    )
    lefts = members.select(F.col("rows"), F.posexplode("rows").alias("place", "left"))
    both = lefts.select(
        "left", F.explode(F.slice("rows", F.col("place") + 2, F.size("rows"))).alias("right")
    )
    compared = both.select(
        F.col("left.customer_id").alias("left_id"),
        F.col("right.customer_id").alias("right_id"),
        F.col("left.name_count").alias("name_count"),
        *(_compared(name).alias(name) for name in STATED),
        F.when(F.arrays_overlap("left.devices", "right.devices"), AGREES)
        .otherwise(UNKNOWN)
        .alias("device"),
    )
    return compared.dropDuplicates(["left_id", "right_id"])


def reduce_and(conditions: list[Column]) -> Column:
    """All of them."""
    return reduce(Column.__and__, conditions)


def _compared(name: str) -> Column:
    left, right = F.col(f"left.{name}"), F.col(f"right.{name}")
    return (
        F.when(left.isNull() | right.isNull(), UNKNOWN)
        .when(left == right, AGREES)
        .otherwise(DIFFERS)
    )


def agreeing_at_all(people: DataFrame) -> DataFrame:
    """For each field how many accounts state it, and how many pairs among all accounts agree in it.

    Args:
        people: rows of `known`.

    Returns:
        field, stated, agreeing.
    """
    stated = [
        F.array(F.struct(F.lit(name).alias("field"), F.col(name).alias("value"))) for name in STATED
    ]
    devices = F.transform(
        "devices", lambda item: F.struct(F.lit("device").alias("field"), item.alias("value"))
    )
    entries = F.concat(*stated, devices)
    counts = (
        people.select(F.inline(entries))
        .where("value IS NOT NULL")
        .groupBy("field", "value")
        .agg(F.count("*").alias("n"))
    )
    return counts.groupBy("field").agg(
        F.sum("n").alias("stated"), F.sum(F.expr("n * (n - 1) / 2")).alias("agreeing")
    )
