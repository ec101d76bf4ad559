"""One customer at once: the features of the last day beside what the stream has seen since, from memory and without a JVM."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from clarion.contracts.gold import CUSTOMER_FEATURES, FEATURES
from clarion.contracts.live import CUSTOMER_STATE
from clarion.serving.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a customer now.

    Args:
        customer_id: surrogate of the person.
        as_of: first day that the features do not count; None for somebody whom only the stream has seen.
        features: value by name, of those that are known.
        interest: number of actions on the stream, halved with every half-life since; 0 for none.
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
    """The customers of a lake; opened once, asked often.

    Args:
        root: folder of the lake.
        half_life_hours: of the interest on the stream (`monitor.interest_half_life_hours`).
    """

    def __init__(self, root: str, *, half_life_hours: float) -> None:
        self._features = Snapshot(root, CUSTOMER_FEATURES, key="customer_id")
        self._declared = Snapshot(root, FEATURES, key="feature")
        self._state = Snapshot(root, CUSTOMER_STATE, key="customer_id")
        self._half_life = half_life_hours * 3600

    def of(self, customer_id: str, *, now: datetime) -> Known | None:
        """What is known of a customer, or None where nothing is.

        Args:
            customer_id: a surrogate.
            now: an instant with its zone; interest is that of this moment.
        """
        described, state = self._features.row(customer_id), self._state.row(customer_id)
        if described is None and state is None:
            return None
        features = {**described["values"], **described["labels"]} if described else {}
        as_of = described["as_of"] if described else None
        if state is None:
            return Known(customer_id, as_of, features, 0.0, (), None, None)
        age = max((now - state["interest_at"]).total_seconds(), 0.0)
        interest = state["interest"] * 2 ** (-age / self._half_life)
        return Known(
            customer_id,
            as_of,
            features,
            interest,
            tuple(state["open_cart"]),
            state["last_product_id"],
            state["interest_at"],
        )

    def declared(self) -> dict[str, dict[str, Any]]:
        """FEATURES of the day by name: what each is called, its unit, its mean."""
        return {row["feature"]: row for row in self._declared.rows()}
