"""One run at a time: who comes second waits for the first, for as long as it was told to."""

import threading
from pathlib import Path

import pytest

from clarion.kernel.errors import LakeError
from clarion.lake.location import Location
from clarion.lake.locks import exclusive_lock


def _held(location: Location, *, until: threading.Event) -> threading.Thread:
    """A thread that holds the lock of `clean` until an event."""
    holds = threading.Event()

    def hold() -> None:
        with exclusive_lock(location, "clean", wait_seconds=0, say=print):
            holds.set()
            until.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(60)
    return thread


def test_a_second_run_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    location = Location(str(tmp_path), None)
    said: list[str] = []
    end = threading.Event()
    first = _held(location, until=end)
    threading.Timer(0.7, end.set).start()  # after the second has looked for the lock once
    with exclusive_lock(location, "clean", wait_seconds=60, say=said.append):
        assert end.is_set()
    first.join()
    assert said == [f"another clean is running in {tmp_path}; waiting for its end"]


def test_a_second_run_gives_up_when_its_time_is_over(tmp_path: Path) -> None:
    location = Location(str(tmp_path), None)
    end = threading.Event()
    first = _held(location, until=end)
    with (
        pytest.raises(LakeError, match="another clean is running"),
        exclusive_lock(location, "clean", wait_seconds=0, say=print),
    ):
        pass
    with exclusive_lock(location, "ingest", wait_seconds=0, say=print):  # one of its own
        pass
    end.set()
    first.join()
