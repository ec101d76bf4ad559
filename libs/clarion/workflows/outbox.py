"""The steps of `deliver` before it sends: who still consents, and which answers name nobody."""

from pyspark.sql import functions as F

from clarion.campaigns.delivery.transforms import messages, with_consent_state
from clarion.contracts.gold import DECISIONS, MESSAGES
from clarion.contracts.silver import RESPONSES
from clarion.contracts.sources import WITHDRAWING_RESPONSES
from clarion.lake.frames import union_all
from clarion.measures.columns.days import arrived_before
from clarion.runtime.scope import Scope


def reserve_new_messages(scope: Scope) -> None:
    """Put the messages of decisions that have none yet into the outbox: reserved, or withheld.

    A message that was sent stays as it was, whatever was decided since.
    """
    outbox = scope.current(MESSAGES)
    consents = scope.consenting_customers("marketing")
    new_messages = scope.persist(
        messages(scope.current(DECISIONS), consents)
        .join(outbox.select("message_id"), "message_id", "left_anti")
        .select(*MESSAGES.column_names)
    )
    if not new_messages.isEmpty():
        scope.replace(MESSAGES, union_all([new_messages, outbox]))


def withhold_reserved_messages(scope: Scope) -> None:
    """Withhold what an interrupted run reserved for those who have withdrawn consent since."""
    outbox = scope.current(MESSAGES)
    is_reserved = F.col("state") == "reserved"
    reserved = outbox.where(is_reserved)
    checked = scope.persist(with_consent_state(reserved, scope.consenting_customers("marketing")))
    if not checked.where("state = 'withheld'").isEmpty():
        scope.replace(MESSAGES, union_all([checked, outbox.where(~is_reserved)]))


def note_withdrawals_of_nobody(scope: Scope) -> None:
    """Say how many answers withdraw a consent and name neither a customer nor a message of ours."""
    if not scope.exists(RESPONSES):
        return
    answers = (
        scope.facts(RESPONSES)
        .where(F.col("type").isin(*WITHDRAWING_RESPONSES) & F.col("customer_id").isNull())
        .where(arrived_before(scope.as_of, scope.time_zone))
    )
    sent = scope.facts(MESSAGES).select(F.col("message_id").alias("message_ref"))
    of_nobody = answers.join(sent, "message_ref", "left_anti").count()
    if of_nobody:
        scope.note(
            f"{of_nobody:,} answers withdraw a consent, and name no customer and no message of the "
            "outbox: nobody's consent was withdrawn by them. Map customer_ref of the responses"
        )
