"""What pytest does for `python -m tests.suite`: runs chosen units, in order, until a time, and counts.

The plan is a JSON file named by the environment, which workers read too. What became of each unit is
written where the plan says. Without a plan pytest runs what its arguments say, as ever.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.suite.dependencies import CONFORMANCE
from tests.suite.opened_files import UNIT
from tests.suite.processor_time import InterpreterCount, processor_s

PLAN = "ADABENCH_TEST_PLAN"
ORDER = "ADABENCH_TEST_ORDER"
"""`reversed` runs the last test of each group first: none may rest on another."""


@dataclass
class Outcome:
    """What became of the tests of one unit."""

    collected: int = 0
    passed: int = 0
    skipped: int = 0
    failed: list[str] = field(default_factory=list)
    processor_s: float = 0.0
    interpreters: int = 0


@dataclass(frozen=True)
class Plan:
    """Which units run, nearest first, and until when."""

    distances: dict[str, int]
    outcomes: Path
    until: float | None = None
    """Seconds of the system's clock; tests that have not begun by then are left out."""


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan for pytest and its workers."""
    path.write_text(json.dumps({**asdict(plan), "outcomes": str(plan.outcomes)}))


def read_plan() -> Plan | None:
    """Return the plan that the environment names."""
    if PLAN not in os.environ:
        return None
    document = json.loads(Path(os.environ[PLAN]).read_text())
    return Plan(document["distances"], Path(document["outcomes"]), document["until"])


def unit_of(name: str) -> str:
    """Return the unit of a test by its pytest name."""
    name = name.partition("@")[0]
    file = name.partition("::")[0]
    return (
        f"{CONFORMANCE}[{name.rpartition('[')[2]}" if file == CONFORMANCE and "[" in name else file
    )


class UnitPlugin:
    """Hooks of one test process."""

    def __init__(self, plan: Plan, root: Path) -> None:
        self.plan, self.root = plan, root
        self.files = {unit.partition("[")[0] for unit in plan.distances}
        self.outcomes: dict[str, Outcome] = defaultdict(Outcome)
        self.interpreters = InterpreterCount()
        self.before_s = processor_s()

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave files without a chosen unit unread."""
        if collection_path.name.startswith("test_") and collection_path.suffix == ".py":
            inside = collection_path.relative_to(self.root).as_posix()
            return True if inside not in self.files else None
        return None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave other units out, and put the nearest first."""
        chosen, other = [], []
        for item in items:
            (chosen if unit_of(item.nodeid) in self.plan.distances else other).append(item)
        if other:
            config.hook.pytest_deselected(items=other)
        items[:] = sorted(chosen, key=lambda item: self.plan.distances[unit_of(item.nodeid)])
        if os.environ.get(ORDER) == "reversed":
            items.reverse()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Begin no test after the end of the time; name the unit to who hears what is opened."""
        os.environ[UNIT] = unit_of(item.nodeid)
        late = self.plan.until is not None and time.time() > self.plan.until
        return True if late else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Add to a report what its phase took; reports travel from workers with what is added."""
        report = yield
        now = processor_s()
        report.processor_s, self.before_s = now - self.before_s, now
        report.interpreters = self.interpreters.take()
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count, where all reports arrive."""
        outcome = self.outcomes[unit_of(report.nodeid)]
        outcome.processor_s += getattr(report, "processor_s", 0.0)
        outcome.interpreters += getattr(report, "interpreters", 0)
        if report.failed:
            outcome.failed.append(report.nodeid)
        elif report.skipped:
            outcome.skipped += 1
        elif report.when == "call":
            outcome.passed += 1

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Note how many tests each unit has, as a worker saw them."""
        self._count(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many tests each unit has, where there are no workers."""
        if not hasattr(session.config, "workerinput") and session.items:
            self._count([item.nodeid for item in session.items])

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what became of the units; those without a test have an empty outcome."""
        if not hasattr(session.config, "workerinput"):
            if exitstatus in (
                pytest.ExitCode.OK,
                pytest.ExitCode.TESTS_FAILED,
                pytest.ExitCode.NO_TESTS_COLLECTED,
            ):
                for unit in self.plan.distances:
                    self.outcomes[unit]
            document = {unit: asdict(outcome) for unit, outcome in self.outcomes.items()}
            self.plan.outcomes.write_text(json.dumps(document))

    def _count(self, names: list[str]) -> None:
        for outcome in self.outcomes.values():
            outcome.collected = 0
        for name in names:
            self.outcomes[unit_of(name)].collected += 1
