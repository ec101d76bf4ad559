"""Erase a person from every layer, the vault, the outbox and the history, and keep them out."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, reduce
from threading import Lock

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import ACCOUNT_COLUMNS
from clarion.access.subject import Subject, find_subject
from clarion.campaigns.delivery.channels.files import forget
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.collect.privacy.keys import Key, PrivacySettings
from clarion.collect.privacy.persons import remove_persons
from clarion.collect.privacy.suppression import SuppressionList
from clarion.collect.privacy.tokens import token_of
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.records import fingerprint
from clarion.config import Config
from clarion.contracts import TABLES, Table
from clarion.contracts.bronze import BRONZE
from clarion.contracts.ops import ERASURES
from clarion.contracts.silver import FACTS, QUARANTINE, REFERENCES, RESOLUTIONS
from clarion.contracts.sources import Kind
from clarion.contracts.vault import PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import sources
from clarion.kernel.errors import QualityError
from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame, union_all
from clarion.lake.locks import exclusive_locks
from clarion.lake.maintenance import Maintenance
from clarion.measures.columns.frames import local_frame

_RECORD_KEY = QUARANTINE.key
# Without their author these still tell who it was: they are removed as a whole.
_PERSONAL_KINDS = ("reviews", "contacts")


@dataclass(slots=True)
class Certificate:
    """What an erasure did.

    Args:
        erasure_id: random name of the certificate.
        accounts: accounts of the person.
        suppressed_tokens: names and values on the suppression list.
        rows: rows removed, or rid of the person, by table.
        remaining_rows: rows that still named the person afterwards.
    """

    erasure_id: str
    accounts: int
    suppressed_tokens: int
    rows: dict[str, int] = field(default_factory=dict)
    remaining_rows: int = 0
    _lock: Lock = field(default_factory=Lock)

    def count(self, table: Table | str, rows: int) -> None:
        """Add to a table's rows; several sources of one table are erased concurrently."""
        if rows:
            name = table if isinstance(table, str) else table.name
            with self._lock:
                self.rows[name] = self.rows.get(name, 0) + rows


def erase(
    lake: Lake, config: Config, customer: str, *, jobs: Iterable[str], say: Callable[[str], None]
) -> Certificate:
    """Erase a person and leave a certificate.

    A fact that is the shop's own (an order line, an event) stays as a fact about nobody, so that
    its books still add up. Everything about the person is removed.

    Args:
        lake: the tables.
        config: the shop's sources and keys.
        customer: a surrogate, or the shop's own name for the customer.
        jobs: names of all jobs; none runs meanwhile, as one that has read the person would write
            them back.
        say: reports progress.

    Raises:
        UsageError: no customer has that name.
        QualityError: some row still names the person; the certificate says how many.
        SecretError: there is no key, without which the person cannot be kept out.
    """
    key = config.section(PrivacySettings).current_key(config.secret)
    with exclusive_locks(
        lake.location, jobs, wait_seconds=float(config.get("lake.wait_seconds")), say=say
    ):
        subject = find_subject(lake, config, customer)
        certificate = Certificate(
            erasure_id=secrets.token_hex(16),
            accounts=len(subject.accounts),
            suppressed_tokens=len(subject.names) + len(subject.tokens),
        )
        # First: a file that arrives meanwhile is already compared with the suppression list.
        _suppress(lake, subject, key)
        suppression_list = SuppressionList(frozenset(_name_tokens(subject, key)), (key,), fields=())
        tokens = _erase_records(lake, config, suppression_list, certificate)
        _erase_surrogates(lake, subject, certificate)
        _erase_sealed_values(lake, tokens, certificate)
        outbox = config.section(DeliverSettings).folder or f"{lake.root}/outbox"
        certificate.count("outbox", forget(set(subject.accounts), folder=outbox))
        say(f"removing the files of earlier versions of {len(certificate.rows)} tables")
        tables = [TABLES[name] for name in certificate.rows if name in TABLES]
        Maintenance(lake).vacuum(tables, keep_hours=0)
        certificate.remaining_rows = _count_remaining_rows(lake, config, subject, suppression_list)
        _record_certificate(lake, certificate, key, customer=min(subject.accounts))
    if certificate.remaining_rows:
        raise QualityError(
            "the person is not completely erased",
            found=f"{certificate.remaining_rows} rows still name them",
            fix="a defect: please report it",
        )
    return certificate


def _name_tokens(subject: Subject, key: Key) -> list[str]:
    return [token_of(name, field=field_, key=key) for field_, name in sorted(subject.names)]


def _suppress(lake: Lake, subject: Subject, key: Key) -> None:
    """Put the person's names and values on the suppression list."""
    now = datetime.now(UTC)
    fields = [field_ for field_, _ in sorted(subject.names)]
    tokens = [
        *zip(_name_tokens(subject, key), fields, strict=True),
        *((token, field_) for field_, token in sorted(subject.tokens)),
    ]
    # The token of a value starts with the name of its own key.
    rows = [
        {"token": token, "field": field_, "key_id": token.split(".")[0], "_erased_at": now}
        for token, field_ in tokens
    ]
    lake.merge(SUPPRESSED, rows_as_frame(lake.spark, SUPPRESSED, rows), update=False)


def _is_removed_whole(kind: Kind) -> bool:
    """Whether records of a kind are removed, instead of kept as facts about nobody."""
    return kind.name in _PERSONAL_KINDS or any(name in kind.required for name in kind.people)


def _records_without_person(
    lake: Lake, source: Source, suppression_list: SuppressionList
) -> DataFrame:
    """The records of a source that name an erased person, without the person.

    `_before` holds the record as it was.
    """
    records = (
        lake.read(BRONZE[source.kind.name])
        .where(F.col("_source") == source.name)
        .withColumn("_before", F.col("raw"))
    )
    without = remove_persons(records, source, source_columns=(), suppression_list=suppression_list)
    hashed = without.withColumn("_hash", fingerprint(F.col("raw")))
    return hashed.where(F.col("_hash") != fingerprint(F.col("_before")))


def _sources_of_people(lake: Lake, config: Config) -> list[Source]:
    return [
        source
        for source in sources(config)
        if source.kind.people and lake.exists(BRONZE[source.kind.name])
    ]


def _erase_records(
    lake: Lake, config: Config, suppression_list: SuppressionList, certificate: Certificate
) -> DataFrame:
    """Erase the person from bronze and from the silver facts of these records.

    Returns:
        token: those that the records held.
    """
    records_by_source = run_concurrently(
        [
            partial(_erase_records_of, lake, source, suppression_list, certificate)
            for source in _sources_of_people(lake, config)
        ]
    )
    keys = [records.select(*_RECORD_KEY) for records in records_by_source]
    removed = lake.remove(QUARANTINE, union_all(keys))
    certificate.count(QUARANTINE, removed)
    tokens = [
        records.select(F.explode(F.map_values("_before")).alias("token"))
        for records in records_by_source
    ]
    all_tokens = union_all(tokens)
    return all_tokens.where("token IS NOT NULL").distinct().localCheckpoint()


def _erase_records_of(
    lake: Lake, source: Source, suppression_list: SuppressionList, certificate: Certificate
) -> DataFrame:
    records = _records_without_person(lake, source, suppression_list).localCheckpoint()
    bronze = BRONZE[source.kind.name]
    silver = FACTS[source.kind.silver]
    keys = records.select(*_RECORD_KEY)
    if _is_removed_whole(source.kind):
        certificate.count(bronze, lake.remove(bronze, keys))
        certificate.count(silver, lake.remove(silver, keys))
    else:
        certificate.count(bronze, lake.merge(bronze, records.drop("_before")))
        facts = lake.read(silver).join(keys, list(_RECORD_KEY), "left_semi")
        certificate.count(silver, lake.merge(silver, _without_names(facts, source.kind)))
    return records


def _without_names(facts: DataFrame, kind: Kind) -> DataFrame:
    """The facts as facts about nobody."""
    nobody = {REFERENCES.get(name, name): F.lit(None).cast("string") for name in kind.people}
    return facts.withColumns(nobody).select(*facts.columns)


def _erase_surrogates(lake: Lake, subject: Subject, certificate: Certificate) -> None:
    """Remove every row with one of the person's surrogates.

    These are declared consents, names, links, and all of gold and live.
    """

    def remove(table: Table) -> None:
        for column in _surrogate_columns(table):
            accounts = local_frame(
                lake.spark, [(account,) for account in sorted(subject.accounts)], f"{column} string"
            )
            certificate.count(table, lake.remove(table, accounts))

    run_concurrently([partial(remove, table) for table in TABLES.values()])


def _surrogate_columns(table: Table) -> list[str]:
    names = (*ACCOUNT_COLUMNS, "left_id", "right_id")
    columns = [name for name in names if name in table.column_names]
    return [*columns, "ref"] if table is RESOLUTIONS else columns


def _erase_sealed_values(lake: Lake, tokens: DataFrame, certificate: Certificate) -> None:
    """Remove sealed values that only the erased records had; shared values stay.

    Args:
        lake: the tables.
        tokens: tokens that the erased records held.
        certificate: counts the values.
    """
    if not lake.exists(PERSONAL_DATA):
        return
    vault = lake.read(PERSONAL_DATA).select("token")
    unused = vault.join(tokens, "token", "left_semi").localCheckpoint()
    for table in BRONZE.values():
        if lake.exists(table):
            used = lake.read(table).select(F.explode(F.map_values("raw")).alias("token"))
            unused = unused.join(used, "token", "left_anti")
    certificate.count(PERSONAL_DATA, lake.remove(PERSONAL_DATA, unused.localCheckpoint()))


def _count_remaining_rows(
    lake: Lake, config: Config, subject: Subject, suppression_list: SuppressionList
) -> int:
    """Rows that still name the person, wherever a surrogate or a name can be."""
    remaining = [
        _records_without_person(lake, source, suppression_list).select(F.lit(1))
        for source in _sources_of_people(lake, config)
    ]
    for table in TABLES.values():
        columns = _surrogate_columns(table)
        if columns and lake.exists(table):
            names_person = [F.col(name).isin(*subject.accounts) for name in columns]
            rows = lake.read(table).where(reduce(Column.__or__, names_person))
            remaining.append(rows.select(F.lit(1)))
    return reduce(DataFrame.union, remaining).count()


def _record_certificate(lake: Lake, certificate: Certificate, key: Key, *, customer: str) -> None:
    row = {
        "erasure_id": certificate.erasure_id,
        "subject": token_of(customer, field="erased", key=key),
        "key_id": key.key_id,
        "accounts": certificate.accounts,
        "rows": certificate.rows,
        "suppressed_tokens": certificate.suppressed_tokens,
        "remaining_rows": certificate.remaining_rows,
        "_erased_at": datetime.now(UTC),
    }
    lake.append(ERASURES, rows_as_frame(lake.spark, ERASURES, [row]))
