"""One run at a time of each job on a lake."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

from clarion.lake.lake import Lake


@contextmanager
def all_alone(
    lake: Lake, names: Iterable[str], *, wait_seconds: float, say: Callable[[str], None]
) -> Iterator[None]:
    """No other run of these jobs on this lake while the block runs; in one order for everybody, so that no two wait for each other."""
    with ExitStack() as stack:
        for name in sorted(set(names)):
            stack.enter_context(lake.alone(name, wait_seconds=wait_seconds, say=say))
        yield
