"""Declared features: what they mean, what they may see, and what they cost."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from frames import first_row
from pyspark.sql import DataFrame, SparkSession

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.contracts import TABLES
from clarion.customers.features import transforms, views
from clarion.customers.features.checks import check_features
from clarion.customers.features.definitions import Feature, levels, parse
from clarion.customers.features.deliveries import deliveries
from clarion.customers.tags.transforms import assign_tags
from clarion.declarations import shop
from clarion.declarations.shop import features
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.frames import local_frame
from clarion.products.catalogue.current import current_products

AS_OF = date(2026, 6, 1)
DAY = (
    "customer_id string, day date, known_on date, orders long, amount decimal(18,4), cart_adds long"
)
LINE = (
    "customer_id string, order_id string, kind string, quantity decimal(18,4), amount decimal(18,4), discount decimal(18,4), coupon_ref string, "
    "store_ref string, channel string, happened_at string, arrived_at string"
)
ONE = {
    "source": "days",
    "value": "sum(orders)",
    "unit": "orders",
    "meaning": "m",
    "en": "e",
    "zh": "z",
}


def _features(**bodies: Mapping[str, object]) -> tuple[Feature, ...]:
    return parse({name: {**ONE, **body} for name, body in bodies.items()})


def _days(
    rows: Callable[..., DataFrame], *values: tuple[str, str, str, int, str, int]
) -> DataFrame:
    return rows(
        DAY,
        *(
            (who, date.fromisoformat(day), date.fromisoformat(known), n, Decimal(paid), adds)
            for who, day, known, n, paid, adds in values
        ),
    )


@pytest.mark.covers("Q6")
def test_at_least_sixty_features_are_shipped_with_names_in_two_languages(config: Config) -> None:
    shipped = features(config)
    assert len(shipped) >= 60
    for labels in ([item.label_en for item in shipped], [item.label_zh for item in shipped]):
        assert len(set(labels)) == len(labels)
    assert all(re.search(r"[\u4e00-\u9fff]", item.label_zh) for item in shipped)


@pytest.mark.covers("Q6")
def test_three_cart_adds_in_seven_days_are_found(rows: Callable[..., DataFrame]) -> None:
    declared = _features(
        cart_adds={"value": "sum(cart_adds)", "within": [7], "empty": 0},
        three_cart_adds={"source": "features", "value": "cast(cart_adds_7d >= 3 AS int)"},
        # The window holds for each aggregate, and nobody has an order to divide by.
        a_day={"value": "1.0 * sum(cart_adds) / count(*)", "where": "cart_adds > 0", "within": [7]},
        an_order={"value": "sum(cart_adds) / sum(orders)", "within": [7]},
    )
    days = _days(
        rows,
        ("keen", "2026-05-25", "2026-05-25", 0, "0", 1), ("keen", "2026-05-31", "2026-05-31", 0, "0", 2),
        ("slow", "2026-05-24", "2026-05-24", 0, "0", 2), ("slow", "2026-05-31", "2026-05-31", 0, "0", 1),
    )  # fmt: skip
    everyone = rows("customer_id string", ("keen",), ("slow",), ("silent",))
    found = transforms.compute_features(everyone, {"days": views.days(days, as_of=AS_OF)}, declared)
    check_features(everyone, {"days": views.days(days, as_of=AS_OF)}, declared)
    values = ("three_cart_adds", "a_day_7d", "an_order_7d")
    by_customer = {
        row["customer_id"]: tuple(row[name] for name in values) for row in found.collect()
    }
    assert by_customer == {
        "keen": (1.0, 1.5, None),
        "slow": (0.0, 1.0, None),
        "silent": (0.0, None, None),
    }


def test_features_over_features_are_computed_in_few_groups_each_after_what_it_names(
    rows: Callable[..., DataFrame],
) -> None:
    declared = _features(
        total={"value": "sum(orders)"},
        double={"source": "features", "value": "2 * total"},
        half={"source": "features", "value": "total / 2", "where": "total > 3"},
        quadruple={"source": "features", "value": "2 * double"},
        sum_of_all={"source": "features", "value": "total + quadruple"},
    )
    groups = levels(declared[1:])
    assert [[item.name for item in group] for group in groups] == [
        ["double", "half"],
        ["quadruple"],
        ["sum_of_all"],
    ]
    days = _days(rows, ("k", "2026-05-30", "2026-05-30", 3, "10", 0))
    facts = {"days": views.days(days, as_of=AS_OF)}
    everyone = rows("customer_id string", ("k",))
    check_features(everyone, facts, declared)
    found = first_row(transforms.compute_features(everyone, facts, declared))
    assert tuple(found)[1:] == (3.0, 6.0, None, 12.0, 15.0)

    too_early = (*declared[:1], declared[3], *declared[1:3])
    with pytest.raises(ConfigError, match="there is no column 'double'"):
        check_features(everyone, facts, too_early)


def test_what_happens_or_arrives_on_the_as_of_day_or_later_is_not_seen(
    rows: Callable[..., DataFrame],
) -> None:
    before = ("k", "2026-05-30", "2026-05-30", 1, "10", 0)
    leak = [
        ("k", "2026-06-01", "2026-06-01", 5, "50", 0),
        ("k", "2026-05-20", "2026-06-01", 7, "70", 0),
    ]
    declared = _features(orders={"value": "sum(orders)"})

    def orders(*values: tuple[str, str, str, int, str, int]) -> float:
        view = views.days(_days(rows, *values), as_of=AS_OF)
        return float(
            first_row(
                transforms.compute_features(
                    rows("customer_id string", ("k",)), {"days": view}, declared
                )
            )["orders"]
        )

    assert orders(before, *leak) == orders(before) == 1.0


def test_unknown_is_not_zero_unless_the_feature_says_so(rows: Callable[..., DataFrame]) -> None:
    declared = _features(
        a={"value": "avg(orders)"},
        b={"value": "sum(orders)", "empty": 0},
        c={"source": "reviews", "value": "count(*)"},
    )
    wide = transforms.compute_features(
        rows("customer_id string", ("k",)), {"days": views.days(_days(rows), as_of=AS_OF)}, declared
    )
    packed = transforms.pack_features(wide, declared)
    assert first_row(packed)["values"] == {"b": 0.0}
    assert first_row(transforms.unpack_features(packed, declared)).asDict() == {
        "customer_id": "k",
        "a": None,
        "b": 0.0,
        "c": None,
    }


def test_an_order_is_one_row_with_its_gap_and_what_was_not_sold_is_none(
    rows: Callable[..., DataFrame],
) -> None:
    lines = rows(
        LINE,
        ("k", "o1", "sale", None, None, None, None, None, "web", "2026-05-01 20:00:00", "2026-05-01 20:00:00"),
        ("k", "o1", "sale", None, None, None, "C", None, "web", "2026-05-01 20:00:00", "2026-05-01 20:00:00"),
        ("k", "o2", "sale", None, None, None, None, "s", "store", "2026-05-11 09:00:00", "2026-05-11 09:00:00"),
        ("k", "r1", "return", None, None, None, None, None, "web", "2026-05-12 09:00:00", "2026-05-12 09:00:00"),
        ("k", "n1", "no_sale", None, None, None, None, None, "web", "2026-05-08 09:00:00", "2026-05-08 09:00:00"),
    ).selectExpr(
        "customer_id", "order_id", "kind", "1BD quantity", "10BD amount", "1BD discount", "coupon_ref", "store_ref", "channel",
        "timestamp(happened_at) happened_at", "timestamp(arrived_at) arrived_at",
    )  # fmt: skip
    orders = {
        row["order_id"]: row
        for row in views.orders(lines, as_of=AS_OF, time_zone="Asia/Shanghai").collect()
    }
    assert set(orders) == {"o1", "o2", "r1"}  # nothing was sold or sent back with n1
    assert (
        orders["o1"]["amount"],
        orders["o1"]["lines"],
        orders["o1"]["coupon"],
        orders["o1"]["hour"],
        orders["o1"]["age"],
    ) == (20.0, 2, True, 4, 30.0)
    assert (orders["o2"]["gap_days"], orders["o2"]["in_store"], orders["o2"]["weekday"]) == (
        9.0,
        True,
        1,
    )
    assert (orders["r1"]["amount"], orders["r1"]["gap_days"], orders["r1"]["returned"]) == (
        None,
        None,
        10.0,
    )


@pytest.mark.covers("C6", "V3")
def test_surveys_coupons_and_contacts_become_features_and_tags(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    at = ("cast(at AS timestamp) at", "cast(at AS timestamp) arrived_at")
    statements = rows("customer_id string, name string, value string, at string",
        ("k", "satisfaction", "5", "2026-03-01 10:00:00"), ("k", "satisfaction", "2", "2026-05-01 10:00:00"), ("k", "household", "4", "2026-05-01 10:00:00"),
        ("k", "satisfaction", "9", "2026-06-01 10:00:00")).selectExpr("customer_id", "name", "value", *at)  # fmt: skip
    times = (
        "timestamp'2026-05-20 10:00:00' happened_at",
        "timestamp'2026-05-20 10:00:00' arrived_at",
    )
    coupons = rows("customer_id string", ("k",), ("k",)).selectExpr("customer_id", *times)
    contacts = rows(
        "customer_id string, topic string, contact_ref string",
        ("l", "complaint", "h1"),
        ("l", "complaint", "h2"),
    ).selectExpr(
        *(
            "customer_id",
            "topic",
            "contact_ref",
            "contact_ref record_id",
            "'shop.contacts' _source",
        ),
        *("4BD satisfaction", "timestamp(NULL) resolved_at", *times),
    )
    chosen = tuple(
        item for item in features(config) if item.source in ("traits", "redemptions", "contacts")
    )
    feature_views = {
        "traits": views.traits(statements, as_of=AS_OF, time_zone="UTC"), "redemptions": views.facts(coupons, as_of=AS_OF, time_zone="UTC"),
        "contacts": views.contacts(contacts, as_of=AS_OF, time_zone="UTC"),
    }  # fmt: skip
    wide = transforms.compute_features(
        rows("customer_id string", ("k",), ("l",)), feature_views, chosen
    )
    by_customer = {row["customer_id"]: row for row in wide.collect()}
    assert (
        by_customer["k"]["survey_answers_365d"],
        by_customer["k"]["stated_satisfaction"],
        by_customer["k"]["coupons_redeemed_90d"],
    ) == (3.0, 2.0, 2.0)
    assert (
        by_customer["l"]["stated_satisfaction"],
        by_customer["l"]["complaints_365d"],
        by_customer["l"]["satisfaction"],
    ) == (None, 2.0, 4.0)
    rules = {
        tag.name: tag.when
        for tag in shop.tags(config)
        if tag.name in ("dissatisfied", "coupon_user")
    }
    others = ("cast(null AS double) coupon_share", "cast(null AS double) mention_rating")
    tags = assign_tags(wide.selectExpr("*", *others), rules)
    assert {row["customer_id"]: row["tags"] for row in tags.collect()} == {
        "k": ["coupon_user", "dissatisfied"],
        "l": ["dissatisfied"],
    }


@pytest.mark.covers("P1")
def test_who_a_customer_is_follows_the_last_account_that_says_so(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    accounts = (
        rows(
            "customer_id string, registered_at string, arrived_at string, sex string, birth_date string, region string, occupation string, income_band string, "
            "member_level string, channel string",
            (
                "k",
                "2025-06-01 10:00:00",
                "2025-06-01 10:00:00",
                "f",
                "1990-06-02",
                "上海",
                None,
                None,
                "gold",
                "app",
            ),
            (
                "k",
                "2026-01-01 10:00:00",
                "2026-01-01 10:00:00",
                None,
                "1990-06-01",
                "北京",
                None,
                None,
                None,
                "web",
            ),
            (
                "k",
                "2026-02-01 10:00:00",
                "2026-06-02 10:00:00",
                "m",
                "2001-01-01",
                "广州",
                None,
                None,
                None,
                "web",
            ),
            (
                "l",
                "2026-05-31 10:00:00",
                "2026-05-31 10:00:00",
                None,
                "1890-01-01",
                None,
                None,
                None,
                None,
                None,
            ),
        )
        .selectExpr(
            "*",
            "timestamp(registered_at) at",
            "timestamp(arrived_at) known",
            "date(birth_date) born",
        )
        .drop("registered_at", "arrived_at", "birth_date")
    )
    typed_accounts = accounts.withColumnsRenamed(
        {"at": "registered_at", "known": "arrived_at", "born": "birth_date"}
    )
    chosen = tuple(item for item in features(config) if item.source == "registrations")
    view = views.registrations(typed_accounts, as_of=AS_OF, time_zone="UTC")
    by_customer = {
        row["customer_id"]: row
        for row in transforms.compute_features(
            rows("customer_id string", ("k",), ("l",)), {"registrations": view}, chosen
        ).collect()
    }
    names = ("sex", "years", "region", "member_level", "joined_by", "registered")
    assert [by_customer["k"][name] for name in names] == [
        "f",
        36.0,
        "北京",
        "gold",
        "app",
        365.0,
    ], "what arrived later is not known, what an account leaves out another says"
    assert [by_customer["l"][name] for name in names] == [None, None, None, None, None, 1.0], (
        "nobody is 136 years old"
    )


def test_interest_is_shared_out_over_categories_and_prices(rows: Callable[..., DataFrame]) -> None:
    interactions = rows(
        "customer_id string, product_id string, category string, orders long, interest double, rank int",
        ("k", "p1", "a", 1, 3.0, 1), ("k", "p2", "b", 0, 2.0, 2), ("k", "p3", "b", 2, 2.0, 3), ("k", "p9", None, 0, 1.0, 4),
    )  # fmt: skip
    products = rows(
        "product_id string, category string, brand string, list_price decimal(18,4)",
        ("p1", "a", "X", None),
        ("p2", "b", "X", None),
        ("p3", "b", None, None),
    ).selectExpr(
        "product_id",
        "category",
        "brand",
        "decimal(case product_id when 'p2' then 5 when 'p3' then 9 end) list_price",
    )
    view = views.interactions(interactions, products)
    by_product = {row["product_id"]: row for row in view.collect()}
    assert [by_product[name]["category_share"] for name in ("p1", "p2", "p3", "p9")] == [
        0.375,
        0.5,
        0.5,
        None,
    ]
    assert [by_product[name]["first_of_category"] for name in ("p1", "p2", "p3", "p9")] == [
        True,
        True,
        False,
        False,
    ]
    assert [by_product[name]["price_position"] for name in ("p1", "p2", "p3")] == [None, 0.0, 1.0]
    text = {
        "type": "text",
        "source": "interactions",
        "value": "max_by(category, struct(category_share, category))",
    }
    favourite = first_row(
        transforms.compute_features(
            rows("customer_id string", ("k",)), {"interactions": view}, _features(likes=text)
        )
    )["likes"]
    assert favourite == "b"


def test_each_table_is_read_once_however_many_features_look_at_it(
    rows: Callable[..., DataFrame], config: Config, lake_of_views: dict[str, DataFrame]
) -> None:
    feature_views = {name: view for name, view in lake_of_views.items() if name != "profile"}
    plan = (
        transforms.compute_features(lake_of_views["profile"], feature_views, features(config))
        ._jdf.queryExecution()
        .executedPlan()
        .toString()
    )
    # And the products' prices, and how long deliveries take as a rule.
    assert plan.count("FileScan") == len(lake_of_views) + 2
    assert "Python" not in plan


@pytest.fixture
def lake_of_views(spark: SparkSession, tmp_path: Path) -> dict[str, DataFrame]:
    """A view of every source, over empty files of the contracts' shapes."""

    def empty(name: str) -> DataFrame:
        local_frame(spark, [], TABLES[name].ddl).write.parquet(str(tmp_path / name))
        return spark.read.parquet(str(tmp_path / name))

    zone = "UTC"
    facts = {
        "reviews": "silver.reviews",
        "responses": "silver.responses",
        "redemptions": "silver.redemptions",
    }
    products = current_products(empty("silver.products"), as_of=AS_OF, time_zone=zone)
    lines = empty("silver.order_lines")
    return {
        "profile": empty("gold.customer_profiles"),
        "days": views.days(empty("gold.customer_days"), as_of=AS_OF),
        "orders": views.orders(lines, as_of=AS_OF, time_zone=zone),
        "deliveries": deliveries(lines, as_of=AS_OF, time_zone=zone),
        "contacts": views.contacts(empty("silver.service_contacts"), as_of=AS_OF, time_zone=zone),
        "events": views.events(empty("silver.events"), as_of=AS_OF, time_zone=zone),
        "interactions": views.interactions(empty("gold.interactions"), products),
        "traits": views.traits(empty("silver.traits"), as_of=AS_OF, time_zone=zone),
        "registrations": views.registrations(
            empty("silver.customers"), as_of=AS_OF, time_zone=zone
        ),
        **{
            source: views.facts(empty(name), as_of=AS_OF, time_zone=zone)
            for source, name in facts.items()
        },
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"value": "(select max(amount) from silver.order_lines)"}, "'select' is not allowed here"),
        ({"value": "sum(rand())"}, "'rand' is not allowed here"),
        ({"source": "nowhere"}, "source"),
        ({"source": "profile", "value": "orders", "within": 7}, "have no age"),
        ({"aggregation": "sum"}, "aggregation"),
        ({"value": "orders + 1"}, "'value' has no aggregate"),
        ({"where": ""}, "the expression is empty"),
    ],
)
def test_a_feature_that_is_none_is_refused(body: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        _features(mine=body)


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="declared twice"):
        parse({"orders": {**ONE, "within": [7]}, "orders_7d": ONE})


def test_the_packaged_file_is_read_whole(config: Config) -> None:
    written = parse_yaml(config.text("features.yml"), where="features.yml")
    assert len(features(config)) == sum(
        len(body["within"]) if isinstance(body.get("within"), list) else 1
        for body in written.values()
    )
