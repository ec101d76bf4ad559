"""Where the shop stands in its market, and what moves with its revenue."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, share

WARNING_KINDS = ("price_cuts", "price_war", "dearer_trend", "new_listings")
STRENGTHS = ("cheaper", "broader", "more_brands", "earlier")
WEAKNESSES = ("dearer", "narrower", "fewer_brands", "later")
CATEGORY = Column(
    "category", "string", "category of the shop, 'all', or '(unknown)' for listings of no known one"
)
_INTERVAL = "end of its 95 % interval; null for fewer than two listings"


def _index(name: str, meaning: str) -> Column:
    return Column(name, "double", meaning, unit="our price / theirs", nullable=True)


def _amount(name: str, meaning: str) -> Column:
    return Column(name, "double", meaning, unit="shop currency", nullable=True)


def _in_words(columns: str, values: tuple[str, ...]) -> Check:
    known = ", ".join(f"'{value}'" for value in values)
    return Check(f"{columns}_known", f"size(array_except({columns}, array({known}))) = 0")


_PRICE_INDEX = (
    Column(
        "matched_listings",
        "bigint",
        "listings on sale, matched with a product that has a price",
    ),
    _index("price_index", "geometric mean of our price / theirs over matched listings"),
    _index("index_low", f"lower {_INTERVAL}"),
    _index("index_high", f"upper {_INTERVAL}"),
    share("cheaper_share", "of matched listings, those than which we are cheaper", nullable=True),
    share("dearer_share", "of matched listings, those than which we are dearer", nullable=True),
)
_TRIED = "over every rho and scaling that was tried, the declared ones included"
_ON_SALE = (
    Column("listings", "bigint", "competitors' listings seen in the last 28 days"),
    Column("estimated_listings", "bigint", "those whose category is estimated from their words"),
)
_NEW = (
    Column(
        "new_listings",
        "bigint",
        "listings on sale first seen in the last market_position.new_days days, of competitors who "
        "were observed before; null where none was",
        nullable=True,
    ),
    Column("promotions", "bigint", "competitors' promotions that run, as they announce them"),
    Column("promoted_listings", "bigint", "listings whose last price was of a promotion"),
)
_NOTE = Column("note", "string", "what is not known, and why; null for nothing", nullable=True)

MARKET_POSITION = Table(
    name="gold.market_position",
    grain="one row per as-of day and category",
    key=("as_of", "category"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        CATEGORY,
        Column("competitors", "bigint", "competitors with a listing on sale"),
        *_ON_SALE,
        *_PRICE_INDEX,
        Column(
            "trend_weeks",
            "int",
            "weeks with an index, of the last market_position.weeks",
            unit="weeks",
        ),
        Column(
            "trend",
            "double",
            "relative change of the index per week, over listings seen in both weeks; above 0 we "
            "become dearer",
            unit="per week",
            nullable=True,
        ),
        Column("trend_low", "double", "lower end of its 95 % interval", nullable=True),
        Column("trend_high", "double", "upper end of it", nullable=True),
        Column(
            "history",
            "array<struct<day:date,matched_listings:bigint,price_index:double,"
            "chained_index:double,cheaper_share:double>>",
            "the index at the end of each week, oldest first: of all matched listings, and carried "
            "back from the newest week by the changes of listings seen in both weeks; null before "
            "a week without such listings",
        ),
        *_NEW,
        Column("is_warning", "boolean", "whether anything warns"),
        Column("warnings", "array<string>", f"which of {', '.join(WARNING_KINDS)}"),
        Column("evidence", "array<string>", "what was seen, in words; one for each warning"),
        _amount("market_size", "declared sales of all sellers: an outside estimate"),
        Column("market_size_from", "date", "first day that the estimate is of", nullable=True),
        Column("market_size_to", "date", "its last day", nullable=True),
        Column("market_size_source", "string", "who says so", nullable=True),
        _amount("own_revenue", "paid to the shop in that period, less returns"),
        share("market_share", "own_revenue / market_size: an estimate as that is", nullable=True),
        _NOTE,
    ),
    checks=(
        Check("matched_within_listings", "matched_listings <= listings"),
        Check("index_with_matches", "(price_index IS NOT NULL) = (matched_listings > 0)"),
        Check("trend_in_its_interval", "trend IS NULL OR trend BETWEEN trend_low AND trend_high"),
        Check("warnings_have_evidence", "size(warnings) = size(evidence)"),
        Check("warning_flag", "is_warning = (size(warnings) > 0)"),
        _in_words("warnings", WARNING_KINDS),
        Check("size_has_source", "(market_size IS NULL) = (market_size_source IS NULL)"),
    ),
    owner="merchandise",
)
COMPETITORS = Table(
    name="gold.competitors",
    grain="one row per as-of day, competitor and category in which it lists or promotes something",
    key=("as_of", "competitor", "category"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("competitor", "string", "who sells it"),
        CATEGORY,
        *_ON_SALE,
        *_PRICE_INDEX,
        *_NEW,
        Column("own_products", "bigint", "products that the shop has there"),
        Column("brands", "bigint", "brands of its listings"),
        Column("own_brands", "bigint", "brands of the shop's products"),
        Column(
            "dated_products",
            "bigint",
            "matched products of which it is known who listed them first",
        ),
        share("first_share", "of them, those that the competitor listed first", nullable=True),
        Column("strengths", "array<string>", f"of the competitor: {', '.join(STRENGTHS)}"),
        Column("weaknesses", "array<string>", f"of the competitor: {', '.join(WEAKNESSES)}"),
        Column("only_theirs", "bigint", "listings of goods that the shop does not have"),
        Column(
            "only_theirs_examples", "array<string>", "titles of some of them, the dearest first"
        ),
        Column("brands_only_theirs", "array<string>", "brands of theirs that the shop lacks"),
        Column("only_ours", "bigint", "products of the shop that no listing of theirs matches"),
        Column("only_ours_examples", "array<string>", "titles of some of them, the dearest first"),
        Column("brands_only_ours", "array<string>", "brands of the shop that they lack"),
        _NOTE,
    ),
    checks=(
        Check("matched_within_listings", "matched_listings <= listings"),
        _in_words("strengths", STRENGTHS),
        _in_words("weaknesses", WEAKNESSES),
        Check("first_of_dated", "(first_share IS NOT NULL) = (dated_products > 0)"),
    ),
    owner="merchandise",
)
GREY_RELATIONS = Table(
    name="gold.grey_relations",
    grain="one row per as-of day, category (or 'all') and driver: how closely it moves with weekly "
    "revenue; it does not say that it causes it",
    key=("as_of", "category", "driver"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("category", "string", "category of the shop, or 'all'"),
        Column("driver", "string", "weekly series that is compared with revenue"),
        Column("weeks", "int", "weeks that are compared", unit="weeks"),
        share("grade", "grey relational grade; 1 for the shape of revenue", nullable=True),
        Column("rank", "int", "1 for the highest grade of the category", nullable=True),
        share("lowest_grade", _TRIED, nullable=True),
        share("highest_grade", _TRIED, nullable=True),
        Column("best_rank", "int", _TRIED, nullable=True),
        Column("worst_rank", "int", _TRIED, nullable=True),
        Column(
            "rank_changes", "boolean", "whether another rho or scaling ranks it otherwise",
            nullable=True,
        ),
        Column("rho", "double", "distinguishing coefficient of grade"),
        Column("scaling", "string", "scaling of grade: initial, mean or min_max"),
        Column("reason", "string", "why there is no grade; null where there is one", nullable=True),
    ),
    checks=(
        Check("grade_or_reason", "(grade IS NULL) = (reason IS NOT NULL)"),
        Check("grade_in_range", "coalesce(grade BETWEEN lowest_grade AND highest_grade, true)"),
        Check("rank_in_range", "coalesce(rank BETWEEN best_rank AND worst_rank, true)"),
    ),
    owner="growth",
)  # fmt: skip
