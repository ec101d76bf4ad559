"""A request to stop what runs without end: SIGTERM, or Ctrl-C at a terminal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

_REQUESTED = Event()
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def request() -> None:
    """Ask this process to stop what runs without end."""
    _REQUESTED.set()


def is_requested() -> bool:
    """Whether the process was asked to stop."""
    return _REQUESTED.is_set()


def wait(seconds: float) -> bool:
    """Wait until the process is asked to stop, but no longer than this; returns whether it was."""
    return _REQUESTED.wait(seconds)


@contextmanager
def on_signals() -> Iterator[None]:
    """Take SIGTERM and SIGINT as requests to stop while the block runs.

    A second signal ends the process as it would without the block.
    """

    def request(number: int, _: FrameType | None) -> None:
        _REQUESTED.set()
        signal.signal(number, before[signal.Signals(number)])

    _REQUESTED.clear()
    before = {number: signal.signal(number, request) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _REQUESTED.clear()
