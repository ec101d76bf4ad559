"""Facts that a text states and that two texts of one product cannot state differently."""

from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from clarion.kernel.text import NARROW, WIDE
from clarion.products.similarity.tokens import tokens

# A fact is its kind, a space and its value: "volume 500", "pieces 6", "number 13", "size xl".
# Units of one kind are compared in the smallest of them.
_UNITS = {
    "ml": ("volume", 1.0),
    "cl": ("volume", 10.0),
    "l": ("volume", 1000.0),
    "mg": ("weight", 0.001),
    "g": ("weight", 1.0),
    "kg": ("weight", 1000.0),
    "oz": ("ounces", 1.0),
    "lb": ("ounces", 16.0),
    "mm": ("length", 1.0),
    "cm": ("length", 10.0),
    "m": ("length", 1000.0),
    "inch": ("inches", 1.0),
    "gb": ("storage", 1.0),
    "tb": ("storage", 1024.0),
    "mah": ("charge", 1.0),
    "w": ("watts", 1.0),
    "v": ("volts", 1.0),
}
_MEASURE = r"^(\d+(?:p\d+)?)(ml|cl|l|mg|g|kg|oz|lb|mm|cm|m|inch|gb|tb|mah|w|v)$"
_PIECES = (
    r"(?:\b(?:set|pack|box) of (\d+))|(?:\b(\d+)[ -]?(?:pack|pcs|pieces|count|ct)\b)"
    r"|(?:(\d+) ?(?:件|个|支|片|只|包|瓶|盒)(?:装|套))"
)
_TIMES = r"^x(\d+)$"
_NUMBER = r"^\d+(?:p\d+)?$"
_STOP_WORDS = [""]  # none: every number counts


def stated_facts(text: Column) -> Column:
    """Sizes with their unit, numbers of pieces, and bare numbers that a title states.

    `1 l` and `1000ml` are one fact. A number of the text that is none of these is a model or an
    article number.

    Args:
        text: a title.

    Returns:
        Array of kind and value, such as "volume 500".
    """
    words = tokens(text, stop_words=_STOP_WORDS)
    measures = F.transform(F.filter(words, lambda word: word.rlike(_MEASURE)), _measure)
    times = F.transform(
        F.filter(words, lambda word: word.rlike(_TIMES)),
        lambda word: F.concat(F.lit("pieces "), F.regexp_extract(word, _TIMES, 1)),
    )
    pieces = _pieces(text)
    counted = F.transform(pieces, lambda fact: F.replace(fact, F.lit("pieces "), F.lit("")))
    numbers = F.transform(
        F.filter(words, lambda word: word.rlike(_NUMBER) & ~F.array_contains(counted, word)),
        lambda word: F.concat(F.lit("number "), word),
    )
    return F.array_distinct(F.concat(measures, times, pieces, numbers))


def size_facts(size: Column) -> Column:
    """What a stated size says: a measure or a number of pieces where it is one, else the size.

    Args:
        size: a column such as "50 ml", "set of 6", "XL", "38" or "90 x 200"; null where unknown.

    Returns:
        Array of kind and value; empty where the size is unknown.
    """
    plain = F.regexp_replace(F.lower(F.translate(size, WIDE, NARROW)), r"\s+", "")
    facts = F.filter(stated_facts(size), lambda fact: ~fact.startswith("number "))
    named = F.array(F.concat(F.lit("size "), plain))
    is_known = F.coalesce(plain, F.lit("")) != ""
    known = F.when(F.size(facts) > 0, facts).otherwise(named)
    return F.when(is_known, known).otherwise(F.array().cast("array<string>"))


def contradicting_kinds(left: Column, right: Column) -> Column:
    """Kinds of facts that both sides state, without one value in common.

    What only one side states contradicts nothing.

    Args:
        left: facts of one side.
        right: facts of the other.
    """
    both = F.array_intersect(_kinds(left), _kinds(right))
    return F.array_except(both, agreeing_kinds(left, right))


def agreeing_kinds(left: Column, right: Column) -> Column:
    """Kinds of facts of which both sides state one value in common."""
    return _kinds(F.array_intersect(left, right))


def names_agree(left: Column, right: Column) -> Column:
    """Whether two names of a brand or a colour may mean the same; null where one is unknown.

    They do where the letters are equal, or where all words of the one are among those of the
    other: "Calvin Klein" and "CALVIN-KLEIN Performance", "navy" and "navy blue". Chinese has no
    spaces: there one contains the other.

    Args:
        left: a name.
        right: another name.
    """
    plain_left, plain_right = _words(left), _words(right)
    joined_left, joined_right = F.concat_ws("", plain_left), F.concat_ws("", plain_right)
    is_part = (F.size(F.array_except(plain_left, plain_right)) == 0) | (
        F.size(F.array_except(plain_right, plain_left)) == 0
    )
    is_chinese = joined_left.rlike(r"^[\x{4e00}-\x{9fff}]+$")
    contains = joined_left.contains(joined_right) | joined_right.contains(joined_left)
    agrees = (joined_left == joined_right) | is_part | (is_chinese & contains)
    return F.when((joined_left != "") & (joined_right != ""), agrees)


def _measure(word: Column) -> Column:
    """The fact that a token such as 1p5l states."""
    unit = F.regexp_extract(word, _MEASURE, 2)
    number = F.replace(F.regexp_extract(word, _MEASURE, 1), F.lit("p"), F.lit("."))
    cases = [
        (unit == name, F.concat(F.lit(f"{kind} "), _rounded(number.cast("double") * factor)))
        for name, (kind, factor) in _UNITS.items()
    ]
    return reduce(lambda rest, case: F.when(case[0], case[1]).otherwise(rest), cases, F.lit(""))


def _rounded(number: Column) -> Column:
    return F.regexp_replace(number.cast("decimal(18,3)").cast("string"), r"\.?0+$", "")


def _pieces(text: Column) -> Column:
    """Numbers of pieces that words state: set of 6, 3-pack, 2 pcs."""
    lower = F.lower(F.translate(F.coalesce(text, F.lit("")), WIDE, NARROW))
    groups = [F.regexp_extract_all(lower, F.lit(_PIECES), F.lit(group)) for group in (1, 2, 3)]
    counted = F.filter(F.concat(*groups), lambda number: number != "")
    return F.transform(counted, lambda number: F.concat(F.lit("pieces "), number))


def _kinds(facts: Column) -> Column:
    return F.array_distinct(
        F.transform(facts, lambda fact: F.split_part(fact, F.lit(" "), F.lit(1)))
    )


def _words(name: Column) -> Column:
    lower = F.regexp_replace(F.lower(F.translate(name, WIDE, NARROW)), r"['’`]", "")
    words = F.split(F.trim(F.regexp_replace(lower, r"[^\p{L}\p{Nd}]+", " ")), " ")
    return F.filter(words, lambda word: word != "")
