"""SQL of people, in a form that never fails; and what is refused before Spark sees it."""

import pytest

from clarion.kernel.errors import ConfigError, UsageError
from clarion.kernel.expressions import refuse_unsafe_sql
from clarion.kernel.safe_sql import filter_aggregates, has_aggregate, null_on_error


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("price / qty", "N(price) / nullif(N(qty), 0D)"),
        ("(a - b) * `c d`", "(N(a) - N(b)) * N(`c d`)"),
        ("-a", "-N(a)"),
        ("a % b / c", "N(a) % nullif(N(b), 0D) / nullif(N(c), 0D)"),
        ("a / (b - c)", "N(a) / nullif((N(b) - N(c)), 0D)"),
        ("a / 100", "N(a) / 100"),
        ("a * 1.5e3", "N(a) * 1.5e3"),
        ("round(abs(a), 2)", "round(abs(N(a)), 2)"),
        ("trim(a) * 2", "N(trim(a)) * 2"),
        ("split(a, ' ')[1]", "get(split(a, ' '), 1)"),
        ("split(a, ' ')[1] + b", "N(get(split(a, ' '), 1)) + N(b)"),
        ("coalesce(a, 0)", "coalesce(N(a), 0)"),
        ("coalesce(a, b)", "coalesce(a, b)"),
        ("a - coalesce(nullif(b, ''), 0)", "N(a) - coalesce(nullif(N(b), N('')), 0)"),
        ("a - if(b = '', '0', b)", "N(a) - if(b = '', N('0'), N(b))"),
        ("date '2026-01-01' - 1", "date '2026-01-01' - 1"),
        ("CASE WHEN t = 'R' THEN -q ELSE q END", "CASE WHEN t = 'R' THEN -N(q) ELSE N(q) END"),
        ("CASE t WHEN 'R' THEN 'a' ELSE b END", "CASE t WHEN 'R' THEN 'a' ELSE b END"),
        ("if(a > 0, b, 0)", "if(N(a) > 0, N(b), 0)"),
        ("a BETWEEN 1 AND 2 OR b IN (0, -1)", "N(a) BETWEEN 1 AND 2 OR N(b) IN (0, -1)"),
        ("a = '1' AND 0 <> b", "a = '1' AND 0 <> N(b)"),
        ("int(a) + cast(b AS int)", "try_cast(a AS int) + try_cast(b AS int)"),
        # What is no number stays as it is.
        ("a || '-' || b", "a || '-' || b"),
        ("d + interval 1 day", "d + interval 1 day"),
        ("to_timestamp(a, 'yyyy-MM')", "try_to_timestamp(a, 'yyyy-MM')"),
        ("transform(split(a, ','), x -> trim(x))", "transform(split(a, ','), x -> trim(x))"),
        ("granted = 'true'", "granted = 'true'"),
        ("a['x / y']", "a['x / y']"),
        ("CAST(x AS decimal(18,4))", "try_cast(x AS decimal(18,4))"),
    ],
)  # fmt: skip
def test_a_text_is_read_as_a_number_where_one_is_calculated_with_it(text: str, safe: str) -> None:
    assert null_on_error(text, number="N({})".format) == safe


def test_columns_with_types_stay_and_only_failures_become_null() -> None:
    text = "a / b + cast(c AS int) - m['k'] * CASE WHEN d > 0 THEN e ELSE 1 END"
    safe = "a / nullif(b, 0D) + try_cast(c AS int) - m['k'] * CASE WHEN d > 0 THEN e ELSE 1 END"
    assert null_on_error(text) == safe


@pytest.mark.parametrize(
    ("text", "filtered"),
    [
        ("sum(a) / sum(b)", "sum(a) FILTER (WHERE w) / sum(b) FILTER (WHERE w)"),
        ("1 - avg(cast(a AS int))", "1 - avg(cast(a AS int)) FILTER (WHERE w)"),
        ("greatest(sum(a), count(DISTINCT b))", "greatest(sum(a) FILTER (WHERE w), count(DISTINCT b) FILTER (WHERE w))"),
        ("sum(a) FILTER (WHERE b OR c)", "sum(a) FILTER (WHERE (w) AND (b OR c))"),
        ("percentile_cont(0.5) WITHIN GROUP (ORDER BY a)", "percentile_cont(0.5) WITHIN GROUP(ORDER BY a) FILTER (WHERE w)"),
        ("CASE WHEN count(*) > 2 THEN max(a) END", "CASE WHEN count(*) FILTER (WHERE w) > 2 THEN max(a) FILTER (WHERE w) END"),
        ("upper(a)", "upper(a)"),
    ],
)  # fmt: skip
def test_a_condition_holds_for_every_aggregate_of_an_expression(text: str, filtered: str) -> None:
    assert filter_aggregates(text, "w") == filtered
    assert has_aggregate(text) == ("FILTER" in filtered)


REFUSED = [
    ("", "the expression is empty"),
    ("   ", "the expression is empty"),
    ("(SELECT max(x) FROM t)", "'SELECT' is not allowed here"),
    ("a > (TABLE t)", "'TABLE' is not allowed here"),
    ("exists(FROM t)", "'FROM' is not allowed here"),
    ("exists(FROM (t))", "'FROM' is not allowed here"),
    ("exists(FROM\t`t` AS x)", "'FROM' is not allowed here"),
    ("upper(from AS x)", "'from' is not allowed here"),
    ("a; DROP TABLE t", "more than one expression"),
    ("a, b", "more than one expression"),
    ("a /* hidden */ > 5", "has no comments"),
    ("a -- hidden", "has no comments"),
    ("rand() > 0.5", "'rand' is not allowed here"),
    ("uuid()", "'uuid' is not allowed here"),
    ("now() - a", "'now' is not allowed here"),
    ("unix_timestamp() - a", "'unix_timestamp' is not allowed here"),
    ("current_time", "'current_time' is not allowed here"),
    ("user()", "'user' is not allowed here"),
    ("sum(a) OVER (PARTITION BY b)", "'OVER' is not allowed here"),
    ("row_number() over ()", "'over' is not allowed here"),
    ('a = "north"', "in double quotes"),
    ('"unit price" * 2', "in double quotes"),
    ("a = 'north", "a quote is not closed"),
    ("a = north'", "a quote is not closed"),
    ("`unit price * 2", "a backtick is not closed"),
    ("a = \u2018north\u2019", "a typographic quote"),
    ("(a + b", r"a '\(' is not closed"),
    ("a + b)", r"a '\)' closes no bracket"),
    ("a) + (b", r"a '\)' closes no bracket"),
    ("split(a, ' '[0)]", "closes no bracket"),
    ("a::int", "'::' is not supported here"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_is_no_expression_over_a_row_is_refused_with_the_fix(text: str, message: str) -> None:
    for error in (ConfigError, UsageError):
        with pytest.raises(error, match=f"^tags.yml: rich: .*{message}") as refused:
            refuse_unsafe_sql(text, where="tags.yml: rich", error=error)
        assert refused.value.found in (text, repr(text))
        assert refused.value.fix is not None


@pytest.mark.parametrize(
    "text",
    [
        "a = 'it\\'s; \"so\" -- /* (' AND `over` > 0",
        "concat('a''b', `c``d`)",
        "unix_timestamp(a, 'yyyy')",
        'concat(a, "it\'s")',
        "a IN (1, 2) AND m['(']",
        "from_json(a, 'struct<x:int>').x",
    ],
)
def test_signs_within_texts_and_names_are_no_mistake(text: str) -> None:
    refuse_unsafe_sql(text, where="w")
    assert null_on_error(text) == text
