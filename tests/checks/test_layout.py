"""The product laid out as the package that is shipped."""

from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from checks.layout import lay_out
from checks.tree import Tree

Product = Callable[[Mapping[str, str]], Tree]


def test_modules_are_where_their_names_say(product: Product, tmp_path: Path) -> None:
    tree = product({"reports/notebook/view.py": "x = 1\n"})
    package = lay_out(tree.root, tmp_path / "out")
    assert (package / "__init__.py").read_text() == "HOME = 'adabench.harness.contract.card'\n"
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    wanted = {source.path for source in tree.sources} - {"reports/notebook/api.py"}
    assert found == wanted | {"__init__.py"}
    spec = PathFinder.find_spec("adabench", [str(package.parent)])
    assert spec is not None
    assert spec.submodule_search_locations == [str(package)]


def test_what_was_there_before_is_gone(product: Product, tmp_path: Path) -> None:
    tree = product({})
    stale = lay_out(tree.root, tmp_path / "out") / "stale.py"
    stale.touch()
    lay_out(tree.root, tmp_path / "out")
    assert not stale.exists()
