"""Groups of customers: models, portraits, members and moves."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import (
    AS_OF,
    CUSTOMER,
    IN_WINDOW,
    SEGMENT,
    days,
    money,
    share,
)

SEGMENT_MODELS = Table(
    name="gold.segment_models",
    grain="one row per as-of day: the group model in force, its drift, and the day's challenger",
    key=("as_of",),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column(
            "model_version", "string", "registered version in force from this day on: the champion"
        ),
        Column("trained_on", "date", "as-of day of its training"),
        Column("algorithm", "string", "kmeans, bisecting or mixture"),
        Column("groups", "int", "number of groups"),
        Column(
            "features",
            "map<string,string>",
            "inputs that it compares: SQL over the declared features, by name",
        ),
        Column("settings_hash", "string", "fingerprint of the settings it was trained under"),
        Column(
            "retrained_because", "string", "why a challenger was trained on this day", nullable=True
        ),
        Column(
            "challenger_version", "string", "registered version of the challenger", nullable=True
        ),
        Column("promoted", "boolean", "true where the challenger became the champion"),
        Column("verdict", "array<string>", "reasons of the gate"),
        Column(
            "metrics",
            "map<string,double>",
            "quality of the champion over today's customers: silhouette, smallest_share",
        ),
        Column(
            "challenger_metrics",
            "map<string,double>",
            "its silhouette, stability, smallest_share, inertia and variance_kept",
            nullable=True,
        ),
        Column(
            "feature_drift",
            "map<string,double>",
            "population stability index of each input since the training; empty on its day",
        ),
        Column(
            "group_drift",
            "double",
            "population stability index of the groups' shares",
            nullable=True,
        ),
        Column(
            "retired",
            "array<string>",
            "groups of the previous model that no group of the new one continues",
        ),
        Column(
            "baseline",
            "array<struct<feature:string,edges:array<double>,shares:array<double>>>",
            "distribution of each input in the training: inner edges of the bins and their shares",
        ),
        Column("group_shares", "map<string,double>", "share of each group in the training"),
    ),
    owner="growth",
)
SEGMENT_GROUPS = Table(
    name="gold.segment_groups",
    grain="one row per as-of day and group of the model in force: its identity and its name",
    key=("as_of", "cluster"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("cluster", "int", "number of the group in the model"),
        SEGMENT,
        Column(
            "state", "string", "kept if it continues a group of the previous model, otherwise new"
        ),
        Column(
            "distance",
            "double",
            "from the group that it continues: root mean square, in standard deviations",
            nullable=True,
        ),
        Column(
            "name_en",
            "string",
            "English name; it stays with the group for as long as its words are true",
        ),
        Column("name_zh", "string", "Chinese name"),
        Column(
            "named_by",
            "array<struct<feature:string,is_high:boolean>>",
            "inputs that the words of the name speak of, and whether the group has much of them",
        ),
        Column(
            "traits",
            "array<struct<feature:string,z:double>>",
            "distance of the group's mean from the population, in standard deviations; of what "
            "is known of half of its customers or more",
        ),
    ),
    checks=(Check("state_known", "state IN ('new', 'kept')"),),
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
        Column("name_en", "string", "English name, from what sets the group apart"),
        Column("name_zh", "string", "Chinese name"),
        Column("customers", "bigint", "customers in the group"),
        share("customer_share", "of all customers"),
        money("revenue", f"paid by the group {IN_WINDOW}, less returns"),
        share("revenue_share", "of all revenue"),
        days("recency_days", "median since the last order", nullable=True),
        Column("orders", "double", f"mean orders {IN_WINDOW}"),
        money("monetary", f"mean paid {IN_WINDOW}"),
        money("average_order", "mean paid per order", nullable=True),
        Column("views", "double", f"mean products looked at {IN_WINDOW}"),
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
            "commonest value of each text feature, and its share of the members who have one",
            nullable=True,
        ),
        Column(
            "traits",
            "array<struct<feature:string,z:double>>",
            "distance of the group's mean from the population, in standard deviations",
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
SEGMENT_MOVES = Table(
    name="gold.segment_moves",
    grain="one row per as-of day and customer who joined a group, changed it or left",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("from_as_of", "date", "previous day with groups"),
        CUSTOMER,
        Column("from_segment", "string", "group then; '(none)' for a customer unknown then"),
        Column("to_segment", "string", "group now; '(none)' for a customer without a group now"),
    ),
    checks=(Check("moved", "from_segment <> to_segment"),),
    owner="growth",
)
SEGMENT_FLOWS = Table(
    name="gold.segment_flows",
    grain="one row per as-of day, group on the previous day with groups, and group now",
    key=("as_of", "from_segment", "to_segment"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("from_as_of", "date", "previous day with groups"),
        Column("from_segment", "string", "group then; '(none)' for customers unknown then"),
        Column("to_segment", "string", "group now; '(none)' for customers without a profile now"),
        Column("customers", "bigint", "customers with these two values"),
        share("share_of_from", "of all customers who were in the first group"),
    ),
    checks=(Check("not_empty", "customers > 0"),),
    owner="growth",
)
