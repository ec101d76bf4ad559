"""The suppression list: erased people stay out of later files, recognised by their tokens alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import arrow_udf, token_of
from clarion.kernel.errors import SecretError

# Personal fields that belong to one person; others may share a name or an address.
IDENTIFYING_FIELDS = ("phone", "mail", "id_number")
_REFERENCE_FIELDS = {
    "customer_ref": "ref",
    "from_ref": "ref",
    "to_ref": "ref",
    "device_ref": "device",
    "member_ref": "member",
}


def is_reference(column: str) -> bool:
    """Whether a mapped column names a customer, a device or a card."""
    return column in _REFERENCE_FIELDS


def reference_field(column: str, namespace: str) -> str:
    """The field under which the token of a name is suppressed.

    Args:
        column: a mapped column that names a customer, a device or a card.
        namespace: who gives the name.
    """
    return f"{_REFERENCE_FIELDS[column]}:{namespace}"


@dataclass(frozen=True, slots=True)
class SuppressionList:
    """The tokens of erased people, with which records are compared.

    Args:
        tokens: tokens of their names and values.
        keys: keys of these tokens; they must stay configured as long as anyone is suppressed.
        fields: personal fields by which a person is recognised.
    """

    tokens: frozenset[str]
    keys: tuple[Key, ...]
    fields: tuple[str, ...] = IDENTIFYING_FIELDS

    def matches_name(self, field: str) -> Callable[[Column], Column]:
        """A column function: whether a name is an erased person's; null for null.

        Args:
            field: of `reference_field`.
        """
        tokens = self.tokens
        keys = self.keys

        def is_suppressed(name: str) -> bool:
            return any(token_of(name, field=field, key=key) in tokens for key in keys)

        @arrow_udf("boolean")  # type: ignore[untyped-decorator]
        def matches(values: pa.Array) -> pa.Array:
            names = values.to_pylist()
            results = [None if name is None else is_suppressed(name) for name in names]
            return pa.array(results, pa.bool_())

        function: Callable[[Column], Column] = matches
        return function

    def matches_token(self, token: Column) -> Column:
        """Whether a personal column's token is an erased person's; null for null."""
        tokens = self.tokens

        @arrow_udf("boolean")  # type: ignore[untyped-decorator]
        def matches(values: pa.Array) -> pa.Array:
            results = [None if value is None else value in tokens for value in values.to_pylist()]
            return pa.array(results, pa.bool_())

        column: Column = matches(token)
        return column


def make_suppression_list(
    tokens: Mapping[str, str], keys: Mapping[str, Key]
) -> SuppressionList | None:
    """The suppression list with the keys that it needs; None where nobody was erased.

    Args:
        tokens: token of each name and value, with the name of its key.
        keys: configured keys, by their names.

    Raises:
        SecretError: one of the keys is not configured.
    """
    if not tokens:
        return None
    key_ids = sorted(set(tokens.values()))
    if missing := [key_id for key_id in key_ids if key_id not in keys]:
        raise SecretError(
            f"people were erased under the key '{missing[0]}', and without it they could come back "
            "unnoticed",
            found=f"configured keys: {', '.join(keys)}",
            fix=f"add it to privacy.retired, such as {{{missing[0]}: file:PATH}}",
        )
    return SuppressionList(frozenset(tokens), tuple(keys[key_id] for key_id in key_ids))
