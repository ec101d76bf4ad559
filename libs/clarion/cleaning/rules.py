"""What a fact may not be. Each rule is an expression over the kind's own columns that is true for a broken row."""

from dataclasses import dataclass

from clarion.contracts.sources import EVENT_TYPES, RESPONSE_TYPES


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a source kind.

    Args:
        name: what stands in the quarantine.
        column: the column it speaks of.
        broken_when: SQL over the kind's columns, `_ingested_at` and `_product_known`.
        policies: policies of the mapping under which it refuses; the first is the default.
        warns_under: policies under which it only warns.
    """

    name: str
    column: str
    broken_when: str
    policies: tuple[str, ...] = ()
    warns_under: tuple[str, ...] = ()

    def applies(self, policy: str | None) -> bool:
        """Whether the rule refuses rows under the mapping's policy (None: the default)."""
        return not self.policies or policy is None or policy in self.policies

    def warns(self, policy: str | None) -> bool:
        return policy in self.warns_under


def _known(column: str, values: tuple[str, ...]) -> Rule:
    return Rule(f"unknown_{column}", column, f"{column} NOT IN ({', '.join(repr(value) for value in values)})")


def _future(column: str) -> Rule:
    # Clocks differ and zones are mistaken: a day of grace.
    return Rule("in_the_future", column, f"{column} > _ingested_at + INTERVAL 1 DAY", ("not_in_the_future",))


_UNKNOWN_PRODUCT = Rule("unknown_product", "product_ref", "product_ref IS NOT NULL AND NOT _product_known", ("unknown_is_refused",), ("unknown_is_warning",))

RULES: dict[str, tuple[Rule, ...]] = {
    "registrations": (_future("registered_at"),),
    "events": (_known("type", EVENT_TYPES), _future("happened_at"), _UNKNOWN_PRODUCT),
    "orders": (
        Rule("quantity_not_positive", "quantity", "quantity <= 0", ("must_be_positive",)),
        Rule("quantity_zero", "quantity", "quantity = 0", ("negative_is_return",)),
        Rule("price_not_positive", "unit_price", "unit_price <= 0", ("must_be_positive",)),
        Rule("amount_not_positive", "amount", "amount <= 0 AND quantity > 0", ("must_be_positive",)),
        Rule("amount_negative", "amount", "amount < 0 AND quantity > 0", ("may_be_zero",)),
        _future("happened_at"),
        _UNKNOWN_PRODUCT,
    ),
    "products": (Rule("price_not_positive", "list_price", "list_price <= 0"), Rule("cost_negative", "cost", "cost < 0")),
    "market": (Rule("price_not_positive", "price", "price <= 0", ("must_be_positive",)), _future("observed_at"), _UNKNOWN_PRODUCT),
    "reviews": (Rule("rating_out_of_range", "rating", "rating < 0 OR rating > 5"), _future("happened_at"), _UNKNOWN_PRODUCT),
    "traits": (),
    "ties": (Rule("tie_to_oneself", "to_ref", "from_ref = to_ref"),),
    "costs": (Rule("amount_negative", "amount", "amount < 0"),),
    "consents": (Rule("unknown_purpose", "purpose", "purpose NOT IN ('collection', 'analytics', 'marketing')"),),
    "responses": (_known("type", RESPONSE_TYPES), _future("happened_at")),
    "redemptions": (_future("happened_at"),),
}
# A default policy differs from the first of a rule's own where two rules share a column.
DEFAULT_POLICIES = {"quantity": "must_be_positive", "amount": "must_be_positive"}
