"""Predictions about customers, and the models that made them."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, days, share

_LABEL = Column("label", "string", "what is predicted: a name of predict.labels, such as churn")
_HORIZON = Column("horizon_days", "int", "length of the window after the as-of day", unit="days")
PREDICTIONS = Table(
    name="gold.predictions",
    grain="one row per as-of day, customer and label",
    key=("as_of", "customer_id", "label"),
    slice=("as_of", "label"),
    columns=(
        AS_OF,
        CUSTOMER,
        _LABEL,
        Column("about", "string", "what the label is about, such as a brand", nullable=True),
        _HORIZON,
        share("probability", "calibrated probability of an event", nullable=True),
        Column("expected", "double", "calibrated mean of an amount", nullable=True),
        Column(
            "band",
            "string",
            "low, medium or high: the lowest, middle and highest third of the label's customers",
        ),
        Column(
            "is_warned",
            "boolean",
            "whether the probability reaches the label's threshold",
            nullable=True,
        ),
        Column(
            "reasons",
            "array<struct<input:string,effect:double,en:string,zh:string>>",
            "at most three inputs that move the prediction most, the strongest first: effect is "
            "what each adds to the log odds of an event, or to an amount, against the mean "
            "customer; in words",
        ),
        Column("model", "string", "kind of model"),
        Column("model_version", "string", "registered version of the model"),
    ),
    checks=(
        Check("a_probability", "probability IS NULL OR (probability >= 0 AND probability <= 1)"),
        Check("one_value", "(probability IS NULL) <> (expected IS NULL)"),
    ),
    owner="growth",
)


def _with_interval(name: str, meaning: str) -> tuple[Column, ...]:
    return (
        Column(name, "double", meaning, nullable=True),
        Column(f"{name}_low", "double", "lower end of its interval of 95 %", nullable=True),
        Column(f"{name}_high", "double", "upper end of its interval of 95 %", nullable=True),
    )


PREDICTION_MODELS = Table(
    name="gold.prediction_models",
    grain="one row per as-of day and label: the model that acts, how good it is, and why it acts",
    key=("as_of", "label"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        _LABEL,
        Column("kind", "string", "event or amount"),
        _HORIZON,
        Column(
            "state",
            "string",
            "trained: a new model acts since today; kept: a new one was not better; continues: "
            "none was due; set: the settings name the version; none: nothing acts",
        ),
        Column("reason", "string", "why, in words"),
        Column("model", "string", "kind of the model that acts", nullable=True),
        Column("model_version", "string", "its registered version", nullable=True),
        Column("fitted_on", "date", "as-of day of its fit", nullable=True),
        Column("tried_on", "date", "as-of day of the last fit, whether it acts or not"),
        Column("settings_hash", "string", "digest of what the last fit was made with"),
        Column("cuts", "array<date>", "past days it was fitted, chosen and judged on"),
        days("history_days", "of history before the first cut", nullable=True),
        Column("inputs", "array<string>", "its inputs"),
        Column("customers", "bigint", "customers it was judged on", nullable=True),
        Column(
            "base_rate",
            "double",
            "share of them with the outcome; of an amount, its mean",
            nullable=True,
        ),
        Column(
            "loss",
            "double",
            "Brier score; of an amount, the mean absolute error",
            nullable=True,
        ),
        Column("base_loss", "double", "the same of the base rate for everybody", nullable=True),
        *_with_interval(
            "auc", "area under the ROC curve (DeLong); of an amount, Spearman's rank correlation"
        ),
        Column("pr_auc", "double", "average precision of an event", nullable=True),
        Column(
            "lift",
            "double",
            "outcome of the tenth with the highest predictions ÷ that of all",
            nullable=True,
        ),
        Column("threshold", "double", "probability from which a customer is warned of"),
        *_with_interval(
            "accuracy",
            "share of right warnings and non-warnings; unknown where the base rate is beyond 2 to "
            "98 %",
        ),
        *_with_interval("precision", "share of right warnings"),
        *_with_interval("recall", "share of outcomes that were warned of"),
        Column(
            "calibration",
            "array<struct<predicted:double,observed:double,customers:bigint>>",
            "tenths of the customers by their prediction, the lowest first",
        ),
        Column(
            "candidates",
            "array<struct<model:string,figure:double>>",
            "models that were compared: AUC of an event, mean absolute error of an amount",
        ),
        share(
            "explained",
            "variance of its score that the reasons explain: 1 for a linear model",
            nullable=True,
        ),
    ),
    checks=(
        Check("state_known", "state IN ('trained', 'kept', 'continues', 'set', 'none')"),
        Check("a_version_acts", "(state = 'none') = (model_version IS NULL)"),
    ),
    owner="growth",
)
