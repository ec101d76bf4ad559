"""The comparison of models on a rolling split, and which of them acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from clarion.measures.statistics.intervals import Interval, NotComputable, share
from clarion.prediction.need.histories import Floats, Ints, Trials
from clarion.prediction.need.interface import PREDICTED, NeedModel, top_categories
from clarion.prediction.need.models import OWN


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a model did.

    Args:
        model: its name.
        state: acts, compared or not_fitted.
        reason: why it acts, or why not.
        trials: on the judging cut.
        hits: trials whose category was among the predicted ones.
        rate: their share; None without trials.
        expected: mean probability of the predicted categories there.
        gain: over each customer's own commonest categories, there.
        choice_trials: on the choosing cuts.
        choice_rate: share of hits there.
        choice_gain: over the simpler model that led before it, there.
    """

    model: str
    state: str
    reason: str
    trials: int = 0
    hits: int = 0
    rate: Interval | None = None
    expected: float | None = None
    gain: Interval | None = None
    choice_trials: int = 0
    choice_rate: float | None = None
    choice_gain: Interval | None = None


@dataclass(frozen=True, slots=True)
class _Score:
    """The hits of a model: 1 or 0 per trial, and the expected ones."""

    hits: Floats
    expected: Floats
    customer: Ints


def compare_models(
    models: Sequence[NeedModel], *, choosing: Sequence[Trials], judging: Trials
) -> tuple[Comparison, ...]:
    """The models beside each other, one of which acts.

    They come from the simplest to the most complex. On the choosing cuts a model takes the lead
    where it beats the leader before it by an interval that excludes zero. On the judging cut,
    which nobody has learned from or chosen by, it must not be below that leader.

    Args:
        models: fitted on cuts before all these; the first is the simplest.
        choosing: trials of the cuts that choose.
        judging: trials of the last cut.
    """
    chosen = {model.name: _score(model, choosing) for model in models}
    judged = {model.name: _score(model, [judging]) for model in models}
    rows: dict[str, Comparison] = {}
    leader = models[0].name
    for model in models:
        name = model.name
        row = _measured(name, chosen[name], judged[name], judged.get(OWN))
        if name == leader:
            rows[name] = replace(row, reason="the simplest model")
            continue
        gain = mean_by_customer(chosen[name].hits - chosen[leader].hits, chosen[name].customer)
        later = float(np.mean(judged[name].hits - judged[leader].hits))
        leads, reason = _verdict(gain, later, leader)
        interval = gain if isinstance(gain, Interval) else None
        rows[name] = replace(row, reason=reason, choice_gain=interval)
        leader = name if leads else leader
    rows[leader] = replace(rows[leader], state="acts")
    return tuple(rows.values())


def _verdict(gain: Interval | NotComputable, later: float, leader: str) -> tuple[bool, str]:
    """Whether a model takes the lead from another, and why."""
    if isinstance(gain, NotComputable):
        return False, gain.reason
    found = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) against {leader}"
    if gain.low <= 0:
        return False, f"not above it on the choosing cuts: {found}"
    if later < 0:
        return False, f"above it on the choosing cuts, {found}, but {later:+.3f} on the last one"
    return True, f"above it on the choosing cuts: {found}, and {later:+.3f} on the last one"


def _score(model: NeedModel, cuts: Sequence[Trials]) -> _Score:
    hits, expected = [np.empty(0)], [np.empty(0)]
    for trials in cuts:
        probabilities = model.probabilities(trials.past)
        top = top_categories(probabilities)
        hits.append((top == trials.label[:, None]).any(axis=1).astype(np.float64))
        expected.append(np.take_along_axis(probabilities, top, axis=1).sum(axis=1))
    customer = np.concatenate([np.empty(0, np.int64), *(trials.customer for trials in cuts)])
    return _Score(np.concatenate(hits), np.concatenate(expected), customer)


def _measured(name: str, chosen: _Score, judged: _Score, own: _Score | None) -> Comparison:
    trials = len(judged.hits)
    rate = share(float(judged.hits.sum()), trials)
    gain = mean_by_customer(judged.hits - own.hits, judged.customer) if own else None
    return Comparison(
        name,
        "compared",
        "",
        trials=trials,
        hits=int(judged.hits.sum()),
        rate=rate if isinstance(rate, Interval) else None,
        expected=float(judged.expected.mean()) if trials else None,
        gain=gain if isinstance(gain, Interval) and name != OWN else None,
        choice_trials=len(chosen.hits),
        choice_rate=float(chosen.hits.mean()) if len(chosen.hits) else None,
    )


def mean_by_customer(
    values: Floats, customer: Ints, *, level: float = 0.95
) -> Interval | NotComputable:
    """A mean over trials with an interval that knows that a customer may have several.

    mean +- t * sqrt(m / (m - 1) * sum of (sum of a customer's deviations)^2) / n, for n trials of
    m customers, t with m - 1 degrees of freedom.

    Args:
        values: one per trial.
        customer: whose trial it is.
        level: coverage of the interval.

    Returns:
        The interval; or why there is none: fewer than two customers.

    Example:
        >>> found = mean_by_customer(np.array([1.0, 0.0, 1.0, 0.0]), np.array([1, 2, 3, 4]))
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.5, -0.419, 1.419)
    """
    _, place = np.unique(customer, return_inverse=True)
    people = int(place.max()) + 1 if len(place) else 0
    if people < 2:
        return NotComputable(f"trials of {people} customers: two are needed")
    mean = float(values.mean())
    sums = np.bincount(place, values - mean)
    error = float(np.sqrt(people / (people - 1) * (sums**2).sum())) / len(values)
    half = float(stdtrit(people - 1, 0.5 + level / 2)) * error
    return Interval(mean, mean - half, mean + half)


def not_compared(reasons: Mapping[str, str]) -> tuple[Comparison, ...]:
    """Models that take no part, with the reason of each."""
    return tuple(Comparison(name, "not_fitted", reason) for name, reason in reasons.items())


def predicts_all(categories: int) -> str | None:
    """Why a shop has nothing to predict; None if it has."""
    if categories > PREDICTED:
        return None
    return f"{categories} categories were bought: {PREDICTED} predicted ones would hold all"
