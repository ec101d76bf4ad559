"""Send the messages of the day's decisions, each once, through an outbox to the file channel."""

from pyspark.sql import functions as F

from clarion.campaigns.delivery.channels.files import send
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.campaigns.delivery.transforms import messages
from clarion.collect.identity.consent import consenting_customers
from clarion.contracts.gold import DECISIONS, MESSAGES
from clarion.contracts.silver import CONSENTS
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Reserve the messages of new decisions, write them to a file, and mark them as sent."""
    outbox = scope.current(MESSAGES)
    if outbox.where("state = 'reserved'").isEmpty():
        # A message that was sent stays as it was, whatever was decided since.
        consents = consenting_customers(scope.consents(), purpose="marketing")
        new_messages = (
            messages(scope.current(DECISIONS), consents)
            .join(outbox.select("message_id"), "message_id", "left_anti")
            .select(*MESSAGES.column_names)
        )
        if new_messages.isEmpty():
            scope.note("nothing to send")
            return
        scope.replace(MESSAGES, new_messages.unionByName(outbox))

    folder = scope.settings(DeliverSettings).folder or scope.path("outbox")
    reserved = scope.current(MESSAGES).where("state = 'reserved'")
    rows = reserved.drop("state", "file").orderBy("message_id").toLocalIterator()
    name = _next_file_name(scope)
    file = send((row.asDict() for row in rows), folder=folder, name=name)
    is_reserved = F.col("state") == "reserved"
    outbox_after = scope.current(MESSAGES).withColumns(
        {
            "file": F.when(is_reserved, file).otherwise(F.col("file")),
            "state": F.when(is_reserved, "sent").otherwise(F.col("state")),
        }
    )
    scope.replace(MESSAGES, outbox_after)
    scope.note(f"messages are in {file}")


def _next_file_name(scope: Scope) -> str:
    """Later messages of one day go to a file of their own."""
    sent = scope.current(MESSAGES).where("state = 'sent'").select("file").distinct().count()
    return f"{scope.as_of}/message-{sent + 1:03d}.jsonl"


JOB = Job(
    name="deliver",
    summary=__doc__,
    reads=(DECISIONS, CONSENTS),
    reads_earlier=(MESSAGES,),
    writes=(MESSAGES,),
    # Consent is asked message by message: what was sent stays, and what is withheld is said.
    purpose="operations",
    settings=(DeliverSettings,),
    run=run,
)
