"""Whether the trees of declared tags may know what they are declared to know."""

from collections.abc import Collection

from clarion.customers.features.definitions import Feature, required_features
from clarion.customers.features.left_out import features_named
from clarion.customers.tags.definitions import CATEGORY_COLUMNS, EARLIER, Tag
from clarion.kernel.errors import ConfigError
from clarion.kernel.expressions import names


def check_tree(tag: Tag, features: tuple[Feature, ...]) -> None:
    """Refuse a tree that cannot be fitted, or that would explain a tag by what defines it.

    A tree that knows what defines the tag repeats the definition. So do features that a defining
    one is made of, that are made of it or of a part of it, and the same in another window.

    Args:
        tag: a declared tag.
        features: the declared features.

    Raises:
        ConfigError: the tree knows what is no number feature, or what defines the tag.
    """
    where = f"tags.yml: {tag.name}"
    condition = tag.condition({}, category="''" if tag.of_each_category else None)
    declared = {feature.name: feature for feature in features}
    if tag.of_each_category:
        _refuse_hidden_columns(declared, where=where)
    if tag.tree is None:
        return
    defining = _facts(features_named(condition, features) + tag.means, features)
    for name in tag.tree.features:
        if name == EARLIER and tag.of_each_category:
            if {"earlier", "earlier_interest"} & set(names(condition)):
                _refuse(where, name, name)
        elif name not in declared or declared[name].type != "number":
            fix = "use number features of features.yml"
            if tag.of_each_category:
                fix = f"{fix}, or '{EARLIER}'"
            raise ConfigError(f"{where}: its tree knows no such feature", found=name, fix=fix)
        else:
            shared = defining.keys() & _facts((name,), features).keys()
            if shared:
                _refuse(where, name, min(defining[fact] for fact in shared))


def _facts(
    wanted: Collection[str], features: tuple[Feature, ...]
) -> dict[tuple[str, str, str | None], str]:
    """The name of each feature that some are made of, themselves included, by what it counts.

    A feature of another window counts the same.
    """
    if not wanted:
        return {}
    return {
        (feature.source, feature.value, feature.where): feature.name
        for feature in required_features(features, wanted)
    }


def _refuse(where: str, name: str, defining: str) -> None:
    because = "which defines the tag" if name == defining else f"which shares {defining} with it"
    raise ConfigError(
        f"{where}: its tree would explain the tag by what defines it",
        found=f"{name}, {because}",
        fix="remove it from the features of the tree",
    )


def _refuse_hidden_columns(declared: Collection[str], *, where: str) -> None:
    for name in CATEGORY_COLUMNS:
        if name in declared:
            raise ConfigError(
                f"{where}: a tag of each category has a column of the name of a feature",
                found=name,
                fix="rename the feature in features.yml",
            )
