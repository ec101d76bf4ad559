"""Settings of what moves with revenue."""

from clarion.config import settings
from clarion.measures.statistics.grey import Scaling


@settings("grey_relations")
class GreySettings:
    """The window, the form in which series are compared, and what else is tried."""

    weeks: int
    min_weeks: int
    scaling: Scaling
    rho: float
    rhos: tuple[float, ...]
