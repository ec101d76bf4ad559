"""Purchases and identity links are encrypted at rest, and can be read only with the key."""

import copy
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
from pyspark.sql import functions as F
from worlds import Desk

from clarion.collect.privacy.keys import PrivacySettings
from clarion.collect.privacy.seals import is_sealed
from clarion.config import Config
from clarion.contracts import TABLES
from clarion.kernel.errors import ConfigError, QualityError, SecretError
from clarion.lake import Lake
from clarion.lake.maintenance import Maintenance
from clarion.measures.columns.frames import local_frame
from clarion.runtime import encryption
from clarion.runtime.encrypted_files import NO_CIPHER, cipher_of
from clarion.runtime.encryption import EncryptionSettings

pytestmark = pytest.mark.deep  # JVMs of their own

ENCRYPTED = (
    "bronze.registrations", "bronze.orders", "silver.order_lines", "silver.identities", "silver.identity_links", "silver.resolutions",
)  # fmt: skip
ALLOWED = {"basis": "declared", "purposes": ["analytics"], "note": "test"}
PEOPLE: dict[str, Any] = {
    "format": "csv", "options": {"header": True}, "time_zone": "UTC", "consent": ALLOWED,
    "columns": {
        "customer_ref": "ref", "registered_at": "at", "name": "name", "birth_date": "born",
        "phone": {"from": "tel", "as": "phone", "country": "CN"},
    },
}  # fmt: skip
ORDERS: dict[str, Any] = {
    "where": "${data}/orders.csv", "format": "csv", "options": {"header": True}, "time_zone": "UTC", "currency": "CNY",
    "consent": ALLOWED,
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


DAY = date(2026, 6, 1)


class Safe(Desk):
    """A desk whose core tables are encrypted."""

    def __init__(self, spark: SparkSession, folder: Path, **settings: str) -> None:
        (folder / "master").write_text("cd" * 32)
        super().__init__(
            spark,
            folder,
            {
                "mine": {
                    "registrations": {"where": "${data}/people.csv", **PEOPLE},
                    "orders": ORDERS,
                },
                "street": {"registrations": {"where": "${data}/cards.csv", **PEOPLE}},
            },
            **{"encryption.key": f"file:{folder / 'master'}", **settings},
        )
        self.lake = Lake(_session(spark, self.config), self.lake.root)


@pytest.fixture(scope="module")
def safe(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Safe]:
    folder = tmp_path_factory.mktemp("safe")
    (folder / "orders.csv").write_text(
        "order_ref,customer_ref,product_ref,happened_at,quantity,unit_price\nORDER-4711,anna,P1,2026-05-04 10:00:00,2,10.50\n"
    )
    # One person with an account and a card: there is a link to encrypt.
    for name, ref in (("people", "anna"), ("cards", "M1")):
        (folder / f"{name}.csv").write_text(
            f"ref,at,tel,name,born\n{ref},2026-05-01 10:00:00,13900000001,Anna Miller,1985-05-05\n"
        )
    safe = Safe(spark, folder)
    encryption.verify(safe.lake, safe.config)
    safe.run("ingest", "clean", "resolve", "profiles", as_of=DAY)
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


@pytest.mark.covers("Q8")
def test_every_file_of_a_core_table_and_every_cell_of_the_vault_is_aes_256_gcm(safe: Safe) -> None:
    for name in ENCRYPTED:
        files = Maintenance(safe.lake).data_files(TABLES[name])
        assert files, name
        assert {str(cipher_of(file)) for file in files} == {"AES-256-GCM"}, name
    assert {cipher_of(file) for file in Maintenance(safe.lake).data_files(TABLES["ops.runs"])} == {
        NO_CIPHER
    }
    keys = safe.config.section(PrivacySettings).all_keys(safe.config.secret)
    vault = safe.read("vault.personal_data").collect()
    assert {row["field"] for row in vault} == {"phone", "source:tel", "name", "source:name"}
    for row in vault:
        assert is_sealed(row["sealed"], token=row["token"], key=keys[row["key_id"]])
    safe.run("scan", as_of=DAY)
    assert any("files of encrypted tables are AES-256-GCM" in line for line in safe.said)


@pytest.mark.covers("Q8")
@pytest.mark.parametrize("cipher", ["AES-128-GCM", "none"])
def test_a_file_with_a_short_key_or_none_and_a_readable_cell_stop_the_scan(
    spark: SparkSession, safe: Safe, tmp_path: Path, cipher: str
) -> None:
    shutil.copytree(safe.lake.root, tmp_path / "lake")
    other = copy.copy(safe)
    other.lake = Lake(safe.lake.spark, str(tmp_path / "lake"))
    links = TABLES["silver.identity_links"]
    planting = _session(spark, safe.config)
    if cipher == "none":
        planting.conf.set("clarion.encryption.folders", "/nowhere/")
    else:
        planting.conf.set("parquet.encryption.data.key.length.bits", "128")
    weak = Lake(planting, other.lake.root)
    weak.append(links, weak.read(links).withColumn("as_of", F.lit(date(2026, 6, 2))))
    cell = [("k1.0", "phone", "k1", bytearray(b"13900000001"))]
    vault = TABLES["vault.personal_data"]
    weak.append(vault, local_frame(planting, cell, vault.ddl))
    with pytest.raises(QualityError, match="what must be encrypted is not AES-256-GCM") as stopped:
        other.run("scan", as_of=DAY)
    assert f"silver.identity_links: 1 files, cipher {cipher};" in str(stopped.value)
    assert "vault.personal_data: 1 cells that the key k1 does not open" in str(stopped.value)


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
    assert set(ENCRYPTED) == set(config.section(EncryptionSettings).tables) <= set(TABLES)
    assert encryption.spark_settings(config) == {}
    sources = sorted((encryption.JAR.parent / "clarion").glob("*.java"))
    digest = sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    assert (
        f"Sources-SHA-256: {digest}"
        in ZipFile(encryption.JAR).read("META-INF/MANIFEST.MF").decode()
    ), "run 'make jar'"
