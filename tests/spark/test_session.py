"""What a session spares."""

from pathlib import Path
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


@pytest.mark.parametrize("mode", [0o640, 0o755, 0o1777])
def test_a_file_gets_its_permissions_without_a_process_for_it(
    spark: SparkSession, tmp_path: Path, mode: int
) -> None:
    jvm: Any = spark._jvm
    hadoop = jvm.org.apache.hadoop.fs
    path = hadoop.Path(f"file:{tmp_path}/1.txt")
    files = path.getFileSystem(spark._jsc.hadoopConfiguration())  # type: ignore[attr-defined]
    assert files.getClass().getName() == "clarion.LocalFiles"

    files.create(path).close()
    files.setPermission(path, hadoop.permission.FsPermission(mode))

    assert (tmp_path / "1.txt").stat().st_mode & 0o7777 == mode
    assert (tmp_path / ".1.txt.crc").exists(), "checksums as before"
