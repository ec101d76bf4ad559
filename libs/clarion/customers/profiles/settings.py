"""Settings of profiles."""

from clarion.config import settings


@settings("profiles")
class ProfileSettings:
    """Windows in days, limits in multiples of the usual gap, weights relative to a view."""

    window_days: int
    active_within_gaps: float
    dormant_within_gaps: float
    new_within_days: int
    default_gap_days: float
    interest_half_life_days: float
    purchase_interest: float
    cart_interest: float
    interactions_kept: int
