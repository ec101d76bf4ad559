"""Explain customers by a shallow decision tree, as an SQL condition that a person can read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from clarion.customers.tags.settings import TagSettings
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
        features: SQL of the d features: names, or values of a map.
        is_held_out: which customers the trees are evaluated on and do not learn from, shape (n,).
    """

    points: Array
    features: tuple[str, ...]
    is_held_out: Flags

    def where(self, is_kept: Flags, *, features: Sequence[str] | None = None) -> "Sample":
        """Some of the customers, with some features; features that nobody of them has are left out.

        Args:
            is_kept: which customers stay, shape (n,).
            features: which features stay, in this order; None for all.
        """
        places = [
            self.features.index(name) for name in (self.features if features is None else features)
        ]
        points = self.points[is_kept][:, places]
        known = np.flatnonzero(~np.isnan(points).all(axis=0))
        names = tuple(self.features[places[index]] for index in known)
        return Sample(points[:, known], names, self.is_held_out[is_kept])


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
        # No value exceeds infinity: the tree separates unknown values from known ones.
        if self.above == np.inf:
            return f"{name} IS NULL" if self.takes_unknown else "false"
        limits = []
        if self.above is not None:
            limits.append(f"{name} > {self.above!r}D")
        if self.limit not in (None, np.inf):
            limits.append(f"{name} <= {self.limit!r}D")
        if not limits:
            return "" if self.takes_unknown else f"{name} IS NOT NULL"
        text = " AND ".join(limits)
        return f"({text} OR {name} IS NULL)" if self.takes_unknown else text

    def words(self, name: str) -> str:
        """The limits as a person reads them, with three digits; there is at least one."""
        if self.above == np.inf:
            return f"{name} unknown" if self.takes_unknown else "never"
        limits = []
        if self.above is not None:
            limits.append(f"above {self.above:.3g}")
        if self.limit not in (None, np.inf):
            limits.append(f"at most {self.limit:.3g}")
        if not limits:
            return f"{name} known"
        return f"{name} {' and '.join(limits)}{' or unknown' if self.takes_unknown else ''}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Customers as a tree describes them.

    Args:
        paths: the paths of the tree that lead to them: limits by feature.
        support: share of held-out customers whom the tree assigns to them.
        confidence: share of those who are among them.
        lift: confidence / their share of all held-out customers.
        recall: share of the held-out ones among them whom the tree assigns.
        fidelity: share of held-out customers whom the tree assigns correctly, with its 95 %
            interval.
    """

    paths: tuple[Mapping[str, _Bound], ...]
    support: float
    confidence: float
    lift: float
    recall: float
    fidelity: Interval

    @property
    def when(self) -> str:
        """SQL condition over the features; true for customers whom the tree assigns."""
        paths = [_condition(bounds) for bounds in self.paths]
        return " OR ".join(f"({path})" for path in paths) if len(paths) > 1 else paths[0]

    def words(self, names: Mapping[str, str]) -> str:
        """The condition as a person reads it.

        Args:
            names: what the features are called; those without a name stand as they are.
        """
        return "; or ".join(
            " and ".join(
                bound.words(names.get(name, name))
                for name, bound in bounds.items()
                if bound.condition(name)
            )
            for bounds in self.paths
        )


def explain(
    sample: Sample, is_member: Flags, *, settings: TagSettings, seed: int
) -> Explanation | NotComputable:
    """The tree that separates some customers from all others.

    Args:
        sample: customers with their features.
        is_member: which of them are to be explained: a group, or who has a tag; shape (n,).
        settings: depth and smallest leaf.
        seed: decides ties of the tree.

    Returns:
        The explanation; or why there is none, such as a tree that is right no more often than
        saying of everybody what is true of most.
    """
    from sklearn.tree import DecisionTreeClassifier  # a second: only this job pays

    is_held_out = sample.is_held_out
    is_learned = ~is_held_out
    has_both = is_member[is_learned].any() and not is_member[is_learned].all()
    if not has_both or not is_member[is_held_out].any():
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
    paths = _Paths(tree, sample.features).bounds()
    if not paths:
        return NotComputable("no leaf holds more of them than of others")

    predicted = tree.predict(sample.points[is_held_out]).astype(bool)
    actual = is_member[is_held_out]
    if not _is_better_than_most(predicted, actual):
        return NotComputable("the tree is right no more often than what is true of most")
    fidelity = share(float((predicted == actual).sum()), float(len(actual)))
    assert isinstance(fidelity, Interval)
    confidence = float(actual[predicted].mean())
    return Explanation(
        paths=paths,
        support=float(predicted.mean()),
        confidence=confidence,
        lift=confidence / float(actual.mean()),
        recall=float(predicted[actual].mean()),
        fidelity=fidelity,
    )


def _is_better_than_most(predicted: Flags, actual: Flags) -> bool:
    """Whether the tree is right more often than saying of everybody what is true of most.

    The two differ only on customers of whom the tree says the other thing. Of these it is right in
    more than a half, by the lower end of Wilson's interval at 95 % on that side: a sign test.
    """
    most = bool(actual.mean() > 0.5)
    differs = predicted != most
    right = share(float((actual[differs] != most).sum()), float(differs.sum()), level=0.9)
    return isinstance(right, Interval) and right.low > 0.5


class _Paths:
    """The paths of a fitted tree that lead to the customers it explains."""

    def __init__(self, tree: Any, features: tuple[str, ...]) -> None:
        self._nodes = tree.tree_
        self._features = features
        self._member_class = list(tree.classes_).index(True)

    def bounds(self) -> tuple[Mapping[str, _Bound], ...]:
        """The limits by feature of each leaf that predicts them, the largest leaf first."""
        leaves = sorted(self._leaves(0, {}), key=lambda leaf: leaf[:2])
        return tuple(bounds for _, _, bounds in leaves)

    def _leaves(
        self, node: int, bounds: dict[str, _Bound]
    ) -> list[tuple[int, int, dict[str, _Bound]]]:
        """Minus the size, the number and the limits of each such leaf below a node."""
        predictions = self._predictions(node)
        if predictions == {False}:
            return []
        if predictions == {True}:
            return [(-int(self._nodes.n_node_samples[node]), node, bounds)]
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


def _condition(bounds: Mapping[str, _Bound]) -> str:
    parts = [bound.condition(name) for name, bound in bounds.items()]
    return " AND ".join(part for part in parts if part) or "true"
