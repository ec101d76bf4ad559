"""Mappings and configuration: what is wrong is said before any data moves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clarion.campaigns.decisions.settings import parse_catalogue
from clarion.collect.sources import file_store
from clarion.collect.sources.chunks import SourceChunk
from clarion.collect.sources.expressions import Expression
from clarion.collect.sources.ledger import Entry
from clarion.collect.sources.mapping_file import parse_mapping
from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.customers.segments.settings import SegmentSettings
from clarion.kernel.errors import ClarionError, ConfigError, SecretError, SourceError
from clarion.sim.shop import parse_shop
from clarion.workflows.cleaning_plan import earlier_batches

ORDERS: dict[str, Any] = {
    "where": "/data/*.csv",
    "format": "csv",
    "time_zone": "Europe/London",
    "consent": {"basis": "declared", "purposes": ["analytics"]},
    "columns": {
        "order_ref": "a",
        "happened_at": "b",
        "product_ref": "c",
        "quantity": "d",
        "unit_price": "e",
    },
}


def test_casts_and_dates_give_null_instead_of_failing_and_literals_stay() -> None:
    expression = Expression(
        "concat(cast(`To Date` as int), 'cast(x)', to_timestamp (b, 'yyyy'))", "x"
    )
    assert (
        expression.try_sql
        == "concat(try_cast(`To Date` as int), 'cast(x)', try_to_timestamp(b, 'yyyy'))"
    )


def test_an_expression_knows_the_columns_it_uses() -> None:
    expression = Expression("coalesce(nullif(Customer, 'A'), upper(`Second Name`), 'Third')", "x")
    assert expression.columns(("customer", "Second Name", "Third")) == ("customer", "Second Name")


@pytest.mark.parametrize(
    "sql",
    [
        "(select max(x) from t)",
        "reflect('java.lang.System', 'exit', 1)",
        "java_method('java.lang.Runtime', 'getRuntime')",
        "x::int",
        "a; drop table t",
        "explode(split(a, ','))",
        "rank() over (order by a)",
        "rand()",
        "now()",
        "current_date",
    ],
)
def test_an_expression_may_not_reach_beyond_its_row(sql: str) -> None:
    with pytest.raises(ConfigError, match="mapping") as error:
        Expression(sql, "mapping m.orders.x")
    assert "fix:" in str(error.value)


def test_a_column_may_have_the_name_of_a_function() -> None:
    assert Expression("upper(stack)", "x").columns(("stack",)) == ("stack",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "colour"),
        ({"time_zone": "Europe/Atlantis"}, "unknown time zone"),
        ({"columns": {**ORDERS["columns"], "prize": "e"}}, "no column 'prize'"),
        ({"columns": {"order_ref": "a"}}, "required column 'happened_at' is not mapped"),
        ({"rules": {"quantity": "whatever"}}, "no policy 'whatever'"),
        ({"consent": None}, "does not say on what ground"),
        ({"where": "${nowhere}/x.csv"}, "has no value"),
        ({"where": "/data/../secret/*.csv"}, "climb out"),
        ({"options": {"password": "hunter2"}}, "is readable in 'options'"),
        ({"where": "jdbc:postgresql://u:hunter2@h/db", "format": "jdbc"}, "holds a password"),
        (
            {"where": "jdbc:postgresql://h/db", "format": "jdbc", "options": {"dbtable": "t"}},
            "ranges of a column",
        ),
        ({"where": "kafka://h:9092", "format": "kafka"}, "brokers and itself"),
        ({"duplicates": "keep", "incremental": {"by": "id", "overlap": 5}}, "reads rows twice"),
        ({"changed": "ignore"}, "changed"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_fix(change: dict[str, object], message: str) -> None:
    with pytest.raises(ClarionError, match=message):
        parse_mapping("m", {"orders": {**ORDERS, **change}}, variables={})


@pytest.mark.parametrize(
    ("kind", "column", "change", "message"),
    [
        ("orders", "refund", {}, "a value of the line itself"),
        ("orders", "amount", {}, "a value of the line itself"),
        ("orders", "order_ref", {}, "a value of the line itself"),
        ("orders", "status", {}, "filled from the line above and not mapped"),
        ("orders", "happened_at", {"format": "json"}, "there is none"),
        ("orders", "happened_at", {"mode": "stream"}, "there is none"),
        ("costs", "channel", {"columns": {"day": "a", "channel": "b", "amount": "c"}}, "no lines"),
    ],
)
def test_only_fields_of_the_order_are_filled_from_above(
    kind: str, column: str, change: dict[str, Any], message: str
) -> None:
    body = {**ORDERS, "missing": {column: {"fill": "from_above"}}, **change}
    with pytest.raises(ConfigError) as error:
        parse_mapping("m", {kind: body}, variables={})
    assert message in str(error.value)


def test_an_unknown_source_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'orders'"):
        parse_mapping("m", {"order": ORDERS}, variables={})


@pytest.mark.parametrize(
    "name", ["online_retail", "complete_journey", "sim", "sim_live", "sim_answers"]
)
def test_every_packaged_mapping_is_valid(name: str) -> None:
    text = Config.load().text(f"sources/{name}.yml")
    assert parse_mapping(name, parse_yaml(text, where=name), variables={"data": "/data"})


@pytest.mark.parametrize("name", Config.load().names("shops"))
def test_every_shop_file_is_valid_and_uneven(name: str) -> None:
    shop = parse_shop(parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name), where=name)
    shares = [persona.share for persona in shop.personas if persona.share]
    assert len(shares) >= 8
    assert max(shares) / min(shares) >= 8


def test_there_are_five_frozen_shops_and_one_whose_customers_change() -> None:
    shops = {
        name: parse_shop(
            parse_yaml(Config.load().text(f"shops/{name}.yml"), where=name), where=name
        )
        for name in Config.load().names("shops")
    }
    assert len(shops) == 6
    assert [name for name, shop in shops.items() if shop.changes] == ["changing"]


def test_a_change_of_a_persona_that_does_not_exist_is_refused() -> None:
    written = parse_yaml(Config.load().text("shops/changing.yml"), where="changing")
    written["changes"][1]["becomes"] = "app_huntress"
    with pytest.raises(ConfigError, match="'app_huntress', which is not a persona"):
        parse_shop(written, where="changing")


def test_an_unknown_setting_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'segment.k_max'"):
        Config.load(overrides=("segment.k_mx=3",))


def test_a_setting_of_the_wrong_type_names_its_origin() -> None:
    with pytest.raises(ConfigError, match="segment.k_min in --set"):
        Config.load(overrides=("segment.k_min=many",)).section(SegmentSettings)


def test_a_default_gives_way_to_what_a_shop_or_a_flag_has_set(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("strategy:\n  budget: 5\n")
    config = Config.load(
        environment="small", conf_dir=tmp_path, overrides=("strategy.holdout=0.3",)
    )
    changed = config.with_defaults(
        "demo", strategy__budget=1, strategy__holdout=0.1, strategy__target_ctr=0.15
    )
    names = ("budget", "holdout", "target_ctr")
    assert [changed.get(f"strategy.{name}") for name in names] == [5, 0.3, 0.15]


def test_a_shops_own_folder_is_laid_over_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("shop:\n  name: mine\n")
    config = Config.load(conf_dir=tmp_path)
    assert config.get("shop.name") == "mine"
    assert ("shop.name", "mine", str(tmp_path / "base.yml")) in config.rows()


def test_a_secret_is_a_reference_or_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc\n")
    assert Config.load().secret(f"file:{tmp_path / 'key'}") == "abc"
    with pytest.raises(SecretError, match="names nothing") as error:
        Config.load().secret("env:CLARION_NO_SUCH_VARIABLE")
    assert "privacy: {key: file:/PATH/FILE}" in str(error.value)  # where a new key is named


def test_files_are_found_in_order_and_empty_ones_refused(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.txt", "_hidden.csv"):
        (tmp_path / name).write_text("x")
    found = file_store.find_files(f"{tmp_path}/*.csv", source="s")
    assert [Path(path).name for path in (file.path for file in found)] == ["a.csv", "b.csv"]
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(SourceError, match="is empty"):
        file_store.examine_file(
            str(tmp_path / "a.csv"), source="s", read_header=lambda store, path: ""
        )


@pytest.mark.parametrize(
    "where", ["./*.csv", "*.csv", "../a[[]b]/*.csv", "{folder}/../a[[]b]/*.csv"]
)
def test_a_file_has_its_whole_path_from_wherever_its_pattern_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    folder = tmp_path / "a[b]"  # brackets of the folder that commands are called in are no pattern
    folder.mkdir()
    (folder / "a.csv").write_text("x")
    monkeypatch.chdir(folder)
    pattern = where.format(folder=str(folder).replace("[", "[[]"))
    (found,) = file_store.find_files(pattern, source="s")
    assert found.path == str(folder / "a.csv")  # as Spark's metadata names the file of a record


@pytest.mark.parametrize(("text", "found"), [("", "OSError"), ("cut\nat byte 7", "cut")])
def test_a_damaged_file_is_named_whatever_its_library_says(
    tmp_path: Path, text: str, found: str
) -> None:
    (tmp_path / "a.csv").write_text("x")

    def read_header(store: object, path: str) -> str:
        raise OSError(text)

    with pytest.raises(SourceError, match="is damaged or cut") as error:
        file_store.examine_file(str(tmp_path / "a.csv"), source="s", read_header=read_header)
    assert error.value.found == found


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        file_store.find_files(f"{tmp_path}/none/*.csv", source="s")


def test_an_offer_may_not_be_called_nothing() -> None:
    written = parse_yaml(Config.load().text("offers.yml"), where="offers.yml")
    assert len(parse_catalogue(written, where="offers.yml").offers) == 8
    written["offers"][0]["id"] = "nothing"
    with pytest.raises(ConfigError, match="reserved"):
        parse_catalogue(written, where="offers.yml")


def test_duplicates_are_looked_for_as_far_back_as_the_mapping_says() -> None:
    def entry(batch: str, day: int) -> Entry:
        taken = datetime(2026, 3, day, tzinfo=UTC)
        return Entry(
            chunk=SourceChunk(f"{batch}.csv", 1, batch),
            batch=batch,
            state="taken",
            columns=(),
            taken_at=taken,
        )

    entries = [entry("old", 1), entry("recent", 15), entry("new", 20)]
    for days, expected in ((None, ("old", "recent")), (7, ("recent",)), (3, ())):
        duplicates = {"key": ["order_no"], "within_days": days} if days else {"key": ["order_no"]}
        (source,) = parse_mapping(
            "m", {"orders": {**ORDERS, "duplicates": duplicates}}, variables={}
        )
        assert earlier_batches(source, entries, {"new"}, {"old", "recent"}) == expected
    (all_columns,) = parse_mapping(
        "m", {"orders": {**ORDERS, "duplicates": {"within_days": 30}}}, variables={}
    )
    assert (all_columns.duplicates, all_columns.duplicate_days) == ("drop", 30)


def test_a_small_lakes_settings_are_laid_over_those_of_one_machine() -> None:
    local, small = (Config.load(environment=name).get("spark.conf") for name in ("local", "small"))
    assert set(local) < set(small)
    assert small["spark.sql.adaptive.enabled"] is local["spark.sql.adaptive.enabled"] is False
    assert (local["spark.sql.shuffle.partitions"], small["spark.sql.shuffle.partitions"]) == (4, 2)


def test_a_shop_that_adds_a_spark_setting_keeps_those_of_the_environment(tmp_path: Path) -> None:
    packaged = Config.load(environment="small").get("spark.conf")
    assert packaged["spark.ui.enabled"] is False
    (tmp_path / "base.yml").write_text(
        "spark: {conf: {spark.driver.extraClassPath: a.jar, spark.sql.shuffle.partitions: 7, "
        "spark.ui.enabled: null}}"
    )
    own = {"spark.driver.extraClassPath": "a.jar", "spark.sql.shuffle.partitions": 7}
    config = Config.load(environment="small", conf_dir=tmp_path)
    expected = {**packaged, **own}
    del expected["spark.ui.enabled"]
    assert config.get("spark.conf") == expected
    set_too = Config.load(
        environment="small", conf_dir=tmp_path, overrides=("spark.conf={spark.x: 1}",)
    )
    assert set_too.get("spark.conf") == {**expected, "spark.x": 1}
    # What a model is fed with is replaced, not added to.
    (tmp_path / "base.yml").write_text("predict: {features: {recency: order_recency}}")
    replaced = Config.load(conf_dir=tmp_path)
    assert replaced.get("predict.features") == {"recency": "order_recency"}
