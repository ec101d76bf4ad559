"""The stages of the life cycle are declared, and the limit of the lost follows from who came back."""

from typing import Any

import pytest

from clarion.config import Config
from clarion.customers.profiles.life_cycle import LifeCycle, Returns, choose_limit, parse
from clarion.declarations import shop
from clarion.kernel.errors import ConfigError

NEW = {"stage": "new", "when": "first_order_days <= 30"}
LOST = {
    "after": [4, 8, 16],
    "return_share": 0.1,
    "within_days": 56,
    "min_customers": 50,
    "again_days": 28,
}


def _parsed(*stages: dict[str, str], **lost: Any) -> LifeCycle:
    return parse({"stages": list(stages) or [NEW], "lost": {**LOST, **lost}})


def test_the_packaged_stages_are_read_in_their_order(config: Config) -> None:
    stages = [stage for stage, _ in shop.life_cycle(config).stages]
    assert stages == ["prospect", "new", "active", "dormant"]


@pytest.mark.parametrize(
    ("stage", "when", "message"),
    [
        ("asleep", "true", "asleep is no stage"),
        ("lost", "true", "lost is no stage"),
        ("active", "(select true)", "life_cycle.yml: active: 'select' is not allowed"),
        ("active", "recency_ratio <= {limit", "life_cycle.yml: active"),
        ("new", "true", "new is declared twice"),
    ],
)
def test_a_stage_that_is_none_is_refused(stage: str, when: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        _parsed(NEW, {"stage": stage, "when": when})


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ({"after": [8, 4]}, "lost.after does not rise"),
        ({"after": [0, 4]}, "lost.after does not rise"),
        ({"after": []}, "lost.after"),
        ({"return_share": 1.5}, "lost.return_share"),
        ({"days": 3}, "lost.days"),
    ],
)
def test_limits_that_make_no_sense_are_refused(lost: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _parsed(**lost)


@pytest.mark.parametrize(
    ("measured", "limit"),
    [
        # The smallest beyond which a tenth or fewer come back.
        ([(500, 40), (300, 9), (100, 1)], 4),
        ([(500, 250), (300, 30), (100, 1)], 8),
        # Everywhere more do: the largest of which enough customers can be counted.
        ([(500, 250), (300, 90), (100, 30)], 16),
        ([(500, 250), (300, 90), (49, 0)], 8),
        # Too few are lost to say anything.
        ([(49, 40), (20, 0), (0, 0)], 4),
    ],
)
def test_the_limit_is_the_smallest_beyond_which_few_come_back(
    measured: list[tuple[int, int]], limit: float
) -> None:
    returns = [
        Returns(after, customers, returned)
        for after, (customers, returned) in zip((4.0, 8.0, 16.0), measured, strict=True)
    ]
    assert choose_limit(returns, _parsed()).lost_after == limit
