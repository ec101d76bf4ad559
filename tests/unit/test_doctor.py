"""The doctor's findings at the limits of what is enough."""

import os
from pathlib import Path

import pytest

from clarion.onboarding.doctor import LEAST_MEMORY_GB, check_machine

PAGE = 2**20
PAGES = int(LEAST_MEMORY_GB * 2**10)


@pytest.mark.parametrize(("pages", "is_enough"), [(PAGES, True), (PAGES - 1, False)])
def test_a_machine_with_just_the_least_memory_is_large_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pages: int, is_enough: bool
) -> None:
    sizes = {"SC_PAGE_SIZE": PAGE, "SC_PHYS_PAGES": pages}
    monkeypatch.setattr(os, "sysconf", lambda name: sizes[name])
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))  # it is not asked for its version
    (memory,) = (one for one in check_machine(str(tmp_path)) if one.name == "Memory")
    assert memory.is_good == is_enough
