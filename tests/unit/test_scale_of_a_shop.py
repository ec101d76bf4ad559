"""Benefits, budget and targets in the scale of a shop: what a coupon is worth where orders cost 900."""

from pathlib import Path

import pytest
import yaml

from clarion.campaigns.decisions.scale import Baseline, face_value, in_scale, settings_of
from clarion.campaigns.decisions.settings import Catalogue
from clarion.cli.main import main
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.declarations import shop
from clarion.jobs.registry import JOBS
from clarion.kernel.errors import ConfigError


def catalogue(order_value: float | None = None) -> Catalogue:
    overrides = () if order_value is None else (f"shop.order_value={order_value}",)
    return shop.offers(Config.load(overrides=overrides))


@pytest.mark.parametrize(
    ("amount", "face"),
    [(0, 0), (0.46, 0.5), (1, 1), (1.4, 1), (1.5, 2), (4.1, 4), (6.5, 6), (9.5, 10), (37, 40), (112, 100)],
)  # fmt: skip
def test_a_face_value_is_one_that_people_are_used_to(amount: float, face: float) -> None:
    assert face_value(amount) == face


def test_without_an_order_value_the_amounts_are_those_that_are_written() -> None:
    written = parse_yaml(Config.load().text("offers.yml"), where="offers")
    benefits = {offer["id"]: offer["benefit"] for offer in written["offers"]}
    assert {offer.id: offer.benefit for offer in catalogue().offers} == benefits


def test_benefits_grow_with_the_order_value_and_rules_name_them() -> None:
    offers = {offer.id: offer for offer in catalogue(900.0).offers}
    # 5 of 40 is an eighth: of 900 it is 112.50.
    assert offers["starter_pack"].benefit == 100.0
    assert offers["spend_and_save"].benefit == 100.0
    assert offers["spend_and_save"].public_rule.startswith("100 off any basket of 1000 or more")
    assert offers["new_for_you"].benefit == 0.0
    assert offers["new_for_you"].contact_cost == pytest.approx(0.02 * 900 / 40)
    assert catalogue(900.0).defaults.fallback_order_value == 900.0


def test_a_scale_that_is_the_declared_one_changes_nothing() -> None:
    assert in_scale(catalogue(), 40.0) == catalogue() == catalogue(40.0)


@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_an_order_value_that_is_no_amount_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"shop\.order_value"):
        shop.offers(Config.load(overrides=(f"shop.order_value={value}",)))


def test_budget_and_targets_follow_from_what_was_sold() -> None:
    # 600 orders of 500 by 400 buyers, 120 of whom bought more than once.
    settings = settings_of(Baseline(500.0, 300_000.0, 400, 120))
    assert settings["strategy.budget"] == 6_000.0
    assert settings["strategy.target_apu"] == 788.0  # 750 and five per cent
    assert settings["strategy.target_rpr"] == 0.315  # three in ten and five per cent
    assert settings["shop.order_value"] == 500.0
    Config.load(overrides=tuple(f"{key}={value}" for key, value in settings.items()))


def test_a_new_shop_is_told_the_scale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(JOBS, ["init", str(tmp_path / "a"), "--currency", "TWD", "--order-value", "900"]) == 0
    )
    assert "shop.order_value: 900" in capsys.readouterr().out
    written = yaml.safe_load((tmp_path / "a" / "base.yml").read_text())
    assert written["shop"]["order_value"] == 900
    offers = shop.offers(Config.load(conf_dir=tmp_path / "a")).offers
    assert max(offer.benefit for offer in offers) >= 100
    assert main(JOBS, ["init", str(tmp_path / "b"), "--currency", "TWD"]) == 0
    assert "orders of 40" in capsys.readouterr().out
    both = ["init", str(tmp_path / "c"), "--order-value", "900", "--from", str(tmp_path)]
    assert main(JOBS, both) == 2
