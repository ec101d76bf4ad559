"""When two accounts count as one person."""

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
