"""Identifiers that are the same for the same content."""

import dataclasses
import hashlib
import json
from datetime import date
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys; dataclasses as objects, days as ISO text."""

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
    """SHA-256 of the parts' canonical form, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()


def run_key(job: str, as_of: date, params: Any) -> str:
    """Names the slice a run owns: equal for equal job, as-of day and parameters."""
    return digest(job, as_of, params)
