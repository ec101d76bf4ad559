"""A shallow decision tree that explains a group, as the SQL condition that a person can read."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clarion.customers.tags.settings import TagSettings
from clarion.kernel import sql
from clarion.measures.statistics.intervals import Interval, NotComputable, share

_PRUNED = (
    0.002  # a split that lowers the impurity by less is left out: a person is to read the rule
)
Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A group in the words of a tree.

    Args:
        when: SQL condition over the features; true for customers whom the tree puts into the group.
        support: share of held-out customers for whom it is true.
        confidence: share of those who are in the group.
        recall: share of the group for whom it is true.
        fidelity: share of held-out customers whom the tree puts where they are, with its 95 % interval.
    """

    when: str
    support: float
    confidence: float
    recall: float
    fidelity: Interval


@dataclass(frozen=True, slots=True)
class _Bound:
    """Limits of one feature along a path, and whether one who has no value goes that way."""

    above: float | None
    limit: float | None
    unknown: bool


def explain_group(
    points: Array,
    inside: Flags,
    held_out: Flags,
    names: tuple[str, ...],
    *,
    settings: TagSettings,
    seed: int,
) -> Explanation | NotComputable:
    """The tree that tells a group's customers from all others.

    Args:
        points: declared features, shape (n, d); not a number where unknown.
        inside: which customers are in the group, shape (n,).
        held_out: which customers the tree does not see, shape (n,).
        names: the d features.
        settings: depth and smallest leaf.
        seed: of the tree's ties.
    """
    from sklearn.tree import DecisionTreeClassifier  # a second: only this job pays

    seen = ~held_out
    if not inside[seen].any() or inside[seen].all() or not held_out.any():
        return NotComputable("too few customers to learn and judge on")
    smallest = max(1, int(np.ceil(settings.min_leaf_share * seen.sum())))
    tree = DecisionTreeClassifier(
        max_depth=settings.depth, min_samples_leaf=smallest, ccp_alpha=_PRUNED, random_state=seed
    ).fit(points[seen], inside[seen])
    paths = _paths(tree, names)
    if not paths:
        return NotComputable("no leaf holds more of the group than of others")
    told, true = tree.predict(points[held_out]).astype(bool), inside[held_out]
    fidelity = share(float((told == true).sum()), float(len(true)))
    assert isinstance(fidelity, Interval)
    return Explanation(
        when=" OR ".join(f"({path})" for path in paths) if len(paths) > 1 else paths[0],
        support=float(told.mean()),
        confidence=float(true[told].mean()) if told.any() else 0.0,
        recall=float(told[true].mean()) if true.any() else 0.0,
        fidelity=fidelity,
    )


def _paths(tree: Any, names: tuple[str, ...]) -> list[str]:
    """The condition of each leaf whose customers are mostly in the group, the largest leaf first."""
    inner, found = tree.tree_, []
    positive = list(tree.classes_).index(True)

    def told(node: int) -> set[bool]:
        """What the leaves below a node say: both, or one and the same, so that the split says nothing."""
        if inner.children_left[node] == -1:
            return {bool(inner.value[node][0].argmax() == positive)}
        return told(inner.children_left[node]) | told(inner.children_right[node])

    def walk(node: int, bounds: dict[str, _Bound]) -> None:
        answers = told(node)
        if len(answers) == 1:
            if answers == {True}:
                found.append((-int(inner.n_node_samples[node]), node, _condition(bounds)))
            return
        name, threshold = names[inner.feature[node]], float(inner.threshold[node])
        left_takes_unknown = bool(inner.missing_go_to_left[node])
        walk(
            inner.children_left[node],
            bounds
            | {name: _narrowed(bounds.get(name), limit=threshold, unknown=left_takes_unknown)},
        )
        walk(
            inner.children_right[node],
            bounds
            | {name: _narrowed(bounds.get(name), above=threshold, unknown=not left_takes_unknown)},
        )

    walk(0, {})
    return [condition for _, _, condition in sorted(found)]


def _narrowed(
    before: _Bound | None,
    *,
    above: float | None = None,
    limit: float | None = None,
    unknown: bool,
) -> _Bound:
    was = before or _Bound(None, None, True)
    return _Bound(
        above if was.above is None else was.above if above is None else max(above, was.above),
        limit if was.limit is None else was.limit if limit is None else min(limit, was.limit),
        was.unknown and unknown,
    )


def _condition(bounds: dict[str, _Bound]) -> str:
    parts = []
    for name, bound in bounds.items():
        column = sql.name(name) if not name.isidentifier() else name
        if (
            bound.above == np.inf
        ):  # no value is that large: the tree parts those who have none from those who have one
            parts.append(f"{column} IS NULL" if bound.unknown else "false")
            continue
        limits = [f"{column} > {bound.above!r}D"] if bound.above is not None else []
        limits += [f"{column} <= {bound.limit!r}D"] if bound.limit not in (None, np.inf) else []
        if not limits:
            parts += [] if bound.unknown else [f"{column} IS NOT NULL"]
            continue
        text = " AND ".join(limits)
        parts.append(f"({text} OR {column} IS NULL)" if bound.unknown else text)
    return " AND ".join(parts) or "true"
