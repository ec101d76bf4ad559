"""SQL that users write: what is invalid is named, with the columns, the types and the fix."""

import pytest
from frames import first_row
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from clarion.kernel import sql
from clarion.kernel.errors import ConfigError, UsageError
from clarion.kernel.expressions import column_name, refuse_unsafe_sql
from clarion.measures.columns.expressions import CONDITION, UserSql, check_user_sql, user_column
from clarion.measures.columns.frames import local_frame


@pytest.fixture(scope="module")
def customers(spark: SparkSession) -> DataFrame:
    return local_frame(
        spark,
        [],
        "customer_id string, monetary decimal(18,4), last_day date, tags array<string>, `a b` int",
    )


def test_valid_expressions_pass(customers: DataFrame) -> None:
    check_user_sql(
        customers,
        [
            UserSql(where="w", text="monetary > 5 AND array_contains(tags, 'x')", result=CONDITION),
            UserSql(where="w", text="`a b` + 1", result="double"),
            UserSql(where="w", text="sum(monetary) / count(*)", is_aggregate=True),
            UserSql(where="w", text="upper(customer_id)"),
        ],
    )


@pytest.mark.parametrize(
    ("text", "found", "fix"),
    [
        ("monetry > 5", "there is no column 'monetry'", "did you mean 'monetary'?"),
        ("shoe_size > 5", "there is no column 'shoe_size'; the columns are: customer_id", "a hint"),
        ("monetary > ", "a syntax error at end of input", "write one SQL expression"),
        ("monetary customer_id tags", "a syntax error at", "write one SQL expression"),
        ("monetary customer_id", "a syntax error at", "write one SQL expression"),
        ("monetary AS amount", "a syntax error at", "write one SQL expression"),
        ("round(monetary, 1, 2)", "'round' has 3 arguments", "write [1, 2] arguments"),
        ("sum(monetary) > 5", "an aggregate over several rows", "the row's own columns"),
        ("nonsense(monetary)", "there is no function 'nonsense'", "a function of Spark SQL"),
        ("last_day > 5", "last_day is date", "a hint"),
        ("tags['x'] = 'y'", "tags is array<string>", "a hint"),
        ("*", "several values", "an expression of one value"),
    ],
)
def test_an_invalid_expression_is_named_with_what_was_found_and_the_fix(
    customers: DataFrame, text: str, found: str, fix: str
) -> None:
    expressions = [
        UserSql(where="tags.yml: good", text="monetary > 5"),
        UserSql(where="tags.yml: rich", text=text, hint="a hint"),
    ]
    with pytest.raises(ConfigError) as error:
        check_user_sql(customers, expressions)
    assert error.value.what == f"tags.yml: rich: invalid expression: {text}"
    assert found in str(error.value.found)
    assert fix in str(error.value.fix)
    assert "\n" not in f"{error.value.found}{error.value.fix}"  # no plan


def test_what_is_no_expression_over_a_row_is_refused_before_spark_sees_it(
    customers: DataFrame,
) -> None:
    with pytest.raises(ConfigError, match="'SELECT' is not allowed here") as error:
        check_user_sql(customers, [UserSql(where="w", text="(SELECT max(x) FROM t)")])
    assert error.value.fix is not None


def test_a_word_of_sql_may_be_the_name_of_a_column(spark: SparkSession) -> None:
    """Of the 395 words of `sql_keywords()` the others read as columns without quotes, too."""
    words = [
        *("over", "select", "current_user", "session_user", "current_date", "current_timestamp"),
        *("localtimestamp", "from", "table", "with", "true", "false", "null"),
        *("order", "date", "values", "rand", "interval", "case", "a`b", "größe", "2nd"),
    ]
    schema = ", ".join(f"{sql.name(word)} string" for word in words)
    texts = [f"trim({column_name(word)})" for word in words]
    for text in texts:
        refuse_unsafe_sql(text, where="w")
    row = local_frame(spark, [tuple(words)], schema)
    assert list(first_row(row.selectExpr(*texts))) == words


def test_a_column_that_is_named_like_the_start_of_a_subquery_needs_no_quotes_where_it_is_none(
    spark: SparkSession,
) -> None:
    row = local_frame(spark, [("1", "2", "3")], "`from` string, `table` string, `with` string")
    texts = ["trim(from)", "coalesce(table, '')", "(with || from)", "try_cast(from AS int)", "cast( table as int )", "(from != '1')"]  # fmt: skip
    check_user_sql(row, [UserSql(where="w", text=text) for text in texts])
    assert list(first_row(row.select(*map(F.expr, texts)))) == ["1", "2", "31", 1, 2, False]


def test_a_condition_must_be_a_boolean(customers: DataFrame) -> None:
    condition = UserSql(where="the audience", text="monetary", result=CONDITION)
    with pytest.raises(UsageError, match="the audience: 'monetary' is no condition") as error:
        check_user_sql(customers, [condition], error=UsageError)
    assert error.value.found == "a value of type decimal(18,4)"


def test_a_value_must_be_of_a_type_that_can_be_cast(customers: DataFrame) -> None:
    value = UserSql(where="mapping x.orders: quantity", text="last_day", result="decimal(18,4)")
    with pytest.raises(ConfigError) as error:
        check_user_sql(customers, [value])
    assert "date cannot become decimal(18,4)" in str(error.value.found)
    assert "last_day is date" in str(error.value.found)


def test_a_number_of_a_model_is_no_text(customers: DataFrame) -> None:
    """The texts of one customer may be numbers; a cast would fail on those of another."""
    value = UserSql(where="features.yml: age", text="customer_id", result="double")
    with pytest.raises(ConfigError, match="age: 'customer_id' is no number") as error:
        check_user_sql(customers, [value])
    assert error.value.found == "a value of type string"
    assert "try_cast" in str(error.value.fix)


def test_a_division_by_zero_of_a_person_gives_null(spark: SparkSession) -> None:
    row = local_frame(spark, [(5.0, 0.0, "x")], "spend double, orders double, word string")
    texts = ("spend / orders", "spend % orders", "cast(word AS int)", "split(word, ' ')[3]")
    check_user_sql(row, [UserSql(where="w", text=text) for text in texts])
    assert list(first_row(row.select(*map(user_column, texts)))) == [None] * len(texts)


def test_an_aggregate_must_be_one(customers: DataFrame) -> None:
    value = UserSql(where="w", text="monetary", is_aggregate=True)
    with pytest.raises(ConfigError) as error:
        check_user_sql(customers, [value])
    assert error.value.fix == "write an aggregate such as max(column)"
