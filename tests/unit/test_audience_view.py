"""What `clarion audience` prints."""

import io
from datetime import date
from typing import Any, cast

import pytest
from rich.console import Console

from clarion.cli.views import audience_view
from clarion.explore.audience import Audience


@pytest.mark.parametrize("customers", [1, 2])
def test_the_customers_of_a_preview_stand_below_the_names_of_their_columns(customers: int) -> None:
    preview = [{"customer_id": f"xxx{number}", "spend": 5.0} for number in range(customers)]
    nobody = cast(Any, None)  # the view shows only the preview
    audience = Audience(date(2026, 6, 1), nobody, 3, customers, 9, [], preview)
    out = io.StringIO()
    Console(file=out, width=80).print(audience_view(audience))
    lines = out.getvalue().splitlines()
    (heads,) = (place for place, line in enumerate(lines) if "customer_id" in line)
    assert "spend" in lines[heads]
    shown = [place for place, line in enumerate(lines) if "xxx" in line]
    assert len(shown) == customers
    assert min(shown) > heads
