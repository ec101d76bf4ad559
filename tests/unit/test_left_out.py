"""Which features say nothing of a shop's customers, and which inputs of models rest on them."""

from typing import Any

import pytest

from clarion.config import Config
from clarion.customers.features.definitions import Feature, parse
from clarion.customers.features.left_out import Spread, features_left_out
from clarion.customers.segments.settings import SegmentSettings
from clarion.declarations import shop
from clarion.kernel.errors import ConfigError
from clarion.workflows.known_features import used_inputs

NOBODY = Spread(0, None, None)
ONE = {"unit": "u", "meaning": "m", "en": "e", "zh": "z"}


def _features(**bodies: dict[str, Any]) -> tuple[Feature, ...]:
    return parse({name: {**ONE, **body} for name, body in bodies.items()})


def _reasons(spreads: dict[str, Spread], **bodies: dict[str, Any]) -> dict[str, str]:
    return features_left_out(_features(**bodies), spreads)


@pytest.mark.parametrize(
    ("spread", "reason"),
    [
        (NOBODY, "unknown for every customer"),
        (Spread(3, 0.0, 0.0), "0 for every customer"),
        (Spread(20, 0.3, 0.3), "0.3 for every customer"),
        (Spread(19, 0.3, 0.3), None),  # some few are alike by chance
        (Spread(20, 0.0, 0.3), None),
        (Spread(20, -1.0, 1.0), None),
    ],
)
def test_a_feature_is_left_out_where_it_is_unknown_zero_or_the_same_for_everybody(
    spread: Spread, reason: str | None
) -> None:
    some = {"source": "orders", "value": "avg(discount)", "where": "amount IS NOT NULL"}
    assert _reasons({"a": spread}, a=some).get("a") == reason


def test_a_text_that_is_the_same_for_everybody_stays(config: Config) -> None:
    region = {"source": "profile", "value": "life_cycle", "type": "text"}
    assert _reasons({"stage": Spread(90, None, None)}, stage=region) == {}
    assert list(_reasons({"stage": NOBODY}, stage=region)) == ["stage"]


def test_what_rests_on_a_feature_without_data_is_left_out_as_well() -> None:
    bodies: dict[str, dict[str, Any]] = {
        "taken": {"source": "days", "value": "sum(discount)", "empty": 0},
        "level": {"source": "interactions", "value": "avg(price_position)"},
        "share": {"source": "features", "value": "try_divide(taken, 9)"},
        "sensitivity": {
            "source": "features",
            "value": "share + (1 - coalesce(level, 0.5))",
            "rests_on": ["share"],
        },
        "both": {"source": "features", "value": "share + coalesce(level, 0.5)"},
    }
    vary = Spread(90, 0.1, 0.9)
    without_discounts = dict.fromkeys(bodies, vary) | {"taken": Spread(90, 0.0, 0.0)}
    reasons = _reasons(without_discounts, **bodies)
    assert list(reasons) == ["taken", "share", "sensitivity", "both"]
    assert reasons["sensitivity"] == "it rests on share: it rests on taken: 0 for every customer"
    # What a feature does without is declared.
    without_prices = dict.fromkeys(bodies, vary) | {"level": NOBODY}
    assert list(_reasons(without_prices, **bodies)) == ["level", "both"]


def test_a_feature_rests_only_on_those_above_it() -> None:
    with pytest.raises(ConfigError, match="rests on a feature that is not above it"):
        _features(a={"source": "features", "value": "1", "rests_on": ["b"]})
    with pytest.raises(ConfigError, match="only a feature over features rests on others"):
        _features(a={"source": "orders", "value": "count(*)", "rests_on": ["b"]})


def test_a_source_without_rows_is_named_but_not_one_of_which_only_some_rows_are_counted() -> None:
    clicks = {"source": "events", "value": "count(*)", "where": "type = 'click'", "empty": 0}
    hours = {"source": "events", "value": "avg(hour)"}
    none = Spread(90, 0.0, 0.0)
    found = _reasons({"clicks": none, "hours": NOBODY}, clicks=clicks, hours=hours)
    assert found == {"clicks": "there are no events", "hours": "there are no events"}
    assert _reasons({"clicks": none}, clicks=clicks) == {"clicks": "0 for every customer"}
    # A mean of zero is the mean of rows.
    assert _reasons({"hours": none}, hours=hours) == {"hours": "0 for every customer"}


LACKING = {
    "browsing": (("views_365d", "cart_adds_365d", "event_days_365d"), {"browsing", "cart", "buying"}),
    "discounts": (("discount_taken_365d", "discounted_share"), {"discount"}),
}  # fmt: skip


@pytest.mark.parametrize("lacking", list(LACKING))
def test_inputs_of_groups_that_rest_on_what_a_shop_lacks_take_no_part(
    config: Config, lacking: str
) -> None:
    zeros, expected = LACKING[lacking]
    declared = shop.features(config)
    spreads = {
        item.name: Spread(90, 0.0, 0.0) if item.name in zeros else Spread(90, 0.1, 0.9)
        for item in declared
    }
    inputs = config.section(SegmentSettings).features
    used, without = used_inputs(
        {name: (item.sql, item.rests_on) for name, item in inputs.items()},
        declared,
        features_left_out(declared, spreads),
    )
    assert set(without) == expected
    assert set(used) == set(inputs) - expected


def test_a_constant_that_an_input_is_smoothed_with_does_not_leave_it_out(config: Config) -> None:
    declared = shop.features(config)
    spreads = {item.name: Spread(90, 0.1, 0.9) for item in declared}
    inputs = config.section(SegmentSettings).features
    stated = {name: (item.sql, item.rests_on) for name, item in inputs.items()}
    # One order each: baskets differ all the same. A tenth off for everybody: it sets nobody apart.
    left_out = features_left_out(declared, spreads | {"orders_365d": Spread(90, 1.0, 1.0)})
    assert list(left_out) == ["orders_365d"]
    assert used_inputs(stated, declared, left_out)[1] == {}
    left_out = features_left_out(declared, spreads | {"discount_share": Spread(90, 0.1, 0.1)})
    assert used_inputs(stated, declared, left_out)[1] == {
        "discount": "discount_share: 0.1 for every customer"
    }
