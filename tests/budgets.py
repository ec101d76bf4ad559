"""What each test may cost, by the lane it is in; a test that costs more fails the run.

A test is charged the processor time of this process and of all it has started (the JVM, Python
workers, commands), and the clock's time, of which it may take twice as much. It is over its budget
when it exceeds both, since a clock says little on a busy machine and processor time little on two
cores at once; or when it takes six times its budget by the clock, which only waiting does. What a
session's fixture costs is not charged to the test that asks for it first: it has its own budget.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from lanes import lane_of

# A test, and a session's fixture. The aim for a fixture of `test` is 90 s; the small shop's pass takes 270 to 385 s. The aim for a test
# of `deep` is 180 s; erasure takes 210 to 270 s.
LANES = {"test": (20.0, 380.0), "deep": (240.0, 600.0), "slow": (3600.0, 3600.0)}
_LONGEST_SHOWN = 15
_WAITING = 6  # times its budget by the clock: it waits for something


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took.

    Args:
        name: a test, or a session's fixture.
        lane: whose budget counts.
        budget: seconds of processor time that it may take.
        cpu: seconds of processor time that it took.
        wall: seconds by the clock.
    """

    name: str
    lane: str
    budget: float
    cpu: float
    wall: float

    @property
    def is_over(self) -> bool:
        is_dear = self.cpu > self.budget and self.wall > 2 * self.budget
        return is_dear or self.wall > _WAITING * self.budget

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.cpu:.1f} s of processor time, {self.wall:.1f} s by the clock "
            f"(lane {self.lane}: {self.budget:.0f} s, {2 * self.budget:.0f} s)"
        )


class Meter:
    """Processor time of this process and of everything below it, processes that ended included."""

    def __init__(self) -> None:
        self._root = psutil.Process()
        self._ended = 0.0
        self._running: dict[tuple[int, float], float] = {}

    def seconds(self) -> float:
        """Seconds of processor time since the process tree began; never falls."""
        running: dict[tuple[int, float], float] = {}
        for process in (self._root, *self._root.children(recursive=True)):
            try:
                times = process.cpu_times()
                running[process.pid, process.create_time()] = times.user + times.system
            except psutil.NoSuchProcess:
                continue  # it ended between the two calls; what it took is counted below
        self._ended += sum(seconds for key, seconds in self._running.items() if key not in running)
        self._running = running
        return self._ended + sum(running.values())


class Budgets:
    """The plugin: charges tests and session fixtures, and fails a run that is over a budget."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._fixtures: list[Cost] = []
        self._tests: list[Cost] = []
        self._in_fixtures = (0.0, 0.0)  # of the test at hand
        self._depth = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        cpu, wall = self._meter.seconds(), time.monotonic()
        self._in_fixtures = (0.0, 0.0)
        result = yield
        lane = lane_of(item)
        cost = Cost(
            item.nodeid,
            lane,
            LANES[lane][0],
            self._meter.seconds() - cpu - self._in_fixtures[0],
            time.monotonic() - wall - self._in_fixtures[1],
        )
        self._tests.append(cost)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Iterator[None]:
        if fixturedef.scope != "session" or self._depth:
            return (yield)  # one that another session fixture asks for is charged to that one
        cpu, wall = self._meter.seconds(), time.monotonic()
        self._depth += 1
        try:
            result = yield
        finally:
            self._depth -= 1
            cost = (self._meter.seconds() - cpu, time.monotonic() - wall)
            self._in_fixtures = (
                self._in_fixtures[0] + cost[0],
                self._in_fixtures[1] + cost[1],
            )
            node = request.node
            lane = lane_of(request._pyfuncitem) if node is not None else "test"
            self._fixtures.append(
                Cost(f"fixture {fixturedef.argname}", lane, LANES[lane][1], *cost)
            )
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):  # a worker reports to the process that asked it
            output: dict[str, Any] = session.config.workeroutput  # type: ignore[attr-defined]  # xdist's
            output["costs"] = [
                (cost.name, cost.lane, cost.budget, cost.cpu, cost.wall)
                for cost in (*self._tests, *self._fixtures)
            ]
            return
        if self._over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        for values in getattr(node, "workeroutput", {}).get("costs", ()):
            cost = Cost(*values)
            (self._fixtures if cost.name.startswith("fixture ") else self._tests).append(cost)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        write = terminalreporter.write_line
        if not self._tests:
            return
        total = sum(cost.cpu for cost in (*self._tests, *self._fixtures))
        terminalreporter.section("costs")
        write(f"{total:.0f} s of processor time in all; the dearest:")
        for cost in sorted(self._fixtures, key=lambda cost: -cost.cpu):
            if cost.cpu >= 1:
                write(f"  {cost}")
        for cost in sorted(self._tests, key=lambda cost: -cost.cpu)[:_LONGEST_SHOWN]:
            write(f"  {cost}")
        for cost in self._over():
            write(f"OVER BUDGET {cost}", red=True, bold=True)

    def _over(self) -> list[Cost]:
        return [cost for cost in (*self._tests, *self._fixtures) if cost.is_over]


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CLARION_TEST_BUDGETS") == "off":  # beside other work a clock says nothing
        return
    if not config.option.collectonly:
        config.pluginmanager.register(Budgets(), "clarion-budgets")
