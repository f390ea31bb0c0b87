"""`python -m tests.suite test|quick|all`: the tests that are worth running now.

test    what has not passed on this machine with these inputs; if CI is set everything, and no pass is stored
quick   what an edit reaches, nearest first, for at most a minute
all     everything, with cold interpreters, random examples, and an eye on what tests open

What follows goes to pytest. If it names tests, pytest runs those and nothing is chosen or stored.
"""

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from adabench.harness.store.prepared_states import default_folder
from tests.suite import costs, opened_files, passes
from tests.suite.changes import changed_nodes, distances
from tests.suite.checkout import read_checkout
from tests.suite.dependencies import Dependencies, read_dependencies
from tests.suite.file_facts import FactStore
from tests.suite.groups import group_units
from tests.suite.runner import Result, run_groups, workers
from tests.suite.start_order import PYTEST

ROOT = Path(__file__).resolve().parents[2]
QUICK_S, LAST_TEST_S = 60, 40
"""`quick` ends within the first; no test begins after the second."""
LARGEST_S = 12
"""Units of more processor seconds are left to `make test`, unless they were edited: one that begins late
would end late."""
USUAL_S = 0.25
"""Processor seconds of a unit that `costs.toml` does not list."""
MOST_NAMED = 6
STARTS_S = 8
"""Processor seconds that pytest and its workers take before the first test."""
EVERYTHING = "not slow and not gpu and not net"


@dataclass(frozen=True)
class Suite:
    """The tests of this checkout, and what is known of them."""

    dependencies: Dependencies
    store: passes.PassStore

    @cached_property
    def keys(self) -> dict[str, str]:
        """The key of each unit."""
        return passes.keys(self.dependencies)

    @cached_property
    def costs_s(self) -> dict[str, float]:
        """Processor seconds of each unit, as far as they are known."""
        known = costs.read_unit_costs(ROOT)
        return costs.evened({unit: known.get(unit, USUAL_S) for unit in self.keys})

    def passed(self) -> set[str]:
        """Return the units that have passed here with these inputs."""
        return {unit for unit, key in self.keys.items() if self.store.seen(key)}

    def total_s(self, units: Sequence[str] | set[str]) -> float:
        """Return what units take."""
        return sum(self.costs_s[unit] for unit in units)


def read_suite() -> Suite:
    """Read the checkout."""
    folder = default_folder() / "tests"
    checkout = read_checkout(ROOT, FactStore(folder / "facts.json"))
    return Suite(read_dependencies(checkout), passes.PassStore(folder / "passes"))


def main() -> int:
    """Run a tier and return pytest's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.suite", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("tier", choices=("test", "quick", "all"))
    tier, words = parser.parse_known_args()
    started = time.time()
    if tier.tier == "quick":
        return quick(read_suite(), words, started)
    if names_tests(words):
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run([PYTEST, *words], cwd=ROOT, env=environ, check=False).returncode
    return everything(read_suite(), words) if tier.tier == "all" else whole(read_suite(), words)


def names_tests(words: Sequence[str]) -> bool:
    """Tell whether arguments of pytest choose tests."""
    return any(
        word in ("-k", "-m", "--lf", "--last-failed", "--ff") or not word.startswith("-")
        for word in words
    )


def whole(suite: Suite, words: Sequence[str]) -> int:
    """Run what has not passed here; under CI everything."""
    fresh = os.environ.get("CI", "").lower() in ("1", "true")
    known = set() if fresh else suite.passed()
    chosen = [unit for unit in suite.keys if unit not in known]
    if known:
        say(f"{len(known)} of {len(suite.keys)} units of tests have passed here with these inputs "
            f"and are left out; {len(chosen)} run. All of them: CI=true make test.")  # fmt: skip
    if not chosen:
        return 0
    result = run(suite, dict.fromkeys(chosen, 0), words)
    if not fresh:
        settle(suite, result, chosen)
    elif result.code in (0, 1):
        costs.write_costs(ROOT, result.outcomes)
    return result.code


def quick(suite: Suite, words: Sequence[str], started: float) -> int:
    """Run what an edit reaches, nearest first, within a minute."""
    files = [word for word in words if (ROOT / word).is_file()]
    nodes = changed_nodes(suite.dependencies.checkout, files)
    reached = distances(suite.dependencies, passes.units(suite.dependencies), nodes)
    known = suite.passed()
    todo = sorted((unit for unit in reached if unit not in known), key=lambda u: (reached[u], u))
    room_s = workers() * LAST_TEST_S - STARTS_S
    chosen: list[str] = []
    for unit in todo:
        if suite.costs_s[unit] <= (min(room_s, LARGEST_S) if reached[unit] else room_s):
            chosen.append(unit)
            room_s -= suite.costs_s[unit]
    say(f"Changed: {listed(sorted(nodes)) or 'nothing'}. It reaches {len(reached)} of "
        f"{len(suite.keys)} units of tests, {len(reached) - len(todo)} of which have passed so.")  # fmt: skip
    if suite.total_s(todo) > suite.total_s(set(suite.keys)) / 2:
        say(
            "That is most of the suite: this change takes `make test`. The nearest minute of it runs now."
        )
    code = 0
    if chosen:
        until = started + LAST_TEST_S
        plan = {unit: reached[unit] for unit in chosen}
        result = run(suite, plan, [word for word in words if word not in files], until)
        code, finished = result.code, settle(suite, result, chosen)
        failed = {unit for unit, outcome in result.outcomes.items() if outcome.failed}
        todo = [unit for unit in todo if unit not in finished | failed]
    rest = [unit for unit in suite.keys if unit not in known and unit not in reached]
    if todo:
        say(f"Left out for time: {len(todo)} units, about {suite.total_s(todo):.0f} processor seconds: "
            f"{listed(todo)}.")  # fmt: skip
    say(f"`make test` would run {'them' if todo else 'nothing of these'} and {len(rest)} more units "
        f"that have not passed here.")  # fmt: skip
    return code


def everything(suite: Suite, words: Sequence[str]) -> int:
    """Run all, with nothing warm or chosen; fail on false passes and on files outside closures."""
    seed = os.environ.get("ADABENCH_RANDOM_EXAMPLES") or str(secrets.randbelow(10**9) + 2)
    say(f"Random examples: ADABENCH_RANDOM_EXAMPLES={seed} make test-all runs these again.")
    os.environ |= {"ADABENCH_TEST_COLD": "1", "ADABENCH_RANDOM_EXAMPLES": seed}
    with tempfile.TemporaryDirectory(prefix="adabench-opened-") as folder:
        os.environ[opened_files.FOLDER] = folder
        result = run(suite, dict.fromkeys(suite.keys, 0), ["-m", EVERYTHING, *words])
        closures = passes.rooms_closures(suite.dependencies)
        strays = opened_files.outside(Path(folder), closures, suite.dependencies.checkout.known)
    for unit, files in strays.items():
        say(f"{unit} opens what its closure lacks (tests/suite/dependencies.py): {listed(files)}.")
    wrong = [
        unit for unit in suite.passed() if unit in result.outcomes and result.outcomes[unit].failed
    ]
    for unit in wrong:
        say(f"False pass: {unit} had passed here with these inputs, and fails.")
        suite.store.remove(suite.keys[unit])
    return result.code or int(bool(strays or wrong))


def run(
    suite: Suite, distances: Mapping[str, int], words: Sequence[str], until: float | None = None
) -> Result:
    """Run units, and end with the line of numbers."""
    groups = group_units(distances, suite.costs_s)
    result = run_groups(ROOT, groups, distances, words, until)
    for name in result.failed:
        print(f"FAILED {name}")
    print(f"{result.passed} passed, {len(result.failed)} failed, {result.skipped} skipped")
    return result


def settle(suite: Suite, result: Result, chosen: Sequence[str]) -> set[str]:
    """Store the passes of units that ran whole, if their inputs are still the same; return them."""
    now = passes.keys(read_suite().dependencies, chosen)
    finished = set()
    for unit in chosen:
        outcome = result.outcomes.get(unit)
        if outcome is None or outcome.failed:
            continue
        if outcome.collected <= outcome.passed + outcome.skipped:
            finished.add(unit)
            if now[unit] == suite.keys[unit]:
                suite.store.add(unit, now[unit])
    return finished


def listed(names: Sequence[str]) -> str:
    """Return some names, and how many more there are."""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def say(text: str) -> None:
    """Talk on stderr."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
