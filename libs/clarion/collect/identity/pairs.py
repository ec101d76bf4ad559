"""Pairs of accounts that may be one person: found by blocks, compared field by field."""

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

UNIQUE = ("phone", "mail", "id_number")  # belong to one person as a rule
STATED = (*UNIQUE, "name", "birth_date", "address", "sex")
FIELDS = (*STATED, "device")
# Only pairs that agree in all fields of one of these are compared: the cost grows with the
# accounts, not with their square.
BLOCKS = (
    ("phone",),
    ("mail",),
    ("id_number",),
    ("device",),
    ("name", "birth_date"),
    ("name", "address"),
    ("birth_date", "address"),
)
AGREES = "a"
DIFFERS = "d"
UNKNOWN = "-"


def latest_accounts(registrations: DataFrame) -> DataFrame:
    """The latest stated value of each field of each account.

    Args:
        registrations: CUSTOMERS; personal columns hold tokens.

    Returns:
        One row per account: customer_id and the stated fields as text, null where unknown.
    """
    stated_at = F.struct("registered_at", "arrived_at", "record_id")
    latest = [
        F.max_by(name, F.when(F.col(name).isNotNull(), stated_at)).cast("string").alias(name)
        for name in STATED
    ]
    return registrations.groupBy("customer_id").agg(*latest)


def shared_devices(logins: DataFrame, *, max_sharing: int) -> DataFrame:
    """Devices on which several accounts were seen, but not more than a household has.

    Args:
        logins: customer_id, device; repeats allowed.
        max_sharing: accounts beyond which a device says nothing, such as a till or a library's
            computer.

    Returns:
        customer_id, devices (array).
    """
    by_device = logins.groupBy("device").agg(F.collect_set("customer_id").alias("ids"))
    shared = by_device.where(F.size("ids").between(2, max_sharing))
    return (
        shared.select("device", F.explode("ids").alias("customer_id"))
        .groupBy("customer_id")
        .agg(F.collect_set("device").alias("devices"))
    )


def comparable_accounts(accounts: DataFrame, devices: DataFrame, *, max_sharing: int) -> DataFrame:
    """Accounts without placeholders: values that too many accounts share become null.

    Args:
        accounts: rows of `latest_accounts`.
        devices: rows of `shared_devices`.
        max_sharing: accounts beyond which a phone, a mail address or an identity number is a
            placeholder.

    Returns:
        The accounts' columns, devices (array, may be empty), name_count (accounts with the name).
    """
    comparable = accounts.join(devices, "customer_id", "left").withColumn(
        "devices", F.coalesce("devices", F.array().cast("array<string>"))
    )
    for name in UNIQUE:
        placeholders = (
            accounts.groupBy(name)
            .count()
            .where((F.col("count") > max_sharing) & F.col(name).isNotNull())
            .select(name, F.lit(True).alias("_is_placeholder"))
        )
        comparable = (
            comparable.join(F.broadcast(placeholders), name, "left")
            .withColumn(name, F.when(F.col("_is_placeholder").isNull(), F.col(name)))
            .drop("_is_placeholder")
        )
    named = accounts.where("name IS NOT NULL")
    name_counts = named.groupBy("name").agg(F.count("*").alias("name_count"))
    return comparable.join(name_counts, "name", "left").select(
        "customer_id", *STATED, "devices", "name_count"
    )


def candidate_pairs(accounts: DataFrame, *, max_block: int) -> DataFrame:
    """Pairs of accounts that share a block, each once, compared field by field.

    Args:
        accounts: rows of `comparable_accounts`.
        max_block: accounts beyond which a block is left out: its key is too common to tell people
            apart.

    Returns:
        left_id, right_id (left before right), name_count, and a column per field: agrees, differs
        or unknown.
    """
    keys = F.flatten(F.array(*(_block_keys(fields) for fields in BLOCKS)))
    blocked = accounts.select("*", F.explode(F.array_distinct(keys)).alias("block"))
    # Most keys belong to one account. Counting first keeps the wide rows few, and no block is
    # gathered that is too large.
    sizes = blocked.groupBy("block").count()
    useful = sizes.where(F.col("count").between(2, max_block)).select("block")
    account = F.struct("customer_id", *STATED, "devices", "name_count")
    members = (
        blocked.join(useful, "block", "left_semi")
        .groupBy("block")
        .agg(F.sort_array(F.collect_list(account)).alias("accounts"))
    )
    lefts = members.select("accounts", F.posexplode("accounts").alias("index", "left"))
    rights = F.slice("accounts", F.col("index") + 2, F.size("accounts"))
    pairs = lefts.select("left", F.explode(rights).alias("right"))
    same_device = F.when(F.arrays_overlap("left.devices", "right.devices"), AGREES)
    compared = pairs.select(
        F.col("left.customer_id").alias("left_id"),
        F.col("right.customer_id").alias("right_id"),
        F.col("left.name_count").alias("name_count"),
        *(_compare(name).alias(name) for name in STATED),
        same_device.otherwise(UNKNOWN).alias("device"),
    )
    return compared.dropDuplicates(["left_id", "right_id"])


def _block_keys(fields: tuple[str, ...]) -> Column:
    """The keys under which an account is in the blocks of some fields; an array."""
    if fields == ("device",):
        return F.transform("devices", lambda device: F.xxhash64(F.lit("device"), device))
    has_all = all_true([F.col(name).isNotNull() for name in fields])
    key = F.array(F.xxhash64(F.lit(" ".join(fields)), *fields))
    return F.when(has_all, key).otherwise(F.array().cast("array<bigint>"))


def _compare(name: str) -> Column:
    left = F.col(f"left.{name}")
    right = F.col(f"right.{name}")
    return (
        F.when(left.isNull() | right.isNull(), UNKNOWN)
        .when(left == right, AGREES)
        .otherwise(DIFFERS)
    )


def all_true(conditions: list[Column]) -> Column:
    """Whether all conditions hold."""
    return reduce(Column.__and__, conditions)


def field_agreement(accounts: DataFrame) -> DataFrame:
    """For each field how many accounts state it, and how many pairs of all accounts agree in it.

    Args:
        accounts: rows of `comparable_accounts`.

    Returns:
        field, stated, agreeing.
    """
    stated = [
        F.array(F.struct(F.lit(name).alias("field"), F.col(name).alias("value"))) for name in STATED
    ]
    devices = F.transform(
        "devices", lambda item: F.struct(F.lit("device").alias("field"), item.alias("value"))
    )
    counts = (
        accounts.select(F.inline(F.concat(*stated, devices)))
        .where("value IS NOT NULL")
        .groupBy("field", "value")
        .agg(F.count("*").alias("n"))
    )
    return counts.groupBy("field").agg(
        F.sum("n").alias("stated"), F.sum(F.expr("n * (n - 1) / 2")).alias("agreeing")
    )
