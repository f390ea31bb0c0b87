"""Solvers that reach past their search are named, and what answers with nothing is found out."""

from pathlib import Path

import pytest

from adabench.harness.contract.card import Card

pytest.importorskip("pyscipopt", reason="pip install 'adabench[milp]'")
pytest.importorskip("highspy", reason="pip install 'adabench[milp]'")

from adabench.workloads.algorithms.mip.conformance import check
from tests.workloads.planted_module import load_module

PACKAGE = "adabench.workloads.algorithms.mip"
SOLVER = """
from adabench.harness.contract.card import Card

CARD = Card(title="x", role="static")


def solve(task, case, point):
    search = task.search(case)
    search.scip()
    return search.end()
"""
NOTHING = SOLVER.replace("    search.scip()\n", "")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path_factory.getbasetemp() / "mip-cache"))


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (f"from {PACKAGE}.truth.known_bounds import bound_of", "bound_of"),
        (f"from {PACKAGE}.methods.scip import CARD as other", "CARD"),
        (f"from {PACKAGE}.task import load", "load"),
        ("best = lambda task, case: task.best_of(case, [])", "best_of"),
        ("early = lambda search: search.dated.clear()", "dated"),
        ("late = lambda search: setattr(search, 'x', 1)", "setattr"),
    ],
)
def test_a_solver_that_reaches_too_far_is_named(tmp_path: Path, line: str, word: str) -> None:
    method = load_module(tmp_path / "planted.py", f"{line}\n{SOLVER}")
    assert any(repr(word) in problem or word in problem for problem in check(method, method.CARD))


def test_an_oracle_may_try_arms_and_an_honest_solver_is_clean(tmp_path: Path) -> None:
    method = load_module(tmp_path / "planted.py", SOLVER)
    assert list(check(method, method.CARD)) == []
    trying = load_module(
        tmp_path / "planted.py", f"best = lambda task, case: task.best_of(case, [])\n{SOLVER}"
    )
    assert list(check(trying, Card(title="x", role="oracle"))) == []


def test_a_solver_that_finds_nothing_is_found_out(tmp_path: Path) -> None:
    method = load_module(tmp_path / "planted.py", NOTHING)
    (problem,) = check(method, method.CARD)
    assert "no solution" in problem
