"""Rules for sources: each way to reach for what is off limits is named with its line."""

import ast
from collections.abc import Container, Iterator

import pytest

from adabench.workloads.shared.counting.source_rules import Rules

PAGING = "adabench.workloads.algorithms.paging"
SHARED = "adabench.workloads.shared"


def deletions(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Delete):
        yield "del"


def handed_on(tree: ast.AST) -> Container[tuple[int, str]]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {(one.lineno, "meter") for call in calls for one in call.args}


RULES = Rules(
    PAGING,
    off_limits=frozenset(("meter", "score")),
    strings=frozenset(("future",)),
    names=frozenset(("peek",)),
    more=deletions,
    excused=handed_on,
    who="buyer",
)


def said(line: str, module: str = f"{PAGING}.methods.lru", **role: bool) -> str:
    return " ".join(RULES.problems(f"first = 1\n{line}\n", module, **role))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("task.meter['x'] = 1", "meter"),
        ("peek(case)", "peek"),
        ("getattr(task, name)", "getattr"),
        ("ask('future')", "future"),
        ("import gc", "gc"),
        ("import sys as system", "sys"),
        ("from importlib import import_module", "import_module"),
        (f"from {PAGING}.substrate.tools import score", "score"),
        ("del task", "del"),
    ],
)
def test_a_name_that_is_off_limits_is_told_with_its_line(line: str, name: str) -> None:
    assert said(line) == f"It reaches for {name!r} on line 2: no buyer needs it."


def test_a_name_is_fine_where_the_task_excuses_it() -> None:
    assert said("walk(state.meter)") == ""
    assert "meter" in said("state.meter = 1")


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (f"import {PAGING}.truth.belady", f"{PAGING}.truth.belady"),
        (f"from {PAGING}.truth.belady import opt", f"{PAGING}.truth.belady.opt"),
        (f"from {PAGING}.truth import belady", f"{PAGING}.truth.belady"),
        (f"from {PAGING} import truth", f"{PAGING}.truth"),
        ("from ..truth import belady", f"{PAGING}.truth.belady"),
        (
            "from adabench.workloads.algorithms.truth.answers import all_of_them",
            "adabench.workloads.algorithms.truth.answers.all_of_them",
        ),
    ],
)
def test_truth_is_for_oracles(line: str, target: str) -> None:
    assert said(line) == (
        f"It imports {target} on line 2: only the scorer and oracles may import `truth`. Take "
        "what you need from `substrate`, or say role='oracle' in the card if the method is meant "
        "to know the future."
    )
    assert said(line, oracle=True) == ""


@pytest.mark.parametrize(
    "line",
    [
        f"import {PAGING}.methods.fifo",
        f"from {PAGING}.methods.fifo import solve",
        f"from {PAGING}.methods import fifo",
        f"from {PAGING} import methods",
        "from . import fifo",
        "from .fifo import solve",
        f"from {PAGING}.methods.lru_k.parts import rank",
    ],
)
def test_another_method_is_refused_to_everybody(line: str) -> None:
    for oracle in (False, True):
        assert "which is of another method. Move what both need" in said(line, oracle=oracle)


@pytest.mark.parametrize(
    "line",
    [
        "import adabench",
        f"import {PAGING}.task",
        f"from {PAGING} import conformance",
        f"from {PAGING} import task",
        "from .. import task",
        "from adabench.workloads.algorithms.flow_time.substrate.heap import least",
        "from adabench.harness.contract import registry",
        "from adabench.harness import run",
        "from adabench.profilers.probe import Probe",
        f"from {SHARED}.counting.answer_ledger import Books",
        f"from {SHARED}.counting import source_rules",
        f"from {SHARED} import counting",
    ],
)
def test_the_rest_of_adabench_is_refused(line: str) -> None:
    for oracle in (False, True):
        assert "of adabench a buyer imports harness.contract.card" in said(line, oracle=oracle)


@pytest.mark.parametrize(
    "line",
    [
        f"from {PAGING}.substrate.tools import hammer",
        f"from {PAGING}.substrate import tools",
        f"from {PAGING} import substrate",
        "from ..substrate.tools import hammer",
        "from adabench.workloads.algorithms.substrate.tools import hammer",
        "import numpy as np",
        f"from {SHARED}.compiled.kernels import compiled",
        "from adabench.harness.contract.card import Card",
        "from adabench.harness.contract import protocols",
        "from adabench.harness.errors import MissingExtra",
        "import adabench_extras.truth",
        "meter = 1",
        "ask('the future of it')",
    ],
)
def test_what_is_not_off_limits_is_left_alone(line: str) -> None:
    assert said(line) == ""


def test_a_method_may_import_its_own_folder_alone() -> None:
    module = f"{PAGING}.methods.lru_k.lru_k"
    for line in (f"from {PAGING}.methods.lru_k.parts import rank", "from .parts import rank"):
        assert said(line, module) == ""
    other = f"{PAGING}.methods.lru_k2.lru_k2"
    assert "another method" in said(f"from {PAGING}.methods.lru_k.parts import rank", other)
    assert "another method" in said(f"from {PAGING}.methods.lru import solve", module)
    assert "another method" in said("from ..lru import solve", module)


def test_a_method_of_a_plug_in_may_import_its_own_package() -> None:
    assert said("from .parts import rank", "extras.paging.clock") == ""
    assert "another method" in said(f"from {PAGING}.methods.lru import solve", "extras.clock")


def test_an_oracle_may_say_the_words_of_hindsight_but_not_use_a_back_door() -> None:
    assert said("peek(case.score, 'future')", oracle=True) == ""
    assert "getattr" in said("getattr(task, name)", oracle=True)
    assert "gc" in said("import gc", oracle=True)


def test_parts_of_a_folder_are_held_to_imports_and_to_what_no_method_may_name() -> None:
    module = f"{PAGING}.methods.lru_k.parts"
    text = f"task.meter = 1\nfrom {PAGING}.truth import belady\n"
    (problem,) = RULES.part_problems(text, module)
    assert "on line 2: only the scorer" in problem
    assert not list(RULES.part_problems(text, module, oracle=True))
    for oracle in (False, True):
        said = list(RULES.part_problems("task._days\n", module, oracle=oracle))
        assert said == ["It reaches for '_days' on line 1: no buyer needs it."]
