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
        for place in (*role.read, *role.write):
            if place not in layers and place not in TABLES:
                raise ConfigError(
                    f"{FILE}: {name}: there is no layer or table '{place}'",
                    found=", ".join(sorted(layers)),
                    fix="see 'clarion tables'",
                )
        if blind := [place for place in role.write if place not in role.read]:
            raise ConfigError(
                f"{FILE}: {name}: may write {blind[0]} and not read it",
                found=", ".join(role.read),
                fix=f"add {blind[0]} to its read",
            )
    return found


def statements(found: dict[str, Role], *, catalog: str) -> list[str]:
    """GRANT statements, in the order in which they can be run; what is not granted is not allowed."""
    made = []
    for name, role in found.items():
        who = sql.name(name)
        made.append(f"GRANT USE CATALOG ON CATALOG {sql.name(catalog)} TO {who}")
        layers = dict.fromkeys(place.split(".")[0] for place in role.read)
        made += [
            f"GRANT USE SCHEMA ON SCHEMA {sql.name(catalog)}.{sql.name(layer)} TO {who}"
            for layer in layers
        ]
        for right, places in (("SELECT", role.read), ("MODIFY", role.write)):
            made += [f"GRANT {right} ON {_object(catalog, place)} TO {who}" for place in places]
    return made


def _object(catalog: str, place: str) -> str:
    parts = ".".join(sql.name(part) for part in (catalog, *place.split(".")))
    return f"{'TABLE' if '.' in place else 'SCHEMA'} {parts}"


def allowed(role: Role, table: str) -> str:
    """What a role may do with a table: 'read', 'read and write', or nothing."""
    reads, writes = (
        any(place in (table, table.split(".")[0]) for place in places)
        for places in (role.read, role.write)
    )
    return "read and write" if writes else "read" if reads else ""
