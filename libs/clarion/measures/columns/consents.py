"""Which channels a consent covers."""

from pyspark.sql import Column
from pyspark.sql import functions as F

EVERY_CHANNEL = "*"
# How exports write "every channel".
_EVERY_CHANNEL_WORDS = (EVERY_CHANNEL, "all", "any", "every", "全部", "所有")


def standard_channel(channel: str | Column) -> Column:
    """The channel in lower case; '*' for a word that stands for every channel.

    Example:
        ' Mail ' is mail, 'ALL' is *:

            consents.withColumn("channel", standard_channel("channel"))
    """
    name = F.lower(F.trim(channel))
    return F.when(name.isin(*_EVERY_CHANNEL_WORDS), EVERY_CHANNEL).otherwise(name)


def consents_to_channel(channel: str | Column) -> Column:
    """Whether a customer consents on a channel; false for a customer of whom nothing is known.

    The column `channels` is a map from channel to true or false; '*' is every channel that it
    does not name.

    Args:
        channel: column that holds the channel.

    Example:
        {'*': true, 'mail': false} consents to message and not to mail:

            customers.where(consents_to_channel(F.lit("message")))
    """
    own = F.try_element_at("channels", standard_channel(channel))
    others = F.try_element_at("channels", F.lit(EVERY_CHANNEL))
    return F.coalesce(own, others, F.lit(False))


def consents_to_every_channel() -> Column:
    """Whether a customer consents on every channel: to '*', with no channel refused.

    A use that belongs to no channel asks this: one refusal is enough against it.

    Example:
        {'*': true, 'mail': false} does not, {'message': true} does not, {'*': true} does:

            customers.where(consents_to_every_channel())
    """
    consents_to_others = consents_to_channel(F.lit(EVERY_CHANNEL))
    return consents_to_others & F.forall(F.map_values("channels"), lambda is_granted: is_granted)
