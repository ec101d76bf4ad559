"""Say what customers are in a word: declared tags, tags that explain groups, and what goes with what."""

from functools import partial, reduce
from typing import Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.contracts.gold import (
    ASSOCIATIONS,
    CUSTOMER_FEATURES,
    CUSTOMER_TAGS,
    SEGMENT_MEMBERS,
    SEGMENTS,
    TAGS,
)
from clarion.contracts.silver import ORDER_LINES, PRODUCTS
from clarion.customers.features.transforms import unpack_features
from clarion.customers.tags import associations, transforms, trees
from clarion.customers.tags.settings import TagSettings
from clarion.declarations import shop
from clarion.kernel.parallel import run_concurrently
from clarion.kernel.seeds import derive
from clarion.lake.frames import rows_as_frame
from clarion.measures.columns.buckets import bucket
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql
from clarion.measures.statistics.intervals import NotComputable
from clarion.products.catalogue.current import current_products
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope


def run(scope: Scope) -> None:
    described = scope.persist(
        unpack_features(scope.current(CUSTOMER_FEATURES), shop.features(scope.config))
    )
    declared = _declared(scope, described)
    found = declared + _of_groups(scope, described)
    as_of = F.lit(scope.as_of).alias("as_of")
    borne = scope.persist(
        transforms.assign_tags(described, {tag["tag"]: tag["rule"] for tag in found})
    )
    own = transforms.assign_tags(described, {tag["tag"]: tag["rule"] for tag in declared})
    last = scope.latest_earlier(CUSTOMER_TAGS)
    before = last[1] if last else scope.empty(CUSTOMER_TAGS)
    run_concurrently(
        [
            partial(
                scope.replace,
                CUSTOMER_TAGS,
                transforms.add_since(borne.select(as_of, "*"), before),
            ),
            partial(scope.replace, TAGS, _counted(scope, found, borne)),
            partial(
                scope.replace, ASSOCIATIONS, _associations(scope, described, own).select(as_of, "*")
            ),
        ]
    )


def _declared(scope: Scope, described: DataFrame) -> list[dict[str, Any]]:
    """Declared tags, as rows of TAGS; every condition is valid.

    Raises:
        ConfigError: a condition names no feature, or is no condition.
    """
    conditions = [
        UserSql(
            where=f"tags.yml: {tag.name}",
            text=tag.when,
            result=CONDITION,
            hint="use names of conf/features.yml",
        )
        for tag in shop.tags(scope.config)
    ]
    check_user_sql(described, conditions)
    return [
        {
            "tag": tag.name,
            "kind": "declared",
            "rule": tag.when,
            "label_en": tag.label_en,
            "label_zh": tag.label_zh,
            "meaning": tag.meaning,
        }
        for tag in shop.tags(scope.config)
    ]


def _of_groups(scope: Scope, described: DataFrame) -> list[dict[str, Any]]:
    """What explains each group, as rows of TAGS."""
    settings = scope.settings(TagSettings)
    names = tuple(item.name for item in shop.features(scope.config) if item.type == "number")
    members = scope.current(SEGMENT_MEMBERS).select("customer_id", "segment_id")
    share = min(1.0, settings.max_fit_rows / max(members.count(), 1))
    chosen = members.where(bucket("tag-sample", "customer_id") < F.lit(int(share * 1_000_000)))
    held_out = (
        bucket("tag-held-out", "customer_id") < F.lit(int(settings.held_out * 1_000_000))
    ).alias("held_out")
    sample = (
        described.join(chosen, "customer_id")
        .select("customer_id", "segment_id", held_out, *names)
        .toPandas()
        .sort_values("customer_id")
    )
    points = sample[list(names)].to_numpy(dtype=np.float64)
    known = ~np.isnan(points).all(0)  # what is known of nobody explains nobody
    used = tuple(name for name, some in zip(names, known, strict=True) if some)
    rows = []
    for segment in (
        scope.current(SEGMENTS)
        .select("segment_id", "name_en", "name_zh")
        .orderBy("segment_id")
        .collect()
    ):
        inside, seed = (
            (sample["segment_id"] == segment["segment_id"]).to_numpy(),
            derive(scope.seed, "tags", segment["segment_id"]) % 2**32,
        )
        found = trees.explain_group(
            points[:, known],
            inside,
            sample["held_out"].to_numpy(),
            used,
            settings=settings,
            seed=seed,
        )
        if isinstance(found, NotComputable):
            scope.note(f"{segment['segment_id']} is not explained: {found.reason}")
            continue
        rows.append(
            {
                "tag": f"like:{segment['segment_id']}", "kind": "tree", "rule": found.when, "label_en": f"like {segment['name_en']}",
                "label_zh": f"类似{segment['name_zh']}", "meaning": "what tells the group from all others, by a decision tree",
                "segment_id": segment["segment_id"], "confidence": found.confidence, "recall": found.recall,
                "fidelity": found.fidelity.value, "fidelity_low": found.fidelity.low, "fidelity_high": found.fidelity.high,
            }
        )  # fmt: skip
    return rows


def _counted(scope: Scope, found: list[dict[str, Any]], borne: DataFrame) -> DataFrame:
    rows = rows_as_frame(scope.spark, TAGS, [{**tag, "as_of": scope.as_of} for tag in found]).drop(
        "customers", "support"
    )
    counts = transforms.count_tags(borne).withColumnRenamed("share", "support")
    joined = rows.join(counts, "tag", "left")
    none = {
        "customers": F.coalesce("customers", F.lit(0)).cast("bigint"),
        "support": F.coalesce("support", F.lit(0.0)),
    }
    return joined.withColumns(none).select(*TAGS.column_names)


def _associations(scope: Scope, described: DataFrame, own: DataFrame) -> DataFrame:
    """ASSOCIATIONS of the day, as_of aside."""
    settings = scope.settings(TagSettings)
    lines = scope.facts_within(ORDER_LINES, settings.basket_days)
    products = current_products(scope.facts(PRODUCTS), as_of=scope.as_of, time_zone=scope.time_zone)
    sets = {
        "baskets": transforms.baskets(lines, products),
        "customers": transforms.customer_items(described, own),
    }
    found = [
        associations.association_rules(frame, settings=settings).withColumn("sets", F.lit(name))
        for name, frame in sets.items()
    ]
    return reduce(DataFrame.unionByName, found).select(
        "sets", "rule", "antecedent", "consequent", "support", "confidence", "lift", "leverage"
    )


JOB = Job(
    name="tags",
    summary=__doc__,
    reads=(
        CUSTOMER_FEATURES,
        SEGMENT_MEMBERS,
        SEGMENTS,
        ORDER_LINES,
        PRODUCTS,
    ),
    reads_earlier=(CUSTOMER_TAGS,),
    writes=(CUSTOMER_TAGS, TAGS, ASSOCIATIONS),
    purpose="analytics",
    settings=(TagSettings,),
    run=run,
)
