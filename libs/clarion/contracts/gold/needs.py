"""What customers buy next, and how well that is known."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, CUSTOMER, share

_MODEL = Column("model", "string", "shop, own, markov, logistic, boosted or gru")
_VERSION = "names the model, its settings and the histories that it learned from"


def _interval(name: str, of: str) -> tuple[Column, ...]:
    """An estimate and the ends of its interval of 95 %."""
    return (
        share(name, of, nullable=True),
        share(f"{name}_low", "lower end of its interval", nullable=True),
        share(f"{name}_high", "upper end of its interval", nullable=True),
    )


NEEDS = Table(
    name="gold.needs",
    grain="one row per as-of day, customer who bought in the window, and rank",
    key=("as_of", "customer_id", "rank"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CUSTOMER,
        Column("rank", "int", "1 for the likeliest category, up to 3"),
        Column("category", "string", "category with which the next purchase begins"),
        share("probability", "that it does, given that the customer buys within the horizon"),
        _MODEL,
        Column("model_version", "string", _VERSION),
    ),
    checks=(
        Check("three_ranks", "rank BETWEEN 1 AND 3"),
        Check("a_probability", "probability >= 0 AND probability <= 1"),
    ),
    owner="growth",
)
NEED_MODELS = Table(
    name="gold.need_models",
    grain="one row per as-of day and model of next needs",
    key=("as_of", "model"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        _MODEL,
        Column("place", "int", "order of the models, 1 for the simplest"),
        Column("state", "string", "acts, compared or not_fitted"),
        Column("reason", "string", "why it acts, or why not"),
        Column("model_version", "string", _VERSION, nullable=True),
        Column("learned_trials", "bigint", "trials from which models learned"),
        Column("window_days", "int", "days that each cut looks back", unit="days", nullable=True),
        Column("judged_on", "date", "the cut that judges; nobody learned from it", nullable=True),
        Column("trials", "bigint", "customers who had bought before it and bought after it"),
        Column("hits", "bigint", "those whose category was among the three predicted"),
        *_interval("rate", "hits of the trials"),
        share("expected_rate", "the rate that the probabilities promise", nullable=True),
        *_interval("gain", "rate less that of each customer's own three commonest categories"),
        share("buyers", "share of those who had bought before that cut who bought", nullable=True),
        Column("choice_trials", "bigint", "trials of the cuts that choose"),
        share("choice_rate", "hits of them", nullable=True),
        *_interval("choice_gain", "choice_rate less that of the model that led before it"),
    ),
    checks=(
        Check("hits_within_trials", "hits <= trials"),
        Check("a_known_state", "state IN ('acts', 'compared', 'not_fitted')"),
    ),
    owner="growth",
)
TABLES = (NEEDS, NEED_MODELS)
