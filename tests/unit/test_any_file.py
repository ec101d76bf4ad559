"""What infer makes of any file: a proposal or a clear error; the same of every readable form."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutated_files import COLUMN_OF, PLAIN, RECORDS, Form, damaged, records

from clarion.collect.sources.proposal import Proposal, propose_mapping
from clarion.collect.sources.sample import Sample, sample_file
from clarion.config import Config
from clarion.declarations.shop import column_words, missing_words, personal_words, value_words
from clarion.kernel.errors import SourceError

FORMS = st.builds(
    Form,
    separator=st.sampled_from([",", ";", "\t", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
    shift=st.integers(0, 6),
    before=st.sampled_from([(), (), ("Report",), ("Report", "", "made by hand")]),
    after=st.sampled_from([(), (), ("Total",), ("", "30 records")]),
)
# Of ten files one is as it was written, four are readable in another form, five are damaged.
CASES = st.tuples(st.integers(0, 9), FORMS, st.integers(0, 1 << 30))


@cache
def config() -> Config:
    return Config.load()


def propose(raw: bytes) -> tuple[Sample, Proposal]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        path.write_bytes(raw)
        sample = sample_file(str(path))
    proposal = propose_mapping(
        "orders.csv",
        sample,
        column_words(config()),
        kind=None,
        time_zone="UTC",
        vocabularies=value_words(config()),
        missing_words=missing_words(config()),
        personal_words=personal_words(config()),
    )
    assert yaml.safe_load(proposal.text())[proposal.kind] == proposal.body
    return sample, proposal


def check_same_orders(raw: bytes) -> None:
    sample, proposal = propose(raw)
    assert proposal.kind == "orders"
    assert sample.rows == RECORDS
    for column, name in COLUMN_OF.items():
        body = proposal.body["columns"][column]
        source = body["from"] if isinstance(body, dict) else body
        assert list(sample.columns[source]) == [row[name] for row in records()]
    assert list(sample.columns["title"]) == [row["title"] for row in records()]


def check_case(case: tuple[int, Form, int]) -> None:
    number, form, seed = case
    if number == 0:
        check_same_orders(PLAIN.written())
    elif number < 5:
        check_same_orders(form.written())
    else:
        error = error_of(damaged(PLAIN.written(), seed))
        assert error is None or ("orders.csv" in str(error) and error.fix)


def error_of(raw: bytes) -> SourceError | None:
    try:
        propose(raw)
    except SourceError as error:
        return error
    return None


def run_cases(count: int) -> None:
    limits = settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    limits(given(CASES)(check_case))()


def test_every_file_ends_in_a_proposal_or_a_clear_error_and_readable_forms_are_equal() -> None:
    run_cases(200)


@pytest.mark.slow
def test_thousands_of_files_end_in_a_proposal_or_a_clear_error() -> None:
    run_cases(5000)
