"""Who was erased stays out: names and values are recognised by their tokens, and by nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column

from clarion.collect.privacy.keys import Key
from clarion.collect.privacy.tokens import arrow_udf, token_of
from clarion.kernel.errors import SecretError

TELLING = (
    "phone",
    "mail",
    "id_number",
)  # personal columns that are one person's own; a name or an address is others', too


@dataclass(frozen=True, slots=True)
class SuppressionList:
    """The erased, as a record is held against them.

    Args:
        known: tokens of their names and values.
        keys: keys by which these were made; they must stay at hand as long as anyone is kept out.
    """

    known: frozenset[str]
    keys: tuple[Key, ...]
    telling: tuple[str, ...] = TELLING

    def names(self, field: str) -> Callable[[Column], Column]:
        """A column function: whether a name is that of someone erased; null for no name."""
        known, keys = self.known, self.keys

        @arrow_udf("boolean")  # type: ignore[untyped-decorator]
        def suppression_list(values: pa.Array) -> pa.Array:
            return pa.array(
                [
                    None
                    if value is None
                    else any(token_of(value, field=field, key=key) in known for key in keys)
                    for value in values.to_pylist()
                ]
            )

        made: Callable[[Column], Column] = suppression_list
        return made

    def tokens(self, token: Column) -> Column:
        """Whether a personal column's token is that of someone erased; null for none."""
        known = self.known

        @arrow_udf("boolean")  # type: ignore[untyped-decorator]
        def suppression_list(values: pa.Array) -> pa.Array:
            return pa.array(
                [None if value is None else value in known for value in values.to_pylist()],
                pa.bool_(),
            )

        found: Column = suppression_list(token)
        return found


def recognised(tokens: Mapping[str, str], keys: Mapping[str, Key]) -> SuppressionList | None:
    """The erased, with the keys by which they are recognised; None for nobody.

    Args:
        tokens: token of each name and value, with the name of its key.
        keys: keys at hand, by their names.

    Raises:
        SecretError: one of the keys is not at hand.
    """
    if not tokens:
        return None
    needed = sorted(set(tokens.values()))
    if missing := [key_id for key_id in needed if key_id not in keys]:
        raise SecretError(
            f"people were erased under the key '{missing[0]}', and without it they could come back unseen",
            found=f"keys at hand: {', '.join(keys)}",
            fix=f"name it under privacy.retired, such as {{{missing[0]}: file:PATH}}",
        )
    return SuppressionList(frozenset(tokens), tuple(keys[key_id] for key_id in needed))
