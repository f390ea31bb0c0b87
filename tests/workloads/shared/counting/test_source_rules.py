"""Rules for sources: each way to reach for what is off limits is named with its line."""

import ast
from collections.abc import Iterator

import pytest

from adabench.workloads.shared.counting.source_rules import Rules


def deletions(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Delete):
        yield "del"


RULES = Rules(
    "shop.task",
    parts=frozenset(("tools",)),
    off_limits=frozenset(("meter", "score")),
    strings=frozenset(("future",)),
    names=frozenset(("peek",)),
    more=deletions,
    who="buyer",
)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("task.meter['x'] = 1", "meter"),
        ("peek(case)", "peek"),
        ("getattr(task, name)", "getattr"),
        ("ask('future')", "future"),
        ("import gc", "gc"),
        ("import sys as system", "sys"),
        ("import shop.task.rival", "shop.task.rival"),
        ("from shop.task.rival import solve", "solve"),
        ("from shop.task import rival", "rival"),
        ("from . import rival", "rival"),
        ("from .rival import solve", "solve"),
        ("from shop.task.tools import score", "score"),
        ("from importlib import import_module", "import_module"),
        ("from adabench.workloads.shared.counting.answer_ledger import Books", "Books"),
        ("from adabench.workloads.shared import books", "books"),
        ("del task", "del"),
    ],
)
def test_what_is_off_limits_is_named(line: str, name: str) -> None:
    said = list(RULES.problems(f"first = 1\n{line}\n"))
    assert said == [f"It reaches for {name!r} on line 2: no buyer needs it."]


@pytest.mark.parametrize(
    "line",
    [
        "from shop.task.tools import hammer",
        "from .tools import hammer",
        "import numpy as np",
        "from adabench.workloads.shared.compiled.kernels import compiled",
        "meter = 1",
        "ask('the future of it')",
    ],
)
def test_what_is_not_is_left_alone(line: str) -> None:
    assert not list(RULES.problems(line))
