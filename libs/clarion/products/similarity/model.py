"""The model of the product matrix: its columns, their weights, and the bins of numbers.

It is frozen between fits.
"""

import math
from collections.abc import Sequence

from pyspark.errors import IllegalArgumentException
from pyspark.ml import PipelineModel, Transformer
from pyspark.ml.feature import IDF, Bucketizer, CountVectorizer, CountVectorizerModel, IDFModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from clarion.measures.columns.frames import local_frame
from clarion.products.similarity.attributes import REVIEWS, TEXT, Attribute
from clarion.products.similarity.matrix import SEPARATOR, weighted_terms
from clarion.products.similarity.settings import ProductSettings

_FEATURES = "feature_index int, block string, feature string, products bigint, weight double"


def fit(
    inputs: DataFrame, attributes: tuple[Attribute, ...], *, settings: ProductSettings
) -> PipelineModel:
    """A model with its vocabulary, inverse document frequencies and quantile bins.

    Args:
        inputs: the frame of `matrix.matrix_inputs`, of one product or more.
        attributes: the declared attributes.
        settings: limits.

    Returns:
        Bucketizer of the scaled attributes that vary (none where none does), vocabulary over
        `terms`, inverse document frequencies.
    """
    scaled = [attribute for attribute in attributes if attribute.kind == "scaled"]
    bucketizer = _bucketizer(inputs, scaled, settings.quantile_bins)
    stages: list[Transformer] = [bucketizer] if bucketizer else []
    marked = weighted_terms(PipelineModel(stages=stages).transform(inputs), attributes)
    whole_marks = F.filter("marks", lambda mark: mark["value"] == 1.0)
    terms = marked.select(
        "product_id", F.transform(whole_marks, lambda mark: mark["term"]).alias("terms")
    )
    vocabulary = _vocabulary(terms, settings)
    frequencies = IDF(inputCol="counts", outputCol="weighted").fit(vocabulary.transform(terms))
    return PipelineModel(stages=[*stages, vocabulary, frequencies])


def _vocabulary(terms: DataFrame, settings: ProductSettings) -> CountVectorizerModel:
    """Terms of enough products.

    A vocabulary may not be empty. Where no term has enough products, it holds one that no product
    has.
    """
    vectorizer = CountVectorizer(
        minDF=settings.min_products,
        vocabSize=settings.vocabulary,
        inputCol="terms",
        outputCol="counts",
    )
    try:
        return vectorizer.fit(terms)
    except IllegalArgumentException:
        return CountVectorizerModel.from_vocabulary([""], inputCol="terms", outputCol="counts")


def _bucketizer(inputs: DataFrame, scaled: list[Attribute], bins: int) -> Bucketizer | None:
    """Quantile bins of the scaled attributes that vary; None where none does."""
    if not scaled:
        return None
    shares = F.array(*(F.lit(index / bins) for index in range(1, bins)))
    quantiles = (
        F.percentile(attribute.column, shares).alias(attribute.bin_column) for attribute in scaled
    )
    maxima = (F.max(attribute.column).alias(attribute.column) for attribute in scaled)
    row = inputs.agg(*quantiles, *maxima).first()
    assert row is not None, "an aggregate of all has one row"
    splits = {}
    for attribute in scaled:
        cuts = _cuts(row[attribute.bin_column], row[attribute.column])
        if cuts:
            splits[attribute] = [-math.inf, *cuts, math.inf]
    if not splits:
        return None
    return Bucketizer(
        splitsArray=list(splits.values()),
        inputCols=[attribute.column for attribute in splits],
        outputCols=[attribute.bin_column for attribute in splits],
        handleInvalid="keep",
    )


def _cuts(quantiles: Sequence[float | None] | None, maximum: float) -> list[float]:
    """Bounds of the bins, ascending.

    A bin begins at its bound, and a number that equals a quantile belongs below it. So each bound
    is the next greater number.
    """
    below_maximum = {
        math.nextafter(quantile, math.inf)
        for quantile in quantiles or ()
        if quantile is not None and quantile < maximum
    }
    return sorted(below_maximum)


def bin_model(pipeline: PipelineModel) -> PipelineModel:
    """The part of a fitted model that assigns the bins."""
    bucketizers: list[Transformer] = [
        stage for stage in pipeline.stages if isinstance(stage, Bucketizer)
    ]
    return PipelineModel(stages=bucketizers)


def vocabulary_size(pipeline: PipelineModel) -> int:
    """Number of terms that a fitted model knows."""
    vocabulary = pipeline.stages[-2]
    assert isinstance(vocabulary, CountVectorizerModel)
    return len(vocabulary.vocabulary)


def feature_list(pipeline: PipelineModel, inputs: DataFrame) -> DataFrame:
    """The columns of the matrix, numbered by block and name.

    Words that every product has weigh nothing and are left out.

    Args:
        pipeline: the fitted model.
        inputs: a frame of the session.

    Returns:
        feature_index, block, feature, products (that had it when the model was fitted), weight.
    """
    vocabulary, frequencies = pipeline.stages[-2:]
    assert isinstance(vocabulary, CountVectorizerModel)
    assert isinstance(frequencies, IDFModel)
    features = []
    for term, products, idf in zip(
        vocabulary.vocabulary, frequencies.docFreq, frequencies.idf.toArray(), strict=True
    ):
        block, _, feature = term.partition(SEPARATOR)
        weight = float(idf) if block in (TEXT, REVIEWS) else 1.0
        if feature and weight > 0:
            features.append((block, feature, int(products), weight))
    features.sort()
    rows = [(index, *feature) for index, feature in enumerate(features)]
    return local_frame(inputs.sparkSession, rows, _FEATURES)
