"""What is seen of code that was changed, and what is no change."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adabench.harness.run.guards import product_code

pytestmark = pytest.mark.cold

NAME = "adabench.made_here"
TEXT = """
class Base:
    def clear(self): ...

class Meter(Base):
    "A meter."
    total = 0
    def count(self): ...

def one(): ...

values = []
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of adabench."""
    made = read(tmp_path)
    monkeypatch.setitem(sys.modules, NAME, made)
    return made


def read(folder: Path) -> ModuleType:
    """Make the module anew."""
    path = folder / "made_here.py"
    path.write_text(TEXT)
    spec = importlib.util.spec_from_file_location(NAME, path)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Sly:
    """What says that it is whatever it is held against."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def replace_function(module: Any) -> None:
    module.one = lambda: 1


def replace_by_what_seems_equal(module: Any) -> None:
    module.one = Sly()


def replace_part(module: Any) -> None:
    module.Meter.count = lambda self: None


def add_part(module: Any) -> None:
    module.Meter.clear = lambda self: None


def add_part_for_another(module: Any) -> None:
    """As many names as before."""
    del module.Meter.total
    module.Meter.clear = lambda self: None


def take_away(module: Any) -> None:
    del module.one


def replace_module(module: Any) -> None:
    sys.modules[NAME] = read(Path(module.__file__).parent)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (replace_function, "one"), (replace_by_what_seems_equal, "one"), (take_away, "one"),
        (replace_part, "Meter.count"), (add_part, "Meter.clear"),
        (add_part_for_another, "Meter.clear"), (replace_module, "Meter.count"),
    ],
)  # fmt: skip
def test_changes_are_named(module: Any, change: Callable[[Any], None], name: str) -> None:
    before = product_code.snapshot()
    assert before.changes() == []
    change(module)
    assert f"adabench.made_here.{name}" in before.changes()
    assert before.changes()


def test_data_and_new_names_are_no_change(module: Any) -> None:
    before = product_code.snapshot()
    module.values, module.two = [1], lambda: 2
    module.Meter.total = 3
    module.Meter.cached = 4
    assert before.changes() == []
    module.Meter.count = None
    assert before.changes() == ["adabench.made_here.Meter.count"]


def test_modules_of_the_method_are_left_out(module: Any) -> None:
    before = product_code.snapshot("adabench.made_here")
    module.one = None
    assert before.changes() == []
