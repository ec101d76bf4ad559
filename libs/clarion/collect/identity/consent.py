"""Consent in force: what a person stated last counts, and no statement means no."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.collect.identity.settings import ConsentSettings
from clarion.contracts.sources import WITHDRAWING_RESPONSES
from clarion.measures.columns.consents import EVERY_CHANNEL, standard_channel
from clarion.measures.columns.days import arrived_before, start_of

_STATEMENT = ("customer_id", "purpose", "channel", "granted", "basis", "at", "arrived_at")


def known_statements(statements: DataFrame, *, as_of: date, time_zone: str) -> DataFrame:
    """The statements that count on a day: they had arrived, and no grant is of a later day.

    Args:
        statements: CONSENTS, with rows of `withdrawals_by_response` where there are any.
        as_of: first day that does not count.
        time_zone: the shop's zone.
    """
    # A clock that is ahead may date a statement into the future. A refusal counts all the same.
    is_in_force = ~F.col("granted") | (F.col("at") < start_of(as_of, time_zone))
    return statements.where(arrived_before(as_of, time_zone) & is_in_force)


def withdrawals_by_response(
    consents: DataFrame, responses: DataFrame, messages: DataFrame, settings: ConsentSettings
) -> DataFrame:
    """The statements, and the withdrawals of those who answered a message by unsubscribing.

    An answer withdraws consent to marketing of the customer whom the response names and of the one
    whom the message was for. The channel is that of the message; every channel where it is unknown.

    Args:
        consents: CONSENTS.
        responses: RESPONSES.
        messages: MESSAGES.
        settings: what an answer withdraws.

    Returns:
        customer_id, purpose, channel, granted, basis, at, arrived_at.
    """
    sent = messages.select(
        F.col("message_id").alias("message_ref"),
        F.col("customer_id").alias("_recipient"),
        F.col("channel").alias("_sent_by"),
    )
    customers = F.array_distinct(F.array_compact(F.array("customer_id", "_recipient")))
    channel = F.coalesce("_sent_by", "channel", F.lit(EVERY_CHANNEL))
    withdraws = {"unsubscribed": settings.unsubscribed, "complained": settings.complained}
    from_all = [type_ for type_, from_ in withdraws.items() if from_ == "all"]
    withdrawn = F.when(F.col("type").isin(from_all), EVERY_CHANNEL)
    withdrawals = (
        responses.where(F.col("type").isin(*WITHDRAWING_RESPONSES))
        .join(sent, "message_ref", "left")
        .withColumns({"customer_id": F.explode(customers), "at": F.col("happened_at")})
        .withColumns(
            {
                "purpose": F.lit("marketing"),
                "channel": withdrawn.otherwise(channel),
                "granted": F.lit(False),
                "basis": F.lit("recorded"),
            }
        )
    )
    return consents.select(*_STATEMENT).unionByName(withdrawals.select(*_STATEMENT))


def consenting_customers(consents: DataFrame, *, purpose: str) -> DataFrame:
    """Customers who consent to a purpose, and on which channels.

    For a channel the statements about it and about every channel ('*') count. The last one that the
    person made decides, and at the same instant the refusal. What the operator declared decides
    only where the person said nothing. Collection and analytics belong to no channel: a refusal in
    force on any channel refuses them.

    Args:
        consents: customer_id, purpose, channel, granted, basis and at of the statements that count.
        purpose: collection, analytics or marketing.

    Returns:
        One row per customer who consents on some channel: customer_id, basis (declared where some
        of it rests on that) and channels: a map from channel to true or false; '*' is every channel
        that it does not name.
    """
    statement = F.struct(
        (F.col("basis") != "declared").alias("is_stated"),
        "at",
        (~F.col("granted")).alias("is_refused"),
        "basis",
    )
    channel = F.coalesce(standard_channel("channel"), F.lit(EVERY_CHANNEL))
    last = (
        consents.where(F.col("purpose") == purpose)
        .groupBy("customer_id", channel.alias("channel"))
        .agg(F.max(statement).alias("statement"))
        .groupBy("customer_id")
        .agg(F.map_from_entries(F.collect_list(F.struct("channel", "statement"))).alias("last"))
    )
    of_every_channel = F.try_element_at("last", F.lit(EVERY_CHANNEL))
    in_force = F.transform_values("last", lambda _, own: F.greatest(own, of_every_channel))
    by_channel = last.select("customer_id", in_force.alias("in_force"))
    granted = F.filter(F.map_values("in_force"), lambda state: ~state["is_refused"])
    is_granted = F.transform_values("in_force", lambda _, state: ~state["is_refused"])
    if purpose != "marketing":
        is_granted = F.create_map(F.lit(EVERY_CHANNEL), F.size(granted) == F.size("in_force"))
    consenting = by_channel.select(
        "customer_id",
        F.array_min(F.transform(granted, lambda state: state["basis"])).alias("basis"),
        is_granted.alias("channels"),
    )
    return consenting.where(F.exists(F.map_values("channels"), lambda is_true: is_true))


def consenting_when_kept(rows: DataFrame, statements: DataFrame) -> DataFrame:
    """The rows whose person consented to collection when they were kept.

    The statements that were known at that moment count, as `consenting_customers` reads them. A
    withdrawal that came later leaves a row authorised; one that was known makes it unauthorised.

    Args:
        rows: customer_id, kept_at and any other columns; a row for each pair of the two.
        statements: customer_id, purpose, channel, granted, basis, at and known_at of CONSENTS.

    Returns:
        The rows, each once.
    """
    about_collection = statements.where("purpose = 'collection'").select(
        "customer_id",
        F.coalesce(standard_channel("channel"), F.lit(EVERY_CHANNEL)).alias("channel"),
        F.struct(
            (F.col("basis") != "declared").alias("is_stated"),
            "at",
            (~F.col("granted")).alias("is_refused"),
        ).alias("statement"),
        "known_at",
    )
    last = (
        rows.select("customer_id", "kept_at")
        .join(about_collection, "customer_id")
        .where("known_at <= kept_at")
        .groupBy("customer_id", "kept_at", "channel")
        .agg(F.max("statement").alias("last"))
    )
    refusals = last.groupBy("customer_id", "kept_at").agg(
        F.bool_or("last.is_refused").alias("is_refused")
    )
    consenting = refusals.where("NOT is_refused").select("customer_id", "kept_at")
    return rows.join(consenting, ["customer_id", "kept_at"], "left_semi")
