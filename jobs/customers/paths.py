"""Count the commonest paths of sessions, and the share that drops off at each step."""

from functools import partial

from clarion.contracts.gold.paths import PATH_STEPS, PATHS
from clarion.contracts.silver import EVENTS, ORDER_LINES
from clarion.customers.paths.paths import common_paths, path_steps, sessions
from clarion.customers.paths.settings import PathSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    """Write the paths and the steps of the day."""
    settings = scope.settings(PathSettings)
    found = scope.persist(
        sessions(
            scope.facts_within(EVENTS, settings.window_days),
            scope.facts_within(ORDER_LINES, settings.window_days),
            settings=settings,
        )
    )
    paths = common_paths(found, as_of=scope.as_of, settings=settings)
    scope.run_concurrently(
        [
            partial(scope.replace, PATHS, paths),
            partial(scope.replace, PATH_STEPS, path_steps(found, as_of=scope.as_of)),
        ]
    )


JOB = Job(
    name="paths",
    summary=__doc__,
    reads=(EVENTS, ORDER_LINES),
    writes=(PATHS, PATH_STEPS),
    purpose="analytics",
    settings=(PathSettings,),
    run=run,
)
