"""Roles: who may read and write what."""

from pathlib import Path

import pytest

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.governance.grants import access_right, roles, statements
from clarion.kernel.errors import ConfigError


@pytest.mark.covers("Q9")
def test_only_jobs_and_privacy_come_near_the_vault_and_nobody_in_marketing_sees_single_facts(
    config: Config,
) -> None:
    found = roles(config)
    vault = {
        name
        for name, role in found.items()
        for table in TABLES
        if table.startswith("vault.") and access_right(role, table)
    }
    assert vault == {"engineer", "privacy"}
    assert access_right(found["privacy"], "vault.personal_data") == ""
    assert not any(
        access_right(found["marketing"], table)
        for table in TABLES
        if table.split(".")[0] in ("bronze", "silver")
    )
    assert access_right(found["engineer"], "gold.decisions") == "read and write"
    assert access_right(found["merchant"], "gold.decisions") == ""


@pytest.mark.covers("Q9")
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
