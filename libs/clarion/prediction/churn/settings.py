"""Settings of predictions."""

from clarion.config import settings


@settings("predict")
class PredictSettings:
    """What is looked at, horizon, least size, leak limit."""

    features: dict[str, str]
    population: str
    horizon_days: int
    min_customers: int
    leak_auc: float
    retrain_days: int
