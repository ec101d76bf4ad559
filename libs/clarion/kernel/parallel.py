"""Independent calls at the same time: on small tables the driver waits more than it works."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_MAX_THREADS = 4


def run_concurrently(calls: Iterable[Callable[[], T]]) -> list[T]:
    """The results of independent calls, in their order.

    Raises:
        Exception: the first error of a call, after all calls have ended.

    Example:
        >>> run_concurrently([lambda: 1, lambda: 2])
        [1, 2]
    """
    with ThreadPoolExecutor(max_workers=_MAX_THREADS) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.result() for future in futures]
