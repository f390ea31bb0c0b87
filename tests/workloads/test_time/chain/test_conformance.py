"""Planted methods that cheat are named; ours are clean."""

from types import ModuleType

import pytest

from adabench.harness.contract.card import Card
from adabench.workloads.test_time.chain.task import check
from tests.workloads.planted_module import load_module

HONEST = """
def solve(task, question, point):
    with task.session(question) as session:
        root = session.open()
        session.decode([root], max_new=session.room)
        session.offer(root.completion)
    return session.best
"""


def planted(tmp_path, source: str) -> ModuleType:
    return load_module(tmp_path / "planted.py", source, run=False)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("pick = lambda task, q: task.credit(q, ())", "credit"),
        ("peek = lambda task: task.grader.problems[0]", "grader"),
        ("free = lambda task: task.models.policy.decode", "models"),
        ("cheap = lambda task: task.meter.clear()", "meter"),
        ("forge = lambda session: session.policy._account", "_account"),
        (
            "from adabench.workloads.shared.language_model.native.engine import NativeEngine",
            "NativeEngine",
        ),
    ],
)
def test_a_method_that_peeks_is_named(tmp_path, line, word):
    broken = list(check(planted(tmp_path, line + HONEST), Card(title="x")))
    assert any(repr(word) in problem for problem in broken)


@pytest.mark.parametrize(
    "place",
    ["truth.worked_solutions import truth", "methods.ets import solve", "task import load"],
)
def test_a_method_that_imports_more_than_its_substrate_is_named(tmp_path, place):
    line = f"from adabench.workloads.test_time.chain.{place}"
    broken = list(check(planted(tmp_path, line + HONEST), Card(title="x")))
    assert any(place.rpartition(" ")[2] in problem for problem in broken)


def test_an_honest_method_is_clean_and_an_oracle_may_know(tmp_path):
    assert not list(check(planted(tmp_path, HONEST), Card(title="x")))
    peeking = planted(tmp_path, "pick = lambda task, q: task.credit(q, ())" + HONEST)
    assert not list(check(peeking, Card(title="x", role="oracle")))


def of_the_family(tmp_path, source: str) -> ModuleType:
    made = planted(tmp_path, source)
    made.__name__ = "adabench.workloads.test_time.methods.planted"
    return made


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("from adabench.workloads.shared.language_model.vocabulary import encode", "vocabulary"),
        ("from adabench.workloads.shared.language_model.contract import STEP", "STEP"),
        ("ends = lambda task: task.domain.end_marks", "end_marks"),
        (
            "from adabench.workloads.test_time.chain.substrate.problems import answer",
            "substrate.problems.answer",
        ),
    ],
)
def test_a_method_of_the_family_names_no_word_and_no_task(tmp_path, line, word):
    broken = list(check(of_the_family(tmp_path, line + HONEST), Card(title="x")))
    assert any(word in problem for problem in broken)
    if "STEP" in line or "vocabulary" in line:  # a method of the chain alone may know its words
        assert not list(check(planted(tmp_path, line + HONEST), Card(title="x")))


def test_a_sessions_score_is_the_policys_and_a_tasks_is_not(tmp_path):
    line = "likely = lambda session, seq: session.score([seq], [(1,)])"
    assert not list(check(of_the_family(tmp_path, line + HONEST), Card(title="x")))
    line = "peek = lambda task, question: task.score(question, ())"
    broken = list(check(of_the_family(tmp_path, line + HONEST), Card(title="x")))
    assert any("'score'" in problem for problem in broken)
