"""Seeds that depend on names, never on order."""

import hashlib


def derive(seed: int, *names: str) -> int:
    """A seed of 31 bits for a named purpose.

    Example:
        >>> derive(7, "holdout") == derive(7, "holdout"), derive(7, "holdout") == derive(7, "x")
        (True, False)
    """
    text = "\x1f".join((str(seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
