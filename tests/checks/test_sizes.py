"""Budgets: a thing of the allowed size passes, one more is reported with its size."""

from collections.abc import Callable

import pytest

from checks.sizes import offences
from checks.tree import Tree

Product = Callable[[dict[str, str]], Tree]
METHODS = "workloads/algorithms/paging/methods"


def lines(count: int) -> str:
    return "x = 1\n" * count


def function(count: int) -> str:
    return "def long():\n" + "    x = 1\n" * (count - 1)


def essay(count: int) -> str:
    return '"""Idea.\n' + "More.\n" * (count - 2) + '"""\nCARD = Card("x")\n'


def folder(count: int) -> dict[str, str]:
    return {f"harness/stats/m{i}.py": "" for i in range(count)}


@pytest.mark.parametrize(
    ("planted", "check", "size"),
    [
        ({"harness/x.py": lines(401)}, "file-lines", 401),
        ({"harness/x.py": function(61)}, "function-lines", 61),
        ({"harness/x.py": "class A:\n" + function(61).replace("def", " def", 1)
          .replace("    x", "     x")}, "function-lines", 61),
        (folder(26), "folder-entries", 26),
        ({f"{METHODS}/x.py": essay(41)}, "docstring-lines", 41),
    ],
)  # fmt: skip
def test_one_more_is_reported(
    product: Product, planted: dict[str, str], check: str, size: int
) -> None:
    [found] = offences(product(planted))
    assert (found.check, found.size) == (check, size)
    assert str(size) in found.says
    assert "allowed" in found.says


@pytest.mark.parametrize(
    "planted",
    [
        {"harness/x.py": lines(400)},
        {"harness/x.py": function(60)},
        folder(25),
        folder(24) | {"harness/stats/__pycache__/m.pyc": "", "harness/stats/.hidden": ""},
        {f"{METHODS}/x.py": essay(40)},
        {"harness/x.py": essay(41).partition("CARD")[0]},
        {f"workloads/algorithms/paging/checkpoints/{i}.json": "" for i in range(30)},
    ],
)
def test_what_is_allowed_passes(product: Product, planted: dict[str, str]) -> None:
    assert list(offences(product(planted))) == []
