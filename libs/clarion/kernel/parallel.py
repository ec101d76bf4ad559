"""Independent writes side by side: on small tables the driver waits more than it works."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_AT_ONCE = 4


def run_concurrently(calls: Iterable[Callable[[], T]]) -> list[T]:
    """The results of independent calls, in their order; the first error is raised after all have ended."""
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.result() for future in futures]
