"""Erase a person: from every layer, the vault, the outbox and the history; and keep them out ever after."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, reduce
from threading import Lock

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.access.resolution import ACCOUNT_COLUMNS
from clarion.access.subject import Subject, find
from clarion.campaigns.delivery.channels.files import forget
from clarion.campaigns.delivery.settings import DeliverSettings
from clarion.collect.privacy.keys import Key, PrivacySettings
from clarion.collect.privacy.protect import stripped
from clarion.collect.privacy.suppressed import SuppressionList
from clarion.collect.privacy.tokens import token_of
from clarion.collect.sources.mapping import Source
from clarion.collect.sources.records import fingerprint
from clarion.config import Config
from clarion.contracts import TABLES, Table
from clarion.contracts.bronze import BRONZE
from clarion.contracts.ops import ERASURES
from clarion.contracts.silver import (
    FACTS,
    QUARANTINE,
    REFERENCES,
    RESOLUTIONS,
)
from clarion.contracts.sources import Kind
from clarion.contracts.vault import PERSONAL_DATA, SUPPRESSED
from clarion.declarations.shop import sources
from clarion.kernel.errors import QualityError
from clarion.kernel.parallel import run_concurrently
from clarion.lake import Lake
from clarion.lake.frames import rows_as_frame
from clarion.lake.locks import all_alone

RECORD_KEY = QUARANTINE.key  # where a record stands
_OF_PERSONS = (
    "reviews",
    "contacts",
)  # without their author these still say who it was: they are removed as a whole


@dataclass(slots=True)
class Certificate:
    """What an erasure did."""

    erasure_id: str
    accounts: int
    suppressed: int
    rows: dict[str, int] = field(default_factory=dict)
    left_over: int = 0
    _counting: Lock = field(default_factory=Lock)

    def count(self, table: Table | str, rows: int) -> None:
        """Add to a table's rows; several sources of one table are at work at once."""
        if rows:
            name = table if isinstance(table, str) else table.name
            with self._counting:
                self.rows[name] = self.rows.get(name, 0) + rows


def erase(
    lake: Lake, config: Config, customer: str, *, jobs: Iterable[str], say: Callable[[str], None]
) -> Certificate:
    """Erase a person and leave a certificate.

    A fact that is the shop's own (an order line, an event) stays as a fact about nobody, so that its books still add up;
    everything that is about the person is removed.

    Args:
        lake: the tables.
        config: the shop's sources and keys.
        customer: a surrogate, or the shop's own name for the customer.
        jobs: names of all jobs, which wait, or are waited for: one that has read the person would write them back.
        say: takes what is being done.

    Raises:
        UsageError: nobody is known by that name.
        QualityError: something that names the person is left; the certificate says how much.
        SecretError: there is no key, by which alone the person can be kept out.
    """
    key = config.section(PrivacySettings).current(config.secret)
    with all_alone(lake, jobs, wait_seconds=float(config.get("lake.wait_seconds")), say=say):
        subject = find(lake, config, customer)
        certificate = Certificate(
            secrets.token_hex(16), len(subject.accounts), len(subject.names) + len(subject.tokens)
        )
        # First the door: a file that comes while the rest is at work finds it shut.
        _suppress(lake, subject, key)
        suppression_list = SuppressionList(
            frozenset(_name_tokens(subject, key)), (key,), telling=()
        )
        used = _from_records(lake, config, suppression_list, certificate)
        _from_tables(lake, subject, certificate)
        _from_vault(lake, used, certificate)
        outbox = config.section(DeliverSettings).folder or f"{lake.root}/outbox"
        certificate.count("outbox", forget(set(subject.accounts), folder=outbox))
        say(f"removing the files that earlier versions of {len(certificate.rows)} tables rest on")
        lake.vacuum([TABLES[name] for name in certificate.rows if name in TABLES], keep_hours=0)
        certificate.left_over = _left_over(lake, config, subject, suppression_list)
        _certify(lake, certificate, key, customer=min(subject.accounts))
    if certificate.left_over:
        raise QualityError(
            "the person is not erased wholly",
            found=f"{certificate.left_over} rows still name them",
            fix="a defect: please report it",
        )
    return certificate


def _name_tokens(subject: Subject, key: Key) -> list[str]:
    return [token_of(name, field=field_, key=key) for field_, name in sorted(subject.names)]


def _suppress(lake: Lake, subject: Subject, key: Key) -> None:
    now = datetime.now(UTC)
    named = zip(
        _name_tokens(subject, key), (field_ for field_, _ in sorted(subject.names)), strict=True
    )
    tokens = [*named, *((token, field_) for field_, token in sorted(subject.tokens))]
    # The token of a value bears the name of its own key.
    rows = [
        {"token": token, "field": field_, "key_id": token.split(".")[0], "_erased_at": now}
        for token, field_ in tokens
    ]
    lake.merge(SUPPRESSED, rows_as_frame(lake.spark, SUPPRESSED, rows), update=False)


def _removed_whole(kind: Kind) -> bool:
    return kind.name in _OF_PERSONS or any(name in kind.required for name in kind.people)


def _named_records(lake: Lake, source: Source, suppression_list: SuppressionList) -> DataFrame:
    """Records of a source that name someone barred, as they are without the person; `_before` holds what they were."""
    records = (
        lake.read(BRONZE[source.kind.name])
        .where(F.col("_source") == source.name)
        .withColumn("_before", F.col("raw"))
    )
    without = stripped(
        records,
        source.columns,
        people=source.kind.people,
        known=(),
        suppression_list=suppression_list,
        namespace=source.namespace,
    )
    return without.withColumn("_hash", fingerprint(F.col("raw"))).where(
        F.col("_hash") != fingerprint(F.col("_before"))
    )


def _of_people(lake: Lake, config: Config) -> list[Source]:
    return [
        source
        for source in sources(config)
        if source.kind.people and lake.exists(BRONZE[source.kind.name])
    ]


def _from_records(
    lake: Lake, config: Config, suppression_list: SuppressionList, certificate: Certificate
) -> DataFrame:
    """Take the person out of bronze and of what silver made of these records; returns the tokens that the records held."""
    found = run_concurrently(
        [
            partial(_from_source, lake, source, suppression_list, certificate)
            for source in _of_people(lake, config)
        ]
    )
    certificate.count(
        QUARANTINE,
        lake.remove(
            QUARANTINE,
            reduce(DataFrame.unionByName, (records.select(*RECORD_KEY) for records in found)),
        ),
    )
    tokens = reduce(
        DataFrame.unionByName,
        (records.select(F.explode(F.map_values("_before")).alias("token")) for records in found),
    )
    return tokens.where("token IS NOT NULL").distinct().localCheckpoint()


def _from_source(
    lake: Lake, source: Source, suppression_list: SuppressionList, certificate: Certificate
) -> DataFrame:
    found = _named_records(lake, source, suppression_list).localCheckpoint()
    bronze, silver, places = (
        BRONZE[source.kind.name],
        FACTS[source.kind.silver],
        found.select(*RECORD_KEY),
    )
    if _removed_whole(source.kind):
        certificate.count(bronze, lake.remove(bronze, places))
        certificate.count(silver, lake.remove(silver, places))
    else:
        certificate.count(bronze, lake.merge(bronze, found.drop("_before")))
        facts = lake.read(silver).join(places, list(RECORD_KEY), "left_semi")
        certificate.count(silver, lake.merge(silver, _of_nobody(facts, source.kind)))
    return found


def _of_nobody(facts: DataFrame, kind: Kind) -> DataFrame:
    named = [REFERENCES.get(name, name) for name in kind.people]
    return facts.withColumns({name: F.lit(None).cast("string") for name in named}).select(
        *facts.columns
    )


def _from_tables(lake: Lake, subject: Subject, certificate: Certificate) -> None:
    """Every row that bears one of the person's surrogates: declared consents, names, links, all of gold and live."""

    def remove(table: Table) -> None:
        for column in _surrogates(table):
            accounts = lake.spark.createDataFrame(
                [(account,) for account in sorted(subject.accounts)], f"{column} string"
            )
            certificate.count(table, lake.remove(table, accounts))

    run_concurrently([partial(remove, table) for table in TABLES.values()])


def _surrogates(table: Table) -> list[str]:
    columns = [
        name for name in (*ACCOUNT_COLUMNS, "left_id", "right_id") if name in table.column_names
    ]
    return [*columns, "ref"] if table is RESOLUTIONS else columns


def _from_vault(lake: Lake, tokens: DataFrame, certificate: Certificate) -> None:
    """Sealed values that only the removed records had; what others share stays theirs."""
    if not lake.exists(PERSONAL_DATA):
        return
    mine = (
        lake.read(PERSONAL_DATA)
        .select("token")
        .join(tokens, "token", "left_semi")
        .localCheckpoint()
    )
    for table in BRONZE.values():
        if lake.exists(table):
            held = lake.read(table).select(F.explode(F.map_values("raw")).alias("token"))
            mine = mine.join(held, "token", "left_anti")
    certificate.count(PERSONAL_DATA, lake.remove(PERSONAL_DATA, mine.localCheckpoint()))


def _left_over(
    lake: Lake, config: Config, subject: Subject, suppression_list: SuppressionList
) -> int:
    """Rows that still name the person, wherever a surrogate or a name may stand."""
    named = [
        _named_records(lake, source, suppression_list).select(F.lit(1))
        for source in _of_people(lake, config)
    ]
    for table in TABLES.values():
        if lake.exists(table) and (columns := _surrogates(table)):
            named.append(
                lake.read(table)
                .where(_any(F.col(name).isin(*subject.accounts) for name in columns))
                .select(F.lit(1))
            )
    return reduce(DataFrame.union, named).count()


def _any(conditions: Iterable[Column]) -> Column:
    return reduce(Column.__or__, conditions)


def _certify(lake: Lake, certificate: Certificate, key: Key, *, customer: str) -> None:
    row = {
        "erasure_id": certificate.erasure_id, "subject": token_of(customer, field="erased", key=key), "key_id": key.key_id,
        "accounts": certificate.accounts, "rows": certificate.rows, "suppressed_tokens": certificate.suppressed, "remaining_rows": certificate.left_over,
        "_erased_at": datetime.now(UTC),
    }  # fmt: skip
    lake.append(ERASURES, rows_as_frame(lake.spark, ERASURES, [row]))
