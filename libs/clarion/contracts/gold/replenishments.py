"""When customers will need a category again."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, days, share

REPLENISHMENTS = Table(
    name="gold.replenishments",
    grain="one row per as-of day, customer and repeated category that the customer bought again",
    key=("as_of", "customer_id", "category"),
    slice=("as_of",),
    keep_days=90,
    columns=(
        AS_OF,
        CUSTOMER,
        Column("category", "string", "narrowest category of the products"),
        Column("purchases", "bigint", "days with a purchase in the last replenish.window_days"),
        Column("last_on", "date", "the last of them"),
        days(
            "usual_gap_days",
            "the customer buys again within it half of the time, by the gaps before",
        ),
        Column("due_on", "date", "half of such customers have bought by then; knows the silence"),
        Column("earliest_on", "date", "one in ten has bought before then"),
        Column("latest_on", "date", "nine in ten have bought by then; at most ten years ahead"),
        share("probability_7d", "calibrated probability of a purchase within 7 days"),
        share("probability_14d", "calibrated probability of a purchase within 14 days"),
        Column(
            "remind_on",
            "date",
            "replenish.lead_days before the usual gap ends; none for who has lapsed",
            nullable=True,
        ),
        Column(
            "state",
            "string",
            "due: to be reminded; soon: within replenish.soon_days; later; lapsed: silent for "
            "longer than the gaps before explain (replenish.lapsed_chance)",
        ),
        Column("fitted_before", "date", "the parameters are those of the facts before this day"),
    ),
    checks=(
        Check("interval_around_due", "earliest_on <= due_on AND due_on <= latest_on"),
        Check("not_before_the_day", "earliest_on >= as_of AND last_on < as_of"),
        Check("reminder_precedes", "remind_on IS NULL OR remind_on <= due_on"),
        Check("state_known", "state IN ('due', 'soon', 'later', 'lapsed')"),
        Check(
            "probabilities",
            "probability_7d >= 0 AND probability_7d <= probability_14d AND probability_14d <= 1",
        ),
    ),
    owner="growth",
)
REPLENISHMENT_CATEGORIES = Table(
    name="gold.replenishment_categories",
    grain="one row per as-of day and category that was bought",
    key=("as_of", "category"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("category", "string", "narrowest category of the products"),
        Column("buyers", "bigint", "customers who bought it before fitted_before"),
        share("repeat_share", "of them, who bought it on a second day"),
        Column("is_repeated", "boolean", "whether customers are reminded of it"),
        Column("reason", "string", "why they are not", nullable=True),
        Column(
            "regularity",
            "double",
            "most likely gap shape; 1: purchases at random, above it regular, below it in bursts",
            nullable=True,
        ),
        Column("gap_shape", "double", "k of the dates: the one that predicts best, for all"),
        Column("rate_shape", "double", "r of the rates' gamma distribution", nullable=True),
        Column(
            "rate_scale",
            "double",
            "alpha of the rates' gamma distribution",
            unit="days to the power of gap_shape",
            nullable=True,
        ),
        Column("fitted_before", "date", "the facts before this day were used"),
    ),
    checks=(
        Check("share_of_buyers", "repeat_share >= 0 AND repeat_share <= 1"),
        Check("repeated_or_a_reason", "is_repeated = (reason IS NULL)"),
    ),
    owner="growth",
)
REPLENISHMENT_CALIBRATION = Table(
    name="gold.replenishment_calibration",
    grain="one row per as-of day, horizon and tenth of the predictions made at the earlier cut",
    key=("as_of", "horizon_days", "decile"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("horizon_days", "int", "days within which a purchase is predicted", unit="days"),
        Column("decile", "int", "1 for the lowest predictions"),
        Column(
            "pairs",
            "double",
            "customers and categories, of customers that the calibration has not seen; a step of "
            "equal predictions is divided between tenths",
        ),
        share("predicted", "mean calibrated probability"),
        share("bought_share", "that did buy within the horizon"),
        Column("fitted_before", "date", "the predictions are as of this day"),
    ),
    checks=(
        Check("shares", "predicted BETWEEN 0 AND 1 AND bought_share BETWEEN -1e-9 AND 1 + 1e-9"),
    ),
    owner="growth",
)
TABLES = (REPLENISHMENTS, REPLENISHMENT_CATEGORIES, REPLENISHMENT_CALIBRATION)
