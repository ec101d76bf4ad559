"""Products: days, attributes, matrix, neighbours, similarities and pairs."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, money, share
from clarion.contracts.sources import MONEY

PRODUCT_DAYS = Table(
    name="gold.product_days",
    grain="one row per product, local day, and local day on which the facts became known",
    key=("product_id", "day", "known_on"),
    slice=("known_on",),
    columns=(
        Column("product_id", "string", "product"),
        Column("day", "date", "local day on which it happened"),
        Column("known_on", "date", "local day on which the fact arrived"),
        Column(
            "orders",
            "bigint",
            "orders that contain it; below zero where what was known is taken back, as in the "
            "columns that follow",
        ),
        Column("quantity", MONEY, "units sold"),
        money("amount", "paid for it, before returns"),
        money("returned", "value of returned units"),
        Column("views", "bigint", "views"),
        Column("cart_adds", "bigint", "times put into a cart"),
    ),
    checks=(Check("known_after_it_happened", "known_on >= day"),),
    cluster_by=("day",),
    owner="growth",
)
PRODUCT_ATTRIBUTES = Table(
    name="gold.product_attributes",
    grain="one row per as-of day and product: its attributes",
    key=("as_of", "product_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("product_id", "string", "product"),
        Column("title", "string", "title", nullable=True),
        Column("brand", "string", "maker or brand", nullable=True),
        Column("category", "string", "narrowest category of the path", nullable=True),
        Column("category_path", "string", "categories from wide to narrow", nullable=True),
        Column("attributes", "map<string,string>", "further attributes by name", nullable=True),
        money("list_price", "price without discounts", nullable=True),
        money("cost", "cost of a unit to the shop", nullable=True),
        share(
            "price_position",
            "position among the prices of its category: 0 the cheapest, 1 the dearest",
            nullable=True,
        ),
        Column(
            "market_price",
            "double",
            "median of the latest price of each competitor in the window",
            unit="shop currency",
            nullable=True,
        ),
        Column("price_gap", "double", "own price / market price - 1", nullable=True),
        Column(
            "units",
            "double",
            "units sold in the window; null for none",
            unit="units",
            nullable=True,
        ),
        Column("views", "double", "views in the window; null for none", nullable=True),
        Column("rating", "double", "mean rating in the window", unit="0 to 5", nullable=True),
        Column("ratings", "bigint", "ratings in the window"),
    ),
    owner="merchandise",
)
PRODUCT_FEATURES = Table(
    name="gold.product_features",
    grain="one row per as-of day and column of the product matrix",
    key=("as_of", "feature_index"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("feature_index", "int", "column of the matrix, from 0"),
        Column("block", "string", "text, reviews, or a block of conf/attributes.yml"),
        Column("feature", "string", "word, or attribute with its value or quantile bin"),
        Column("products", "bigint", "products that had it when the model was fitted"),
        Column(
            "weight", "double", "inverse document frequency ln((n+1)/(df+1)) for words, 1 otherwise"
        ),
        Column("model_version", "string", "registered model that defines it", nullable=True),
    ),
    owner="merchandise",
)
PRODUCT_VECTORS = Table(
    name="gold.product_vectors",
    grain="one row per as-of day and product: a sparse row of the product matrix, of length one",
    key=("as_of", "product_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("product_id", "string", "product"),
        Column("title", "string", "title"),
        Column("category", "string", "narrowest category of the path", nullable=True),
        Column("indices", "array<int>", "indices of the columns that are not zero, ascending"),
        Column(
            "weights",
            "array<double>",
            "values of these columns; their squares sum to 1, or there are none",
        ),
        Column(
            "model_version", "string", "registered model that defines the columns", nullable=True
        ),
    ),
    checks=(Check("as_many_weights_as_indices", "size(indices) = size(weights)"),),
    owner="merchandise",
)
PRODUCT_NEIGHBOURS = Table(
    name="gold.product_neighbours",
    grain="one row per as-of day, product and rank: its most similar products",
    key=("as_of", "product_id", "rank"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("product_id", "string", "product"),
        Column("rank", "int", "1 for the nearest; ties by product id"),
        Column("neighbour_id", "string", "similar product"),
        Column("cosine", "double", "cosine of the two rows", unit="0 to 1"),
        Column(
            "near_duplicate",
            "boolean",
            "true where the two are so similar that they may be one product listed twice",
            nullable=True,
        ),
    ),
    checks=(
        Check("cosine_in_range", "cosine > 0 AND cosine <= 1.000000001"),
        Check("not_itself", "product_id <> neighbour_id"),
    ),
    owner="merchandise",
)
PRODUCT_SIMILARITIES = Table(
    name="gold.product_similarities",
    grain="one row per as-of day, measure, product and rank: products of the same customers",
    key=("as_of", "measure", "product_id", "rank"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column(
            "measure",
            "string",
            "jaccard (share of buyers in common) or pearson (correlation of ratings)",
        ),
        Column("product_id", "string", "product"),
        Column("rank", "int", "1 for the nearest; ties by product id"),
        Column("neighbour_id", "string", "similar product"),
        Column("similarity", "double", "the measure", unit="0 to 1"),
        Column("common", "bigint", "customers who bought (or rated) both"),
    ),
    checks=(
        Check("similarity_in_range", "similarity > 0 AND similarity <= 1.000000001"),
        Check("not_itself", "product_id <> neighbour_id"),
    ),
    owner="merchandise",
)
PRODUCT_PAIRS = Table(
    name="gold.product_pairs",
    grain="one row per as-of day, product and partner: a complement, accessory or substitute",
    key=("as_of", "product_id", "partner_id", "relation"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("product_id", "string", "product"),
        Column("partner_id", "string", "product that goes with it or replaces it"),
        Column(
            "relation",
            "string",
            "complement (bought in one order), accessory (a cheaper complement), or substitute",
        ),
        Column(
            "rank",
            "int",
            "1 for the strongest complement or accessory, and for the most similar substitute",
        ),
        Column("joint_orders", "bigint", "orders that contain both"),
        share("support", "of all orders, those with both"),
        share("confidence", "of orders with the product, those with the partner"),
        Column("lift", "double", "orders with both / orders with both by chance; 1 = independent"),
        Column("leverage", "double", "support - support by chance"),
        share(
            "follows",
            "of customers who bought both at different times, those who bought the partner later",
            nullable=True,
        ),
        Column("cosine", "double", "similarity of a substitute", unit="0 to 1", nullable=True),
    ),
    checks=(
        Check("relation_known", "relation IN ('complement', 'accessory', 'substitute')"),
        Check("not_itself", "product_id <> partner_id"),
    ),
    owner="merchandise",
)
