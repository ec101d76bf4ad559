"""Settings of predictions."""

from clarion.config import settings


@settings("predict")
class PredictSettings:
    """Horizon, least size, leak limit."""

    horizon_days: int
    min_customers: int
    leak_auc: float
    retrain_days: int
