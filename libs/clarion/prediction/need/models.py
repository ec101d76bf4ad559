"""Models of the next category, from the simplest to the most complex."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from clarion.prediction.need.histories import BEGAN, BOUGHT, Floats, Past
from clarion.prediction.need.inputs import ShopRates, pair_inputs
from clarion.prediction.need.interface import NeedModel, Training

SHOP, OWN = "shop", "own"
_PRIOR_PURCHASES = 2.0  # purchases by the shop's habits that a customer starts with
_MARKOV_HALF_LIFE = 28.0  # days after which the last purchase says half as much about the next


@dataclass(frozen=True, slots=True)
class Shop:
    """The shop's commonest categories, for everybody."""

    rates: ShopRates
    name: str = SHOP

    def probabilities(self, past: Past) -> Floats:
        """See `NeedModel`."""
        return np.tile(self.rates.bought, (past.size, 1))


@dataclass(frozen=True, slots=True)
class Own:
    """The customer's own commonest categories; ties, and what is missing, by the shop's."""

    rates: ShopRates
    name: str = OWN

    def probabilities(self, past: Past) -> Floats:
        """See `NeedModel`."""
        purchases = past.of_kind(BOUGHT).sums()
        # Less than one purchase: it breaks ties, and lifts no category above one bought more often.
        shares = purchases + 0.999 * self.rates.bought / self.rates.bought.max()
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Markov:
    """What follows the last purchase in the shop, and the customer's own purchases."""

    rates: ShopRates
    name: str = "markov"

    def probabilities(self, past: Past) -> Floats:
        """See `NeedModel`."""
        began = past.of_kind(BEGAN)
        order = np.lexsort((began.age, began.customer))
        customer, newest = np.unique(began.customer[order], return_index=True)
        last, age = began.category[order][newest], began.age[order][newest]
        weight = (2.0 ** (-age / _MARKOV_HALF_LIFE))[:, None]
        usual = np.tile(self.rates.bought, (past.size, 1))
        usual[customer] = (1.0 - weight) * usual[customer] + weight * self.rates.follows[last]
        purchases = past.of_kind(BOUGHT).sums()
        shares = purchases + _PRIOR_PURCHASES * usual
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True)
class PairClassifier:
    """A classifier of pairs of customer and category: is it the next one?

    Args:
        name: how tables and settings call it.
        rates: what the shop's customers do on average.
        classifier: of scikit-learn.
    """

    name: str
    rates: ShopRates
    classifier: Any

    def probabilities(self, past: Past) -> Floats:
        """See `NeedModel`."""
        inputs = pair_inputs(past, self.rates)
        if past.size == 0:
            return np.empty((0, past.categories))
        with threadpool_limits(1):
            chances = self.classifier.predict_proba(inputs.reshape(-1, inputs.shape[-1]))[:, 1]
        chances = np.maximum(chances.reshape(past.size, past.categories), 1e-12)
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def fit_logistic(training: Training) -> NeedModel:
    """Logistic regression over pairs of customer and category."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=500))
    return _fit_pairs("logistic", classifier, training)


def fit_boosted(training: Training) -> NeedModel:
    """Gradient-boosted trees over pairs of customer and category."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    classifier = HistGradientBoostingClassifier(
        max_iter=100,
        learning_rate=0.06,
        max_leaf_nodes=15,
        min_samples_leaf=50,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=training.seed,
    )
    return _fit_pairs("boosted", classifier, training)


def _fit_pairs(name: str, classifier: Any, training: Training) -> NeedModel:
    inputs, labels = [], []
    for trials in training.trials:
        pairs = pair_inputs(trials.past, training.rates)
        inputs.append(pairs.reshape(-1, pairs.shape[-1]))
        labels.append((trials.label[:, None] == np.arange(pairs.shape[1])).ravel())
    with threadpool_limits(1):  # the same sums on any machine, and no threads that wait
        classifier.fit(np.concatenate(inputs), np.concatenate(labels))
    return PairClassifier(name, training.rates, classifier)


def _fit_gru(training: Training) -> NeedModel:
    from clarion.prediction.need.sequence import fit_gru  # only where it is asked for

    return fit_gru(training)


# From the simplest to the most complex: one acts only where it beats those before it.
BASELINES: Mapping[str, Callable[[Training], NeedModel]] = {
    SHOP: lambda training: Shop(training.rates),
    OWN: lambda training: Own(training.rates),
}
CANDIDATES: Mapping[str, Callable[[Training], NeedModel]] = {
    "markov": lambda training: Markov(training.rates),
    "logistic": fit_logistic,
    "boosted": fit_boosted,
    "gru": _fit_gru,
}
LEARNED = ("logistic", "boosted", "gru")  # need trials to learn from
