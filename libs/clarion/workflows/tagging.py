"""Tags of a day: declared ones, trees that explain groups, counts and association rules."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from clarion.contracts.gold import SEGMENT_MEMBERS, SEGMENTS, TAGS
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.customers.features.left_out import features_named, inputs_left_out, listed
from clarion.customers.tags import transforms, trees
from clarion.customers.tags.associations import association_rules
from clarion.customers.tags.rows import TagRow
from clarion.customers.tags.settings import TagSettings
from clarion.declarations import shop
from clarion.kernel.seeds import derive
from clarion.lake.frames import rows_as_frame, union_all
from clarion.measures.columns.buckets import MILLION, bucket
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.measures.statistics.intervals import NotComputable
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope
from clarion.workflows import known_features

READS = (*known_features.READS, SEGMENT_MEMBERS, SEGMENTS, ORDER_LINES, PRODUCTS)


def load_features(scope: Scope) -> DataFrame:
    """Today's customers: customer_id and every declared feature; persisted.

    A feature that is left out is unknown, so that no condition on it is true; a note says which
    declared tags name one.
    """
    left_out = known_features.left_out_features(scope)
    declared = shop.features(scope.config)
    named = {tag.name: features_named(tag.when, declared) for tag in shop.tags(scope.config)}
    without = inputs_left_out(named, left_out)
    if without:
        scope.note(f"tags that name a feature without data: {listed(without)}")
    return scope.persist(known_features.known_features(scope, left_out))


def declared_tags(scope: Scope, features: DataFrame) -> list[TagRow]:
    """The declared tags; every condition is valid.

    Args:
        scope: the run.
        features: customer_id and every declared feature.

    Raises:
        ConfigError: a condition uses an unknown name, or is no condition.
    """
    tags = shop.tags(scope.config)
    means = known_features.feature_means(scope, {name for tag in tags for name in tag.means})
    rules = {tag.name: tag.condition(means) for tag in tags}
    conditions = [
        UserSql(
            where=f"tags.yml: {tag.name}",
            text=rules[tag.name],
            result=CONDITION,
            hint="use names of conf/features.yml",
        )
        for tag in tags
    ]
    check_user_sql(features, conditions)
    return [
        TagRow(
            tag=tag.name,
            kind="declared",
            rule=rules[tag.name],
            label_en=tag.label_en,
            label_zh=tag.label_zh,
            meaning=tag.meaning,
        )
        for tag in tags
    ]


def group_tags(scope: Scope, features: DataFrame) -> list[TagRow]:
    """The tags that explain today's groups by a tree; a group without one gets a note.

    Args:
        scope: of a job that reads READS.
        features: customer_id and every declared feature.
    """
    settings = scope.settings(TagSettings)
    sample, segment_ids = _tree_sample(scope, features, settings)
    groups = (
        scope.current(SEGMENTS)
        .select("segment_id", "name_en", "name_zh")
        .orderBy("segment_id")
        .collect()
    )
    tags = []
    for group in groups:
        explanation = trees.explain_group(
            sample,
            segment_ids == group["segment_id"],
            settings=settings,
            seed=derive(scope.seed, "tags", group["segment_id"]) % 2**32,
        )
        if isinstance(explanation, NotComputable):
            scope.note(f"{group['segment_id']} is not explained: {explanation.reason}")
        else:
            tags.append(_group_tag(group, explanation))
    return tags


def tag_rows(scope: Scope, tags: Sequence[TagRow], customer_tags: DataFrame) -> DataFrame:
    """TAGS of the day: each tag with its customers.

    Args:
        scope: the run.
        tags: the tags of the day.
        customer_tags: customer_id, tags (names).
    """
    rows = rows_as_frame(
        scope.spark, TAGS, [{**asdict(tag), "as_of": scope.as_of} for tag in tags]
    ).drop("customers", "support")
    counts = transforms.count_tags(customer_tags).withColumnRenamed("share", "support")
    zero_if_none = {
        "customers": F.coalesce("customers", F.lit(0)).cast("bigint"),
        "support": F.coalesce("support", F.lit(0.0)),
    }
    joined = rows.join(counts, "tag", "left").withColumns(zero_if_none)
    return joined.select(*TAGS.column_names)


def associations(scope: Scope, features: DataFrame, customer_tags: DataFrame) -> DataFrame:
    """ASSOCIATIONS of the day, without as_of: rules over baskets and over customers.

    Args:
        scope: of a job that reads READS.
        features: customer_id and every declared feature.
        customer_tags: customer_id, tags (names of declared tags).
    """
    settings = scope.settings(TagSettings)
    lines = scope.facts_within(ORDER_LINES, settings.basket_days)
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    sets = {
        "baskets": transforms.baskets(lines, products),
        "customers": transforms.customer_items(features, customer_tags),
    }
    rules = [
        association_rules(items, settings=settings).withColumn("sets", F.lit(name))
        for name, items in sets.items()
    ]
    return union_all(rules).select(
        "sets", "rule", "antecedent", "consequent", "support", "confidence", "lift", "leverage"
    )


def _tree_sample(
    scope: Scope, features: DataFrame, settings: TagSettings
) -> tuple[trees.Sample, np.ndarray]:
    """A sample of today's customers, chosen by hash, and the group of each."""
    names = [item.name for item in shop.features(scope.config) if item.type == "number"]
    members = scope.current(SEGMENT_MEMBERS).select("customer_id", "segment_id")
    sample_share = min(1.0, settings.max_fit_rows / max(members.count(), 1))
    sample_members = members.where(_is_below("tag-sample", sample_share))
    is_held_out = _is_below("tag-held-out", settings.held_out_share).alias("is_held_out")
    customers = (
        features.join(sample_members, "customer_id")
        .select("customer_id", "segment_id", is_held_out, *names)
        .toPandas()
        .sort_values("customer_id")
    )
    points = customers[names].to_numpy(dtype=np.float64)
    # A feature that is unknown for everybody explains nobody.
    is_known = ~np.isnan(points).all(0)
    known_names = tuple(name for name, known in zip(names, is_known, strict=True) if known)
    sample = trees.Sample(
        points[:, is_known], known_names, customers["is_held_out"].to_numpy(dtype=bool)
    )
    return sample, customers["segment_id"].to_numpy()


def _is_below(salt: str, share: float) -> Column:
    return bucket(salt, "customer_id") < F.lit(int(share * MILLION))


def _group_tag(group: Row, explanation: trees.Explanation) -> TagRow:
    return TagRow(
        tag=f"like:{group['segment_id']}",
        kind="tree",
        rule=explanation.when,
        label_en=f"like {group['name_en']}",
        label_zh=f"类似{group['name_zh']}",
        meaning="what tells the group from all others, by a decision tree",
        segment_id=group["segment_id"],
        confidence=explanation.confidence,
        recall=explanation.recall,
        fidelity=explanation.fidelity.value,
        fidelity_low=explanation.fidelity.low,
        fidelity_high=explanation.fidelity.high,
    )
