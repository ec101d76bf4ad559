"""Trees of a day: those that explain groups, and those that explain declared tags."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from clarion.contracts.gold import SEGMENT_MEMBERS, SEGMENTS
from clarion.customers.features.left_out import listed
from clarion.customers.tags import trees
from clarion.customers.tags.definitions import Tag
from clarion.customers.tags.rows import TagRow
from clarion.customers.tags.settings import TagSettings
from clarion.declarations import shop
from clarion.kernel import sql
from clarion.kernel.safe_sql import null_on_error
from clarion.kernel.seeds import derive
from clarion.measures.columns.buckets import MILLION, bucket
from clarion.measures.statistics.intervals import NotComputable
from clarion.runtime.scope import Scope

READS = (SEGMENT_MEMBERS, SEGMENTS)


@dataclass(frozen=True, slots=True)
class TreeSample:
    """Today's customers for the trees, or as many as the settings allow, chosen by hash.

    Args:
        customers: customer_id, segment_id, is_held_out; earlier; per tag with a tree `has NAME`
            (whether the tag is true, or the categories of which it is) and `sure NAME`.
        points: their number features.
    """

    customers: pd.DataFrame
    points: trees.Sample

    def has(self, tag: Tag, category: str | None) -> npt.NDArray[np.bool_]:
        """Who has a declared tag, shape (n,)."""
        values = self.customers[f"has {tag.name}"]
        if category is None:
            return values.to_numpy(dtype=bool)
        return np.array([category in of_customer for of_customer in values], dtype=bool)

    def is_sure(self, tag: Tag) -> npt.NDArray[np.bool_]:
        """Of whom a declared tag is known, and sure enough to learn from, shape (n,)."""
        return self.customers[f"sure {tag.name}"].to_numpy(dtype=bool)

    def with_category(self, category: str, column: str) -> trees.Sample:
        """The features, and the earlier interest in a category as the feature `column`."""
        shares = [(row or {}).get(category, np.nan) for row in self.customers["earlier"]]
        points = np.column_stack([self.points.points, np.array(shares, dtype=np.float64)])
        return trees.Sample(points, (*self.points.features, column), self.points.is_held_out)


def take_sample(scope: Scope, features: DataFrame, means: Mapping[str, float | None]) -> TreeSample:
    """The customers that the trees learn from and are evaluated on; bounded by the settings.

    Args:
        scope: of a job that reads READS.
        features: customer_id, every declared feature, and the columns of each category.
        means: of the features whose means tags use.
    """
    settings = scope.settings(TagSettings)
    numbers = [item.name for item in shop.features(scope.config) if item.type == "number"]
    members = scope.current(SEGMENT_MEMBERS).select("customer_id", "segment_id")
    sample_share = min(1.0, settings.max_fit_rows / max(features.count(), 1))
    of_tags = [column for tag in shop.tags(scope.config) for column in _tag_columns(tag, means)]
    earlier = [name for name in ("earlier",) if name in features.columns]
    customers = (
        features.where(_is_below("tag-sample", sample_share))
        .join(members, "customer_id", "left")
        .select(
            "customer_id",
            "segment_id",
            _is_below("tag-held-out", settings.held_out_share).alias("is_held_out"),
            *earlier,
            *of_tags,
            *numbers,
        )
        .toPandas()
        .sort_values("customer_id", ignore_index=True)
    )
    points = trees.Sample(
        customers[numbers].to_numpy(dtype=np.float64),
        tuple(numbers),
        customers["is_held_out"].to_numpy(dtype=bool),
    )
    return TreeSample(customers.drop(columns=numbers), points)


def preferred_categories(scope: Scope, sample: TreeSample) -> dict[str, list[str]]:
    """The categories for which enough customers have a tag of each category, by tag.

    Args:
        scope: the run.
        sample: the customers to count.
    """
    least = scope.settings(TagSettings).min_category_share * len(sample.customers)
    preferred = {}
    for tag in shop.tags(scope.config):
        if tag.of_each_category:
            counts = Counter(
                category
                for categories in sample.customers[f"has {tag.name}"]
                for category in categories
            )
            preferred[tag.name] = sorted(
                category for category, customers in counts.items() if customers >= least
            )
    return preferred


def group_trees(scope: Scope, sample: TreeSample) -> list[TagRow]:
    """The tags that explain today's groups by a tree; a note says which group has none.

    Args:
        scope: of a job that reads READS.
        sample: result of `take_sample`.
    """
    groups = (
        scope.current(SEGMENTS)
        .select("segment_id", "name_en", "name_zh")
        .orderBy("segment_id")
        .collect()
    )
    segment_ids = sample.customers["segment_id"]
    has_segment = segment_ids.notna().to_numpy()
    grouped = sample.points.where(has_segment)
    tags, without = [], {}
    for group in groups:
        name = group["segment_id"]
        explanation = trees.explain(
            grouped,
            (segment_ids == name).to_numpy()[has_segment],
            settings=scope.settings(TagSettings),
            seed=derive(scope.seed, "tags", name) % 2**32,
        )
        if isinstance(explanation, NotComputable):
            without[name] = explanation.reason
        else:
            tags.append(_group_tag(scope, group, explanation))
    if without:
        scope.note(f"groups that no tree explains: {listed(without)}")
    return tags


def declared_trees(
    scope: Scope, sample: TreeSample, preferred: Mapping[str, Sequence[str]]
) -> list[TagRow]:
    """The tags that explain declared ones by a tree; a note says which tag has none.

    Args:
        scope: the run.
        sample: result of `take_sample`.
        preferred: result of `preferred_categories`.
    """
    tags, without = [], {}
    for tag in shop.tags(scope.config):
        if tag.tree is None:
            continue
        for category in preferred[tag.name] if tag.of_each_category else [None]:
            of_category = tag if category is None else tag.of_category(category)
            explanation = _explain(scope, sample, tag, category)
            if isinstance(explanation, NotComputable):
                without[of_category.name] = explanation.reason
            else:
                tags.append(_declared_tag(scope, of_category, category, explanation))
    if without:
        scope.note(f"tags that no tree explains: {listed(without)}")
    return tags


def _explain(
    scope: Scope, sample: TreeSample, tag: Tag, category: str | None
) -> trees.Explanation | NotComputable:
    assert tag.tree is not None
    columns, points = tag.tree.features, sample.points
    if category is not None:
        columns = tag.tree.columns(sql.text(category))
        points = sample.with_category(category, f"earlier[{sql.text(category)}]")
    is_sure = sample.is_sure(tag)
    return trees.explain(
        points.where(is_sure, features=columns),
        sample.has(tag, category)[is_sure],
        settings=scope.settings(TagSettings),
        seed=derive(scope.seed, "tags", tag.name, category or "") % 2**32,
    )


def _tag_columns(tag: Tag, means: Mapping[str, float | None]) -> list[Column]:
    """Who has a tag, and of whom it is sure, where a tree or a list of categories asks for it."""
    if tag.tree is None and not tag.of_each_category:
        return []
    if tag.of_each_category:
        when = null_on_error(tag.condition(means, category="_category"))
        has = F.expr(f"coalesce(filter(map_keys(recent), _category -> {when}), array())")
        is_sure = F.col("recent").isNotNull()
    else:
        condition = F.expr(f"({null_on_error(tag.condition(means))})")
        has, is_sure = F.coalesce(condition, F.lit(False)), condition.isNotNull()
    if tag.tree is not None and tag.tree.learns_from is not None:
        learns_from = F.expr(f"({null_on_error(tag.tree.learns_from)})")
        is_sure = is_sure & F.coalesce(learns_from, F.lit(False))
    return [has.alias(f"has {tag.name}"), is_sure.alias(f"sure {tag.name}")]


def _is_below(salt: str, share: float) -> Column:
    return bucket(salt, "customer_id") < F.lit(int(share * MILLION))


def _group_tag(scope: Scope, group: Row, explanation: trees.Explanation) -> TagRow:
    names = (group["segment_id"], group["name_en"], group["name_zh"])
    tag = _tree_tag(names, explanation, _feature_names(scope))
    return replace(tag, segment_id=group["segment_id"])


def _declared_tag(
    scope: Scope, tag: Tag, category: str | None, explanation: trees.Explanation
) -> TagRow:
    """The tag of a tree that explains a declared tag, of one category where it has one."""
    features = _feature_names(scope)
    if category is not None:
        features[f"earlier[{sql.text(category)}]"] = f"earlier interest in {category}"
    tree_tag = _tree_tag((tag.name, tag.label_en, tag.label_zh), explanation, features)
    return replace(tree_tag, explains=tag.name, category=category)


def _tree_tag(
    names: tuple[str, str, str], explanation: trees.Explanation, features: Mapping[str, str]
) -> TagRow:
    """The tag of who is like those whom a tree explains.

    Args:
        names: what is explained: its name, and its labels in English and Chinese.
        explanation: the tree.
        features: labels of the features, for its rule in words.
    """
    name, label_en, label_zh = names
    return TagRow(
        tag=f"like:{name}",
        kind="tree",
        rule=explanation.when,
        label_en=f"like {label_en}",
        label_zh=f"类似{label_zh}",
        meaning=explanation.words(features),
        confidence=explanation.confidence,
        lift=explanation.lift,
        recall=explanation.recall,
        fidelity=explanation.fidelity.value,
        fidelity_low=explanation.fidelity.low,
        fidelity_high=explanation.fidelity.high,
    )


def _feature_names(scope: Scope) -> dict[str, str]:
    return {item.name: item.label_en for item in shop.features(scope.config)}
