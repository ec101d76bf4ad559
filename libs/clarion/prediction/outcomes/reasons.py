"""Why a customer's prediction is high or low, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.kernel import sql
from clarion.prediction.outcomes.settings import PredictSettings

Array = npt.NDArray[np.float64]
FILLED = "known_"  # prefix of an input whose unknown values are filled with the median
CONTRIBUTIONS = "contributions"
REASONS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Contributions:
    """The linear part of a score: what each input, in standard deviations, adds to it.

    Args:
        inputs: names.
        means: of the filled inputs.
        standard_deviations: standard deviations of the filled inputs.
        weights: what one standard deviation adds to the calibrated score.
        explained: share of the score's variance that the inputs explain so; 1 for a linear model.
    """

    inputs: tuple[str, ...]
    means: tuple[float, ...]
    standard_deviations: tuple[float, ...]
    weights: tuple[float, ...]
    explained: float

    def sql(self) -> str:
        """SQL of an array of (input, standard_deviation, effect), one element per input."""
        elements = [
            f"named_struct('input', {sql.text(name)}, 'z', {z}, 'effect', {weight!r}D * {z})"
            for name, weight, z in zip(self.inputs, self.weights, self._scaled(), strict=True)
        ]
        return f"array({', '.join(elements)})"

    def _scaled(self) -> list[str]:
        return [
            f"(({sql.name(FILLED + name)} - {mean!r}D) / {standard_deviation!r}D)"
            for name, mean, standard_deviation in zip(
                self.inputs, self.means, self.standard_deviations, strict=True
            )
        ]


def linear_weights(scaled: Array, score: Array) -> tuple[Array, float]:
    """The weights of the linear model closest to a score, and the share of variance it explains.

    Args:
        scaled: inputs in standard deviations, shape (n, inputs).
        score: shape (n,).

    Example:
        >>> z = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
        >>> weights, explained = linear_weights(z, z @ [2.0, -1.0] + 5)
        >>> weights.round(6).tolist(), round(explained, 6)
        ([2.0, -1.0], 1.0)
    """
    centred = score - score.mean()
    total = float(centred @ centred)
    design = np.column_stack([np.ones(len(scaled)), scaled])
    weights = np.asarray(np.linalg.lstsq(design, score, rcond=None)[0], dtype=np.float64)
    if total == 0.0:
        return np.zeros(scaled.shape[1]), 1.0
    rest = score - design @ weights
    return weights[1:], 1.0 - float(rest @ rest) / total


def strongest_reasons(inputs: Sequence[str], settings: PredictSettings) -> Column:
    """The strongest contributions to a prediction, in words.

    Args:
        inputs: inputs of the model; the column `contributions` holds what each adds.
        settings: the words of the inputs.

    Returns:
        An array of at most three (input, effect, en, zh), the strongest first; an input that adds
        nothing is no reason.
    """

    def word(item: Column, place: int) -> Column:
        found = F.lit(None).cast("string")
        for name in inputs:
            high, low = (settings.words(name, is_high=is_high)[place] for is_high in (True, False))
            said = F.when(item["z"] >= 0, high).otherwise(low)
            found = F.when(item["input"] == name, said).otherwise(found)
        return found

    def reason(item: Column) -> Column:
        return F.struct(
            item["input"].alias("input"),
            F.round(item["effect"], 6).alias("effect"),
            word(item, 0).alias("en"),
            word(item, 1).alias("zh"),
        )

    telling = F.filter(CONTRIBUTIONS, lambda item: F.round(item["effect"], 6) != 0)
    by_strength = F.array_sort(
        F.transform(
            telling, lambda item: F.struct(-F.abs(item["effect"]), item["input"], item.alias("of"))
        )
    )
    return F.transform(F.slice(by_strength, 1, REASONS_KEPT), lambda item: reason(item["of"]))
