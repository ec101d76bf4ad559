"""Train groups of customers if there are none or they no longer fit; a gate decides on the new."""

from clarion.contracts.gold import SEGMENT_GROUPS, SEGMENT_MODELS
from clarion.customers.segments import life
from clarion.customers.segments.life import Continue, ModelDay, Trial
from clarion.customers.segments.settings import SegmentSettings
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import known_features
from clarion.workflows import segment_training as training


def run(scope: Scope) -> None:
    """Record the model in force and its groups: those of yesterday, or of a new model."""
    training.write_day(scope, _model_day(scope, scope.settings(SegmentSettings)))


def _model_day(scope: Scope, settings: SegmentSettings) -> ModelDay:
    customers = training.load_customers(scope, settings)
    active = training.load_active_model(scope, settings, customers)
    step = training.next_step(scope, settings, active)
    if isinstance(step, Continue):
        return life.continue_model(step.active)

    challenger = training.train_challenger(
        scope, settings, customers, reason=step.reason, active=active
    )
    trial = life.judge_challenger(active, challenger, settings=settings)
    scope.note(_trial_note(trial))
    if not trial.verdict.is_promoted:
        return life.keep_champion(active, trial)
    scope.tracking.promote(training.MODEL, challenger.version)
    return life.promote(
        active,
        trial,
        settings=settings,
        as_of=scope.as_of,
        highest_number=training.highest_group_number(scope),
    )


def _trial_note(trial: Trial) -> str:
    outcome = "takes over" if trial.verdict.is_promoted else "is rejected"
    return (
        f"trained because of {trial.challenger.reason}; version {trial.challenger.version} "
        f"{outcome}: {'; '.join(trial.verdict.reasons)}"
    )


JOB = Job(
    name="train_segments",
    summary=__doc__,
    reads=known_features.READS,
    reads_earlier=(SEGMENT_MODELS, SEGMENT_GROUPS),
    writes=(SEGMENT_MODELS, SEGMENT_GROUPS),
    purpose="analytics",
    settings=(SegmentSettings,),
    run=run,
)
