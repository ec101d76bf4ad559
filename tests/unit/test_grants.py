"""Roles: who may read and write what."""

from pathlib import Path

import pytest

from clarion.config import Config
from clarion.governance.grants import roles, statements
from clarion.kernel.errors import ConfigError


@pytest.mark.covers("Q9")
def test_only_jobs_and_privacy_come_near_the_vault_and_nobody_in_marketing_sees_single_facts(
    config: Config,
) -> None:
    granted = {
        name: "\n".join(statements({name: role}, catalog="shop"))
        for name, role in roles(config).items()
    }
    assert {name for name, text in granted.items() if "`vault`" in text} == {"engineer", "privacy"}
    assert [line for line in granted["privacy"].splitlines() if "`vault`" in line] == [
        "GRANT USE SCHEMA ON SCHEMA `shop`.`vault` TO `privacy`",
        "GRANT SELECT ON TABLE `shop`.`vault`.`keys` TO `privacy`",
        "GRANT SELECT ON TABLE `shop`.`vault`.`suppressed` TO `privacy`",
    ]
    assert "`bronze`" not in granted["marketing"]
    assert "`silver`" not in granted["marketing"]
    assert "GRANT MODIFY ON SCHEMA `shop`.`gold` TO `engineer`" in granted["engineer"]
    assert "SELECT ON SCHEMA `shop`.`gold`" not in granted["merchant"]
    assert "`decisions`" not in granted["merchant"]


@pytest.mark.covers(
    "Q9",
    partly="permissions hold where the statements are executed (they are compared as text), and "
    "monitoring tells of a failed run",
)
def test_statements_name_the_catalog_the_schema_and_the_right(tmp_path: Path) -> None:
    (tmp_path / "grants.yml").write_text(
        "merchant: {read: [gold.product_days, live], write: [live]}\n"
    )
    assert statements(roles(Config.load(conf_dir=tmp_path)), catalog="shop") == [
        "GRANT USE CATALOG ON CATALOG `shop` TO `merchant`",
        "GRANT USE SCHEMA ON SCHEMA `shop`.`gold` TO `merchant`",
        "GRANT USE SCHEMA ON SCHEMA `shop`.`live` TO `merchant`",
        "GRANT SELECT ON TABLE `shop`.`gold`.`product_days` TO `merchant`",
        "GRANT SELECT ON SCHEMA `shop`.`live` TO `merchant`",
        "GRANT MODIFY ON SCHEMA `shop`.`live` TO `merchant`",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {read: [golden]}", "no layer or table 'golden'"),
        ("a: {write: [gold]}", "may write gold and not read it"),
        ("a: {see: [gold]}", "see"),
    ],
)
def test_a_role_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "grants.yml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        roles(Config.load(conf_dir=tmp_path))
