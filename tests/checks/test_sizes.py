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


def by_slug(parts: int, rival_uses: bool = False) -> dict[str, str]:
    """A method with the slug of a paper, and parts in a substrate that a rival may use as well."""
    imports = "".join(
        f"from adabench.workloads.algorithms.paging.substrate import part{i}\n"
        for i in range(parts)
    )
    rival = (imports if rival_uses else "") + "CARD = Card('rival', role='static', slug='ets')\n"
    return {
        f"{METHODS}/ets.py": f"{imports}CARD = Card('ets', slug='ets')\n",
        f"{METHODS}/rival.py": rival,
        **{f"workloads/algorithms/paging/substrate/part{i}.py": lines(1) for i in range(parts)},
    }


def paper(files: int, count: int) -> dict[str, str]:
    return {f"{METHODS}/ets/m{i}.py": lines(count) for i in range(files)}


@pytest.mark.parametrize(
    ("planted", "check", "size"),
    [
        ({"harness/x.py": lines(401)}, "file-lines", 401),
        ({"harness/x.py": function(61)}, "function-lines", 61),
        ({"harness/x.py": "class A:\n" + function(61).replace("def", " def", 1)
          .replace("    x", "     x")}, "function-lines", 61),
        (folder(26), "folder-entries", 26),
        ({f"{METHODS}/x.py": essay(41)}, "docstring-lines", 41),
        (paper(9, 10), "paper-files", 9),
        (paper(4, 376), "paper-lines", 1504),
        (by_slug(parts=8), "paper-files", 9),
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
        paper(8, 10),
        paper(4, 375),
        by_slug(parts=7),
        by_slug(parts=8, rival_uses=True),
    ],
)
def test_what_is_allowed_passes(product: Product, planted: dict[str, str]) -> None:
    assert list(offences(product(planted))) == []
