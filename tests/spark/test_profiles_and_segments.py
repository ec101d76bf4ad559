"""Profiles as of a day, and groups that depend on the customers alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from frames import first_row
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from clarion.config import Config
from clarion.customers.profiles.days import customer_days
from clarion.customers.profiles.interests import category_interests, product_interests
from clarion.customers.profiles.life_cycle import returns_by_limit
from clarion.customers.profiles.profiles import customer_profiles
from clarion.customers.profiles.settings import ProfileSettings
from clarion.customers.segments import metrics, model, sampling, scoring
from clarion.customers.segments.candidates import Candidate, choose
from clarion.customers.segments.settings import Algorithm, Scaling, SegmentSettings
from clarion.customers.segments.transforms import basics, history, portraits
from clarion.declarations import shop
from clarion.kernel.errors import ConfigError
from clarion.measures.columns.flows import NOWHERE, flows, moves
from clarion.measures.columns.frames import local_frame

AS_OF = date(2026, 6, 1)
LINES = "customer_id string, order_id string, product_id string, kind string, quantity decimal(18,4), amount decimal(18,4), discount decimal(18,4), happened_at timestamp, arrived_at timestamp"
EVENTS = "customer_id string, product_id string, type string, happened_at timestamp, arrived_at timestamp"


@pytest.fixture
def settings(config: Config) -> ProfileSettings:
    return config.section(ProfileSettings)


def _lines(
    rows: Callable[..., DataFrame], *orders: tuple[str, str, str, str, float, str, str]
) -> DataFrame:
    """customer, order, product, kind, amount, happened, arrived."""
    values = [
        (who, order, product, kind, "1", str(amount), "0", when, known)
        for who, order, product, kind, amount, when, known in orders
    ]
    text = rows(
        "a string, b string, c string, d string, e string, f string, g string, h string, i string",
        *values,
    )
    names = [
        part.strip().split(" ") for part in LINES.replace("decimal(18,4)", "decimal").split(",")
    ]
    return text.toDF(*(name for name, _ in names)).select(
        *(
            F.col(name).cast("decimal(18,4)" if kind == "decimal" else kind).alias(name)
            for name, kind in names
        )
    )


def _profile(
    days: DataFrame,
    rows: Callable[..., DataFrame],
    settings: ProfileSettings,
    *contacts: tuple[str, float],
) -> dict[str, dict[str, object]]:
    nothing = rows("customer_id string, interests array<struct<category:string,share:double>>")
    profiles = customer_profiles(
        days,
        nothing,
        rows("customer_id string, last_contact double", *contacts),
        as_of=AS_OF,
        settings=settings,
        life_cycle=shop.life_cycle(Config.load()),
        lost_after=4.0,
    )
    return {row["customer_id"]: row.asDict() for row in profiles.collect()}


@pytest.mark.covers("P1")
def test_an_order_on_the_as_of_day_or_known_later_does_not_count(
    rows: Callable[..., DataFrame], settings: ProfileSettings
) -> None:
    lines = _lines(
        rows,
        ("k", "o1", "p", "sale", 10, "2026-05-30 10:00:00", "2026-05-30 10:00:00"),
        ("k", "o2", "p", "sale", 20, "2026-06-01 00:00:00", "2026-06-01 00:00:00"),
        ("k", "o3", "p", "sale", 40, "2026-05-20 10:00:00", "2026-06-02 10:00:00"),
    )
    days = customer_days(lines, rows(EVENTS), time_zone="UTC")
    profile = _profile(days, rows, settings)["k"]
    assert (profile["orders"], profile["monetary"], profile["recency_days"]) == (1, 10, 2.0)


def test_interest_begins_with_the_first_day_of_the_window(
    rows: Callable[..., DataFrame], settings: ProfileSettings
) -> None:
    ages = [settings.window_days + more for more in (1, 0, -1)]
    viewed = [(f"p{age}", AS_OF - timedelta(days=age)) for age in ages]
    events = rows(
        "customer_id string, product_id string, type string, day date",
        *(("a", product, "view", day) for product, day in viewed),
    ).select("customer_id", "product_id", "type", *_at_noon())
    interests = product_interests(
        _lines(rows).withColumn("order_id", F.lit("o")),
        events,
        rows("product_id string, category string"),
        as_of=AS_OF,
        time_zone="UTC",
        settings=settings,
    )
    seen = {row["product_id"] for row in interests.collect()}
    assert seen == {f"p{age}" for age in ages[1:]}


def _at_noon() -> tuple[Column, Column]:
    noon = F.col("day").cast("timestamp") + F.expr("INTERVAL 12 HOURS")
    return noon.alias("happened_at"), noon.alias("arrived_at")


def test_interest_in_products_without_a_category_is_in_no_category(
    rows: Callable[..., DataFrame],
) -> None:
    interests = rows(
        "customer_id string, product_id string, category string, interest double",
        ("a", "p1", "tea", 3.0),
        ("a", "p2", "cups", 1.0),
        ("a", "p3", None, 4.0),
        ("b", "p3", None, 4.0),
    )
    found = {
        row["customer_id"]: [(item["category"], item["share"]) for item in row["interests"]]
        for row in category_interests(interests).collect()
    }
    assert found == {"a": [("tea", 0.75), ("cups", 0.25)]}


def test_the_shops_zone_decides_the_day(rows: Callable[..., DataFrame]) -> None:
    lines = _lines(rows, ("k", "o1", "p", "sale", 10, "2026-05-30 17:00:00", "2026-05-30 17:00:00"))
    day = first_row(customer_days(lines, rows(EVENTS), time_zone="Asia/Shanghai"))["day"]
    assert day == date(2026, 5, 31)


def test_a_return_larger_than_its_purchase_makes_spend_negative(
    rows: Callable[..., DataFrame], settings: ProfileSettings
) -> None:
    lines = _lines(
        rows,
        ("k", "o1", "p", "sale", 10, "2026-05-01 10:00:00", "2026-05-01 10:00:00"),
        ("k", "r1", "p", "return", 15, "2026-05-03 10:00:00", "2026-05-03 10:00:00"),
    )
    profile = _profile(customer_days(lines, rows(EVENTS), time_zone="UTC"), rows, settings)["k"]
    assert (profile["orders"], profile["monetary"], profile["average_order"]) == (1, -5, 10)


@pytest.mark.covers("P7")
def test_the_life_cycle_follows_each_customers_own_gaps(
    rows: Callable[..., DataFrame], settings: ProfileSettings
) -> None:
    def orders(who: str, *days: str) -> list[tuple[str, str, str, str, float, str, str]]:
        return [
            (who, f"{who}{day}", "p", "sale", 10, f"{day} 10:00:00", f"{day} 10:00:00")
            for day in days
        ]

    weekly_then_silent = orders(
        "weekly", "2026-03-01", "2026-03-08", "2026-03-15", "2026-03-22", "2026-04-20"
    )
    yearly = orders("quarterly", "2025-09-01", "2025-12-01", "2026-03-01")
    lines = _lines(rows, *weekly_then_silent, *yearly, *orders("fresh", "2026-05-25"))
    still_comes = orders(
        "comes", "2026-03-01", "2026-03-08", "2026-03-15", "2026-03-22", "2026-04-20"
    )
    lines = lines.unionByName(_lines(rows, *still_comes))
    events = rows(EVENTS).unionByName(rows("customer_id string", ("looker",), ("comes",)).selectExpr(
        "customer_id", "'p' product_id", "'view' type", "timestamp'2026-05-30' happened_at", "timestamp'2026-05-30' arrived_at"))  # fmt: skip
    profiles = _profile(customer_days(lines, events, time_zone="UTC"), rows, settings)
    stages = {
        "weekly": "lost",
        "comes": "dormant",
        "quarterly": "active",
        "fresh": "new",
        "looker": "prospect",
    }
    assert {who: row["life_cycle"] for who, row in profiles.items()} == stages
    # Weekly orders are what is usual, not the twelve days and a half that they lie apart on average.
    assert profiles["weekly"]["inactivity_ratio"] == pytest.approx(
        (AS_OF - date(2026, 4, 20)).days / 7
    )
    assert profiles["comes"]["inactivity_ratio"] == pytest.approx(
        (AS_OF - date(2026, 5, 30)).days / 7
    )


@pytest.mark.covers("P7", "V3")
def test_who_calls_the_service_is_not_lost(
    rows: Callable[..., DataFrame], settings: ProfileSettings
) -> None:
    names = ("silent", "calls", "called at the limit", "called long ago")
    lines = _lines(
        rows,
        *(
            (who, f"{who} {day}", "p", "sale", 10, f"2026-{day} 10:00:00", f"2026-{day} 10:00:00")
            for who in names
            for day in ("01-01", "01-08", "01-15", "01-22")
        ),
    )
    days = customer_days(lines, rows(EVENTS), time_zone="UTC")
    # The usual gap is seven days, and lost is who is silent for more than four of them.
    calls = (("calls", 3.0), ("called at the limit", 28.0), ("called long ago", 28.5))
    stages = {who: row["life_cycle"] for who, row in _profile(days, rows, settings, *calls).items()}
    assert stages == {
        "silent": "lost",
        "calls": "dormant",
        "called at the limit": "dormant",
        "called long ago": "lost",
    }


@pytest.mark.covers("P7")
def test_who_is_lost_by_each_limit_and_came_back_is_counted(
    rows: Callable[..., DataFrame], config: Config
) -> None:
    profiles = rows(
        "customer_id string, recency_days double, first_order_days double, recency_ratio double, inactivity_ratio double, "
        "usual_gap_days double, shop_gap_days double, last_contact double",
        ("none", None, None, None, 9.0, None, 20.0, None),
        ("new", 20.0, 20.0, 5.0, 5.0, None, 20.0, None),
        ("active", 30.0, 90.0, 1.5, 1.0, None, 20.0, None),
        ("comes", 99.0, 200.0, 30.0, 3.0, None, 20.0, None),
        ("silent", 99.0, 200.0, 5.0, 7.0, None, 20.0, None),
        ("back", 99.0, 200.0, 7.0, 5.0, None, 20.0, None),
        ("gone", 300.0, 300.0, 50.0, 50.0, None, 20.0, None),
    )
    buyers = rows("customer_id string", ("back",), ("back",), ("new",), ("other",))
    stages = shop.life_cycle(config)
    limits = replace(stages, limits=(4.0, 6.0, 100.0))
    counted = returns_by_limit(profiles, buyers, limits).orderBy("lost_after").collect()
    assert [tuple(row) for row in counted] == [(4.0, 3, 1), (6.0, 1, 0), (100.0, 0, 0)]
    wrong = replace(stages, stages=(("active", "recency_ratios <= 2"),))
    with pytest.raises(
        ConfigError, match=r"life_cycle.yml: active: .*\n.*no column 'recency_ratios'"
    ):
        wrong.check(profiles)


def test_the_aggregation_by_day_has_no_python_and_few_exchanges(
    rows: Callable[..., DataFrame],
) -> None:
    plan = (
        customer_days(_lines(rows), rows(EVENTS), time_zone="UTC")
        ._jdf.queryExecution()
        .executedPlan()
        .toString()
    )
    assert "Python" not in plan
    assert plan.count("Exchange") <= 4


_APART = ((0, 0), (4, 0), (0, 4), (5, 5))
_IN_PAIRS = ((0, 0), (3, 0), (14, 12), (17, 12))  # what splits in two, and each in two again


def _blobs(
    spark: SparkSession, partitions: int = 2, *, centres: tuple[tuple[int, int], ...] = _APART
) -> DataFrame:
    rng = np.random.default_rng(5)
    points = np.vstack([rng.normal(centre, 0.5, (60, 2)) for centre in centres])
    values = [(f"c{row:04d}", float(x), float(y), 1.0) for row, (x, y) in enumerate(points)]
    return local_frame(
        spark, values, "customer_id string, spend double, recency double, constant double"
    ).repartition(partitions)


@pytest.fixture
def grouping(config: Config) -> SegmentSettings:
    return replace(config.section(SegmentSettings), k_min=3, k_max=5)


@pytest.mark.covers("P2")
def test_the_planted_number_of_groups_is_found_and_as_tight_as_scikit_learns(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    frame = _blobs(spark)
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=240), settings=grouping, seed=3
    )
    assert segmentation.chosen.k == 4
    assert segmentation.features == ("spend", "recency")
    scaled = np.array(
        [row[0] for row in scoring.assign(segmentation.pipeline, frame).select("scaled").collect()]
    )
    best = KMeans(4, n_init=50, random_state=0).fit(scaled).inertia_
    assert segmentation.chosen.inertia <= 1.01 * best
    transformed = segmentation.pipeline.transform(frame)
    spark_silhouette = ClusteringEvaluator(distanceMeasure="squaredEuclidean").evaluate(transformed)
    assert segmentation.chosen.silhouette == pytest.approx(spark_silhouette, abs=1e-6)


def test_shuffled_input_and_any_partitioning_give_the_same_groups(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    centres = []
    for partitions in (1, 8):
        frame = _blobs(spark, partitions).orderBy(F.xxhash64("customer_id", F.lit(partitions)))
        segmentation = model.fit(
            sampling.fit_sample(frame, limit=1000, customers=240),
            settings=replace(grouping, k=4),
            seed=3,
        )
        centres.append(scoring.centres_of(segmentation.pipeline))
    assert np.array_equal(centres[0], centres[1])


def test_what_is_unknown_counts_as_the_median_of_the_training(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    frame = _blobs(spark)
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=240),
        settings=replace(grouping, k=4),
        seed=3,
    )
    one = local_frame(
        spark,
        [("x", None, 4.0, 1.0)],
        "customer_id string, spend double, recency double, constant double",
    )
    points, is_known, _ = scoring.predict_groups(segmentation.pipeline, one)
    assert is_known.tolist() == [[False, True]]
    middle = np.sort(np.array([row[0] for row in frame.select("spend").collect()]))[[118, 121]]
    assert middle[0] <= points[0, 0] <= middle[1]
    assert points[0, 1] == 4.0


def test_every_customer_is_in_exactly_one_group_at_its_distance(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    frame = _blobs(spark)
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=240),
        settings=replace(grouping, k=4),
        seed=3,
    )
    members = scoring.assign(segmentation.pipeline, frame).toPandas()
    points, centres = (
        np.array(members["scaled"].tolist()),
        scoring.centres_of(segmentation.pipeline),
    )
    assert members["customer_id"].is_unique
    assert len(members) == 240
    assert np.allclose(members["distance"] ** 2, metrics.squared_distances(points, centres).min(1))


def test_too_few_or_equal_customers_give_a_clear_answer(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    alike = local_frame(spark, [("a", 1.0), ("b", 1.0)], "customer_id string, spend double")
    with pytest.raises(model.TooFewCustomersError, match="nothing to group"):
        model.fit(alike, settings=grouping, seed=1)
    two = local_frame(spark, [("a", 1.0), ("b", 2.0)], "customer_id string, spend double")
    with pytest.raises(model.TooFewCustomersError, match="cannot be made"):
        model.fit(two, settings=grouping, seed=1)


def test_the_first_groups_are_fewer_or_one_where_the_limits_are_missed(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    frame = _blobs(spark)
    sample = sampling.fit_sample(frame, limit=1000, customers=240)
    said: list[str] = []
    # Of five groups in four blobs, the smallest holds less than a fifth.
    five = replace(grouping, k_min=5, k_max=5, min_share=0.2)
    fewer = model.fit_first(sample, settings=five, seed=3, say=said.append)
    assert (fewer.chosen.k, len(said)) == (4, 1)
    assert said[0].startswith("with 5 groups its ")

    said.clear()
    halves = replace(grouping, k_min=3, k_max=3, min_share=0.6)
    alone = model.fit_first(sample, settings=halves, seed=3, say=said.append)
    assert [text[:15] for text in said] == ["with 3 groups i", "with 2 groups i", "all customers a"]
    everybody = frame.withColumn(model.EVERYBODY, F.lit(0.0))
    members = scoring.assign(alone.pipeline, everybody).toPandas()
    assert len(members) == 240
    assert set(members["cluster"]) == {0}
    assert set(members["distance"]) == {0.0}

    said.clear()
    one = local_frame(spark, [("a", 1.0)], "customer_id string, spend double")
    assert model.fit_first(one, settings=grouping, seed=1, say=said.append).chosen.k == 1
    assert "nothing to group" in said[0]


def test_the_largest_stable_k_near_the_best_silhouette_is_chosen(grouping: SegmentSettings) -> None:
    def candidate(k: int, silhouette: float, stability: float, share: float = 0.2) -> Candidate:
        return Candidate(k, 1.0, silhouette, stability, share)

    assert (
        choose(
            (
                candidate(3, 0.5, 0.9),
                candidate(4, 0.49, 0.9),
                candidate(5, 0.6, 0.1),
                candidate(6, 0.55, 0.9, 0.001),
            ),
            settings=grouping,
        ).k
        == 4
    )
    assert choose((candidate(3, 0.5, 0.3), candidate(4, 0.6, 0.4)), settings=grouping).k == 4


@pytest.mark.parametrize(
    "algorithm",
    ["kmeans", *(pytest.param(name, marks=pytest.mark.deep) for name in ("bisecting", "mixture"))],
)
@pytest.mark.covers("P2")
def test_every_model_behind_the_one_interface_finds_planted_groups(
    spark: SparkSession, grouping: SegmentSettings, algorithm: Algorithm
) -> None:
    frame = _blobs(spark, centres=_IN_PAIRS if algorithm == "bisecting" else _APART)
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=240),
        settings=replace(grouping, algorithm=algorithm, k=4),
        seed=3,
    )
    rows = scoring.assign(segmentation.pipeline, frame).orderBy("customer_id").toPandas()
    planted = np.repeat(range(4), 60)
    assert adjusted_rand_score(planted, rows["cluster"]) > 0.9
    again = model.fit(
        sampling.fit_sample(frame.repartition(5), limit=1000, customers=240),
        settings=replace(grouping, algorithm=algorithm, k=4),
        seed=3,
    )
    assert np.allclose(
        scoring.centres_of(segmentation.pipeline), scoring.centres_of(again.pipeline)
    )
    other = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=240),
        settings=replace(grouping, algorithm=algorithm, k=4),
        seed=99,
    )
    assert (
        adjusted_rand_score(
            scoring.predict_groups(segmentation.pipeline, frame)[2],
            scoring.predict_groups(other.pipeline, frame)[2],
        )
        >= 0.9
    )


@pytest.mark.parametrize(
    ("scaling", "low", "high"), [("zero_to_one", 0.0, 1.0), ("minus_one_to_one", -1.0, 1.0)]
)
@pytest.mark.covers("Q4")
def test_scaled_features_lie_in_their_range(
    spark: SparkSession, grouping: SegmentSettings, scaling: Scaling, low: float, high: float
) -> None:
    frame = _blobs(spark)
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=240),
        settings=replace(grouping, scaling=scaling, k=4),
        seed=3,
    )
    scaled = np.array(
        [row[0] for row in scoring.assign(segmentation.pipeline, frame).select("scaled").collect()]
    )
    assert scaled.min(0) == pytest.approx([low, low])
    assert scaled.max(0) == pytest.approx([high, high])


@pytest.mark.covers("Q4")
def test_robust_scaling_takes_medians_and_quartiles(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    values = [
        (f"c{row:04d}", float(x), float(y))
        for row, (x, y) in enumerate(np.random.default_rng(6).lognormal(size=(400, 2)))
    ]
    frame = local_frame(spark, values, "customer_id string, spend double, views double")
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=400),
        settings=replace(grouping, scaling="robust", k=3),
        seed=3,
    )
    scaled = np.array(
        [row[0] for row in scoring.assign(segmentation.pipeline, frame).select("scaled").collect()]
    )
    low, middle, high = np.percentile(scaled, (25, 50, 75), axis=0)
    assert middle == pytest.approx(0, abs=0.02)
    assert high - low == pytest.approx(1, abs=0.03)


@pytest.mark.covers("Q4")
def test_principal_components_keep_the_declared_variance(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    rng = np.random.default_rng(4)
    one, two = rng.normal(size=(2, 300))
    values = [
        (f"c{row:04d}", float(a), float(a + 0.1 * b), float(b), float(2 * a - b))
        for row, (a, b) in enumerate(zip(one, two, strict=True))
    ]
    frame = local_frame(spark, values, "customer_id string, w double, x double, y double, z double")
    segmentation = model.fit(
        sampling.fit_sample(frame, limit=1000, customers=300),
        settings=replace(grouping, pca_variance=0.95, k=3),
        seed=3,
    )
    sklearn_ratios = (
        PCA()
        .fit(StandardScaler().fit_transform(np.array([row[1:] for row in values])))
        .explained_variance_ratio_
    )
    needed_components = int(np.searchsorted(np.cumsum(sklearn_ratios), 0.95) + 1)
    assert scoring.centres_of(segmentation.pipeline).shape == (3, needed_components)
    assert needed_components < 4
    assert segmentation.variance_kept == pytest.approx(sklearn_ratios[:needed_components].sum())


def test_one_customer_a_constant_feature_and_more_groups_than_customers_are_refused(
    spark: SparkSession, grouping: SegmentSettings
) -> None:
    one = local_frame(spark, [("a", 1.0)], "customer_id string, spend double")
    with pytest.raises(model.TooFewCustomersError, match="alike, or there is one or none"):
        model.fit(one, settings=grouping, seed=1)
    three = local_frame(
        spark,
        [("a", 1.0, 7.0), ("b", 2.0, 7.0), ("c", 3.0, 7.0)],
        "customer_id string, spend double, constant double",
    )
    with pytest.raises(model.TooFewCustomersError, match="9 groups cannot be made"):
        model.fit(three, settings=replace(grouping, k=9), seed=1)


@pytest.mark.covers("P7")
def test_flows_count_who_came_went_and_stayed(rows: Callable[..., DataFrame]) -> None:
    before = rows(
        "customer_id string, life_cycle string",
        ("a", "new"),
        ("b", "new"),
        ("c", "active"),
        ("d", "active"),
    )
    now = rows(
        "customer_id string, life_cycle string",
        ("a", "active"),
        ("b", "dormant"),
        ("c", "active"),
        ("e", "new"),
    )
    names = ("was", "is")
    flow_rows = flows(
        moves(before, now, column="life_cycle", names=names),
        names=names,
        as_of=AS_OF,
        from_as_of=AS_OF,
    ).collect()
    counts = {
        (row["was"], row["is"]): (row["customers"], row["share_of_from"]) for row in flow_rows
    }
    assert counts == {
        ("new", "active"): (1, 0.5), ("new", "dormant"): (1, 0.5), ("active", "active"): (1, 0.5), ("active", NOWHERE): (1, 0.5), (NOWHERE, "new"): (1, 1.0),
    }  # fmt: skip


def test_membership_becomes_stays(rows: Callable[..., DataFrame]) -> None:
    days = [date(2026, month, 1) for month in range(1, 6)]
    groups = ["g1", "g1", "g2", "g2", "g1"]
    members = rows(
        "as_of date, customer_id string, segment_id string",
        *((day, "k", group) for day, group in zip(days, groups, strict=True)),
    )
    stays = [tuple(row) for row in history(members).orderBy("valid_from").collect()]
    assert stays == [
        ("k", "g1", days[0], days[2]),
        ("k", "g2", days[2], days[4]),
        ("k", "g1", days[4], None),
    ]


@pytest.mark.covers("P3")
def test_a_portrait_tells_who_a_group_is_how_it_shops_and_what_it_likes(
    rows: Callable[..., DataFrame],
) -> None:
    members = rows(
        "customer_id string, segment_id string", ("a", "g1"), ("b", "g1"), ("c", "g1"), ("d", "g2")
    )
    profiles = rows(
        "customer_id string, recency_days double, orders long, monetary double, average_order double, views long, discount_share double, life_cycle string, "
        "interests array<struct<category:string,share:double>>",
        ("a", 1.0, 4, 80.0, 20.0, 10, 0.1, "active", [("tea", 0.75), ("pots", 0.25)]),
        ("b", 9.0, 2, 20.0, 10.0, 20, None, "dormant", [("tea", 0.5)]),
        ("c", 5.0, 0, 0.0, None, 30, 0.3, "active", []),
        ("d", None, 0, 0.0, None, 1, None, "prospect", []),
    )
    portraits_by_group = {
        row["segment_id"]: row for row in portraits(profiles, members, as_of=AS_OF).collect()
    }
    first, second = portraits_by_group["g1"], portraits_by_group["g2"]
    assert (
        first["customers"],
        first["customer_share"],
        float(first["revenue"]),
        first["revenue_share"],
    ) == (3, 0.75, 100.0, 1.0)
    assert (first["recency_days"], first["orders"], first["views"], first["discount_share"]) == (
        5.0,
        2.0,
        20.0,
        0.2,
    )
    assert first["life_cycles"] == {"active": pytest.approx(2 / 3), "dormant": pytest.approx(1 / 3)}
    assert [(item["category"], round(item["share"], 4)) for item in first["interests"]] == [
        ("tea", 0.4167),
        ("pots", 0.0833),
    ]
    assert (
        second["recency_days"],
        second["average_order"],
        second["revenue_share"],
        second["interests"],
    ) == (None, None, 0.0, [])
    labels = rows(
        "customer_id string, labels map<string,string>",
        ("a", {"sex": "f", "region": "上海"}), ("b", {"sex": "m", "region": "北京"}), ("c", {"sex": "f"}), ("d", {"none": "x"}),
    )  # fmt: skip
    basics_by_group = {
        row["segment_id"]: [tuple(item) for item in row["basics"]]
        for row in basics(labels, members).collect()
    }
    assert basics_by_group == {
        "g1": [("region", "上海", 0.5), ("sex", "f", pytest.approx(2 / 3))],
        "g2": [("none", "x", 1.0)],
    }
