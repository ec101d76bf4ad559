"""One customer: features of the last day and the state of the stream, without a JVM."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from clarion.contracts.gold import CUSTOMER_FEATURES, FEATURES
from clarion.contracts.live import CUSTOMER_STATE
from clarion.serving.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class LiveCustomer:
    """The features of a customer and what the stream has seen since.

    Args:
        customer_id: surrogate of the person.
        as_of: first day that the features do not count; None for a customer who is known from the
            stream alone.
        features: value by name, of the features that have one.
        interest: number of actions on the stream, halved with every half-life; 0 for none.
        open_cart: products in the cart.
        last_product_id: product of the last action that had one.
        seen_at: time of the last action on the stream.
    """

    customer_id: str
    as_of: date | None
    features: dict[str, float | str]
    interest: float
    open_cart: tuple[str, ...]
    last_product_id: str | None
    seen_at: datetime | None


class LiveView:
    """The customers of a lake; opened once, queried often.

    Args:
        root: folder of the lake.
        half_life_hours: of the interest on the stream (`monitor.interest_half_life_hours`).
    """

    def __init__(self, root: str, *, half_life_hours: float) -> None:
        self._features = Snapshot(root, CUSTOMER_FEATURES, key="customer_id")
        self._declared = Snapshot(root, FEATURES, key="feature")
        self._state = Snapshot(root, CUSTOMER_STATE, key="customer_id")
        self._half_life = half_life_hours * 3600

    def of(self, customer_id: str, *, now: datetime) -> LiveCustomer | None:
        """The view of a customer; None for a customer without features and without a state.

        Args:
            customer_id: a surrogate.
            now: an instant with its zone; interest is that of this moment.
        """
        row = self._features.row(customer_id)
        state = self._state.row(customer_id)
        if row is None and state is None:
            return None
        features = {**row["values"], **row["labels"]} if row else {}
        as_of = row["as_of"] if row else None
        if state is None:
            return LiveCustomer(customer_id, as_of, features, 0.0, (), None, None)
        age = max((now - state["interest_at"]).total_seconds(), 0.0)
        interest = state["interest"] * 2 ** (-age / self._half_life)
        return LiveCustomer(
            customer_id,
            as_of,
            features,
            interest,
            tuple(state["open_cart"]),
            state["last_product_id"],
            state["interest_at"],
        )

    def declared(self) -> dict[str, dict[str, Any]]:
        """FEATURES of the day by name: titles, unit, mean."""
        return {row["feature"]: row for row in self._declared.rows()}
