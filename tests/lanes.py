"""The lanes in which tests run."""

import pytest


def lane_of(item: pytest.Item) -> str:
    """The lane of a test, by its markers."""
    for lane in ("slow", "deep"):
        if item.get_closest_marker(lane):
            return lane
    return "test"
