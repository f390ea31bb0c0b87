"""Runs groups of tests, one more at a time than there are cores, and says how each one ended."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.suite import opened_files, start_order, warm_session
from tests.suite.groups import Group
from tests.suite.session_cache import scratch_place, session_cache
from tests.suite.unit_plugin import PLAN, Outcome, Plan, write_plan

NO_TESTS = 5
"""pytest's exit code where all tests are slow ones, or for other machines."""
MOST_WORKERS = 8
"""Each holds torch and the kernels that it compiled: 1 to 2 GB."""
BESIDE = 1
"""Groups that run beside those that have a core each: a group waits for a fifth of its time, for processes
that it starts and ends, and its core would be idle meanwhile."""
PYTEST = (
    start_order.PYTEST,
    "-n", "0", "-q", "--color=no", "-p", "no:cacheprovider", "-p", "no:anyio", "--durations=0", "--durations-min=2",
    "-W", "ignore:Module already imported so cannot be rewritten; anyio:pytest.PytestAssertRewriteWarning",
)  # fmt: skip
"""Of the plug-in that is left out: sessions that run models have its package, which openai imports."""


FRESH = ("kernels",)
"""Groups that no fork can run: triton is interpreted or not, as it finds at its import."""
WITH_MODELS = (
    "docs", "task agents", "task pretrained", "task text", "task tools", "workloads/shared/language_model",
    "workloads/shared/lm_eval_bridge", "workloads/shared/sources",
)  # fmt: skip
"""Groups that need libraries of models: they are forks of a process that has these."""


@dataclass
class Result:
    """What became of all groups."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    code: int = 0
    """The first exit code of pytest that is an error, or 1 if a test failed."""

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return sum(outcome.passed for outcome in self.outcomes.values())

    @property
    def skipped(self) -> int:
        """How many tests were skipped."""
        return sum(outcome.skipped for outcome in self.outcomes.values())

    @property
    def failed(self) -> list[str]:
        """The names of tests that failed."""
        return [name for outcome in self.outcomes.values() for name in outcome.failed]


@dataclass(frozen=True)
class _Finished:
    """A group that has run."""

    group: Group
    code: int
    outcomes: Mapping[str, Outcome]
    output: str
    took_s: float


def workers() -> int:
    """Return how many cores the groups have."""
    mine = getattr(os, "sched_getaffinity", None)
    return min(len(mine(0)) if mine else os.cpu_count() or 1, MOST_WORKERS)


def run_groups(
    root: Path, groups: Sequence[Group], distances: Mapping[str, int], words: Sequence[str],
    until: float | None = None,
) -> Result:  # fmt: skip
    """Run groups and print a line for each; output is shown of those that do not pass.

    Groups whose turn comes after `until` (seconds of the system's clock) do not begin.
    """
    result, left = Result(), len(groups)
    with _folder() as folder, session_cache(), warm_session.offered(), _threads() as threads:
        running = [
            threads.submit(_run, root, group, distances, words, until, folder) for group in groups
        ]
        try:
            for future in as_completed(running):
                left -= 1
                _note(future.result(), result, left)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)  # groups hear an interrupt themselves
            raise
    return result


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers() + BESIDE)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="adabench-suite-", dir=scratch_place(), ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _run(
    root: Path, group: Group, distances: Mapping[str, int], words: Sequence[str],
    until: float | None, folder: Path,
) -> _Finished | None:  # fmt: skip
    """Run a group in a process of its own; None if it is too late."""
    if until is not None and time.time() > until:
        return None
    place = Path(tempfile.mkdtemp(dir=folder))  # short: sockets lie below it
    plan, outcomes, output = place / "plan.json", place / "outcomes.json", place / "output"
    write_plan(plan, Plan({unit: distances[unit] for unit in group.units}, outcomes, until))
    environ = {**environment(group, os.environ, place), PLAN: str(plan)}
    started_s = time.monotonic()
    with output.open("wb") as stream:
        code = subprocess.run(
            [*PYTEST, *words, *group.files], cwd=root, env=environ, check=False,
            stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
        ).returncode  # fmt: skip
    document = json.loads(outcomes.read_text()) if outcomes.exists() else {}
    return _Finished(
        group, code, {unit: Outcome(**outcome) for unit, outcome in document.items()},
        output.read_text(errors="replace"), time.monotonic() - started_s,
    )  # fmt: skip


def environment(group: Group, mine: Mapping[str, str], place: Path) -> dict[str, str]:
    """Return the environment of a group's pytest, whose temporary folders lie in its own place.

    Sessions that share `pytest-of-USER` delete each other's old folders when they end, and the one
    that comes second ends with an error though its tests have passed.
    """
    left_out = {"PYTHONPATH", start_order.NAME} if group.name in FRESH else {"PYTHONPATH"}
    environ = {name: value for name, value in mine.items() if name not in left_out}
    if opened_files.FOLDER in environ:
        environ["PYTHONPATH"] = opened_files.SITE
    if group.name.startswith(WITH_MODELS):
        environ[start_order.NEEDS_MODELS] = "1"
    return environ | {"PYTEST_DEBUG_TEMPROOT": str(place)}


def _note(found: _Finished | None, result: Result, left: int) -> None:
    """Add a group to the result, and print its line."""
    if found is None:
        return
    result.outcomes |= found.outcomes
    if found.code not in (0, NO_TESTS):
        result.code = result.code or found.code
        print(found.output)
    numbers = Result(found.outcomes)
    processor_s = sum(outcome.processor_s for outcome in found.outcomes.values())
    print(
        f"{found.group.name:36} {numbers.passed:5} passed {len(numbers.failed):2} failed "
        f"{processor_s:6.1f} s of processor {found.took_s:6.1f} s  ({left} left)"
        + ("" if found.code in (0, 1, NO_TESTS) else f"  pytest ended with {found.code}"),
        flush=True,
    )
