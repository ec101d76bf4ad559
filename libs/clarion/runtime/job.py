"""A deployable job: what it declares, and how it runs."""

from collections.abc import Callable
from dataclasses import dataclass

from clarion.runtime.scope import Scope
from clarion.runtime.spec import JobSpec, Params

__all__ = ["Job", "Params"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(JobSpec):
    """A deployable job.

    Args:
        run: reads the declared tables of a scope and writes them.
    """

    run: Callable[[Scope], None]
