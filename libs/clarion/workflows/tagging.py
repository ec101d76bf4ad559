"""Tags of a day: declared ones, trees that explain, counts and association rules."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import INTERACTIONS, TAGS
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.customers.features.left_out import features_named, inputs_left_out, listed
from clarion.customers.tags import transforms
from clarion.customers.tags.associations import association_rules
from clarion.customers.tags.definitions import Tag
from clarion.customers.tags.rows import TagRow
from clarion.customers.tags.settings import TagSettings
from clarion.declarations import shop
from clarion.lake.frames import rows_as_frame, union_all
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.products.catalogue.current import current_products
from clarion.runtime.scope import Scope
from clarion.workflows import known_features, tag_trees

READS = (*known_features.READS, *tag_trees.READS, INTERACTIONS, ORDER_LINES, PRODUCTS)


def load_features(scope: Scope) -> DataFrame:
    """Today's customers: customer_id, every declared feature, and the interest by category.

    A feature that is left out is unknown, so that no condition on it is true; a note says which
    declared tags name one. Of categories there are columns where a tag of each category is
    declared. The frame is persisted.

    Args:
        scope: of a job that reads READS.
    """
    left_out = known_features.left_out_features(scope)
    declared = shop.features(scope.config)
    named = {tag.name: features_named(tag.when, declared) for tag in shop.tags(scope.config)}
    without = inputs_left_out(named, left_out)
    if without:
        scope.note(f"tags that name a feature without data: {listed(without)}")
    features = known_features.known_features(scope, left_out)
    if any(tag.of_each_category for tag in shop.tags(scope.config)):
        shares = transforms.category_shares(scope.current(INTERACTIONS))
        features = features.join(shares, "customer_id", "left")
    return scope.persist(features)


def means_used(scope: Scope) -> dict[str, float | None]:
    """Today's means of the features whose means declared tags use."""
    tags = shop.tags(scope.config)
    return known_features.feature_means(scope, {name for tag in tags for name in tag.means})


def check_tags(scope: Scope, features: DataFrame, means: Mapping[str, float | None]) -> None:
    """Refuse a tag whose condition is not valid.

    Args:
        scope: the run.
        features: result of `load_features`.
        means: of the features whose means tags use.

    Raises:
        ConfigError: a condition uses an unknown name, or is no condition.
    """
    conditions = []
    for tag in shop.tags(scope.config):
        category = "''" if tag.of_each_category else None
        texts = {"": tag.condition(means, category=category)}
        if tag.tree and tag.tree.learns_from is not None:
            texts[": learns_from"] = tag.tree.learns_from
        conditions += [
            UserSql(
                where=f"tags.yml: {tag.name}{key}",
                text=text,
                result=CONDITION,
                hint="use names of conf/features.yml",
            )
            for key, text in texts.items()
        ]
    check_user_sql(features, conditions)


def declared_tags(
    scope: Scope,
    means: Mapping[str, float | None],
    preferred: Mapping[str, Sequence[str]],
) -> list[TagRow]:
    """The declared tags; of a tag of each category one per category that enough customers prefer.

    Args:
        scope: the run.
        means: of the features whose means tags use.
        preferred: the categories of such tags, by tag.
    """
    tags = []
    for tag in shop.tags(scope.config):
        if not tag.of_each_category:
            tags.append(_declared_tag(tag, means, category=None))
            continue
        if not preferred[tag.name]:
            scope.note(f"{tag.name}: no category is preferred by enough customers")
        tags += [
            _declared_tag(tag.of_category(category), means, category=category)
            for category in preferred[tag.name]
        ]
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


def _declared_tag(tag: Tag, means: Mapping[str, float | None], *, category: str | None) -> TagRow:
    return TagRow(
        tag=tag.name,
        kind="declared",
        rule=tag.condition(means),
        label_en=tag.label_en,
        label_zh=tag.label_zh,
        meaning=tag.meaning,
        category=category,
    )
