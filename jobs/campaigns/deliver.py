"""Send the messages of the day's decisions, each once, through an outbox to the file channel."""

from pyspark.sql import functions as F

from clarion.campaigns.delivery.channels.files import is_written, send
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.contracts.gold import DECISIONS, MESSAGES
from clarion.contracts.silver import CONSENTS, RESOLUTIONS, RESPONSES
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows.outbox import (
    note_withdrawals_of_nobody,
    reserve_new_messages,
    withhold_reserved_messages,
)


def run(scope: Scope) -> None:
    """Reserve the messages of new decisions, write them to a file, and mark them as sent."""
    note_withdrawals_of_nobody(scope)
    folder = scope.settings(DeliverSettings).folder or scope.path("outbox")
    files = F.count_distinct("file").alias("files")
    states = scope.current(MESSAGES).groupBy("state").agg(files).collect()  # at most three
    files_by_state = {row["state"]: int(row["files"]) for row in states}
    # Later messages of one day go to a file of their own.
    name = f"{scope.as_of}/message-{files_by_state.get('sent', 0) + 1:03d}.jsonl"
    if "reserved" not in files_by_state:
        reserve_new_messages(scope)
    elif not is_written(folder=folder, name=name):
        withhold_reserved_messages(scope)

    is_reserved = F.col("state") == "reserved"
    reserved = scope.current(MESSAGES).where(is_reserved)
    if reserved.isEmpty():
        scope.note("nothing to send")
        return
    rows = reserved.drop("state", "file").orderBy("message_id").toLocalIterator()
    file = send((row.asDict() for row in rows), folder=folder, name=name)
    outbox_after = scope.current(MESSAGES).withColumns(
        {
            "file": F.when(is_reserved, file).otherwise(F.col("file")),
            "state": F.when(is_reserved, "sent").otherwise(F.col("state")),
        }
    )
    scope.replace(MESSAGES, outbox_after)
    scope.note(f"messages are in {file}")


JOB = Job(
    name="deliver",
    summary=__doc__,
    reads=(DECISIONS, CONSENTS, RESPONSES, RESOLUTIONS),
    reads_earlier=(MESSAGES,),
    writes=(MESSAGES,),
    # Consent is asked message by message: what was sent stays, and what is withheld is said.
    purpose="operations",
    settings=(DeliverSettings,),
    run=run,
)
