"""Personal values in one form, so that equal ones have equal tokens however they were written."""

import re
import unicodedata

_WORDS = re.compile(r"[^\W_]+")
# Scripts that write no spaces between words.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def canonical_value(field: str, text: str) -> str:
    """The form in which values of a personal field are compared.

    A text of which nothing would remain stays as it came. In all forms full-width characters
    become usual ones and letters have one case. By field:

    - mail: no spaces around it.
    - name: no punctuation, words in alphabetical order (`Miller, Anna` is `Anna Miller`).
    - address: no punctuation.
    - id_number: no separators.

    Chinese, Japanese and Korean names and addresses lose their spaces. Other fields stay as they
    came.

    Args:
        field: the personal field.
        text: the value.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    words = _WORDS.findall(plain)
    if field == "mail":
        return plain or text
    if field == "id_number":
        return "".join(words) or text
    if field in ("name", "address"):
        if _UNSPACED.search(plain):
            return "".join(words) or text
        return " ".join(sorted(words) if field == "name" else words) or text
    return text


def canonical_phone(text: str, *, country: str) -> str:
    """The number as +86139..., where it is a possible number; otherwise the text as it came.

    Nothing is lost: a text that is no number is sealed as it is, and equals nothing but itself.

    Args:
        text: the number as a person wrote it.
        country: ISO code of the country whose numbers need no country code.
    """
    import phonenumbers  # takes 0.1 s, which only shops with phones pay

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    if not phonenumbers.is_possible_number(number):
        return text
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
