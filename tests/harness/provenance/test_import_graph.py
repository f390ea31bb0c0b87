"""The import graph is that of grimp, for every method there is, and goes into plug-ins."""

import importlib
from pathlib import Path

import grimp
import pytest

from adabench.harness.contract import registry
from adabench.harness.provenance import import_graph
from adabench.harness.provenance.import_graph import Source, closure, find

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""


def names(*modules: str) -> set[str]:
    found = [find(module) for module in modules]
    return {source.module for source in closure([one for one in found if one])}


def test_every_product_module_imports_what_grimp_says(graph: grimp.ImportGraph) -> None:
    for module in graph.modules:
        source = find(module)
        if source is None:  # a folder
            continue
        direct = {one.module for one in import_graph.imported(source, {"adabench"})}
        assert direct == graph.find_modules_directly_imported_by(module), module


def test_what_is_imported_through_one_another_is_found(graph: grimp.ImportGraph) -> None:
    for name in registry.tasks():
        module = registry.find(name).module
        assert names(module) == {module} | graph.find_upstream_modules(module)


def test_finding_a_module_does_not_import_it(dice: Path) -> None:
    assert find("dice.parts.coins") == Source("dice.parts.coins", dice / "dice/parts/coins.py")
    assert find("dice") == Source("dice", dice / "dice/__init__.py")
    assert find("dice_tables") == Source("dice_tables", dice / "dice_tables.py")
    assert find("dice.parts") is None
    assert find("dice.nothing") is None
    assert find("no_such_package_at_all.x") is None


VOCABULARY = {
    f"adabench.harness.contract.{name}" for name in ("card", "claim", "expectations", "task_gates")
}
"""What a card is written with."""


def test_the_helpers_of_a_plug_in_count_and_other_distributions_do_not(dice: Path) -> None:
    assert names("dice.fair") == {
        "dice", "dice.fair", "dice.rolls", "dice.parts.coins", *VOCABULARY,
    }  # fmt: skip
    assert names("dice.loaded") == {
        "dice",
        "dice.loaded",
        "dice_tables",
        *VOCABULARY,
    }


def test_modules_may_import_each_other(dice: Path) -> None:
    coins = dice / "dice/parts/coins.py"
    coins.write_text("import dice.rolls\n" + coins.read_text())
    assert {"dice.rolls", "dice.parts.coins"} <= names("dice.parts.coins")


def test_a_file_that_is_no_python_imports_nothing(dice: Path) -> None:
    (dice / "dice/rolls.py").write_text("from dice import (\n")
    assert names("dice.fair") == {
        "dice",
        "dice.fair",
        "dice.rolls",
        *VOCABULARY,
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("from dice import rolls, SIDES", {"dice", "dice.rolls"}),
        ("from . import rolls", {"dice", "dice.rolls"}),
        ("from .parts import coins", {"dice", "dice.parts.coins"}),
        ("from .parts.coins import toss", {"dice", "dice.parts.coins"}),
        ("import dice.parts.coins as c", {"dice", "dice.parts.coins"}),
        ("from dice.rolls import *", {"dice", "dice.rolls"}),
        ("import os.path, dice_tables", {"dice", "dice_tables"}),
    ],
)
def test_each_way_to_import_is_understood(dice: Path, text: str, meant: set[str]) -> None:
    path = dice / "dice/notes.py"
    path.write_text(text + "\n")
    found = import_graph.imported(Source("dice.notes", path), {"dice", "dice_tables"})
    assert {source.module for source in found} == meant


def test_what_counts_is_what_python_loads(dice: Path) -> None:
    module = importlib.import_module("dice.rolls")
    assert module.one() == 4
    assert find("dice.rolls") == Source("dice.rolls", Path(str(module.__file__)))
