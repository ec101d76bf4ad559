"""The GRU of next needs: what Keras fits is what NumPy scores, and the same gate decides.

'make test-deep' installs Keras and JAX (requirements/deep.txt); no other lane needs them.
"""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from need_histories import SETTINGS, simulated_needs

from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.need import sequence
from clarion.prediction.need.inputs import pair_inputs, shop_rates
from clarion.prediction.need.interface import Training
from clarion.prediction.need.rolling import choose_model, rolling_split

pytestmark = pytest.mark.deep


def test_numpy_scores_what_keras_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = simulated_needs("beauty", customers=2000, days=300, seed=7)
    split = rolling_split(0, 300, settings=replace(SETTINGS, cuts=6))
    assert not isinstance(split, NotComputable)
    spans = {"window": split.window, "horizon": split.horizon}
    rates = shop_rates(shop.histories, until=split.choosing[0], window=300)
    trials = [shop.histories.trials(cut, **spans) for cut in split.training]
    networks: list[Any] = []
    weights_of = sequence._weights

    def kept(network: Any) -> Any:
        networks.append(network)
        return weights_of(network)

    monkeypatch.setattr(sequence, "_weights", kept)
    model = sequence.fit_gru(Training(rates, trials, seed=1))
    past = shop.histories.trials(split.judging, **spans).past
    read = sequence.sequences(past, rates, mean=model.mean, spread=model.spread)
    logits = networks[0].predict(
        {"category": read.category, "facts": read.facts, "pairs": read.pairs}, verbose=0
    )
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    assert model.probabilities(past) == pytest.approx(expected, abs=1e-4)
    assert (read.category > 0).any(axis=1).mean() > 0.9
    assert pair_inputs(past, rates).shape == read.pairs.shape


def test_the_sequence_model_acts_only_where_it_beats_the_simple_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = simulated_needs("beauty", customers=8000, days=400, seed=5)
    settings = replace(SETTINGS, models=("markov", "logistic", "gru"), cuts=8)
    choice = choose_model(shop.histories, as_of=400, settings=settings, seed=5)
    rows = {row.model: row for row in choice.comparisons}
    with capsys.disabled():
        for row in choice.comparisons:
            assert row.rate
            sys.stdout.write(f"\n  {row.model:9} {row.rate.value:.3f} {row.state}: {row.reason}")
    gru, logistic = rows["gru"], rows["logistic"]
    assert gru.state in ("acts", "compared")
    assert gru.gain
    assert gru.gain.low > 0  # it has learned: it is above the customers' own commonest categories
    assert gru.rate
    assert logistic.rate
    assert gru.choice_gain
    if gru.state == "acts":
        assert gru.choice_gain.low > 0
    else:
        assert gru.choice_gain.low <= 0 or gru.rate.value < logistic.rate.value


def test_nothing_else_imports_keras() -> None:
    """Every job can be imported, and a model fitted, without the extra `deep`."""
    program = (
        "import sys; sys.modules['keras'] = None; sys.modules['jax'] = None\n"
        "import clarion.jobs.registry, clarion.prediction.need.rolling\n"
        "from clarion.prediction.need.models import CANDIDATES\n"
        "assert 'gru' in CANDIDATES\n"
        "from clarion.prediction.need.sequence import _network\n"
        "from clarion.kernel.errors import SetupError\n"
        "try:\n    _network(5, 3, seed=1)\n"
        "except SetupError as error:\n    assert 'requirements/deep.txt' in str(error), error\n"
        "else:\n    raise AssertionError('it was fitted without Keras')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
