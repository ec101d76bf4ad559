"""Locks: one run at a time of each job on a lake."""

import fcntl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO

from clarion.kernel.errors import LakeError
from clarion.lake.location import Location

_POLL_SECONDS = 0.5


@contextmanager
def exclusive_lock(
    location: Location, name: str, *, wait_seconds: float, say: Callable[[str], None]
) -> Iterator[None]:
    """Hold the lock of a name: no other process or thread holds it while the block runs.

    It is a lock of the operating system, which is released when a process dies. A lake behind a
    URL has none: there every write of a slice looks for rows that came meanwhile, and Delta
    refuses one of two writers.

    Args:
        location: the lake.
        name: what the lock is for.
        wait_seconds: how long to wait for another holder.
        say: takes a line for the user.

    Raises:
        LakeError: another holder does not end in time.
    """
    if not location.is_folder:
        yield
        return
    location.require_folder()
    folder = Path(location.root, "_locks")
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another {name} is running in {location.root}; waiting for its end")
            _wait_for_lock(file, name, wait_seconds)
        except OSError as error:
            say(
                f"the file system of {location.root} has no locks ({error.strerror}): "
                f"do not run {name} twice at a time"
            )
        yield


@contextmanager
def exclusive_locks(
    location: Location, names: Iterable[str], *, wait_seconds: float, say: Callable[[str], None]
) -> Iterator[None]:
    """Hold the locks of several names, in one order for everybody: no two wait for each other."""
    with ExitStack() as stack:
        for name in sorted(set(names)):
            stack.enter_context(exclusive_lock(location, name, wait_seconds=wait_seconds, say=say))
        yield


def is_locked(location: Location, name: str) -> bool:
    """Whether some process holds the lock of a name; never for a lake behind a URL."""
    file = Path(location.root, "_locks", name)
    if not location.is_folder or not file.exists():
        return False
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait_for_lock(file: TextIO, name: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        time.sleep(_POLL_SECONDS)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise LakeError(
                    f"another {name} is running",
                    found=f"it did not end within {seconds:.0f} s",
                    fix="wait for it, or stop it",
                ) from error
        else:
            return
