"""Tables of campaigns: decisions, messages, measurements and corrections."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, PROBABILITIES, SEGMENT, money, share

STRATEGIES = Table(
    name="gold.strategies",
    grain="one row per as-of day and strategy: the plan for one segment",
    key=("as_of", "strategy_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("strategy_id", "string", "plan for one segment, whose id it has"),
        Column("version", "int", "rises by one with every change of the benefit multiplier"),
        SEGMENT,
        Column("name_en", "string", "English name of the segment"),
        Column("name_zh", "string", "Chinese name of the segment"),
        Column(
            "benefit",
            "double",
            "benefit multiplier: scales the face value of benefits, never a price",
        ),
        share("target_ctr", "target of the click rate"),
        share("target_cr", "target of the conversion"),
        money("target_apu", "target of the revenue per buyer"),
        share("target_rpr", "target of the repurchase rate"),
        Column(
            "changed_because",
            "string",
            "why this version differs from the last",
            nullable=True,
        ),
    ),
    checks=(Check("benefit_positive", "benefit > 0"), Check("version_positive", "version >= 1")),
    owner="campaigns",
)
CAMPAIGNS = Table(
    name="gold.campaigns",
    grain="one row per as-of day, strategy and offer that was chosen for someone",
    key=("as_of", "campaign_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("campaign_id", "string", "strategy and offer on that day"),
        Column("strategy_id", "string", "strategy it belongs to"),
        Column("strategy_version", "int", "its version"),
        Column("offer_id", "string", "offer of the catalogue"),
        Column("offer_name_en", "string", "its name"),
        Column("offer_name_zh", "string", "the same in Chinese"),
        Column("channel", "string", "how it is sent"),
        Column(
            "public_rule", "string", "the published condition under which anyone gets the benefit"
        ),
        Column("starts_on", "date", "first day"),
        Column("ends_on", "date", "first day that does not count"),
        Column("eligible", "bigint", "customers of the segment for whom the offer was possible"),
        Column("reach", "bigint", "customers it was chosen for"),
        money("expected_cost", "benefit and contact, expected"),
        Column(
            "expected_value",
            "double",
            "declared prior of the margin gained less the cost",
            unit="shop currency",
        ),
    ),
    checks=(
        Check("reach_within_eligible", "reach <= eligible"),
        Check("cost_not_negative", "expected_cost >= 0"),
    ),
    owner="campaigns",
)
BUDGETS = Table(
    name="gold.budgets",
    grain="one row per as-of day: the budget and what is planned of it",
    key=("as_of",),
    slice=("as_of",),
    columns=(
        AS_OF,
        money("budget", "most that a run may plan to spend"),
        money("planned", "expected cost of all decisions"),
        money("explored", "planned cost of actions drawn at random"),
        Column(
            "shadow_price",
            "double",
            "value that one more unit of budget would bring (the multiplier lambda)",
        ),
        share(
            "explore_rate",
            "share of customers whose action was drawn at random, after the budget's limit",
        ),
        Column(
            "declared_effects",
            "boolean",
            "true where values rest on declared priors, not on measured effects",
        ),
    ),
    checks=(Check("within_budget", "planned <= budget"),),
    owner="campaigns",
)
DECISIONS = Table(
    name="gold.decisions",
    grain="one row per as-of day and customer who may be profiled or addressed",
    key=("as_of", "customer_id"),
    slice=("as_of",),
    columns=(
        Column("decision_id", "string", "SHA-256 of as-of day, customer and strategy version"),
        AS_OF,
        Column("run_key", "string", "run that owns the row"),
        CUSTOMER,
        SEGMENT,
        Column("life_cycle", "string", "stage of the customer"),
        Column("strategy_id", "string", "strategy of the customer's segment"),
        Column("strategy_version", "int", "its version"),
        Column("bucket", "int", "position of the customer for the holdout", unit="millionths"),
        Column(
            "is_holdout", "boolean", "true where nothing is sent, so that effects can be measured"
        ),
        Column(
            "eligible_actions",
            PROBABILITIES,
            "actions that were possible, each with the probability of its choice",
        ),
        Column("action", "string", "id of the offer that was chosen, or 'nothing'"),
        share("action_probability", "probability with which the action was chosen"),
        Column("explored", "boolean", "true where the action was drawn at random"),
        Column(
            "refusals",
            "array<struct<action:string,reason:string>>",
            "offers that were not possible, and why",
        ),
        Column("products", "array<string>", "products to show with the offer, best first"),
        Column("product_reasons", "array<string>", "why each of them is shown"),
        Column(
            "trigger",
            "string",
            "live state that the offer answers: open_cart, market_alert",
            nullable=True,
        ),
        Column(
            "expected_value",
            "double",
            "declared prior of the margin gained less the cost",
            unit="shop currency",
        ),
        money("expected_cost", "benefit and contact, expected"),
        Column("consent_basis", "string", "recorded, declared or none"),
        Column("channel", "string", "how it is sent; null for nothing", nullable=True),
        share(
            "churn_probability", "probability of churn at the time of the decision", nullable=True
        ),
    ),
    checks=(
        Check("a_chance", "action_probability > 0 AND action_probability <= 1"),
        Check("holdout_gets_nothing", "NOT is_holdout OR action = 'nothing'"),
        Check("nothing_costs_nothing", "action <> 'nothing' OR expected_cost = 0"),
        Check("no_offer_without_consent", "action = 'nothing' OR consent_basis <> 'none'"),
    ),
    owner="campaigns",
)
MESSAGES = Table(
    name="gold.messages",
    grain="one row per message: the outbox",
    key=("message_id",),
    slice=("as_of",),
    columns=(
        Column("message_id", "string", "SHA-256 of the decision it belongs to"),
        AS_OF,
        Column("decision_id", "string", "decision it belongs to"),
        CUSTOMER,
        Column("campaign_id", "string", "campaign it belongs to"),
        Column("offer_id", "string", "offer of the catalogue"),
        Column("channel", "string", "how it is sent"),
        Column("products", "array<string>", "products shown"),
        Column(
            "state",
            "string",
            "reserved, then sent; withheld where consent was withdrawn before sending",
        ),
        Column("file", "string", "file of the channel that holds it", nullable=True),
    ),
    checks=(Check("state_known", "state IN ('reserved', 'sent', 'withheld')"),),
    owner="campaigns",
)
STRATEGY_KPIS = Table(
    name="gold.strategy_kpis",
    grain="one row per as-of day and strategy version whose window has passed",
    key=("as_of", "decided_on", "strategy_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("decided_on", "date", "as-of day of the decisions that are measured"),
        Column("strategy_id", "string", "strategy"),
        Column("strategy_version", "int", "version that was in force"),
        Column("window_days", "int", "length of the measured window", unit="days"),
        Column("delivered", "bigint", "messages delivered"),
        Column("clickers", "bigint", "messages clicked"),
        Column(
            "buyers",
            "bigint",
            "clickers who ordered within measure.conversion_days of it, in the window",
        ),
        money("revenue", "paid by those buyers after the click, within the window"),
        Column("repeat_buyers", "bigint", "of those buyers, who placed two orders or more"),
        share("ctr", "clickers / delivered", nullable=True),
        share("cr", "buyers / clickers", nullable=True),
        money("apu", "revenue / buyers", nullable=True),
        share("rpr", "repeat buyers / buyers", nullable=True),
        Column("held_out", "bigint", "customers of the segment in the holdout"),
        Column(
            "treated",
            "bigint",
            "customers of the segment outside the holdout, with or without a message",
        ),
        Column(
            "lift",
            "double",
            "revenue per customer outside the holdout less inside",
            unit="shop currency",
            nullable=True,
        ),
        Column(
            "lift_low",
            "double",
            "lower end of its 95 % interval (Welch)",
            unit="shop currency",
            nullable=True,
        ),
        Column(
            "lift_high",
            "double",
            "upper end of its 95 % interval (Welch)",
            unit="shop currency",
            nullable=True,
        ),
        Column(
            "lift_detectable",
            "double",
            "smallest difference of it that so many customers show (two-sided 5 %, 80 % power)",
            unit="shop currency",
            nullable=True,
        ),
        Column("held_out_buyers", "bigint", "customers in the holdout who ordered", nullable=True),
        Column(
            "treated_buyers", "bigint", "customers outside the holdout who ordered", nullable=True
        ),
        Column(
            "order_rate_lift",
            "double",
            "share of customers who ordered, outside the holdout less inside",
            nullable=True,
        ),
        Column(
            "order_rate_low",
            "double",
            "lower end of its 95 % interval (Newcombe)",
            nullable=True,
        ),
        Column(
            "order_rate_high",
            "double",
            "upper end of its 95 % interval (Newcombe)",
            nullable=True,
        ),
        Column(
            "order_rate_detectable",
            "double",
            "smallest difference of it that so many customers show (two-sided 5 %, 80 % power)",
            nullable=True,
        ),
    ),
    checks=(
        Check("clickers_were_reached", "clickers <= delivered"),
        Check("buyers_clicked", "buyers <= clickers"),
    ),
    owner="campaigns",
)
ADJUSTMENTS = Table(
    name="gold.adjustments",
    grain="one row per as-of day and strategy that was measured",
    key=("as_of", "strategy_id"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("decided_on", "date", "as-of day of the decisions that were measured"),
        Column("strategy_id", "string", "strategy"),
        Column("strategy_version", "int", "version that was measured"),
        Column(
            "terms",
            "array<struct<kpi:string,target:double,actual:double,weight:double,"
            "gap:double,relative_gap:double>>",
            "the four terms",
        ),
        Column(
            "factor",
            "double",
            "AdjustmentFactor, literal: sum of weight x (target - actual)",
            nullable=True,
        ),
        Column(
            "relative_factor",
            "double",
            "the same with each gap divided by its target",
            nullable=True,
        ),
        share(
            "dominance",
            "largest |term| in the sum of |terms| of the relative factor",
            nullable=True,
        ),
        Column(
            "absolute_gap",
            "double",
            "sum of weight x |relative gap|: opposite gaps do not cancel",
            nullable=True,
        ),
        Column("benefit_before", "double", "benefit multiplier that was measured"),
        Column("benefit_after", "double", "benefit multiplier of the next version"),
        Column("acted", "boolean", "true where the multiplier changes"),
        Column("reason", "string", "why it changes, or why not, in sentences"),
        Column("reason_zh", "string", "the same in Chinese", nullable=True),
    ),
    checks=(Check("bounded_step", "abs(benefit_after / benefit_before - 1) <= 0.1000001"),),
    owner="campaigns",
)
