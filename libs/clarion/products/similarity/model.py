"""The frozen part of the product matrix: which words and values are its columns, what each weighs, and where the steps of numbers lie."""

import math

from pyspark.errors import IllegalArgumentException
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.feature import IDF, Bucketizer, CountVectorizer, CountVectorizerModel, IDFModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.products.similarity.attributes import REVIEWS, TEXT, Attribute
from clarion.products.similarity.settings import ProductSettings
from clarion.products.similarity.transforms import TAB, marks

_COLUMNS = "feature_index int, block string, feature string, products bigint, weight double"


def fit(
    described: DataFrame, attributes: tuple[Attribute, ...], *, settings: ProductSettings
) -> PipelineModel:
    """Words of enough products, values of attributes, their inverse document frequencies, and the steps of scaled numbers.

    Args:
        described: `transforms.described`, of one product or more.
        attributes: as declared.
        settings: limits.

    Returns:
        Bucketizer of the scaled attributes that vary (left out where none does), vocabulary over `terms`, inverse document frequency.
    """
    steps = _steps(
        described, [item for item in attributes if item.kind == "scaled"], settings.quantile_bins
    )
    stages: list[Transformer] = [steps] if steps else []
    marked = marks(PipelineModel(stages=stages).transform(described), attributes)
    terms = marked.select(
        "product_id",
        F.transform(
            F.filter("marks", lambda mark: mark["value"] == 1.0), lambda mark: mark["term"]
        ).alias("terms"),
    )
    counting = _vocabulary(terms, settings)
    weighing = IDF(inputCol="counts", outputCol="weighted").fit(counting.transform(terms))
    return PipelineModel(stages=[*stages, counting, weighing])


def _vocabulary(terms: DataFrame, settings: ProductSettings) -> CountVectorizerModel:
    """The words and values of enough products; where none has enough, one that no product has, since a vocabulary may not be empty."""
    try:
        return CountVectorizer(
            minDF=settings.min_products,
            vocabSize=settings.vocabulary,
            inputCol="terms",
            outputCol="counts",
        ).fit(terms)
    except IllegalArgumentException:
        return CountVectorizerModel.from_vocabulary([""], inputCol="terms", outputCol="counts")


def _steps(described: DataFrame, scaled: list[Attribute], steps: int) -> Bucketizer | None:
    """Where a scaled attribute passes from one step to the next; an attribute that does not vary says nothing and has none."""
    if not scaled:
        return None
    shares = F.array(*(F.lit(place / steps) for place in range(1, steps)))
    cut_at = [F.percentile(item.column, shares).alias(item.step) for item in scaled]
    found = described.agg(
        *cut_at, *(F.max(item.column).alias(item.column) for item in scaled)
    ).first()
    assert found is not None, "an aggregate of all has one row"
    splits = {}
    for item in scaled:
        # A step begins at its cut; a number that equals it belongs below, so each cut moves up by as little as there is.
        cuts = {
            math.nextafter(cut, math.inf)
            for cut in found[item.step] or ()
            if cut is not None and cut < found[item.column]
        }
        if cuts:
            splits[item] = [-math.inf, *sorted(cuts), math.inf]
    if not splits:
        return None
    columns, outputs = [item.column for item in splits], [item.step for item in splits]
    return Bucketizer(
        splitsArray=list(splits.values()),
        inputCols=columns,
        outputCols=outputs,
        handleInvalid="keep",
    )


def steps_of(pipeline: PipelineModel) -> PipelineModel:
    """The part of a fitted model that finds the steps."""
    return PipelineModel(
        stages=[stage for stage in pipeline.stages if isinstance(stage, Bucketizer)]
    )


def columns_of(pipeline: PipelineModel) -> int:
    """How many words and values a fitted model knows."""
    counting = pipeline.stages[-2]
    assert isinstance(counting, CountVectorizerModel)
    return len(counting.vocabulary)


def feature_list(pipeline: PipelineModel, described: DataFrame) -> DataFrame:
    """The columns of the matrix, numbered by block and name: words that every product has weigh nothing and are left out.

    Returns:
        feature_index, block, feature, products (that had it when the model was fitted), weight.
    """
    counting, weighing = pipeline.stages[-2:]
    assert isinstance(counting, CountVectorizerModel)
    assert isinstance(weighing, IDFModel)
    rows = []
    for term, products, idf in zip(
        counting.vocabulary, weighing.docFreq, weighing.idf.toArray(), strict=True
    ):
        block, _, feature = term.partition(TAB)
        weight = float(idf) if block in (TEXT, REVIEWS) else 1.0
        if feature and weight > 0:
            rows.append((block, feature, int(products), weight))
    rows.sort()
    return described.sparkSession.createDataFrame(
        [(place, *row) for place, row in enumerate(rows)], _COLUMNS
    )
