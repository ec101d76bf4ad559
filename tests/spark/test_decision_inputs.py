"""What is known of the customers for whom a decision is made."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

from pyspark.sql import DataFrame

from clarion.runtime.scope import Scope
from clarion.workflows import decision_inputs


def test_a_customer_without_tags_or_moves_keeps_the_group(rows: Callable[..., DataFrame]) -> None:
    frames = {
        "gold.segment_members": rows(
            "customer_id string, segment_id string", ("a", "g1"), ("b", "g1"), ("c", "g2")
        ),
        "gold.segment_moves": rows("customer_id string, from_segment string", ("a", "g2")),
        "gold.customer_tags": rows(
            "customer_id string, tags array<struct<tag:string,since:date>>",
            ("a", [("loyal", None)]),
            ("b", [("new", None), ("busy", None)]),
        ),
    }
    scope = cast(Scope, SimpleNamespace(current=lambda table: frames[table.name]))
    found = {
        row["customer_id"]: (row["segment_id"], row["came_from"], row["tags"])
        for row in decision_inputs._members(scope).collect()
    }
    assert found == {
        "a": ("g1", "g2", ["loyal"]),
        "b": ("g1", None, ["new", "busy"]),
        "c": ("g2", None, None),
    }
