"""Purchases and identity links are encrypted at rest, and can be read only with the key."""

import shutil
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from frames import first_row
from pyspark.sql import SparkSession
from worlds import Desk

from clarion.config import Config
from clarion.contracts import TABLES
from clarion.kernel.errors import ConfigError, SecretError
from clarion.lake import Lake
from clarion.runtime import encryption
from clarion.runtime.encryption import EncryptionSettings

pytestmark = pytest.mark.deep  # JVMs of their own

ENCRYPTED = ("bronze.orders", "silver.order_lines", "silver.identities")
ORDERS: dict[str, Any] = {
    "where": "${data}/orders.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "CNY",
    "consent": {"basis": "declared", "purposes": ["analytics"], "note": "test"},
    "columns": {name: name for name in ("order_ref", "customer_ref", "product_ref", "happened_at", "quantity", "unit_price")},
}  # fmt: skip


def _session(spark: SparkSession, config: Config) -> SparkSession:
    """A session of its own on the suite's JVM, as `start` would make it."""
    session = spark.newSession()
    for name, value in encryption.spark_settings(config).items():
        session.conf.set(name, value)
    session.conf.set("parquet.compression", "uncompressed")
    session.conf.set(
        "spark.sql.parquet.compression.codec", "uncompressed"
    )  # so that bytes tell what stands in a file
    return session


class Safe(Desk):
    """A desk whose core tables are encrypted."""

    def __init__(self, spark: SparkSession, folder: Path, **settings: str) -> None:
        (folder / "master").write_text("cd" * 32)
        super().__init__(
            spark,
            folder,
            {"mine": {"orders": ORDERS}},
            **{"encryption.key": f"file:{folder / 'master'}", **settings},
        )
        self.lake = Lake(_session(spark, self.config), self.lake.root)


@pytest.fixture(scope="module")
def safe(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Safe]:
    folder = tmp_path_factory.mktemp("safe")
    (folder / "orders.csv").write_text(
        "order_ref,customer_ref,product_ref,happened_at,quantity,unit_price\nORDER-4711,anna,P1,2026-05-04 10:00:00,2,10.50\n"
    )
    safe = Safe(spark, folder)
    encryption.verify(safe.lake, safe.config)
    safe.run("ingest", "clean", "profiles", as_of=date(2026, 6, 1))
    yield safe
    shutil.rmtree(folder)


def _files(lake: Lake, name: str) -> list[bytes]:
    return [path.read_bytes() for path in Path(lake.path(TABLES[name])).glob("*.parquet")]


@pytest.mark.covers("Q8")
def test_core_tables_show_nothing_in_their_bytes(safe: Safe) -> None:
    for name in ENCRYPTED:
        files = _files(safe.lake, name)
        assert files, name
        assert all(
            content[-4:] == b"PARE" and b"ORDER-4711" not in content and b"anna" not in content
            for content in files
        ), name
    assert any(
        content[-4:] == b"PAR1" and b"P1" in content
        for content in _files(safe.lake, "gold.product_days")
    ), "other tables stay open"
    assert first_row(safe.read("silver.order_lines"))["order_id"] == "ORDER-4711"
    assert first_row(safe.read("gold.customer_profiles"))["orders"] == 1


@pytest.mark.covers("Q8")
def test_without_the_key_or_with_another_nothing_can_be_read(
    spark: SparkSession, safe: Safe
) -> None:
    without = Lake(spark.newSession(), safe.lake.root)
    with pytest.raises(Exception, match="encrypted footer") as refused:
        without.read(TABLES["silver.order_lines"]).collect()
    translated = encryption.decryption_error(refused.value)
    assert translated is not None
    assert translated.exit_code == 2
    assert "No keys available" in str(translated)
    (safe.folder / "other").write_text("ef" * 32)
    other = Config.load(overrides=(f"encryption.key=file:{safe.folder / 'other'}",))
    lake = Lake(_session(spark, other), safe.lake.root)
    with pytest.raises(SecretError, match="the encryption key 'e1' is not the one that encrypted"):
        encryption.verify(lake, other)
    with pytest.raises(Exception, match="GCM tag check failed"):
        lake.read(TABLES["silver.order_lines"]).collect()
    assert encryption.decryption_error(ValueError("anything else")) is None


def test_a_new_key_reads_what_the_old_one_wrote_while_that_is_configured(
    spark: SparkSession, safe: Safe
) -> None:
    (safe.folder / "next").write_text("12" * 32)
    overrides = (
        f"encryption.key=file:{safe.folder / 'next'}",
        "encryption.key_id=e2",
        f"encryption.retired={{e1: 'file:{safe.folder / 'master'}'}}",
    )
    config = Config.load(overrides=overrides)
    lake = Lake(_session(spark, config), safe.lake.root)
    encryption.verify(lake, config)
    assert lake.read(TABLES["silver.order_lines"]).count() == 1


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("encryption.tables=[silver.nothing]", "there is no table 'silver.nothing'"),
        ("encryption.key=databricks:scope/key", "read by each executor"),
    ],
)
def test_settings_that_cannot_work_are_refused(safe: Safe, override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        encryption.spark_settings(
            Config.load(overrides=(f"encryption.key=file:{safe.folder / 'master'}", override))
        )


def test_every_core_table_exists_and_the_jar_is_of_these_sources(config: Config) -> None:
    assert set(ENCRYPTED) <= set(config.section(EncryptionSettings).tables) <= set(TABLES)
    assert encryption.spark_settings(config) == {}
    sources = sorted((encryption.JAR.parent / "clarion").glob("*.java"))
    digest = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    assert (
        f"Sources-SHA-256: {digest}"
        in ZipFile(encryption.JAR).read("META-INF/MANIFEST.MF").decode()
    ), "run 'make jar'"
