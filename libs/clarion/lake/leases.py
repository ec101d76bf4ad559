"""Leases: one run at a time of a job on a lake behind a URL, where the system has no locks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

from pyspark.sql import functions as F

from clarion.contracts.ops import LEASES
from clarion.kernel.errors import LakeError
from clarion.lake.frames import rows_as_frame
from clarion.lake.lake import Lake

LEASE = timedelta(minutes=3)  # a run that was killed keeps others out for so long
_RENEWALS = 3  # in the time of a lease


@contextmanager
def held_lease(
    lake: Lake, name: str, *, holder: str, on_lost: Callable[[], None], lease: timedelta = LEASE
) -> Iterator[None]:
    """Hold the lease of a name while the block runs; it is renewed again and again.

    It is a row of LEASES. Of two runs that take it at once Delta refuses one, which then sees the
    row of the other.

    Args:
        lake: where the row is.
        name: what the lease is for.
        holder: name of this run.
        on_lost: is called where another run took the lease, since this one could not renew it.
        lease: how long the lease is held without a renewal.

    Raises:
        LakeError: another run holds it.
    """
    other = _take(lake, name, holder=holder, lease=lease)
    if other is not None:
        raise LakeError(
            f"another {name} is running",
            found=f"it holds the lease until {other:%Y-%m-%d %H:%M:%S} UTC, and renews it",
            fix="stop it; a run that was killed gives way at that time",
        )
    ended = Event()

    def renew() -> None:
        while not ended.wait(lease.total_seconds() / _RENEWALS):
            if _take(lake, name, holder=holder, lease=lease) is not None:
                on_lost()
                return

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _take(lake, name, holder=holder, lease=timedelta())


def is_leased(lake: Lake, name: str) -> bool:
    """Whether some run holds the lease of a name."""
    if not lake.exists(LEASES):
        return False
    is_held = (F.col("name") == F.lit(name)) & (F.col("held_until") > F.current_timestamp())
    return not lake.read(LEASES).where(is_held).isEmpty()


def _take(lake: Lake, name: str, *, holder: str, lease: timedelta) -> datetime | None:
    """Take or renew a lease; returns until when another run holds it, None where none does."""
    now = datetime.now(UTC)
    row = {"name": name, "holder": holder, "held_until": now + lease}
    lake.merge(
        LEASES,
        rows_as_frame(lake.spark, LEASES, [row]),
        only_if="t.holder = s.holder OR t.held_until < current_timestamp()",
    )
    held = (
        lake.read(LEASES)
        .where(F.col("name") == F.lit(name))
        .select("holder", F.unix_micros("held_until"))
        .first()
    )
    assert held is not None, "the row was written"
    if held[0] == holder:
        return None
    return datetime.fromtimestamp(held[1] / 1e6, UTC)
