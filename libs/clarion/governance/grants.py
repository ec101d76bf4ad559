"""Roles and what they may read and write, as statements for Unity Catalog."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from clarion.config import Config
from clarion.config.load import parse_model, parse_yaml
from clarion.contracts import TABLES
from clarion.kernel import sql
from clarion.kernel.errors import ConfigError

FILE = "grants.yml"


class Role(BaseModel):
    """Layers and tables that a role may read, and those it may write."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


def roles(config: Config) -> dict[str, Role]:
    """The roles of the configuration.

    Raises:
        ConfigError: a layer or table does not exist, or something is written that may not be read.
    """
    written: dict[str, Any] = parse_yaml(config.text(FILE), where=FILE)
    found = {
        name: parse_model(Role, body, where=f"{FILE}: {name}") for name, body in written.items()
    }
    layers = {table.layer for table in TABLES.values()}
    for name, role in found.items():
        for target in (*role.read, *role.write):
            if target not in layers and target not in TABLES:
                raise ConfigError(
                    f"{FILE}: {name}: there is no layer or table '{target}'",
                    found=", ".join(sorted(layers)),
                    fix="see 'clarion tables'",
                )
        if unreadable := [target for target in role.write if target not in role.read]:
            raise ConfigError(
                f"{FILE}: {name}: may write {unreadable[0]} and not read it",
                found=", ".join(role.read),
                fix=f"add {unreadable[0]} to its read",
            )
    return found


def statements(roles_by_name: dict[str, Role], *, catalog: str) -> list[str]:
    """GRANT statements, in the order in which they can be run; all else stays forbidden."""
    grants = []
    for name, role in roles_by_name.items():
        grantee = sql.name(name)
        grants.append(f"GRANT USE CATALOG ON CATALOG {sql.name(catalog)} TO {grantee}")
        layers = dict.fromkeys(target.split(".")[0] for target in role.read)
        grants += [
            f"GRANT USE SCHEMA ON SCHEMA {sql.name(catalog)}.{sql.name(layer)} TO {grantee}"
            for layer in layers
        ]
        for right, targets in (("SELECT", role.read), ("MODIFY", role.write)):
            grants += [
                f"GRANT {right} ON {_object(catalog, item)} TO {grantee}" for item in targets
            ]
    return grants


def _object(catalog: str, target: str) -> str:
    """The layer or table as Unity Catalog names it."""
    parts = ".".join(sql.name(part) for part in (catalog, *target.split(".")))
    return f"{'TABLE' if '.' in target else 'SCHEMA'} {parts}"
