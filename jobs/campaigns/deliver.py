"""Send what was decided, each message once, through an outbox to the file channel."""

from pyspark.sql import functions as F

from clarion.campaigns.delivery.channels.files import send
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.campaigns.delivery.transforms import messages
from clarion.collect.identity.consent import consented
from clarion.contracts.gold import DECISIONS, MESSAGES
from clarion.contracts.silver import CONSENTS
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    known = scope.current(MESSAGES)
    if known.where("state = 'reserved'").isEmpty():
        # A message that was sent stays as it was, whatever was decided since.
        fresh = messages(scope.current(DECISIONS), consented(scope.consents(), purpose="marketing"))
        new = fresh.join(known.select("message_id"), "message_id", "left_anti").select(
            *MESSAGES.column_names
        )
        if new.isEmpty():
            scope.note("nothing to send")
            return
        scope.replace(MESSAGES, new.unionByName(known))
    folder = scope.settings(DeliverSettings).folder or scope.path("outbox")
    reserved = scope.current(MESSAGES).where("state = 'reserved'")
    rows = reserved.drop("state", "file").orderBy("message_id").toLocalIterator()
    file = send(
        (row.asDict() for row in rows), folder=folder, name=f"{scope.as_of}/{_part(scope)}.jsonl"
    )
    sent = F.when(F.col("state") == "reserved", "sent").otherwise(F.col("state"))
    scope.replace(
        MESSAGES,
        scope.current(MESSAGES).withColumns(
            {
                "file": F.when(F.col("state") == "reserved", file).otherwise(F.col("file")),
                "state": sent,
            }
        ),
    )
    scope.note(f"messages stand in {file}")


def _part(scope: Scope) -> str:
    """Later messages of one day go to a file of their own."""
    sent = scope.current(MESSAGES).where("state = 'sent'").select("file").distinct().count()
    return f"message-{sent + 1:03d}"


JOB = Job(
    name="deliver",
    summary=__doc__,
    reads=(DECISIONS, CONSENTS),
    reads_earlier=(MESSAGES,),
    writes=(MESSAGES,),
    purpose="marketing",
    settings=(DeliverSettings,),
    run=run,
)
