"""Public definitions that nothing names."""

from collections.abc import Callable

import pytest

from checks.tree import Tree
from checks.unused import offences

Product = Callable[[dict[str, str]], Tree]


def where(tree: Tree) -> list[str]:
    return [offence.where for offence in offences(tree) if offence.where.startswith("harness/x")]


@pytest.mark.parametrize(
    "text",
    [
        "def lonely(): ...\n",
        "class lonely: ...\n",
        "def lonely(n):\n    return lonely(n - 1)\n",
    ],
)
def test_what_nothing_names_is_reported(product: Product, text: str) -> None:
    tree = product({"harness/x.py": text})
    assert where(tree) == ["harness/x.py::lonely"]
    [found] = [offence for offence in offences(tree) if offence.where == "harness/x.py::lonely"]
    assert "nothing but tests uses lonely" in found.says


@pytest.mark.parametrize(
    "planted",
    [
        {"harness/x.py": "def f(): ...\nTABLE = (f,)\n"},
        {"harness/x.py": "def f(): ...\n", "harness/y.py": "from adabench.harness.x import f\n"},
        {"harness/x.py": "def f(): ...\n", "harness/y.py": "x.f()\n"},
        {"harness/x.py": "def f(): ...\n", "harness/y.py": "getattr(x, 'f')\n"},
        {"harness/x.py": "@app.command()\ndef f(): ...\n"},
        {"harness/x.py": "def _private(): ...\n"},
        {"harness/x.py": "def f(): ...\n",
         "workloads/a.yaml": "x: !function adabench.harness.x.f\n"},
    ],
)  # fmt: skip
def test_what_something_names_is_used(product: Product, planted: dict[str, str]) -> None:
    assert where(product(planted)) == []
