"""Compute the declared features of every customer as of a day."""

from functools import partial

from pyspark.sql import functions as F

from clarion.contracts.gold import CUSTOMER_FEATURES, FEATURES
from clarion.customers.features.transforms import pack_features
from clarion.declarations.shop import features
from clarion.runtime.job import Job
from clarion.runtime.scope import Scope
from clarion.workflows import customer_features, known_features


def run(scope: Scope) -> None:
    """Write the features of each customer and the summary of each feature."""
    declared_features = features(scope.config)
    wide = customer_features.current_features(scope, declared_features)
    packed = scope.persist(pack_features(wide, declared_features))
    as_of = F.lit(scope.as_of).alias("as_of")
    scope.run_concurrently(
        [
            partial(scope.replace, CUSTOMER_FEATURES, packed.select(as_of, "*")),
            partial(known_features.write_summary, scope, packed),
        ]
    )


JOB = Job(
    name="features",
    summary=__doc__,
    reads=customer_features.READS,
    writes=(CUSTOMER_FEATURES, FEATURES),
    purpose="analytics",
    run=run,
)
