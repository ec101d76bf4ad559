"""What a session spares."""

from typing import Any

import pytest
from py4j.clientserver import JavaClient
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def test_a_column_does_not_ask_the_jvm_for_its_classes(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def columns() -> None:
        spark.range(1).select(F.col("id"), F.lit(1), F.upper(F.lit("a")))

    columns()
    asked: list[str] = []
    send = JavaClient.send_command

    def listening(self: JavaClient, command: str, *rest: Any, **named: Any) -> Any:
        asked.append(command)
        return send(self, command, *rest, **named)

    monkeypatch.setattr(JavaClient, "send_command", listening)
    columns()
    assert asked
    assert [command for command in asked if command.startswith("r\n")] == []
