"""From a contract to CREATE TABLE."""

from clarion.contracts import Table
from clarion.kernel import sql


def properties(table: Table) -> dict[str, str]:
    """Delta properties of a table: history, checks, reader version 1, and statistics.

    Minimum and maximum help on columns by which rows are clustered and selected; on all columns
    they took half the time of a write. Those of a personal column would outlive its deletion, in
    the log.
    """
    personal = {column.name for column in table.columns if column.personal}
    selected_by = dict.fromkeys((*(table.slice or table.key), *table.cluster_by))
    history = f"interval {table.history_days} days"
    values = {
        # Delta refuses time travel past the second, and does not let it exceed the first.
        "delta.logRetentionDuration": history,
        "delta.deletedFileRetentionDuration": history,
        "delta.enableDeletionVectors": "false",
        "delta.minReaderVersion": "1",
        "delta.dataSkippingStatsColumns": ",".join(
            name for name in selected_by if name not in personal
        ),
    }
    for check in table.checks:
        values[f"delta.constraints.{check.name}"] = f"({check.expression}) IS TRUE"
    return values


def create_statement(table: Table, address: str) -> str:
    """CREATE TABLE with NOT NULL, comments, clustering and constraints."""
    columns = ",\n  ".join(
        f"`{column.name}` {column.type}{'' if column.nullable else ' NOT NULL'} "
        f"COMMENT {sql.text(column.meaning)}"
        for column in table.columns
    )
    cluster = f"\nCLUSTER BY ({', '.join(table.cluster_by)})" if table.cluster_by else ""
    settings = ", ".join(
        f"{sql.text(key)} = {sql.text(value)}" for key, value in properties(table).items()
    )
    return (
        f"CREATE TABLE {address} (\n  {columns}\n) USING delta{cluster}\n"
        f"COMMENT {sql.text(table.grain)}\nTBLPROPERTIES ({settings})"
    )
