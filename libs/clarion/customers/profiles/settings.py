"""Settings of profiles."""

from clarion.config import settings


@settings("profiles")
class ProfileSettings:
    """Windows in days, the usual gap of a shop without one, weights relative to a view."""

    window_days: int
    default_gap_days: float
    interest_half_life_days: float
    purchase_interest: float
    cart_interest: float
    interactions_kept: int
    recent_interest_days: int
