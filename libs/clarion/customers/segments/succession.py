"""The groups of a new model: under which id, and by which name, each continues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clarion.customers.segments import matching, naming
from clarion.customers.segments.grouped_sample import GroupedSample
from clarion.customers.segments.matching import Match
from clarion.customers.segments.metrics import Array
from clarion.customers.segments.naming import Name
from clarion.customers.segments.rows import Group, Trait
from clarion.customers.segments.settings import ComparedFeature

_MOST = 0.5  # share of a group of whom an input is known, so that it says something of the group


@dataclass(frozen=True, slots=True)
class Succession:
    """The groups of a new model.

    Args:
        groups: in order of their number.
        renamed: for each group that continues under another name, why, in words.
    """

    groups: tuple[Group, ...]
    renamed: tuple[str, ...]


def succeed(
    old_groups: Sequence[Group],
    old_sample: GroupedSample | None,
    sample: GroupedSample,
    *,
    words: Mapping[str, ComparedFeature],
    within: float,
    highest_number: int,
) -> Succession:
    """The groups of a new model, each under the id of the old group it continues, or a new id.

    A name stays with its id, unless the group has changed so that a word of it is false.

    Args:
        old_groups: of the model that is replaced; none before the first training.
        old_sample: today's customers in those groups; None before the first training.
        sample: the same customers in the groups of the new model.
        words: what high and low values of each input are called.
        within: largest distance at which a group continues an old one.
        highest_number: the highest number of a group so far: group ids are never used again.
    """
    means = matching.group_means(sample.standardised, sample.labels, sample.groups)
    matches = _matches(old_sample, sample, means, within=within)
    continued = {cluster: old_groups[match.old] for cluster, match in matches.items()}

    said = np.where(sample.known_shares >= _MOST, means, np.nan)
    names, renamed = _names(said, sample, continued, words)
    groups = []
    for cluster, name in enumerate(names):
        match = matches.get(cluster)
        if match is None:
            highest_number += 1
        groups.append(
            Group(
                cluster=cluster,
                segment_id=continued[cluster].segment_id if match else f"g{highest_number}",
                state="kept" if match else "new",
                distance=round(match.distance, 9) if match else None,
                name_en=name.english,
                name_zh=name.chinese,
                named_by=name.named_by,
                traits=_traits(sample, said[cluster]),
            )
        )
    return Succession(tuple(groups), renamed)


def _matches(
    old_sample: GroupedSample | None, sample: GroupedSample, means: Array, *, within: float
) -> dict[int, Match]:
    if old_sample is None or (old_sample.groups == 1) != (sample.groups == 1):
        return {}  # a part of the customers does not continue all of them
    old_means = matching.group_means(sample.standardised, old_sample.labels, old_sample.groups)
    return matching.match_groups(old_means, means, within=within)


def _names(
    said: Array,
    sample: GroupedSample,
    continued: Mapping[int, Group],
    words: Mapping[str, ComparedFeature],
) -> tuple[list[Name], tuple[str, ...]]:
    """The name of each group, and why some that continue have another."""
    if sample.groups == 1:
        return [naming.EVERYBODY], ()
    wrong = {
        cluster: naming.false_words(group.named_by, _known_traits(said[cluster], sample.features))
        for cluster, group in continued.items()
    }
    kept = {
        cluster: Name(group.name_en, group.name_zh, group.named_by)
        for cluster, group in continued.items()
        if group.named_by and not wrong[cluster]
    }
    names = naming.group_names(said.tolist(), sample.features, words, kept=kept)
    renamed = tuple(
        f"{group.segment_id} is called '{names[cluster].english}' from today on, no longer "
        f"'{group.name_en}': {', '.join(wrong[cluster]) or 'its words have changed'}"
        for cluster, group in sorted(continued.items())
        if names[cluster].english != group.name_en
    )
    return names, renamed


def _known_traits(centre: Array, features: Sequence[str]) -> dict[str, float]:
    pairs = zip(features, centre.tolist(), strict=True)
    return {name: z for name, z in pairs if not np.isnan(z)}


def _traits(sample: GroupedSample, centre: Array) -> tuple[Trait, ...]:
    """The inputs of a group, the farthest from the population first."""
    if sample.groups == 1:
        return ()
    traits = (
        Trait(name, round(z, 6)) for name, z in _known_traits(centre, sample.features).items()
    )
    return tuple(sorted(traits, key=lambda trait: -abs(trait.z)))
