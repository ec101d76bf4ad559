"""Predictions about customers."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, share

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
