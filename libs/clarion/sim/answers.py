"""What comes back from messages: deliveries, views, clicks, withdrawn consents and coupons."""

import numpy as np
import pandas as pd

from clarion.sim import visits
from clarion.sim.clock import Instants
from clarion.sim.draws import Bools, Ints
from clarion.sim.records import Course, customer_refs, order_refs


def response_records(course: Course, chosen: Ints) -> pd.DataFrame:
    """Records of the kind 'responses'.

    A message is delivered within a minute, viewed within hours, and clicked ten seconds later, all
    on the day of sending.

    Args:
        course: what the customers of a block did.
        chosen: places of the messages, among the sends.
    """
    outcome = course.outcome
    moments: dict[str, tuple[Bools, Ints | int]] = {
        "sent": (np.ones(len(chosen), bool), visits.SENT_AT),
        "delivered": (outcome.delivered[chosen], visits.SENT_AT + 60),
        "viewed": (outcome.viewed[chosen], _view_seconds(course, chosen)),
        "clicked": (outcome.clicked[chosen], _view_seconds(course, chosen) + 10),
        "unsubscribed": (outcome.unsubscribes[chosen], _view_seconds(course, chosen) + 30),
    }
    refs = np.array(course.sends.ref, dtype=object)[chosen]
    frames = [
        pd.DataFrame(
            {
                "message_ref": refs[happened],
                "customer_ref": customer_refs(course.sends.customer[chosen][happened]),
                "channel": "message",
                "type": name,
                "happened_at": _at(course, chosen, seconds)[happened],
            }
        )
        for name, (happened, seconds) in moments.items()
    ]
    return pd.concat(frames, ignore_index=True)


def withdrawal_records(course: Course, chosen: Ints) -> pd.DataFrame:
    """Records of the kind 'consents': marketing consents withdrawn after a message."""
    leaves = chosen[course.outcome.unsubscribes[chosen]]
    return pd.DataFrame(
        {
            "customer_ref": customer_refs(course.sends.customer[leaves]),
            "purpose": "marketing",
            "channel": "*",
            "granted": "false",
            "at": _at(course, leaves, _view_seconds(course, leaves) + 30),
        }
    )


def redemption_records(course: Course, first: int) -> pd.DataFrame:
    """Records of the kind 'redemptions': coupons of orders from a day on."""
    lines = course.lines
    rows = np.flatnonzero((lines.send >= 0) & (lines.day >= first))
    return pd.DataFrame(
        {
            "customer_ref": course.refs(lines.customer[rows], lines.day[rows]),
            "coupon_ref": [f"K-{course.sends.offer[send]}" for send in lines.send[rows]],
            "order_ref": order_refs(lines.customer[rows], lines.day[rows]),
            "happened_at": course.ordered_at[rows],
        }
    )


def _view_seconds(course: Course, chosen: Ints) -> Ints:
    sends = course.sends
    return visits.view_seconds(course.draws, sends.customer[chosen], sends.day[chosen])


def _at(course: Course, chosen: Ints, seconds: Ints | int) -> Instants:
    return course.clock.instants(course.sends.day[chosen], seconds)
