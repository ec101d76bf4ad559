"""What a shop declares is read as a whole before any data moves, and without Spark."""

from pathlib import Path

import pytest

from clarion.jobs.__main__ import main

FLAGS = ("--set", "shop.sources=[online_retail]", "--set", "shop.currency=GBP", "--set", "data=.")
OFFER = """
defaults: {margin: 0.3, fallback_order_value: 40.0, benefit_response: 0.5}
offers:
  - id: refill
    name: {en: Refill offer, zh: 补货优惠}
    kind: coupon
    channel: message
    public_rule: 4 off any order of five units or more
    when: WHEN
    benefit: BENEFIT
    redemption: 0.08
    uplift: {mean: 0.10, sd: 0.03}
    contact_cost: 0.02
    products: interests
"""

LABEL = "{{outcome: {0}, en: a, zh: b}}"


def offers(*, when: str = "open_cart", benefit: str = "4.0") -> str:
    return OFFER.replace("WHEN", when).replace("BENEFIT", benefit)


def test_config_check_reads_all_that_the_packaged_configuration_declares(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["config", "check", *FLAGS]) == 0
    shown = capsys.readouterr().out
    for part in ("sources are valid", "137 features", "8 offers", "tags", "roles"):
        assert part in shown


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("offers.yml", offers(benefit="-1"), "offers.0.benefit"),
        ("offers.yml", offers(when="(select true)"), "refill: 'select' is not allowed"),
        ("offers.yml", "offers: [", "offers.yml is not YAML"),
        ("offers.yml", offers(when='"life_cycle = \'new"'), "offers.yml: refill: a quote is not"),
        (
            "base.yml",
            f"predict: {{labels: {{a: {LABEL.format('rand() > 1')}}}}}",
            "labels.a.outcome: 'rand' is not",
        ),
        (
            "base.yml",
            "predict: {models: {event: [oracle], amount: [linear]}}",
            "predict.models.event names no model",
        ),
        ("base.yml", "predict: {features: {spend: log1p(spend}}", "spend: a '(' is not closed"),
        ("base.yml", "predict: {features: {one: '1'}}", "uses no declared feature"),
        (
            "base.yml",
            "segment: {features: {activity: {value: '', high: [a, b], low: [c, d]}}}",
            "segment.features.activity: the expression is empty",
        ),
        (
            "base.yml",
            "segment: {features: {unit: {value: unit_price_paid, rests_on: [price], high: [a, b], low: [c, d]}}}",
            "segment.features.unit rests on a feature that is not declared",
        ),
        ("features.yml", "orders: {source: baskets}", "features.yml: orders"),
        ("tags.yml", "vip: {if: orders_365d > 9, en: a, zh: b, meaning: c}", "tags.yml: vip"),
        ("tags.yml", "vip: {when: 'years > {mean region}', en: a, zh: b, meaning: c}", "region"),
        (
            "tags.yml",
            "vip: {when: orders_365d > 9, en: a, zh: b, meaning: c, tree: {features: [orders_90d]}}",
            "vip: its tree would explain the tag by what defines it",
        ),
        ("life_cycle.yml", "stages: [{stage: asleep, when: 'true'}]", "life_cycle.yml: lost"),
        ("grants.yml", "analyst: {read: [golden]}", "no layer or table 'golden'"),
        ("attributes.yml", "colour: {from: colour}", "attributes.yml: colour"),
        ("invalid_activity.yml", "bot: {view: visits}", "invalid_activity.yml: bot"),
        (
            "rules/orders.yml",
            "dear: {column: amount, invalid_when: amount > 9;, severity: error, reason: r}",
            "rules/orders.yml: dear: more than one expression",
        ),
        (
            "rules/orders.yml",
            "dear: {column: amount, needs: [prise], invalid_when: amount > 9, severity: error, reason: r}",
            "dear needs a column that orders does not have",
        ),
        ("rules/orders.yml", "no_price: {reject: unit_price IS NULL}", "rules/orders.yml"),
    ],
)
@pytest.mark.parametrize("command", [("config", "check"), ("run", "all", "--dry-run")])
def test_an_invalid_declaration_is_refused_with_what_was_found_and_how_to_fix_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    file: str,
    text: str,
    message: str,
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert main([*command, "--conf-dir", str(tmp_path), *FLAGS]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "found:" in shown
    assert "fix:" in shown
