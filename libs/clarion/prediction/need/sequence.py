"""A GRU over the last facts of each customer (Keras on JAX; the extra `deep`).

Keras fits it on the driver. Its weights are arrays, and the forward pass is NumPy: Spark's workers
need neither Keras nor JAX to score, and nothing is compiled in each of them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clarion.kernel.errors import SetupError
from clarion.prediction.need.histories import (
    BEGAN,
    BOUGHT,
    CARTED,
    OTHER,
    VIEWED,
    Floats,
    Ints,
    Past,
    Trials,
)
from clarion.prediction.need.inputs import ShopRates, pair_inputs
from clarion.prediction.need.interface import Training

LENGTH = 64  # facts of a customer that are read, the latest ones
UNITS = 32
EMBEDDING = 16
_EPOCHS = 30
_PATIENCE = 3
_FIXED_EPOCHS = 6  # where there is no later cut to stop by


@dataclass(frozen=True, slots=True)
class Sequences:
    """The last facts of customers, the latest one last; shorter ones begin with padding.

    Args:
        category: shape (customers, LENGTH): 0 for padding, else the category's place from 1.
        facts: shape (customers, LENGTH, 5): bought, viewed or carted (0 or 1), logarithms of the
            age and of the days since the fact before.
        pairs: shape (customers, categories, inputs): standardised inputs of each category.
    """

    category: Ints
    facts: Floats
    pairs: Floats


@dataclass(frozen=True, slots=True)
class Gru:
    """Logits of a GRU's last state, plus a linear function of the inputs of each category.

    Args:
        rates: what the shop's customers do on average.
        mean, spread: by which inputs are standardised.
        weights: embedding; kernel, recurrent kernel and bias of the GRU; kernel and bias of the
            logits; weights of the inputs.
    """

    rates: ShopRates
    mean: Floats
    spread: Floats
    weights: Sequence[Floats]
    name: str = "gru"

    def probabilities(self, past: Past) -> Floats:
        """See `NeedModel`."""
        read = sequences(past, self.rates, mean=self.mean, spread=self.spread)
        embedding, kernel, recurrent, bias, to_logits, logit_bias, of_inputs = self.weights
        state = np.zeros((past.size, recurrent.shape[0]))
        for step in range(LENGTH):
            code = read.category[:, step]
            inputs = np.concatenate([embedding[code], read.facts[:, step]], axis=1)
            new = _gru_step(inputs @ kernel + bias[0], state @ recurrent + bias[1], state)
            state = np.where((code > 0)[:, None], new, state)
        logits = state @ to_logits + logit_bias + (read.pairs @ of_inputs)[:, :, 0]
        chances = np.exp(logits - logits.max(axis=1, keepdims=True, initial=0.0))
        return np.asarray(chances / chances.sum(axis=1, keepdims=True))


def _gru_step(given: Floats, remembered: Floats, state: Floats) -> Floats:
    """The next state of a GRU (Cho et al., 2014; the reset gate after the product).

    z = sigmoid(..), r = sigmoid(..), h' = tanh(given_h + r * remembered_h), z * h + (1 - z) * h'.
    """
    units = state.shape[1]
    update = _sigmoid(given[:, :units] + remembered[:, :units])
    reset = _sigmoid(given[:, units : 2 * units] + remembered[:, units : 2 * units])
    candidate = np.tanh(given[:, 2 * units :] + reset * remembered[:, 2 * units :])
    return np.asarray(update * state + (1.0 - update) * candidate)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))


def sequences(past: Past, rates: ShopRates, *, mean: Floats, spread: Floats) -> Sequences:
    """What the network reads of customers.

    Args:
        past: what is known of them.
        rates: what the shop's customers do on average.
        mean: subtracted from the inputs of pairs.
        spread: divides them.
    """
    rows = np.flatnonzero((past.kind != BEGAN) & (past.category != OTHER))
    rows = rows[
        np.lexsort((past.category[rows], past.kind[rows], -past.age[rows], past.customer[rows]))
    ]
    customer, age = past.customer[rows], past.age[rows]
    ends = np.searchsorted(customer, customer, side="right")
    from_end = ends - np.arange(len(rows)) - 1
    earlier = np.concatenate([age[:1], age[:-1]])
    is_first = np.concatenate([[True], customer[1:] != customer[:-1]])[: len(rows)]
    gap = np.where(is_first, 0, earlier - age)
    kept = from_end < LENGTH
    places = customer[kept], LENGTH - 1 - from_end[kept]
    category = np.zeros((past.size, LENGTH), np.int64)
    category[places] = past.category[rows][kept] + 1
    facts = np.zeros((past.size, LENGTH, 5))
    kind = past.kind[rows][kept]
    facts[places] = np.stack(
        [
            kind == BOUGHT,
            kind == VIEWED,
            kind == CARTED,
            np.log1p(age[kept]) / 5,
            np.log1p(gap[kept]) / 5,
        ],
        axis=1,
    )
    return Sequences(category, facts, (pair_inputs(past, rates) - mean) / spread)


def fit_gru(training: Training) -> Gru:
    """A GRU that has learned from the training cuts; the last of them says when to stop.

    Raises:
        SetupError: Keras or JAX are not installed.
    """
    pairs = np.concatenate([pair_inputs(trials.past, training.rates) for trials in training.trials])
    mean, spread = pairs.mean(axis=(0, 1)), np.maximum(pairs.std(axis=(0, 1)), 1e-9)
    scale = {"mean": mean, "spread": spread}
    read = [
        _examples(trials, sequences(trials.past, training.rates, **scale))
        for trials in training.trials
    ]
    categories = pairs.shape[1]
    network = _network(categories, pairs.shape[2], seed=training.seed)
    if len(read) > 1:
        _fit(network, _joined(read[:-1]), read[-1])
    else:
        network.fit(*read[0], epochs=_FIXED_EPOCHS, batch_size=256, verbose=0)
    return Gru(training.rates, mean, spread, _weights(network))


Examples = tuple[dict[str, Any], Ints]


def _examples(trials: Trials, read: Sequences) -> Examples:
    """Inputs and labels of a network, of the trials in predicted categories."""
    kept = trials.label != OTHER
    inputs = {
        "category": read.category[kept],
        "facts": read.facts[kept].astype(np.float32),
        "pairs": read.pairs[kept].astype(np.float32),
    }
    return inputs, trials.label[kept]


def _joined(parts: Sequence[Examples]) -> Examples:
    names = parts[0][0]
    inputs = {name: np.concatenate([part[0][name] for part in parts]) for name in names}
    return inputs, np.concatenate([part[1] for part in parts])


def _fit(network: Any, examples: Examples, later: Examples) -> None:
    import keras

    stop = keras.callbacks.EarlyStopping(patience=_PATIENCE, restore_best_weights=True)
    network.fit(
        *examples,
        validation_data=later,
        epochs=_EPOCHS,
        batch_size=256,
        callbacks=[stop],
        verbose=0,
    )


def _network(categories: int, inputs: int, *, seed: int) -> Any:
    """The network, compiled.

    Raises:
        SetupError: Keras or JAX are not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "jax")  # read when Keras is imported
    try:
        import jax  # noqa: F401  # Keras imports it, with a message that names no remedy
        import keras
    except ImportError as error:
        raise SetupError(
            "needs.models names gru, which needs Keras and JAX",
            found=str(error),
            fix="install them: uv pip install -r requirements/deep.txt (as 'make test-deep' does), "
            "or pip install 'clarion[deep]'; or take gru out of needs.models",
        ) from error

    keras.utils.set_random_seed(seed)
    category = keras.Input((LENGTH,), dtype="int32", name="category")
    facts = keras.Input((LENGTH, 5), name="facts")
    pairs = keras.Input((categories, inputs), name="pairs")
    embedded = keras.layers.Embedding(categories + 1, EMBEDDING, name="embedding")(category)
    steps = keras.layers.Concatenate()([embedded, facts])
    mask = keras.ops.not_equal(category, 0)
    state = keras.layers.GRU(UNITS, name="gru")(steps, mask=mask)
    state = keras.layers.Dropout(0.2)(state)
    of_state = keras.layers.Dense(categories, name="logits")(state)
    of_pairs = keras.layers.Dense(1, use_bias=False, name="inputs")(pairs)
    logits = keras.layers.Add()([of_state, keras.layers.Flatten()(of_pairs)])
    network = keras.Model([category, facts, pairs], logits)
    network.compile(
        optimizer=keras.optimizers.Adam(0.003),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return network


def _weights(network: Any) -> tuple[Floats, ...]:
    """The weights of a network, in the order of `Gru`."""
    names = ("embedding", "gru", "logits", "inputs")
    return tuple(
        np.asarray(weight, dtype=np.float64)
        for name in names
        for weight in network.get_layer(name).get_weights()
    )
