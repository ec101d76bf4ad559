"""Each kind of data is taken away in turn: no name, tag or rule of a tree speaks of it."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from clarion.config import Config
from clarion.customers.features import views
from clarion.customers.features.definitions import Feature
from clarion.customers.features.deliveries import deliveries
from clarion.customers.features.left_out import Spread, features_left_out, features_named, listed
from clarion.customers.features.transforms import (
    compute_features,
    model_inputs,
    without_features,
)
from clarion.customers.profiles.days import customer_days
from clarion.customers.profiles.interests import product_interests, top_interests
from clarion.customers.profiles.profiles import customer_profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.customers.segments import candidates, metrics, naming
from clarion.customers.segments.settings import SegmentSettings
from clarion.customers.tags import trees
from clarion.customers.tags.settings import TagSettings
from clarion.customers.tags.transforms import assign_tags
from clarion.declarations import shop
from clarion.measures.columns.frames import local_frame
from clarion.measures.statistics.intervals import NotComputable
from clarion.workflows.known_features import used_inputs

pytestmark = pytest.mark.deep  # nine shops

AS_OF = date(2026, 6, 1)
CUSTOMERS = 60
EVENT_SORTS = (
    "view", "view", "view", "view", "view", "cart_add", "cart_add", "search", "click",
    "favourite", "checkout",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data, and what speaks of it: features (a pattern), words of names, tags."""

    features: str
    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


KINDS = {
    "events": Kind(
        "(views|cart_adds|searches|clicks|favourites|checkouts|views_per_.*|carts_per_view|event_days|morning_share|evening_share|dwell|three_cart_adds)(_\\d+d)?",
        ("browsing", "purposeful", "cart-filling", "cart-shy", "ready-to-buy", "looking"),
        ("looker", "cart_leaver", "hot_now", "evening_shopper"),
    ),
    "discounts": Kind(
        "discount_taken_365d|discounted_share|discount_share|price_sensitivity",
        ("deal-seeking", "full-price"),
        ("price_sensitive", "full_price_buyer"),
    ),
    "coupons": Kind("coupon_share|coupons_redeemed_.*", (), ("coupon_user",)),
    "reviews": Kind("reviews_written_365d|rating_given"),
    "responses": Kind("messages.*|click_rate", (), ("responsive",)),
    "contacts": Kind(
        "service_contacts_.*|complaints_.*|satisfaction|last_contact|open_complaints",
        (),
        ("in_touch", "open_complaint"),
    ),
    "traits": Kind("survey_answers_365d|stated_satisfaction"),
    "products": Kind(
        "category_focus|brand_focus|categories|brands|price_level.*",
        (),
        ("premium_taste", "category_devotee", "explorer"),
    ),
    "deliveries": Kind("deliveries_.*|delivery_days|late_.*", (), ("late_deliveries",)),
}
SHOPS = ("everything", *KINDS)
TIMES = "happened_at timestamp, arrived_at timestamp"
LINE = f"customer_id string, order_id string, product_id string, kind string, quantity decimal(18,4), amount decimal(18,4), discount decimal(18,4), coupon_ref string, store_ref string, channel string, promised_at timestamp, delivered_at timestamp, {TIMES}"
EVENT = f"customer_id string, type string, product_id string, channel string, dwell_ms bigint, query string, {TIMES}"


def _instant(age: float) -> datetime:
    return datetime(2026, 6, 1, tzinfo=UTC) - timedelta(days=float(age))


class Facts:
    """What customers of nine shops did; a shop lacks the kind that it is called by."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.lines: list[tuple[object, ...]] = []
        self.events: list[tuple[object, ...]] = []
        self.others: dict[str, list[tuple[object, ...]]] = {
            kind: [] for kind in ("reviews", "responses", "redemptions", "contacts", "traits")
        }
        for name in SHOPS:
            for number in range(CUSTOMERS):
                self._customer(rng, name, f"{name}-{number:03d}", number % 4)

    def _customer(self, rng: np.random.Generator, lacks: str, customer: str, sort: int) -> None:
        """Bargain hunters, lookers, regulars, and those who were there more than a year ago."""
        orders, looks, taken, since = (
            (8, 15, 0.4, 0),
            (2, 90, 0.02, 0),
            (14, 30, 0.0, 0),
            (3, 4, 0.1, 400),
        )[sort]
        for order in range(1 + rng.poisson(orders)):
            age = since + rng.uniform(1, 350)
            product, units = int(rng.integers(0, 4) + 4 * (sort % 2)), int(rng.integers(1, 7))
            amount = float(np.round(units * rng.lognormal(2, 0.5), 2))
            discount = 0.0 if lacks == "discounts" else round(amount * taken * rng.random(), 2)
            has_coupon = lacks != "coupons" and rng.random() < 2 * taken
            channel = str(rng.choice(["web", "store"]))
            line = (
                f"p{product}",
                "sale",
                float(units),
                amount,
                discount,
                "C" if has_coupon else None,
            )
            when = _instant(age)
            # Every third delivery comes a day after the time that was promised.
            promised = when + timedelta(days=3)
            delivered = promised + timedelta(days=1 if order % 3 == 0 else -1)
            deliveries = (None, None) if lacks == "deliveries" else (promised, delivered)
            known = (None, channel, *deliveries, when, when)
            self.lines.append((customer, f"{customer}/{order}", *line, *known))
        for _ in range(0 if lacks == "events" else 1 + rng.poisson(looks)):
            type_ = str(rng.choice(EVENT_SORTS))
            when = _instant(since + rng.uniform(0.3, 350 if sort < 3 else 30))
            query = "red shoes" if type_ == "search" else None
            dwell = int(rng.integers(2, 9)) * 1000
            row = (type_, f"p{rng.integers(0, 8)}", str(rng.choice(["app", "web"])), dwell, query)
            self.events.append((customer, *row, when, when))
        for age in (0.5, 1.0, 2.0) if sort == 1 and lacks != "events" else ():
            when = _instant(age)
            self.events.append((customer, "cart_add", "p1", "app", 4000, None, when, when))
        for kind, rows in self.others.items():
            if lacks not in (kind, "coupons" if kind == "redemptions" else kind):
                rows += [
                    (customer, int(rng.integers(0, 5)), when, when)
                    for when in map(_instant, rng.uniform(1, 80, rng.poisson(1 + sort)))
                ]

    def views(
        self, spark: SparkSession, settings: ProfileSettings
    ) -> tuple[DataFrame, dict[str, DataFrame]]:
        """The profiles, and the other views that features are computed from."""
        at = {"as_of": AS_OF, "time_zone": "UTC"}
        lines = _frame(spark, self.lines, LINE)
        events = _frame(spark, self.events, EVENT).selectExpr("*", "CAST(NULL AS double) rating")
        # Every product is known, but not what it is to customers of the shop without products.
        products = local_frame(
            spark,
            [(f"p{n}", f"c{n % 3}", f"b{n % 4}", float(n)) for n in range(8)],
            "product_id string, category string, brand string, list_price double",
        )
        days = customer_days(lines, events, time_zone="UTC").localCheckpoint()
        none = local_frame(
            spark, [], "customer_id string, interests array<struct<category:string,share:double>>"
        )
        interests = product_interests(lines, events, products, settings=settings, **at)  # type: ignore[arg-type]
        known = interests.where("NOT startswith(customer_id, 'products')")
        facts = {
            "days": views.days(days, as_of=AS_OF),
            "orders": views.orders(lines, **at),  # type: ignore[arg-type]
            "deliveries": deliveries(lines, **at),  # type: ignore[arg-type]
            "events": views.events(events, **at),  # type: ignore[arg-type]
            "interactions": views.interactions(
                top_interests(known, as_of=AS_OF, keep=30), products
            ),
        }
        columns = {
            "reviews": ("customer_id", "n rating", "'web' channel"),
            "responses": ("customer_id", "element_at(array('delivered', 'delivered', 'viewed', 'delivered', 'clicked'), n + 1) type"),
            "redemptions": ("customer_id",),
        }  # fmt: skip
        for kind, selected in columns.items():
            rows = _frame(spark, self.others[kind], f"customer_id string, n int, {TIMES}")
            facts[kind] = views.facts(
                rows.selectExpr(*selected, "happened_at", "arrived_at"),
                **at,  # type: ignore[arg-type]
            )
        # One complaint in two is settled on the next day.
        calls = _frame(spark, self.others["contacts"], f"customer_id string, n int, {TIMES}")
        facts["contacts"] = views.contacts(
            calls.selectExpr(
                *("customer_id", "n satisfaction", "happened_at", "arrived_at", "'s' _source"),
                "IF(n = 0, 'complaint', 'delivery') topic",
                "concat(customer_id, happened_at) contact_ref",
                "concat(customer_id, happened_at) record_id",
                "IF(day(happened_at) % 2 = 0, happened_at + INTERVAL 1 DAY, NULL) resolved_at",
            ),
            **at,  # type: ignore[arg-type]
        )
        said = _frame(spark, self.others["traits"], f"customer_id string, n int, {TIMES}")
        statements = said.selectExpr(
            "customer_id", "'satisfaction' name", "cast(n AS string) value", "happened_at at", "arrived_at"
        )  # fmt: skip
        facts["traits"] = views.traits(statements, **at)  # type: ignore[arg-type]
        life_cycle = shop.life_cycle(Config.load())
        profiles = customer_profiles(
            days,
            none,
            local_frame(spark, [], "customer_id string, last_contact double"),
            as_of=AS_OF,
            settings=settings,
            life_cycle=life_cycle,
            lost_after=4.0,
        )
        return profiles, facts


def _frame(spark: SparkSession, rows: list[tuple[object, ...]], ddl: str) -> DataFrame:
    """Rows in which decimals are written as floating numbers."""
    written = local_frame(spark, rows, ddl.replace("decimal(18,4)", "double"))
    decimals = [part.split()[0] for part in ddl.split(", ") if part.endswith("decimal(18,4)")]
    return written.withColumns({name: written[name].cast("decimal(18,4)") for name in decimals})


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a shop: its left-out features, and the words, tags and rules in use."""

    left_out: dict[str, str]
    words: str
    tags: set[str]
    in_rules: set[str]


class Speaker:
    """Groups, names, tags and trees of a shop from the features of its customers."""

    def __init__(self, spark: SparkSession, config: Config) -> None:
        self._spark, self._config = spark, config
        self._declared = shop.features(config)
        self._groups = config.section(SegmentSettings)

    def say(self, customers: pd.DataFrame) -> Said:
        left_out = features_left_out(
            self._declared, {item.name: _spread(customers, item) for item in self._declared}
        )
        ddl = ", ".join(
            f"`{item.name}` {'double' if item.type == 'number' else 'string'}"
            for item in self._declared
        )
        names = ["customer_id", *(item.name for item in self._declared)]
        frame = local_frame(
            self._spark,
            [tuple(None if pd.isna(x) else x for x in row) for row in customers[names].to_numpy()],
            f"customer_id string, {ddl}",
        )
        known = without_features(frame, self._declared, left_out).coalesce(1)
        labels, words = self._named(known, left_out)
        rules = {
            tag.name: tag.condition({"value_365d": 50.0})
            for tag in shop.tags(self._config)
            if not tag.of_each_category  # of which tests/jobs/test_trees_of_declared_tags.py speaks
        }
        tags = {tag for row in assign_tags(known, rules).collect() for tag in row["tags"]}
        return Said(left_out, words, tags, self._in_rules(customers, left_out, labels))

    def _named(self, known: DataFrame, left_out: dict[str, str]) -> tuple[np.ndarray, str]:
        inputs, without = used_inputs(
            {name: (item.sql, item.rests_on) for name, item in self._groups.features.items()},
            self._declared,
            left_out,
        )
        assert set(inputs) | set(without) == set(self._groups.features)
        values = model_inputs(known, inputs).toPandas()[list(inputs)].astype(float)
        points = metrics.standardise(values.fillna(values.median()).to_numpy())
        settings = replace(self._groups, seeds=3, further_starts=0)
        centres = candidates.search(points, [4], settings=settings, seed=1).centres
        labels = metrics.squared_distances(points, centres).argmin(1)
        is_known = values.notna().to_numpy()
        said = np.array(
            [
                np.where(is_known[labels == group].mean(0) >= 0.5, centre, np.nan)
                for group, centre in enumerate(centres)
            ]
        )
        names = naming.group_names(said.tolist(), list(inputs), self._groups.features)
        return labels, " ".join(name.english.lower() for name in names)

    def _in_rules(
        self, customers: pd.DataFrame, left_out: dict[str, str], labels: np.ndarray
    ) -> set[str]:
        numbers = [item.name for item in self._declared if item.type == "number"]
        kept = tuple(
            name for name in numbers if name not in left_out and customers[name].notna().any()
        )
        points = customers[list(kept)].to_numpy(dtype=np.float64)
        sample = trees.Sample(points, kept, np.arange(len(customers)) % 3 == 0)
        settings = replace(self._config.section(TagSettings), depth=6)
        found = [
            trees.explain(sample, labels == group, settings=settings, seed=1)
            for group in np.unique(labels)
        ]
        rules = [item.when for item in found if not isinstance(item, NotComputable)]
        return {name for rule in rules for name in features_named(rule, self._declared)}


def _spread(customers: pd.DataFrame, feature: Feature) -> Spread:
    values = customers[feature.name].dropna()
    if feature.type == "text" or values.empty:
        return Spread(len(values), None, None)
    return Spread(len(values), float(values.min()), float(values.max()))


@pytest.fixture(scope="module")
def said(spark: SparkSession, config: Config) -> dict[str, Said]:
    profiles, facts = Facts().views(spark, config.section(ProfileSettings))
    everybody = compute_features(profiles, facts, shop.features(config)).toPandas()
    speaker = Speaker(spark, config)
    of_shop = everybody["customer_id"].str.split("-").str[0]
    return {
        name: speaker.say(everybody[of_shop == name].sort_values("customer_id")) for name in SHOPS
    }


@pytest.mark.covers("P2", "P4")
@pytest.mark.parametrize("kind", list(KINDS))
def test_nothing_speaks_of_a_kind_of_data_that_is_not_there(
    said: dict[str, Said], config: Config, kind: str
) -> None:
    about = {
        item.name for item in shop.features(config) if re.fullmatch(KINDS[kind].features, item.name)
    }
    assert len(about) >= 2
    without, everything = said[kind], said["everything"]
    assert about <= set(without.left_out), listed(without.left_out)
    assert not about & set(everything.left_out), listed(everything.left_out)
    assert not without.in_rules & set(without.left_out)
    for word in KINDS[kind].words:
        assert word not in without.words
    assert not without.tags & set(KINDS[kind].tags)
    # Where the data is there, it is spoken of.
    if KINDS[kind].words:
        assert any(word in everything.words for word in KINDS[kind].words)
    assert set(KINDS[kind].tags) & everything.tags or not KINDS[kind].tags


def test_another_kind_of_data_is_spoken_of_all_the_same(said: dict[str, Said]) -> None:
    assert "deal-seeking" in said["events"].words
    assert "looking" in said["discounts"].words
    assert "dissatisfied" in said["contacts"].tags & said["traits"].tags
