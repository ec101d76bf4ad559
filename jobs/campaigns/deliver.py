"""Send the messages of the day's decisions, each once, through an outbox to the file channel."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.campaigns.delivery.channels.files import send
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.campaigns.delivery.transforms import messages
from clarion.collect.identity.consent import consenting_customers
from clarion.contracts.gold import DECISIONS, MESSAGES
from clarion.contracts.silver import CONSENTS, RESOLUTIONS
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Reserve the messages of new decisions, write them to a file, and mark them as sent."""
    outbox = scope.current(MESSAGES)
    files = F.count_distinct("file").alias("files")
    states = outbox.groupBy("state").agg(files).collect()  # at most three
    files_by_state = {row["state"]: int(row["files"]) for row in states}
    if "reserved" not in files_by_state and not _reserve_new_messages(scope, outbox):
        scope.note("nothing to send")
        return

    folder = scope.settings(DeliverSettings).folder or scope.path("outbox")
    reserved = scope.current(MESSAGES).where("state = 'reserved'")
    rows = reserved.drop("state", "file").orderBy("message_id").toLocalIterator()
    # Later messages of one day go to a file of their own.
    name = f"{scope.as_of}/message-{files_by_state.get('sent', 0) + 1:03d}.jsonl"
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


def _reserve_new_messages(scope: Scope, outbox: DataFrame) -> bool:
    """Whether decisions have messages that are not in the outbox yet; they are in it afterwards.

    A message that was sent stays as it was, whatever was decided since.
    """
    consents = consenting_customers(scope.consents(), purpose="marketing")
    new_messages = scope.persist(
        messages(scope.current(DECISIONS), consents)
        .join(outbox.select("message_id"), "message_id", "left_anti")
        .select(*MESSAGES.column_names)
    )
    if new_messages.count() == 0:
        return False
    scope.replace(MESSAGES, new_messages.unionByName(outbox))
    return True


JOB = Job(
    name="deliver",
    summary=__doc__,
    reads=(DECISIONS, CONSENTS, RESOLUTIONS),
    reads_earlier=(MESSAGES,),
    writes=(MESSAGES,),
    # Consent is asked message by message: what was sent stays, and what is withheld is said.
    purpose="operations",
    settings=(DeliverSettings,),
    run=run,
)
