"""Matches of competitors' listings with the shop's own products."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF

LISTING_MATCHES = Table(
    name="gold.listing_matches",
    grain="one row per as-of day and competitor's listing that is a product of the shop",
    key=("as_of", "competitor", "title"),
    slice=("as_of",),
    columns=(
        AS_OF,
        Column("competitor", "string", "who sells it"),
        Column("title", "string", "what the competitor calls it"),
        Column("product_id", "string", "the shop's product that it is"),
        Column(
            "score",
            "double",
            "agreement of words and price; null where it was stated",
            unit="0 to 1",
            nullable=True,
        ),
        Column(
            "margin",
            "double",
            "lead over the second best product; null where it was stated",
            unit="0 to 1",
            nullable=True,
        ),
        Column("how", "string", "stated (by the shop's people) or matched (by the job)"),
        Column(
            "reasons",
            "array<string>",
            "what agrees beside the words: brand, colour, price, size, number, and kinds of "
            "measures such as volume or pieces",
        ),
    ),
    checks=(
        Check("how_known", "how IN ('stated', 'matched')"),
        Check("matched_with_score", "(how = 'matched') = (score IS NOT NULL)"),
        Check("score_in_range", "coalesce(score, 0) >= 0 AND coalesce(score, 0) <= 1.000000001"),
    ),
    owner="merchandise",
)
