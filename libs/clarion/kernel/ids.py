"""Identifiers that are the same for the same content."""

import dataclasses
import hashlib
import json
from datetime import date
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys; dataclasses as objects, days as ISO text.

    Example:
        >>> canonical({"seed": 7, "as_of": date(2025, 7, 1)})
        '{"as_of":"2025-07-01","seed":7}'
    """

    def plain(item: Any) -> Any:
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return dataclasses.asdict(item)
        if isinstance(item, date):
            return item.isoformat()
        return str(item)

    return json.dumps(
        value, sort_keys=True, default=plain, separators=(",", ":"), ensure_ascii=False
    )


def digest(*parts: Any) -> str:
    """SHA-256 of the parts' canonical form, as 64 hexadecimal digits.

    Example:
        >>> digest("orders", 1)[:16]
        '06bd979a697b7d43'
        >>> digest("orders", 1) == digest("orders", "1")
        False
    """
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def run_key(job: str, as_of: date, params: Any) -> str:
    """The name of the slice a run owns: equal for equal job, as-of day and parameters.

    Example:
        >>> run_key("segment", date(2025, 7, 1), {"seed": 7})[:16]
        '89daa7cd035a2a37'
    """
    return digest(job, as_of, params)
