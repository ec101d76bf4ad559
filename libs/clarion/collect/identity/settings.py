"""When two accounts count as one person, and what withdraws a consent."""

from typing import Literal

from clarion.config.settings import settings


@settings("identity")
class IdentitySettings:
    """Evidence, thresholds and limits for linking accounts."""

    deterministic: tuple[tuple[str, ...], ...]
    conflicts: tuple[tuple[str, ...], ...]
    link_at: float
    max_sharing: int
    max_block: int
    max_accounts: int
    device_share: float
    device_logins: int


@settings("consent")
class ConsentSettings:
    """What an answer to a message withdraws: consent to marketing on its channel, or on all."""

    unsubscribed: Literal["channel", "all"]
    complained: Literal["channel", "all"]
