"""What the words of a shop stand for, by the section of conf/words.yml that has them."""

from collections.abc import Mapping

from clarion.contracts.sources import CHANNELS, ORDER_STATES, RESPONSE_TYPES, TOUCH_TYPES

# The value that each word stands for, by section.
Vocabularies = Mapping[str, Mapping[str, str]]
VOCABULARIES: dict[str, tuple[str, ...]] = {
    "order_states": ORDER_STATES,
    "response_types": RESPONSE_TYPES,
    "touch_types": TOUCH_TYPES,
    "answers": ("true", "false"),
    "channels": CHANNELS,
}
