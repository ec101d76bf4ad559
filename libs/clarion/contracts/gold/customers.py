"""What is known of customers: days, interests, profiles, groups, predictions."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, SEGMENT, days, money, share
from clarion.contracts.sources import MONEY

CUSTOMER_DAYS = Table(
    name="gold.customer_days",
    grain="one row per customer, local day, and local day on which the facts became known",
    key=("customer_id", "day", "known_on"),
    slice=("known_on",),
    columns=(
        CUSTOMER,
        Column("day", "date", "local day on which it happened"),
        Column("known_on", "date", "local day on which the shop came to know of it"),
        Column("orders", "bigint", "orders"),
        Column("lines", "bigint", "order lines"),
        Column("quantity", MONEY, "units bought"),
        money("amount", "paid, before returns"),
        money("discount", "taken off"),
        money("returned", "value of what came back"),
        Column("views", "bigint", "products looked at"),
        Column("searches", "bigint", "searches"),
        Column("cart_adds", "bigint", "products put into the cart"),
        Column("logins", "bigint", "logins"),
        Column("visits", "bigint", "visits, arrivals and trials in a store"),
        Column("events", "bigint", "everything done, of any type"),
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
        Column("rank", "int", "1 for the product of most interest"),
    ),
    checks=(Check("interest_positive", "interest > 0"),),
    owner="growth",
)
CUSTOMER_PROFILES = Table(
    name="gold.customer_profiles",
    grain="one row per as-of day and customer who did something before it",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CUSTOMER,
        days("tenure_days", "since the first known day"),
        days("recency_days", "since the last order; unknown where none was placed", nullable=True),
        Column("orders", "bigint", "orders in the window"),
        money("monetary", "paid in the window, less returns"),
        money("average_order", "paid per order", nullable=True),
        Column("items_per_order", "double", "units per order", nullable=True),
        share("discount_share", "discount in what would have been paid without it", nullable=True),
        Column("views", "bigint", "products looked at in the window"),
        Column("cart_adds", "bigint", "products put into the cart in the window"),
        Column("events", "bigint", "everything done in the window"),
        Column("active_days", "bigint", "days on which something was done in the window"),
        days("idle_days", "since anything was done"),
        days(
            "usual_gap_days",
            "median gap between the customer's order days, from three order days on",
            nullable=True,
        ),
        Column(
            "recency_ratio",
            "double",
            "days since the last order in usual gaps; the shop's median gap where the customer's is unknown",
            nullable=True,
        ),
        Column(
            "inactivity_ratio",
            "double",
            "days since anything was done, in mean gaps between such days or, where it is shorter, the usual gap between orders",
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
        Check("life_cycle_known", "life_cycle IN ('prospect', 'new', 'active', 'dormant', 'lost')"),
    ),
    owner="growth",
)
FEATURES = Table(
    name="gold.features",
    grain="one row per as-of day and declared feature: what it is, and how it is spread over customers",
    key=("as_of", "feature"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("feature", "string", "name in conf/features.yml, with its window"),
        Column("source", "string", "view of the facts it is computed from"),
        Column("type", "string", "number or text"),
        Column("unit", "string", "of its value"),
        Column("meaning", "string", "in words"),
        Column("label_en", "string", "what a person calls it"),
        Column("label_zh", "string", "the same in Chinese"),
        Column("customers", "bigint", "customers of whom it is known"),
        share("share_known", "of all customers"),
        Column("mean", "double", "over customers of whom it is known", nullable=True),
        Column("standard_deviation", "double", "standard deviation over them", nullable=True),
        Column("lowest", "double", "smallest value", nullable=True),
        Column("highest", "double", "largest value", nullable=True),
    ),
    owner="growth",
)
CUSTOMER_FEATURES = Table(
    name="gold.customer_features",
    grain="one row per as-of day and customer who did something before it: every declared feature that is known",
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
LIFE_CYCLE_FLOWS = Table(
    name="gold.life_cycle_flows",
    grain="one row per as-of day, stage of the life cycle at the day described before, and stage now",
    key=("as_of", "from_stage", "to_stage"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("from_as_of", "date", "day described before"),
        Column(
            "from_stage", "string", "stage then; '(none)' for customers who were not known then"
        ),
        Column(
            "to_stage", "string", "stage now; '(none)' for customers who are no longer described"
        ),
        Column("customers", "bigint", "customers who went that way"),
        share("share_of_from", "of all who were in the first stage"),
    ),
    checks=(Check("not_empty", "customers > 0"),),
    owner="growth",
)
SEGMENT_MODELS = Table(
    name="gold.segment_models",
    grain="one row per as-of day: the model of groups in force, what has drifted since it was trained, and what came of a challenger",
    key=("as_of",),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column(
            "model_version", "string", "registered version in force from this day on: the champion"
        ),
        Column("trained_on", "date", "as-of day of its training"),
        Column("algorithm", "string", "kmeans, bisecting or mixture"),
        Column("groups", "int", "groups it tells apart"),
        Column(
            "features",
            "map<string,string>",
            "what it compares: SQL over the declared features, by name",
        ),
        Column("settings_hash", "string", "fingerprint of the settings it was trained under"),
        Column(
            "retrained_because", "string", "why a challenger was trained on this day", nullable=True
        ),
        Column(
            "challenger_version", "string", "registered version of the challenger", nullable=True
        ),
        Column("promoted", "boolean", "true where the challenger became the champion"),
        Column("verdict", "array<string>", "what the gate found"),
        Column(
            "metrics",
            "map<string,double>",
            "of the champion over today's customers: silhouette, smallest_share",
        ),
        Column(
            "challenger_metrics",
            "map<string,double>",
            "of the challenger: silhouette, stability, smallest_share, inertia, variance_kept",
            nullable=True,
        ),
        Column(
            "feature_drift",
            "map<string,double>",
            "population stability index of each feature since the training; empty on its day",
        ),
        Column("group_drift", "double", "the same of the groups' shares", nullable=True),
        Column(
            "retired",
            "array<string>",
            "groups of the model before that the new one does not find again",
        ),
        Column(
            "baseline",
            "array<struct<feature:string,edges:array<double>,shares:array<double>>>",
            "each feature in the training: bins and their shares",
        ),
        Column("group_shares", "map<string,double>", "share of each group in the training"),
    ),
    owner="growth",
)
SEGMENT_GROUPS = Table(
    name="gold.segment_groups",
    grain="one row per as-of day and group of the model in force: which group of customers it stands for",
    key=("as_of", "cluster"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("cluster", "int", "number of the group in the model"),
        SEGMENT,
        Column("state", "string", "new, or kept where the model before knew it"),
        Column(
            "distance",
            "double",
            "from the group of the model before, root mean square in deviations",
            nullable=True,
        ),
        Column("name_en", "string", "name, from what sets the group apart"),
        Column("name_zh", "string", "the same in Chinese"),
        Column(
            "traits",
            "array<struct<feature:string,z:double>>",
            "distance of the group's mean from the population, in deviations",
        ),
    ),
    checks=(Check("state_known", "state IN ('new', 'kept')"),),
    owner="growth",
)
SEGMENT_MOVES = Table(
    name="gold.segment_moves",
    grain="one row per as-of day and customer who came into a group, went to another, or is in none any more",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("from_as_of", "date", "day grouped before"),
        CUSTOMER,
        Column("from_segment", "string", "group then; '(none)' for one who was not known then"),
        Column("to_segment", "string", "group now; '(none)' for one who is no longer described"),
    ),
    checks=(Check("moved", "from_segment <> to_segment"),),
    owner="growth",
)
SEGMENT_FLOWS = Table(
    name="gold.segment_flows",
    grain="one row per as-of day, group at the day grouped before, and group now",
    key=("as_of", "from_segment", "to_segment"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("from_as_of", "date", "day grouped before"),
        Column(
            "from_segment", "string", "group then; '(none)' for customers who were not known then"
        ),
        Column(
            "to_segment", "string", "group now; '(none)' for customers who are no longer described"
        ),
        Column("customers", "bigint", "customers who went that way"),
        share("share_of_from", "of all who were in the first group"),
    ),
    checks=(Check("not_empty", "customers > 0"),),
    owner="growth",
)
SEGMENTS = Table(
    name="gold.segments",
    grain="one row per as-of day and group of customers: its portrait",
    key=("as_of", "segment_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        SEGMENT,
        Column("model_version", "string", "registered version of the model"),
        Column("name_en", "string", "name, from what sets the centre apart"),
        Column("name_zh", "string", "the same in Chinese"),
        Column("customers", "bigint", "customers in the group"),
        share("customer_share", "of all customers"),
        money("revenue", "paid by the group in the window"),
        share("revenue_share", "of all revenue"),
        days("recency_days", "median since the last order", nullable=True),
        Column("orders", "double", "mean orders in the window"),
        money("monetary", "mean paid in the window"),
        money("average_order", "mean paid per order", nullable=True),
        Column("views", "double", "mean products looked at in the window"),
        share("discount_share", "mean share of discounts", nullable=True),
        Column("life_cycles", "map<string,double>", "share of each life-cycle stage"),
        Column(
            "interests",
            "array<struct<category:string,share:double>>",
            "categories of most interest to the group",
        ),
        Column(
            "basics",
            "array<struct<feature:string,value:string,share:double>>",
            "of every feature in words the commonest value and its share of those who have one",
            nullable=True,
        ),
        Column(
            "traits",
            "array<struct<feature:string,z:double>>",
            "distance of the centre from the population, in deviations",
        ),
    ),
    checks=(Check("not_empty", "customers > 0"),),
    owner="growth",
)
SEGMENT_MEMBERS = Table(
    name="gold.segment_members",
    grain="one row per as-of day and customer: exactly one group",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        CUSTOMER,
        SEGMENT,
        Column(
            "distance", "double", "Euclidean distance from the group's centre in scaled features"
        ),
    ),
    checks=(Check("distance_not_negative", "distance >= 0"),),
    owner="growth",
)
TAGS = Table(
    name="gold.tags",
    grain="one row per as-of day and tag: what it says of customers, by what rule, and how sure that is",
    key=("as_of", "tag"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("tag", "string", "name; 'like:' and a group for what explains the group"),
        Column("kind", "string", "declared (conf/tags.yml) or tree (found by a decision tree)"),
        Column("rule", "string", "SQL condition over the declared features"),
        Column("label_en", "string", "what a person calls it"),
        Column("label_zh", "string", "the same in Chinese"),
        Column("meaning", "string", "in words"),
        Column("segment_id", "string", "group that a tree explains", nullable=True),
        Column("customers", "bigint", "customers who bear it"),
        share("support", "of all customers"),
        share("confidence", "of held-out bearers, those who are in the group", nullable=True),
        share("recall", "of the group's held-out customers, those who bear it", nullable=True),
        share(
            "fidelity",
            "of held-out customers, those whom the tree puts where they are",
            nullable=True,
        ),
        share("fidelity_low", "lower end of its 95 % interval", nullable=True),
        share("fidelity_high", "upper end of its 95 % interval", nullable=True),
    ),
    checks=(Check("kind_known", "kind IN ('declared', 'tree')"),),
    owner="growth",
)
CUSTOMER_TAGS = Table(
    name="gold.customer_tags",
    grain="one row per as-of day and customer who did something before it: the tags borne",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CUSTOMER,
        Column(
            "tags",
            "array<struct<tag:string,since:date>>",
            "each with the first as-of day from which it was borne without a break",
        ),
    ),
    owner="growth",
)
ASSOCIATIONS = Table(
    name="gold.associations",
    grain="one row per as-of day and association rule: what goes with what, over baskets or over customers",
    key=("as_of", "sets", "rule"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column(
            "sets",
            "string",
            "baskets (categories of one order) or customers (tags, stage of the life cycle, favourite category)",
        ),
        Column("rule", "string", "antecedent -> consequent"),
        Column("antecedent", "array<string>", "items that are there"),
        Column("consequent", "string", "item that follows"),
        share("support", "of the sets, those with all items of the rule"),
        share("confidence", "of the sets with the antecedent, those with the consequent"),
        Column(
            "lift",
            "double",
            "confidence against the share of all sets that hold the consequent; 1 = independent",
        ),
        Column(
            "leverage",
            "double",
            "support less what it would be if antecedent and consequent were independent",
        ),
    ),
    checks=(Check("sets_known", "sets IN ('baskets', 'customers')"),),
    owner="growth",
)
PREDICTIONS = Table(
    name="gold.predictions",
    grain="one row per as-of day, customer and label",
    key=("as_of", "customer_id", "label"),
    slice=("as_of", "label"),
    columns=(
        AS_OF,
        CUSTOMER,
        Column("label", "string", "what is predicted: churn = no order within the horizon"),
        Column("horizon_days", "int", "length of the window after the as-of day", unit="days"),
        share("probability", "calibrated probability of the label"),
        Column("band", "string", "low, medium or high: thirds of the shop's own range"),
        Column("model_version", "string", "registered version of the model"),
    ),
    checks=(Check("a_probability", "probability >= 0 AND probability <= 1"),),
    owner="growth",
)
