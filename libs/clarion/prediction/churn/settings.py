"""Settings of predictions."""

from clarion.config import settings


@settings("predict")
class PredictSettings:
    """Inputs of the model, whom it is about, horizon, least size and leak limit."""

    features: dict[str, str]
    population: str
    horizon_days: int
    min_customers: int
    leak_auc: float
    retrain_days: int
