"""What the words of a shop stand for, by the section of conf/words.yml that has them."""

from clarion.contracts.sources import ORDER_STATES, RESPONSE_TYPES

VOCABULARIES: dict[str, tuple[str, ...]] = {
    "order_states": ORDER_STATES,
    "response_types": RESPONSE_TYPES,
    "answers": ("true", "false"),
}
