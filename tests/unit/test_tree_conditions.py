"""A tree may know of customers what does not define the tag that it explains."""

from typing import Any

import pytest

from clarion.config import Config
from clarion.customers.features.definitions import Feature
from clarion.customers.features.definitions import parse as parse_features
from clarion.customers.tags.definitions import Tag, parse
from clarion.declarations import shop
from clarion.declarations.tag_trees import check_tree
from clarion.kernel.errors import ConfigError

WORDS = {"en": "e", "zh": "词", "meaning": "m"}
OF_CATEGORY = {**WORDS, "each": "category", "en": "{category}", "zh": "{category}"}


def _feature(source: str, value: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "value": value, "unit": "u", **WORDS, **more}


FEATURES: tuple[Feature, ...] = parse_features(
    {
        "orders": _feature("days", "sum(orders)", within=[30, 365]),
        "spend": _feature("days", "sum(amount)", within=365),
        "views": _feature("days", "sum(views)", within=365),
        "region": _feature("registrations", "max(region)", type="text"),
        "average": _feature("features", "spend / orders_365d"),
        "views_per_order": _feature("features", "views / orders_365d"),
        "views_per_spend": _feature("features", "views / spend"),
    }
)


def _tag(**body: Any) -> Tag:
    (tag,) = parse({"t": {**WORDS, **body}})
    return tag


@pytest.mark.covers("P4")
@pytest.mark.parametrize(
    ("when", "feature", "found"),
    [
        ("spend > 9", "spend", "spend, which defines the tag"),
        ("average > 9", "spend", "spend, which defines the tag"),
        ("spend > 9", "average", "average, which shares spend with it"),
        ("average > 9", "views_per_order", "views_per_order, which shares orders_365d with it"),
        ("orders_365d > 9", "orders_30d", "orders_30d, which shares orders_365d with it"),
        ("views > {mean spend}", "average", "average, which shares spend with it"),
    ],
)
def test_a_tree_may_not_know_what_defines_its_tag(when: str, feature: str, found: str) -> None:
    tag = _tag(when=when, tree={"features": [feature]})
    with pytest.raises(ConfigError, match="explain the tag by what defines it") as error:
        check_tree(tag, FEATURES)
    assert error.value.found == found


def test_a_tree_may_know_what_shares_nothing_with_its_tag() -> None:
    check_tree(_tag(when="average > 9", tree={"features": ["views"]}), FEATURES)
    check_tree(_tag(when="orders_30d > 9", tree={"features": ["views_per_spend"]}), FEATURES)


@pytest.mark.parametrize("feature", ["no_such_feature", "region", "earlier in category"])
def test_a_tree_knows_number_features_only(feature: str) -> None:
    tag = _tag(when="spend > 9", tree={"features": [feature]})
    with pytest.raises(ConfigError, match="its tree knows no such feature") as error:
        check_tree(tag, FEATURES)
    assert error.value.found == feature


def test_earlier_interest_explains_recent_interest_and_not_itself() -> None:
    tree = {"features": ["earlier in category"]}
    check_tree(_tag(**OF_CATEGORY, when="{recent in category} > 0.5", tree=tree), FEATURES)
    of_earlier = _tag(**OF_CATEGORY, when="{earlier in category} > 0.5", tree=tree)
    with pytest.raises(ConfigError, match="explain the tag by what defines it"):
        check_tree(of_earlier, FEATURES)


def test_a_feature_may_not_have_the_name_of_a_column_of_categories() -> None:
    tag = _tag(**OF_CATEGORY, when="{recent in category} > 0.5")
    features = parse_features({"recent": _feature("days", "sum(quantity)")})
    with pytest.raises(ConfigError, match="a column of the name of a feature"):
        check_tree(tag, features)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({**WORDS, "when": "{recent in category} > 0.5"}, "an unknown word in braces"),
        ({**OF_CATEGORY, "when": "{owned in category} > 0.5"}, "an unknown word in braces"),
        ({**OF_CATEGORY, "when": "recent_interest > 3"}, "'when' is the same for each category"),
        (
            {**OF_CATEGORY, "en": "fan", "when": "{recent in category} > 0.5"},
            "'en' is the same for each category",
        ),
        ({**OF_CATEGORY, "each": "brand", "when": "{recent in category} > 0.5"}, "each"),
        ({**WORDS, "when": "a > 1", "tree": {"features": []}}, "tree.features"),
        (
            {**WORDS, "when": "a > 1", "tree": {"features": ["b"], "learns_from": "rand() > 0.5"}},
            "'rand' is not allowed",
        ),
    ],
)
def test_an_invalid_tag_of_a_tree_or_of_each_category_is_refused(
    body: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        parse({"t": body})


def test_the_tag_of_a_category_names_it_whatever_its_letters() -> None:
    tag = _tag(**OF_CATEGORY, when="{recent in category} > 0.5").of_category("Kids' toys")
    assert (tag.name, tag.label_en) == ("t:Kids' toys", "Kids' toys")
    assert tag.condition({}) == "recent['Kids\\' toys'] > 0.5"


def test_the_packaged_tags_are_explained_by_what_does_not_define_them(config: Config) -> None:
    explained = {tag.name: tag for tag in shop.tags(config) if tag.tree}
    assert set(explained) == {"price_sensitive", "prefers_category"}
    assert explained["prefers_category"].of_each_category
