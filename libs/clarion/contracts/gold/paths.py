"""The ways of sessions through the shop."""

from clarion.contracts.core import Check, Column, Table
from clarion.contracts.gold.columns import AS_OF, share

PATHS = Table(
    name="gold.paths",
    grain="one row per as-of day and path of sessions: the commonest ones, and all others",
    key=("as_of", "rank"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("rank", "int", "1 for the commonest; the last may be all others"),
        Column("path", "string", "types of events and orders, in order; 'other' for all others"),
        Column("sessions", "bigint", "sessions that took it in the last paths.window_days days"),
        share("share", "of all sessions"),
        Column("cut_sessions", "bigint", "those of them that took more than paths.max_steps steps"),
    ),
    checks=(
        Check("share_of_sessions", "share > 0 AND share <= 1"),
        Check("cut_within_sessions", "cut_sessions <= sessions"),
    ),
    owner="growth",
)
PATH_STEPS = Table(
    name="gold.path_steps",
    grain="one row per as-of day, channel (or 'all') and step of the funnel",
    key=("as_of", "channel", "step"),
    slice=("as_of",),
    keep_days=730,
    columns=(
        AS_OF,
        Column("channel", "string", "channel in which sessions began; 'all', or '(none)'"),
        Column("step_no", "int", "place in the funnel, from 1"),
        Column(
            "step",
            "string",
            "view, cart_add, checkout, payment_failed, payment_given_up or order",
        ),
        Column(
            "next_step", "string", "step that should follow; none after the order", nullable=True
        ),
        Column("sessions", "bigint", "sessions that reached it in the last paths.window_days days"),
        Column("continued", "bigint", "those of them that reached the next one", nullable=True),
        share(
            "drop_off",
            "those that did not; unknown where no session reached the step",
            nullable=True,
        ),
    ),
    checks=(Check("continued_within_sessions", "coalesce(continued, 0) <= sessions"),),
    owner="growth",
)
TABLES = (PATHS, PATH_STEPS)
