"""Quantify products: the TF-IDF feature matrix, and the products most like each."""

from functools import partial

from clarion.contracts.gold import PRODUCT_FEATURES, PRODUCT_NEIGHBOURS, PRODUCT_VECTORS
from clarion.contracts.silver import PRODUCTS
from clarion.kernel.parallel import together
from clarion.ops.job import Job, Params
from clarion.ops.scope import Scope
from clarion.products import neighbours
from clarion.products import transforms as matrix
from clarion.products.settings import ProductSettings
from clarion.profiles.transforms import current_products


def run(scope: Scope, params: Params) -> None:
    settings, as_of = scope.settings(ProductSettings), scope.as_of
    products = scope.keep(current_products(scope.read(PRODUCTS), as_of=as_of, time_zone=scope.time_zone))
    entries = scope.keep(matrix.entries(products, min_products=settings.min_products, chinese=settings.chinese))
    features = scope.keep(matrix.feature_list(entries, as_of=as_of))
    vectors = scope.keep(matrix.vectors(products, entries, features, settings.weights, as_of=as_of))
    near = neighbours.nearest(vectors, as_of=as_of, k=settings.neighbours, block_rows=settings.block_rows, duplicate_cosine=settings.duplicate_cosine)
    together(
        [
            partial(scope.replace, PRODUCT_FEATURES, features),
            partial(scope.replace, PRODUCT_VECTORS, vectors),
            partial(scope.replace, PRODUCT_NEIGHBOURS, near),
        ]
    )


JOB = Job(
    name="product_matrix",
    summary=__doc__,
    reads=(PRODUCTS,),
    writes=(PRODUCT_FEATURES, PRODUCT_VECTORS, PRODUCT_NEIGHBOURS),
    settings=(ProductSettings,),
    run=run,
)
