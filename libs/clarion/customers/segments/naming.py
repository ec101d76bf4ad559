"""Names of groups, from what sets them apart from the population."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clarion.customers.segments.rows import Word
from clarion.customers.segments.settings import ComparedFeature

_AGAINST = 0.1  # standard deviations beyond the mean at which a word is false: less is noise
_Words = tuple[Word, ...]  # in order of the distance from the population


@dataclass(frozen=True, slots=True)
class Name:
    """A name in English and Chinese, and what its words speak of."""

    english: str
    chinese: str
    named_by: _Words


EVERYBODY = Name("All customers", "全体客户", ())


def group_names(
    centres: Sequence[Sequence[float]],
    features: Sequence[str],
    words: Mapping[str, ComparedFeature],
    *,
    kept: Mapping[int, Name] | None = None,
) -> list[Name]:
    """A name for each group in English and Chinese, unique among them.

    A group is named by the two features in which it lies farthest from the population, which is 0
    in standardised features. Groups that share a name take further features until they differ; if
    they never do, a number is added.

    Args:
        centres: standardised means, shape (k, d); not a number where a feature says nothing of a
            group.
        features: names of the d features.
        words: what high and low values of each feature are called.
        kept: names that groups have already, by number. Their words stay, in today's wording.
    """
    kept = kept or {}
    names: dict[int, Name] = {}
    keys = _distinct_keys(
        [_ranked_words(centre, features) for centre in centres],
        {group: name.named_by for group, name in kept.items()},
    )
    taken: set[str] = set()
    # Kept names first: a new group that shares one gets the number.
    for group in sorted(range(len(centres)), key=lambda group: (group not in kept, group)):
        name = _worded(keys[group], words)
        old = kept.get(group)
        if old and _is_worded_alike(old, name) and old.english not in taken:
            name = old
        else:
            name = _numbered(name, taken)
        names[group] = name
        taken.add(name.english)
    return [names[group] for group in range(len(centres))]


def false_words(named_by: _Words, centre: Mapping[str, float]) -> list[str]:
    """What of a name is no longer true of a group, in words; empty if the name may stay.

    A word is false if the group lies on the other side of the population, by more than a tenth of a
    standard deviation, or if nothing is known of what the word speaks of.

    Args:
        named_by: what the words of the name speak of.
        centre: the group's standardised mean in each feature that says something of it.

    Example:
        >>> false_words((Word("discount", True), Word("unit", False)), {"discount": -0.4})
        ['discount is 0.4 below the average', 'unit is unknown']
    """
    reasons = []
    for word in named_by:
        z = centre.get(word.feature)
        if z is None:
            reasons.append(f"{word.feature} is unknown")
        elif (z if word.is_high else -z) < -_AGAINST:
            side = "below" if word.is_high else "above"
            reasons.append(f"{word.feature} is {abs(z):.1f} {side} the average")
    return reasons


def _worded(key: _Words, words: Mapping[str, ComparedFeature]) -> Name:
    if not key:
        return Name("Customers of whom little is known", "资料不足客户", ())
    labels = [words[word.feature].high if word.is_high else words[word.feature].low for word in key]
    english = ", ".join(label[0] for label in labels)
    chinese = "、".join(label[1] for label in labels)
    return Name(f"{english[:1].upper()}{english[1:]} customers", f"{chinese}客户", key)


def _is_worded_alike(old: Name, new: Name) -> bool:
    """Whether two names differ by no more than the number of the old one."""
    number = old.english.removeprefix(new.english)
    return old.chinese == f"{new.chinese}{number}" and (not number or number[1:].isdigit())


def _numbered(name: Name, taken: set[str]) -> Name:
    number, suffix = 1, ""
    while f"{name.english}{suffix}" in taken:
        number += 1
        suffix = f" {number}"
    return Name(f"{name.english}{suffix}", f"{name.chinese}{suffix}", name.named_by)


def _distinct_keys(ranked: Sequence[_Words], kept: Mapping[int, _Words]) -> list[_Words]:
    """The words that name each group: two, or more where groups would share a name."""
    lengths = [min(2, len(key)) for key in ranked]
    while True:
        keys = [
            kept.get(group, key[:length])
            for group, (key, length) in enumerate(zip(ranked, lengths, strict=True))
        ]
        uses = Counter(frozenset(key) for key in keys)
        extendable = [
            group
            for group, key in enumerate(keys)
            if group not in kept
            and uses[frozenset(key)] > 1
            and lengths[group] < len(ranked[group])
        ]
        if not extendable:
            return keys
        for group in extendable:
            lengths[group] += 1


def _ranked_words(centre: Sequence[float], features: Sequence[str]) -> _Words:
    known = [index for index in range(len(features)) if not math.isnan(centre[index])]
    order = sorted(known, key=lambda index: (-abs(centre[index]), index))
    return tuple(Word(features[index], centre[index] > 0) for index in order)
