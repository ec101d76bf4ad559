"""Explain a group by a shallow decision tree, as an SQL condition that a person can read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from clarion.customers.tags.settings import TagSettings
from clarion.kernel import sql
from clarion.measures.statistics.intervals import Interval, NotComputable, share

# A split that lowers the impurity by less is left out: a person has to read the rule.
_MIN_IMPURITY_DECREASE = 0.002
_LEAF = -1

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sample:
    """Customers for the trees.

    Args:
        points: features, shape (n, d); not a number if unknown.
        features: names of the d features.
        is_held_out: which customers the trees are evaluated on and do not learn from, shape (n,).
    """

    points: Array
    features: tuple[str, ...]
    is_held_out: Flags


@dataclass(frozen=True, slots=True)
class Explanation:
    """A group as a tree describes it.

    Args:
        when: SQL condition over the features; true for customers whom the tree assigns to the
            group.
        support: share of held-out customers for whom it is true.
        confidence: share of those who are in the group.
        recall: share of the group's held-out customers for whom it is true.
        fidelity: share of held-out customers whom the tree assigns correctly, with its 95 %
            interval.
    """

    when: str
    support: float
    confidence: float
    recall: float
    fidelity: Interval


@dataclass(frozen=True, slots=True)
class _Bound:
    """Limits of one feature along a path, and whether an unknown value takes that path."""

    above: float | None = None
    limit: float | None = None
    takes_unknown: bool = True

    def with_limit(self, limit: float, *, takes_unknown: bool) -> "_Bound":
        tighter = limit if self.limit is None else min(limit, self.limit)
        return replace(self, limit=tighter, takes_unknown=self.takes_unknown and takes_unknown)

    def with_above(self, above: float, *, takes_unknown: bool) -> "_Bound":
        tighter = above if self.above is None else max(above, self.above)
        return replace(self, above=tighter, takes_unknown=self.takes_unknown and takes_unknown)

    def condition(self, name: str) -> str:
        """The limits in SQL; empty if there are none."""
        column = name if name.isidentifier() else sql.name(name)
        # No value exceeds infinity: the tree separates unknown values from known ones.
        if self.above == np.inf:
            return f"{column} IS NULL" if self.takes_unknown else "false"
        limits = []
        if self.above is not None:
            limits.append(f"{column} > {self.above!r}D")
        if self.limit not in (None, np.inf):
            limits.append(f"{column} <= {self.limit!r}D")
        if not limits:
            return "" if self.takes_unknown else f"{column} IS NOT NULL"
        text = " AND ".join(limits)
        return f"({text} OR {column} IS NULL)" if self.takes_unknown else text


def explain_group(
    sample: Sample, is_member: Flags, *, settings: TagSettings, seed: int
) -> Explanation | NotComputable:
    """The tree that separates a group's customers from all others.

    Args:
        sample: customers with their features.
        is_member: which of them are in the group, shape (n,).
        settings: depth and smallest leaf.
        seed: decides ties of the tree.

    Returns:
        The explanation, or why there is none.
    """
    from sklearn.tree import DecisionTreeClassifier  # a second: only this job pays

    is_held_out = sample.is_held_out
    is_learned = ~is_held_out
    has_both = is_member[is_learned].any() and not is_member[is_learned].all()
    if not has_both or not is_held_out.any():
        return NotComputable("too few customers to learn and judge on")
    if not sample.features:
        return NotComputable("no feature has data")

    smallest_leaf = max(1, int(np.ceil(settings.min_leaf_share * is_learned.sum())))
    tree = DecisionTreeClassifier(
        max_depth=settings.depth,
        min_samples_leaf=smallest_leaf,
        ccp_alpha=_MIN_IMPURITY_DECREASE,
        random_state=seed,
    ).fit(sample.points[is_learned], is_member[is_learned])
    paths = _Paths(tree, sample.features).conditions()
    if not paths:
        return NotComputable("no leaf holds more of the group than of others")

    predicted = tree.predict(sample.points[is_held_out]).astype(bool)
    actual = is_member[is_held_out]
    fidelity = share(float((predicted == actual).sum()), float(len(actual)))
    assert isinstance(fidelity, Interval)
    return Explanation(
        when=" OR ".join(f"({path})" for path in paths) if len(paths) > 1 else paths[0],
        support=float(predicted.mean()),
        confidence=float(actual[predicted].mean()) if predicted.any() else 0.0,
        recall=float(predicted[actual].mean()) if actual.any() else 0.0,
        fidelity=fidelity,
    )


class _Paths:
    """The paths of a fitted tree that lead to the group."""

    def __init__(self, tree: Any, features: tuple[str, ...]) -> None:
        self._nodes = tree.tree_
        self._features = features
        self._member_class = list(tree.classes_).index(True)

    def conditions(self) -> list[str]:
        """The condition of each leaf that predicts the group, the largest leaf first."""
        return [condition for _, _, condition in sorted(self._leaves(0, {}))]

    def _leaves(self, node: int, bounds: dict[str, _Bound]) -> list[tuple[int, int, str]]:
        """Minus the size, the number and the condition of each such leaf below a node."""
        predictions = self._predictions(node)
        if predictions == {False}:
            return []
        if predictions == {True}:
            return [(-int(self._nodes.n_node_samples[node]), node, _condition(bounds))]
        name = self._features[self._nodes.feature[node]]
        bound = bounds.get(name, _Bound())
        threshold = float(self._nodes.threshold[node])
        unknown_goes_left = bool(self._nodes.missing_go_to_left[node])
        left = bound.with_limit(threshold, takes_unknown=unknown_goes_left)
        right = bound.with_above(threshold, takes_unknown=not unknown_goes_left)
        return [
            *self._leaves(self._nodes.children_left[node], bounds | {name: left}),
            *self._leaves(self._nodes.children_right[node], bounds | {name: right}),
        ]

    def _predictions(self, node: int) -> set[bool]:
        """What the leaves below a node predict; one value if its split changes nothing."""
        left = self._nodes.children_left[node]
        if left == _LEAF:
            return {bool(self._nodes.value[node][0].argmax() == self._member_class)}
        return self._predictions(left) | self._predictions(self._nodes.children_right[node])


def _condition(bounds: dict[str, _Bound]) -> str:
    parts = [bound.condition(name) for name, bound in bounds.items()]
    return " AND ".join(part for part in parts if part) or "true"
