"""The rolling split: which cuts train, which choose, which one judges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clarion.kernel.errors import ConfigError
from clarion.kernel.seeds import derive
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.need.comparison import (
    Comparison,
    compare_models,
    not_compared,
    predicts_all,
)
from clarion.prediction.need.histories import BEGAN, Histories
from clarion.prediction.need.inputs import shop_rates
from clarion.prediction.need.interface import NeedModel, Training
from clarion.prediction.need.models import (
    BASELINES,
    CANDIDATES,
    LEARNED,
    OWN,
)
from clarion.prediction.need.settings import NeedSettings

CHOOSING = 2  # cuts that choose; the one after them judges
LEAST_CUTS = CHOOSING + 2


@dataclass(frozen=True, slots=True)
class Split:
    """The cuts, each a first day that does not count; horizons do not overlap.

    Args:
        training: models learn from what follows them.
        choosing: choose between the models.
        judging: says how good the chosen one is.
        window: days that every cut, and the day that is scored, looks back.
        horizon: days after a cut in which a purchase counts.
    """

    training: tuple[int, ...]
    choosing: tuple[int, ...]
    judging: int
    window: int
    horizon: int


@dataclass(frozen=True, slots=True)
class NeedChoice:
    """The models beside each other, and the one that acts.

    Args:
        comparisons: one per model, from the simplest on.
        model: the one that acts; None where none could be judged.
        split: the cuts; None where the history is too short for them.
        learned_trials: trials that models learned from.
        buyers: share of those who had bought before the judging cut who bought after it.
    """

    comparisons: tuple[Comparison, ...]
    model: NeedModel | None = None
    split: Split | None = None
    learned_trials: int = 0
    buyers: float | None = None

    @property
    def summary(self) -> str:
        """Which model acts and how good it is, or why nothing is predicted."""
        acting = next((row for row in self.comparisons if row.state == "acts"), None)
        if acting is None or acting.rate is None:
            return f"next needs are not predicted: {self.comparisons[0].reason}"
        rate, own = acting.rate, next(row for row in self.comparisons if row.model == OWN)
        return (
            f"next needs by {acting.model}: {rate.value:.1%} of {acting.trials} buyers "
            f"({rate.low:.1%} to {rate.high:.1%}) bought one of their three categories, "
            f"{own.hits / own.trials:.1%} one of their own commonest"
        )


def rolling_split(first: int, as_of: int, *, settings: NeedSettings) -> Split | NotComputable:
    """The cuts before a day.

    As many as are set, or fewer where earlier ones would see less than `min_window_days`. All look
    back equally far: no further than the first one can.

    Args:
        first: first day of which there are facts.
        as_of: the day that is scored.
        settings: number of cuts, their horizon and the window.

    Returns:
        The split; or why there is none: the history is too short.
    """
    horizon, days = settings.horizon_days, as_of - first
    count = min(settings.cuts, (days - settings.min_window_days) // horizon)
    if count < LEAST_CUTS:
        needed = settings.min_window_days + LEAST_CUTS * horizon
        return NotComputable(f"{days} days of history, fewer than the {needed} that are needed")
    cuts = [as_of - horizon * number for number in range(count, 0, -1)]
    return Split(
        tuple(cuts[: -CHOOSING - 1]),
        tuple(cuts[-CHOOSING - 1 : -1]),
        cuts[-1],
        min(settings.window_days, cuts[0] - first),
        horizon,
    )


def choose_model(
    histories: Histories, *, as_of: int, settings: NeedSettings, seed: int
) -> NeedChoice:
    """Fit the candidates, compare them, and say which one acts.

    Args:
        histories: of the customers that models learn from.
        as_of: the day that is scored, in days since 1970.
        settings: candidates, cuts and limits.
        seed: start of random choices.

    Returns:
        The choice; its model is None, with the reason in every row, where nothing can be compared.

    Raises:
        ConfigError: `needs.models` names a model that does not exist.
    """
    _refuse_unknown(settings.models)
    names = (*BASELINES, *settings.models)
    bought = histories.day[histories.kind == BEGAN]
    if not len(bought):
        return _nothing(names, "no purchase of a customer is known")
    reason = predicts_all(len(histories.categories))
    if reason:
        return _nothing(names, reason)
    split = rolling_split(int(histories.day.min()), as_of, settings=settings)
    if isinstance(split, NotComputable):
        return _nothing(names, split.reason)
    spans = {"window": split.window, "horizon": split.horizon}
    judging = histories.trials(split.judging, **spans)
    choosing = [histories.trials(cut, **spans) for cut in split.choosing]
    few = _too_few(min(sum(map(len, choosing)), len(judging)), judging.population, split, settings)
    if few:
        return _nothing(names, few)
    ends = split.choosing[0]
    training = Training(
        shop_rates(histories, until=ends, window=ends - split.training[0] + split.window),
        [histories.trials(cut, **spans) for cut in split.training],
        derive(seed, "needs"),
    )
    left_out = _left_out(settings.models, training, settings)
    models = [
        fit(training)
        for name, fit in {**BASELINES, **CANDIDATES}.items()
        if name in names and name not in left_out
    ]
    compared = compare_models(models, choosing=choosing, judging=judging)
    acting = {row.model for row in compared if row.state == "acts"}
    return NeedChoice(
        (*compared, *not_compared(left_out)),
        next(model for model in models if model.name in acting),
        split,
        training.size,
        len(judging) / judging.population,
    )


def _refuse_unknown(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in CANDIDATES]
    if unknown:
        raise ConfigError(
            "needs.models names a model that does not exist",
            found=", ".join(unknown),
            fix=f"use names of {', '.join(CANDIDATES)}",
        )


def _too_few(trials: int, population: int, split: Split, settings: NeedSettings) -> str | None:
    """Why the trials are not enough to compare models; None if they are."""
    if population == 0:
        return f"no customer had bought in the {split.window} days before the last cut"
    if trials == 0:
        return f"nobody who had bought before a cut bought in the {split.horizon} days after it"
    if trials < settings.min_trials:
        return f"{trials} trials to compare by, fewer than {settings.min_trials}"
    return None


def _left_out(models: Sequence[str], training: Training, settings: NeedSettings) -> dict[str, str]:
    """The candidates that cannot learn from so few trials, with the reason."""
    labels = [np.unique(trials.label) for trials in training.trials]
    kinds = len(np.unique(np.concatenate(labels)))
    if training.size >= settings.min_trials and kinds > 1:
        return {}
    reason = f"{training.size} trials of {kinds} categories to learn from"
    return {
        name: f"{reason}, fewer than {settings.min_trials}" for name in models if name in LEARNED
    }


def _nothing(names: Sequence[str], reason: str) -> NeedChoice:
    return NeedChoice(not_compared(dict.fromkeys(names, reason)))
