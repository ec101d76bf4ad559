"""One run at a time where the system has no locks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest
from pyspark.sql import SparkSession

from clarion.contracts.ops import LEASES
from clarion.kernel.errors import LakeError
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame
from clarion.lake.leases import held_lease, is_leased


@pytest.fixture
def at_url(spark: SparkSession, tmp_path: Path) -> Lake:
    """A lake behind a URL."""
    return Lake(spark, f"file://{tmp_path}/lake")


@pytest.mark.covers("F1")
def test_a_second_run_is_refused_until_the_first_has_ended(at_url: Lake) -> None:
    def lost() -> None:
        raise AssertionError("nobody takes the lease")

    assert not is_leased(at_url, "monitor")
    with held_lease(at_url, "monitor", holder="first", on_lost=lost):
        assert is_leased(at_url, "monitor")
        assert not is_leased(at_url, "another job")
        with (
            pytest.raises(LakeError, match="another monitor is running"),
            held_lease(at_url, "monitor", holder="second", on_lost=lost),
        ):
            raise AssertionError("the second run has begun")
    assert not is_leased(at_url, "monitor")
    with held_lease(at_url, "monitor", holder="second", on_lost=lost):
        assert is_leased(at_url, "monitor")


def test_a_run_that_cannot_renew_in_time_gives_way_and_is_told(at_url: Lake) -> None:
    short, told = timedelta(seconds=6), Event()
    with held_lease(at_url, "monitor", holder="slow", on_lost=told.set, lease=short):
        # As if it had not run for a while: its row is of the past, and another one takes it.
        later = datetime.now(UTC) + timedelta(hours=1)
        row = {"name": "monitor", "holder": "quick", "held_until": later}
        at_url.merge(LEASES, rows_as_frame(at_url.spark, LEASES, [row]))
        assert told.wait(20)
