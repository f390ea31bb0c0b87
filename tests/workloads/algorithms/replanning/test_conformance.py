"""Planners that reach past their space are named; a sound one of a stranger's is clean."""

from pathlib import Path
from types import ModuleType

import pytest

from adabench.harness.contract import registry
from adabench.workloads.algorithms.replanning.conformance import check

PACKAGE = "adabench.workloads.algorithms.replanning"


def planted(tmp_path: Path, line: str) -> ModuleType:
    """A copy of our Dijkstra with a line more."""
    source = registry.find("replanning/dijkstra").path.read_text(encoding="utf-8")
    path = tmp_path / "planted.py"
    path.write_text(f"{source}\n\n{line}\n", encoding="utf-8")
    module = ModuleType("planted")
    module.__file__ = str(path)
    vars(module).update(vars(registry.load(registry.find("replanning/dijkstra"))))
    module.__file__ = str(path)
    return module


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (f"from {PACKAGE}.truth.full_replan import shortest_ways", "shortest_ways"),
        (f"from {PACKAGE}.methods.fmtx import repair", "repair"),
        (f"from {PACKAGE}.task import load", "load"),
        ("peek = lambda task, case: task.of(case)", "'of'"),
        ("cheat = lambda task, case: task.drive(case, plan, repair, hints=True)", "hints=True"),
        ("def free(queue):\n    queue.counts[0] = 0", ".counts["),
    ],
)
def test_a_planner_that_reaches_too_far_is_named(tmp_path: Path, line: str, word: str) -> None:
    method = planted(tmp_path, line)
    assert any(word in problem for problem in check(method, method.CARD))


def test_the_copy_alone_is_clean(tmp_path: Path) -> None:
    method = planted(tmp_path, "")
    assert list(check(method, method.CARD)) == []
