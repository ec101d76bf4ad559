"""Personal values in one form, so that equal ones have equal tokens however they were written."""

import re
import unicodedata

_WORDS = re.compile(r"[^\W_]+")
_JOINED = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)  # scripts that write no spaces between words


def canonical(field: str, text: str) -> str:
    """The form in which values of a personal field are compared; a value that it leaves nothing of stays as it came.

    Full-width characters as usual ones, letters of one case, and by field: mail addresses without spaces around them; names
    without punctuation, their words in alphabetical order (`Miller, Anna` is `Anna Miller`); addresses without punctuation;
    identity numbers without separators. Chinese, Japanese and Korean names and addresses lose their spaces.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    words = _WORDS.findall(plain)
    if field == "mail":
        return plain or text
    if field == "id_number":
        return "".join(words) or text
    if field in ("name", "address"):
        if _JOINED.search(plain):
            return "".join(words) or text
        return " ".join(sorted(words) if field == "name" else words) or text
    return text


def canonical_phone(text: str, *, country: str) -> str:
    """The number as +86139..., where it is a possible number of some country; otherwise the text as it came.

    Nothing is lost: what is no number is sealed as it stood, and joins with nothing but itself.
    """
    import phonenumbers  # takes 0.1 s, which only shops with phones pay

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text
    return (
        phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.is_possible_number(number)
        else text
    )
