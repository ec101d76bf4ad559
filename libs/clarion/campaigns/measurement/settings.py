"""Settings of the measurement and of the correction."""

from pydantic import PositiveInt

from clarion.config import settings


@settings("measure")
class MeasureSettings:
    """Within how many days of a click an order counts as its conversion."""

    conversion_days: PositiveInt


@settings("adjust")
class AdjustSettings:
    """Weights of the four gaps, gain and bounds of the benefit multiplier."""

    weight_ctr: float
    weight_cr: float
    weight_apu: float
    weight_rpr: float
    gain: float
    step: float
    lowest: float
    highest: float
    min_delivered: int
    dominance_warning: float

    @property
    def weights(self) -> dict[str, float]:
        """The weights by KPI."""
        return {
            "ctr": self.weight_ctr,
            "cr": self.weight_cr,
            "apu": self.weight_apu,
            "rpr": self.weight_rpr,
        }
