"""What is known of customers: daily sums, interests, profiles and features."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, IN_WINDOW, days, money, share
from clarion.contracts.sources import MONEY

STAGES = ("prospect", "new", "active", "dormant", "lost")
CUSTOMER_DAYS = Table(
    name="gold.customer_days",
    grain="one row per customer, local day, and local day on which the facts became known",
    key=("customer_id", "day", "known_on"),
    slice=("known_on",),
    columns=(
        CUSTOMER,
        Column("day", "date", "local day on which it happened"),
        Column("known_on", "date", "local day on which the shop learned of it"),
        Column(
            "orders",
            "bigint",
            "orders, each on the day of its first sale; below zero where what was known is "
            "taken back, as in the columns that follow",
        ),
        Column("lines", "bigint", "order lines"),
        Column("quantity", MONEY, "units bought"),
        money("amount", "paid, before returns"),
        money("discount", "discount on orders"),
        money("returned", "value of returned goods"),
        Column("views", "bigint", "products looked at"),
        Column("searches", "bigint", "searches"),
        Column("cart_adds", "bigint", "products put into the cart"),
        Column("logins", "bigint", "logins"),
        Column("visits", "bigint", "visits, arrivals and trials in a store"),
        Column("events", "bigint", "events of any type"),
    ),
    checks=(Check("known_after_it_happened", "known_on >= day"),),
    cluster_by=("day",),
    owner="growth",
)
INTERACTIONS = Table(
    name="gold.interactions",
    grain="one row per as-of day, customer and product, for the products of most interest",
    key=("as_of", "customer_id", "product_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        CUSTOMER,
        Column("product_id", "string", "product"),
        Column("category", "string", "narrowest category of the product", nullable=True),
        Column("orders", "bigint", "orders that hold it"),
        Column(
            "interest",
            "double",
            "purchases, cart adds and views, each weighted and halved with every half-life of age",
        ),
        Column(
            "recent_interest",
            "double",
            "the part of it from the last profiles.recent_interest_days",
            nullable=True,
        ),
        Column("rank", "int", "1 for the product of most interest"),
    ),
    checks=(Check("interest_positive", "interest > 0"),),
    owner="growth",
)
CUSTOMER_PROFILES = Table(
    name="gold.customer_profiles",
    grain="one row per as-of day and customer with any activity before that day",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CUSTOMER,
        days("tenure_days", "since the first known day"),
        days("recency_days", "since the last order; unknown where none was placed", nullable=True),
        Column("orders", "bigint", f"orders {IN_WINDOW}"),
        money("monetary", f"paid {IN_WINDOW}, less returns"),
        money("average_order", "paid per order", nullable=True),
        Column("items_per_order", "double", "units per order", nullable=True),
        share("discount_share", "discount in what would have been paid without it", nullable=True),
        Column("views", "bigint", f"products looked at {IN_WINDOW}"),
        Column("cart_adds", "bigint", f"products put into the cart {IN_WINDOW}"),
        Column("events", "bigint", f"events of any type {IN_WINDOW}"),
        Column("active_days", "bigint", f"days with any activity {IN_WINDOW}"),
        days("idle_days", "since the last activity"),
        days(
            "usual_gap_days",
            "median gap between the customer's order days, from three order days on",
            nullable=True,
        ),
        Column(
            "recency_ratio",
            "double",
            "days since the last order ÷ usual gap; the shop's median gap if unknown",
            nullable=True,
        ),
        Column(
            "inactivity_ratio",
            "double",
            "days since the last activity ÷ the shorter of the mean gap between active days and "
            "the usual gap between orders",
            nullable=True,
        ),
        Column("life_cycle", "string", "prospect, new, active, dormant or lost"),
        Column(
            "interests",
            "array<struct<category:string,share:double>>",
            "categories by time-decayed interest, at most five",
        ),
    ),
    checks=(
        Check("recency_not_negative", "coalesce(recency_days, 0) >= 0"),
        Check("life_cycle_known", f"life_cycle IN {STAGES}"),
    ),
    owner="growth",
)
FEATURES = Table(
    name="gold.features",
    grain="one row per as-of day and declared feature: declaration and distribution",
    key=("as_of", "feature"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("feature", "string", "name in conf/features.yml, with its window"),
        Column("source", "string", "view of the facts it is computed from"),
        Column("type", "string", "number or text"),
        Column("unit", "string", "unit of its value"),
        Column("meaning", "string", "in words"),
        Column("label_en", "string", "English label"),
        Column("label_zh", "string", "Chinese label"),
        Column("customers", "bigint", "customers with a known value"),
        share("share_known", "customers with a known value, of all customers"),
        Column("mean", "double", "over customers with a known value", nullable=True),
        Column(
            "standard_deviation", "double", "standard deviation over those customers", nullable=True
        ),
        Column("lowest", "double", "smallest value", nullable=True),
        Column("highest", "double", "largest value", nullable=True),
        Column(
            "left_out",
            "string",
            "why it takes no part in groups, tags and models; null if it does",
            nullable=True,
        ),
    ),
    owner="growth",
)
CUSTOMER_FEATURES = Table(
    name="gold.customer_features",
    grain="one row per as-of day and customer with any activity before it: the known features",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CUSTOMER,
        Column(
            "values", "map<string,double>", "number features by name; unknown ones are not in it"
        ),
        Column("labels", "map<string,string>", "text features by name; unknown ones are not in it"),
    ),
    owner="growth",
)
LIFE_CYCLE_RETURNS = Table(
    name="gold.life_cycle_returns",
    grain="one row per as-of day: after how long a silence customers are lost, as measured",
    key=("as_of",),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("lost_after", "double", "usual gaps without an order and without any activity"),
        Column("measured_on", "date", "as-of day on which it was measured"),
        Column("within_days", "int", "days within which the lost of a past day came back, or not"),
        Column("customers", "bigint", "customers who were lost that many days before"),
        Column("returned", "bigint", "those of them who ordered since"),
        share("return_share", "of those customers; unknown where there were none", nullable=True),
    ),
    owner="growth",
)
LIFE_CYCLE_FLOWS = Table(
    name="gold.life_cycle_flows",
    grain="one row per as-of day, stage on the previous day with profiles, and stage now",
    key=("as_of", "from_stage", "to_stage"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("from_as_of", "date", "previous day with profiles"),
        Column("from_stage", "string", "stage then; '(none)' for customers unknown then"),
        Column("to_stage", "string", "stage now; '(none)' for customers without a profile now"),
        Column("customers", "bigint", "customers with these two values"),
        share("share_of_from", "of all customers who were in the first stage"),
    ),
    checks=(Check("not_empty", "customers > 0"),),
    owner="growth",
)
