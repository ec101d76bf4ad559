"""What each table means. No Spark here: types are DDL strings."""

from clarion.contracts import bronze, gold, live, ops, silver, vault
from clarion.contracts.core import Check, Column, Table

TABLES: dict[str, Table] = {
    table.name: table
    for module in (bronze, silver, gold, live, vault, ops)
    for table in module.TABLES
}

__all__ = ["TABLES", "Check", "Column", "Table"]
