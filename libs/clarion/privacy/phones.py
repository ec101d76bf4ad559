"""Phone numbers in one form (E.164), so that equal numbers have equal tokens however they were written."""

from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import Column

from clarion.privacy.tokens import arrow_udf


def canonical_phone(text: str, *, country: str) -> str:
    """The number as +86139..., where it is a possible number of some country; otherwise the text as it came.

    Nothing is lost: what is no number is sealed as it stood, and joins with nothing but itself.
    """
    import phonenumbers  # takes 0.1 s, which only shops with phones pay

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_possible_number(number) else text


def phone_form(country: str) -> Callable[[Column], Column]:
    """A column function from phone numbers as people write them to their one form; null stays null."""

    @arrow_udf("string")  # type: ignore[untyped-decorator]
    def forms(values: pa.Array) -> pa.Array:
        return pa.array([None if value is None else canonical_phone(value, country=country) for value in values.to_pylist()], pa.string())

    made: Callable[[Column], Column] = forms
    return made
