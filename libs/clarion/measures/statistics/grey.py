"""Grey relational analysis: how closely series move with a reference series (Deng, 1982).

    xi_i(k) = (dmin + rho * dmax) / (d_i(k) + rho * dmax),  d_i(k) = |x_0(k) - x_i(k)|

dmin and dmax are taken over all series; the grade of a series is the mean of its xi. It compares
shapes. It says neither that one series causes the other, nor how probable its value is by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from clarion.measures.statistics.intervals import NotComputable

Array = npt.NDArray[np.float64]
Scaling = Literal["initial", "mean", "min_max"]
SCALINGS: tuple[Scaling, ...] = get_args(Scaling)


@dataclass(frozen=True, slots=True)
class GreyRelation:
    """How closely one series moves with the reference.

    Args:
        grade: the grade with the declared rho and scaling.
        rank: 1 for the closest series; equal grades have one rank.
        lowest_grade: over all rhos and scalings that were tried.
        highest_grade: over all of them.
        best_rank: over all of them.
        worst_rank: over all of them.
    """

    grade: float
    rank: int
    lowest_grade: float
    highest_grade: float
    best_rank: int
    worst_rank: int


@dataclass(frozen=True, slots=True)
class GreyChoice:
    """How grades are computed, and with what else they are compared.

    Args:
        scaling: what series are divided by before they are compared.
        rho: distinguishing coefficient, above 0 and at most 1; the smaller, the wider the grades.
        rhos: the other values that are tried.
    """

    scaling: Scaling
    rho: float
    rhos: tuple[float, ...]


def grey_grades(reference: Array, series: Array, *, rho: float = 0.5) -> Array:
    """The grade of each series, from above 0 to 1; 1 for a series that equals the reference.

    Where all series equal the reference (dmax = 0), all grades are 1.

    Args:
        reference: shape (n,).
        series: shape (series, n), in the scale of the reference.
        rho: distinguishing coefficient.

    Returns:
        Grades, shape (series,).

    Raises:
        ValueError: rho is not above 0 and at most 1, or there is no value, or one is not finite.

    Example:
        >>> grey_grades(np.array([1.0, 2.0]), np.array([[1.0, 2.0], [1.0, 3.0]])).round(4).tolist()
        [1.0, 0.6667]
    """
    if not 0 < rho <= 1:
        raise ValueError(f"rho has to be above 0 and at most 1; found: {rho}")
    if series.size == 0 or not (np.isfinite(reference).all() and np.isfinite(series).all()):
        raise ValueError("series need one finite value or more; drop the others before")
    gaps = np.abs(series - reference)
    largest = gaps.max()
    if largest == 0.0:
        return np.ones(len(series))
    coefficients = (gaps.min() + rho * largest) / (gaps + rho * largest)
    grades: Array = coefficients.mean(axis=1)
    return grades


def scaled(values: Array, scaling: Scaling) -> Array | NotComputable:
    """A series without its unit: divided by its first value or mean, or moved to 0 to 1.

    Args:
        values: shape (n,).
        scaling: initial (first value), mean, or min_max.

    Returns:
        The series, shape (n,); or why it has no such form: a value is not known, all are equal, or
        it would be divided by zero.

    Example:
        >>> scaled(np.array([2.0, 3.0, 4.0]), "min_max").tolist()
        [0.0, 0.5, 1.0]
        >>> scaled(np.array([0.0, 3.0]), "initial")
        NotComputable(reason='its first value is zero')
    """
    unknown = int((~np.isfinite(values)).sum())
    if len(values) == 0 or unknown:
        return NotComputable(f"{unknown} of {len(values)} values are not known")
    spread = float(np.ptp(values))
    if spread == 0.0:
        return NotComputable("it does not vary")
    if scaling == "min_max":
        moved: Array = (values - values.min()) / spread
        return moved
    divisor = float(values[0] if scaling == "initial" else values.mean())
    if divisor == 0.0:
        name = "first value" if scaling == "initial" else "mean"
        return NotComputable(f"its {name} is zero")
    return values / divisor


def grey_relations(
    reference: Array, drivers: Mapping[str, Array], choice: GreyChoice
) -> dict[str, GreyRelation | NotComputable]:
    """How closely each driver moves with the reference, and how far that depends on the method.

    Grades are compared over every rho and every scaling in which all drivers that have a grade can
    be expressed. A driver that does not vary has no grade, and takes no part in those of others.

    Args:
        reference: shape (n,).
        drivers: series by name, each of shape (n,).
        choice: rho and scaling, and other rhos.

    Returns:
        For each driver its relation, or why there is none.

    Example:
        >>> choice = GreyChoice("mean", 0.5, (0.3, 0.7))
        >>> revenue = np.array([1.0, 2.0, 3.0])
        >>> found = grey_relations(revenue, {"twice": 2 * revenue, "flat": np.ones(3)}, choice)
        >>> found["twice"].grade, found["flat"]
        (1.0, NotComputable(reason='it does not vary'))
    """
    own = scaled(reference, choice.scaling)
    if isinstance(own, NotComputable):
        return {name: NotComputable(f"the reference: {own.reason}") for name in drivers}
    relations: dict[str, GreyRelation | NotComputable] = {}
    forms: dict[str, Array] = {}
    for name, values in drivers.items():
        form = scaled(values, choice.scaling)
        if isinstance(form, NotComputable):
            relations[name] = form
        else:
            forms[name] = form
    if not forms:
        return relations
    grades = grey_grades(own, np.stack(list(forms.values())), rho=choice.rho)
    chosen = [drivers[name] for name in forms]
    trials = np.array(
        [
            trial
            for rho, scaling in product(sorted({choice.rho, *choice.rhos}), SCALINGS)
            if (trial := _grades(reference, chosen, scaling, rho)) is not None
        ]
    )
    ranks, all_ranks = _ranks(grades), np.array([_ranks(trial) for trial in trials])
    for index, name in enumerate(forms):
        relations[name] = GreyRelation(
            grade=float(grades[index]),
            rank=int(ranks[index]),
            lowest_grade=float(trials[:, index].min()),
            highest_grade=float(trials[:, index].max()),
            best_rank=int(all_ranks[:, index].min()),
            worst_rank=int(all_ranks[:, index].max()),
        )
    return {name: relations[name] for name in drivers}


def _grades(
    reference: Array, drivers: Sequence[Array], scaling: Scaling, rho: float
) -> Array | None:
    """Grades in one form; None where the reference or a driver does not have it."""
    forms = [scaled(values, scaling) for values in (reference, *drivers)]
    arrays = [form for form in forms if not isinstance(form, NotComputable)]
    if len(arrays) < len(forms):
        return None
    return grey_grades(arrays[0], np.stack(arrays[1:]), rho=rho)


def _ranks(grades: Array) -> npt.NDArray[np.int64]:
    """1 for the highest grade; equal ones (to nine digits) have the better rank."""
    rounded = grades.round(9)
    ranks: npt.NDArray[np.int64] = 1 + (rounded[None, :] > rounded[:, None]).sum(axis=1)
    return ranks
