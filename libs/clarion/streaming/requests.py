"""Occasions that ask for a decision: each becomes one request; for streams and for batches."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from clarion.contracts.live import REQUESTS

_LASTING = ("payment_failure", "sudden_interest")  # they come about again and again
_MARKET_KINDS = ("price_cut", "price_war", "promotion_start")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRules:
    """When a state of a customer is an occasion.

    Args:
        cart_after: how long nobody has touched a cart that is abandoned.
        cart_within: how long ago it was left at most.
        payments_within: two payments that fail within this time are an occasion.
        interest_within: so are three products put into the cart.
    """

    cart_after: timedelta
    cart_within: timedelta
    payments_within: timedelta
    interest_within: timedelta


def customer_requests(states: DataFrame, rules: RequestRules, *, now: datetime) -> DataFrame:
    """Requests of customers by what they did last: abandoned carts, payments, sudden interest.

    Args:
        states: CUSTOMER_STATE, the present rows.
        rules: when a state is an occasion.
        now: an instant with its zone; what happened later does not count.

    Returns:
        REQUESTS without _found_at.
    """
    left_at = F.col("cart_at")
    is_abandoned = (
        (F.size("open_cart") > 0)
        & (left_at <= F.lit(now - rules.cart_after))
        & (left_at > F.lit(now - rules.cart_within))
    )
    carts = states.where(is_abandoned).select(
        *_request(
            "abandoned_cart",
            occasion=F.col("cart_at"),
            at=F.col("cart_at"),
            product=F.get("open_cart", F.lit(0)),
            evidence={"products": F.array_join("open_cart", " ")},
        )
    )
    payments = _moments_within(
        states, "payment_failure_moments", number=2, within=rules.payments_within, now=now
    ).select(*_of_moments("payment_failure", "payment_failure_moments"))
    interest = _moments_within(
        states, "cart_add_moments", number=3, within=rules.interest_within, now=now
    ).select(*_of_moments("sudden_interest", "cart_add_moments"))
    return carts.unionByName(payments).unionByName(interest)


def contact_requests(contacts: DataFrame, *, low: float) -> DataFrame:
    """Requests of complaints, and of contacts that a customer was not satisfied with.

    Args:
        contacts: contact_ref, customer_id, happened_at, topic, satisfaction.
        low: satisfaction up to which a contact is one.

    Returns:
        REQUESTS without _found_at.
    """
    is_complaint = (F.col("topic") == "complaint") | (F.col("satisfaction") <= low)
    evidence = {"topic": F.col("topic"), "satisfaction": F.col("satisfaction").cast("string")}
    return contacts.where(is_complaint).select(
        *_request(
            "complaint",
            occasion=F.col("contact_ref"),
            at=F.col("happened_at"),
            evidence=evidence,
        )
    )


def review_requests(reviews: DataFrame, *, low: float) -> DataFrame:
    """Requests of reviews with few stars.

    Args:
        reviews: review_ref, customer_id, product_id, happened_at, rating.
        low: stars up to which a rating is low.

    Returns:
        REQUESTS without _found_at.
    """
    return reviews.where(F.col("rating") <= low).select(
        *_request(
            "low_rating",
            occasion=F.col("review_ref"),
            at=F.col("happened_at"),
            product=F.col("product_id"),
            evidence={"rating": F.col("rating").cast("string")},
        )
    )


def market_requests(alerts: DataFrame) -> DataFrame:
    """Requests of what competitors begin on products of the shop: cuts, price wars, promotions.

    Args:
        alerts: MARKET_ALERTS.

    Returns:
        REQUESTS without _found_at.
    """
    evidence = F.map_filter(
        F.create_map(
            F.lit("competitor"), F.col("competitor"),
            F.lit("change"), F.col("change").cast("string"),
            F.lit("promotion"), F.col("promotion"),
        ),
        lambda _, value: value.isNotNull(),
    )  # fmt: skip
    is_own = F.col("product_id").isNotNull() | F.col("category").isNotNull()
    return alerts.where(F.col("kind").isin(*_MARKET_KINDS) & is_own).select(
        F.sha2(F.concat_ws("/", F.lit("market"), "alert_id"), 256).alias("request_id"),
        "kind",
        F.lit(None).cast("string").alias("customer_id"),
        "product_id",
        "category",
        F.col("observed_at").alias("occurred_at"),
        evidence.alias("evidence"),
    )


def moved_requests(moves: DataFrame, kind: str, *, at: Column, names: tuple[str, str]) -> DataFrame:
    """Requests of customers whose state changed from one day to the next.

    Args:
        moves: customer_id, the state before and the state now; one row per customer.
        kind: kind of the requests.
        at: when the day began on which it was found.
        names: names of the two columns.

    Returns:
        REQUESTS without _found_at.
    """
    before, now = names
    evidence = {"from": F.col(before), "to": F.col(now)}
    return moves.select(*_request(kind, occasion=at, at=at, evidence=evidence))


def new_requests(found: DataFrame, known: DataFrame, *, quiet: timedelta) -> DataFrame:
    """The requests that nobody has been told of.

    A customer whose payments fail again, or whose interest lasts, gives one request in so many
    days.

    Args:
        found: REQUESTS without _found_at.
        known: REQUESTS.
        quiet: time in which one request of these kinds is enough.
    """
    same_id = found.join(known.select("request_id"), "request_id", "left_anti").alias("f")
    lasting = known.where(F.col("kind").isin(*_LASTING)).alias("k")
    is_same = (
        (F.col("f.kind") == F.col("k.kind"))
        & (F.col("f.customer_id") == F.col("k.customer_id"))
        & (F.col("f.occurred_at") < F.col("k.occurred_at") + F.expr(_interval(quiet)))
    )
    return same_id.join(lasting, is_same, "left_anti")


def _moments_within(
    states: DataFrame, name: str, *, number: int, within: timedelta, now: datetime
) -> DataFrame:
    """States whose last moments, so many, lie so close together, the last one not long ago."""
    last, first = F.get(name, F.lit(0))["at"], F.get(name, F.lit(number - 1))["at"]
    is_close = last <= first + F.expr(_interval(within))
    is_recent = last > F.lit(now - within)
    return states.where((F.size(name) >= number) & is_close & is_recent & (last <= F.lit(now)))


def _of_moments(kind: str, name: str) -> list[Column]:
    times = F.transform(name, lambda moment: moment["at"].cast("string"))
    return _request(
        kind,
        occasion=F.get(name, F.lit(0))["at"],
        at=F.get(name, F.lit(0))["at"],
        product=F.col("last_product_id"),
        evidence={"times": F.array_join(times, ", ")},
    )


def _request(
    kind: str,
    *,
    occasion: Column,
    at: Column,
    evidence: dict[str, Column],
    product: Column | None = None,
) -> list[Column]:
    """REQUESTS columns but _found_at, of rows with a customer."""
    text = F.lit(None).cast("string")
    named = [part for name, value in evidence.items() for part in (F.lit(name), value)]
    columns = {
        "request_id": F.sha2(
            F.to_json(
                F.struct(
                    F.lit(kind).alias("kind"), "customer_id", occasion.cast("string").alias("of")
                )
            ),
            256,
        ),
        "kind": F.lit(kind),
        "customer_id": F.col("customer_id"),
        "product_id": text if product is None else product,
        "category": text,
        "occurred_at": at,
        "evidence": F.map_filter(F.create_map(*named), lambda _, value: value.isNotNull()),
    }
    names = [name for name in REQUESTS.column_names if name != "_found_at"]
    return [columns[name].alias(name) for name in names]


def _interval(time: timedelta) -> str:
    return f"INTERVAL {time.total_seconds():.0f} SECONDS"
