"""A product of a few files, for checks to find fault with."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from checks.tree import Tree, read_tree

PROJECT = """
[project]
name = "adabench"
[project.scripts]
adabench = "adabench.cli.main:main"
[tool.hatch.build.targets.wheel]
only-include = ["cli", "harness", "workloads", "kernels", "reports"]
[tool.hatch.build.targets.wheel.hooks.custom.package-files]
"reports/notebook/api.py" = "__init__.py"
"""
CLEAN = {
    "cli/main.py": "from adabench.harness.contract import registry\n",
    "cli/commands/run.py": "def run(): ...\n",
    "reports/notebook/api.py": "HOME = 'adabench.harness.contract.card'\n",
    "harness/contract/card.py": "class Card: ...\nuse = Card\n",
    "harness/contract/registry.py": "",
    "kernels/dispatch.py": "",
    "workloads/algorithms/paging/task.py": (
        "from adabench.workloads.algorithms.paging.substrate import replay\n"
        "from adabench.workloads.algorithms.paging.truth import optimum\n"
        "CARD = Card('paging')\n"
    ),
    "workloads/algorithms/paging/methods/lru.py": (
        "from adabench.harness.contract.card import Card\n"
        "from adabench.workloads.algorithms.paging.substrate import replay\n"
        "CARD = Card('LRU', role='static')\n"
    ),
    "workloads/algorithms/paging/substrate/replay.py": "from adabench.kernels import dispatch\n",
    "workloads/algorithms/paging/truth/optimum.py": "",
}

Product = Callable[[Mapping[str, str]], Tree]


@pytest.fixture
def product(tmp_path: Path) -> Product:
    """Write a clean product and what is planted in it, and read it."""

    def make(planted: Mapping[str, str]) -> Tree:
        (tmp_path / "pyproject.toml").write_text(PROJECT)
        for name, text in {**CLEAN, **planted}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return read_tree(tmp_path)

    return make
