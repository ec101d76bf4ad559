"""Tags of customers and association rules."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, share

TAGS = Table(
    name="gold.tags",
    grain="one row per as-of day and tag: its meaning, its rule and how sure it is",
    key=("as_of", "tag"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column(
            "tag",
            "string",
            "name, with ':' and the category where there is one tag for each category; "
            "'like:' and the group or the tag that a tree explains",
        ),
        Column("kind", "string", "declared (conf/tags.yml) or tree (found by a decision tree)"),
        Column(
            "rule",
            "string",
            "SQL condition over the declared features, and over the share of a category in the "
            "recent and in the earlier interest",
        ),
        Column("label_en", "string", "English label"),
        Column("label_zh", "string", "Chinese label"),
        Column("meaning", "string", "in words; of a tree its paths"),
        Column("segment_id", "string", "group that a tree explains", nullable=True),
        Column("explains", "string", "declared tag that a tree explains", nullable=True),
        Column("category", "string", "category that the tag speaks of", nullable=True),
        Column("customers", "bigint", "customers who have it"),
        share("support", "of all customers"),
        share(
            "confidence",
            "of held-out customers with the tag of a tree, those who are in the group or have the "
            "declared tag",
            nullable=True,
        ),
        Column(
            "lift",
            "double",
            "confidence ÷ share of held-out customers who are in the group or have the declared "
            "tag; 1 = independent",
            nullable=True,
        ),
        share(
            "recall",
            "of the held-out customers who are in the group or have the declared tag, those with "
            "the tag of the tree",
            nullable=True,
        ),
        share(
            "fidelity",
            "of held-out customers, those whom the tree assigns correctly",
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
    grain="one row per as-of day and customer who did something before it: the customer's tags",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CUSTOMER,
        Column(
            "tags",
            "array<struct<tag:string,since:date>>",
            "each with the first as-of day since which the customer has had it without a break",
        ),
    ),
    owner="growth",
)
ASSOCIATIONS = Table(
    name="gold.associations",
    grain="one row per as-of day and association rule, over baskets or over customers",
    key=("as_of", "sets", "rule"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column(
            "sets",
            "string",
            "baskets (categories of one order) or customers (tags, life cycle, favourite category)",
        ),
        Column("rule", "string", "antecedent -> consequent"),
        Column("antecedent", "array<string>", "items that the rule starts from"),
        Column("consequent", "string", "item that follows"),
        share("support", "of the sets, those with all items of the rule"),
        share("confidence", "of the sets with the antecedent, those with the consequent"),
        Column(
            "lift",
            "double",
            "confidence ÷ share of all sets that hold the consequent; 1 = independent",
        ),
        Column(
            "leverage",
            "double",
            "support less the support that independence would give",
        ),
    ),
    checks=(Check("sets_known", "sets IN ('baskets', 'customers')"),),
    owner="growth",
)
