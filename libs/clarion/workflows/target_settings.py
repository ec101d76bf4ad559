"""The stage of a shop, on which a goal of the scorecard depends."""

from clarion.config.settings import settings

_COLLECTED, _COLLECTED_AT_FIRST = 0.98, 0.90


@settings("scorecard")
class ScorecardSettings:
    """Whether the shop is in its first stage."""

    first_stage: bool

    @property
    def collected_goal(self) -> float:
        """The share of what was sent that must be stored (C7)."""
        return _COLLECTED_AT_FIRST if self.first_stage else _COLLECTED
