"""Which rows of a table a run reads again, because they may have come late."""

from clarion.collect.sources.readers.tables import RowRange


def test_the_lower_bound_goes_back_by_seconds_of_a_time_and_units_of_a_number() -> None:
    at = RowRange("timestamp", "2026-06-01 00:00:30", "2026-06-02 00:00:00")
    assert at.lowered(90).above == "2026-05-31 23:59:00"
    assert at.lowered(90).to == at.to
    assert RowRange("bigint", "100").lowered(90).above == "10"


def test_without_a_bound_or_an_overlap_a_range_stays() -> None:
    at = RowRange("timestamp", "2026-06-01 00:00:30")
    assert at.lowered(0) == at
    first = RowRange("bigint", None, "7")
    assert first.lowered(90) == first
