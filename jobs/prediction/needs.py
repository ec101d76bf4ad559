"""Predict which three categories each customer buys next."""

from functools import partial

from clarion.contracts.gold.needs import NEED_MODELS, NEEDS
from clarion.prediction.need.rolling import choose_model
from clarion.prediction.need.settings import NeedSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import needs


def run(scope: Scope) -> None:
    """Write the needs of the day, and the comparison of the models."""
    histories = needs.buyers_histories(scope)
    learned = needs.rows_to_learn(scope, histories)
    choice = choose_model(
        learned.histories,
        as_of=needs.day_number(scope.as_of),
        settings=scope.settings(NeedSettings),
        seed=scope.seed,
    )
    scope.note(choice.summary)
    scope.run_concurrently(
        [
            partial(needs.write_needs, scope, histories, learned, choice),
            partial(needs.write_models, scope, learned, choice),
        ]
    )


JOB = Job(
    name="needs",
    summary=__doc__,
    reads=needs.READS,
    writes=(NEEDS, NEED_MODELS),
    purpose="analytics",
    settings=(NeedSettings,),
    run=run,
)
