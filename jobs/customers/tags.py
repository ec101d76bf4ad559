"""Assign tags to customers: declared ones, and trees that explain; find associations."""

from functools import partial

from pyspark.sql import functions as F

from clarion.contracts.gold import ASSOCIATIONS, CUSTOMER_TAGS, TAGS
from clarion.customers.tags.settings import TagSettings
from clarion.customers.tags.transforms import add_since, assign_tags
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import tag_trees, tagging


def run(scope: Scope) -> None:
    """Write the tags of each customer, the rule of each tag and the association rules."""
    features = tagging.load_features(scope)
    means = tagging.means_used(scope)
    tagging.check_tags(scope, features, means)
    sample = tag_trees.take_sample(scope, features, means)
    preferred = tag_trees.preferred_categories(scope, sample)
    declared_tags = tagging.declared_tags(scope, means, preferred)
    trees = tag_trees.group_trees(scope, sample) + tag_trees.declared_trees(
        scope, sample, preferred
    )
    tags = declared_tags + trees
    customer_tags = scope.persist(assign_tags(features, {tag.tag: tag.rule for tag in tags}))
    # Association rules have the favourite category as an item already.
    items = assign_tags(
        features, {tag.tag: tag.rule for tag in declared_tags if tag.category is None}
    )
    latest = scope.latest_earlier(CUSTOMER_TAGS)
    earlier_tags = latest[1] if latest else scope.empty(CUSTOMER_TAGS)

    as_of = F.lit(scope.as_of).alias("as_of")
    dated_tags = add_since(customer_tags.select(as_of, "*"), earlier_tags)
    rules = tagging.associations(scope, features, items).select(as_of, "*")
    scope.run_concurrently(
        [
            partial(scope.replace, CUSTOMER_TAGS, dated_tags),
            partial(scope.replace, TAGS, tagging.tag_rows(scope, tags, customer_tags)),
            partial(scope.replace, ASSOCIATIONS, rules),
        ]
    )


JOB = Job(
    name="tags",
    summary=__doc__,
    reads=tagging.READS,
    reads_earlier=(CUSTOMER_TAGS,),
    writes=(CUSTOMER_TAGS, TAGS, ASSOCIATIONS),
    purpose="analytics",
    settings=(TagSettings,),
    run=run,
)
