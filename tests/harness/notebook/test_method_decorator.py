"""A function becomes a method: its text stands alone, and what could not stand alone is refused."""

import linecache
import math
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import adabench
from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.notebook.session_methods import own_methods
from adabench.harness.provenance.source_digests import digest, own, sources_of

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

pytestmark = pytest.mark.usefixtures("toy", "session")
Cell = Callable[[str], dict[str, Any]]


@pytest.fixture
def cell() -> Cell:
    """Run a text as a notebook runs a cell: its lines are remembered, and it has no file."""
    names: dict[str, Any] = {"__name__": "cell_of_a_test", "adabench": adabench}
    count = iter(range(100))

    def run(text: str) -> dict[str, Any]:
        name, source = f"<cell {next(count)}>", textwrap.dedent(text)
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        exec(compile(source, name, "exec"), names)  # noqa: S102
        return names

    return run


def text_of(address: str) -> str:
    return own_methods([address])[address].read_text()


def loaded(address: str) -> ModuleType:
    return registry.load(registry.find(address))


def test_a_card_names_abilities_of_the_model(cell: Cell) -> None:
    cell(
        """
        from adabench.harness.contract.card import Ability
        @adabench.method("roots/own", abilities=(Ability("hidden", unless={"price": 0.0}),))
        def solve(task, case, point):
            '''Do it.'''
        """
    )
    (ability,) = registry.find("roots/own").card.abilities
    assert (ability.name, ability.is_needed({"price": 0.0})) == ("hidden", False)


def test_a_function_brings_what_it_uses_and_nothing_else(cell: Cell) -> None:
    cell(
        """
        import math
        import numpy as np
        from adabench.harness.contract.record import short as shorten
        from os.path import join
        LIMIT = 3
        WORDS = ("a", "b")
        UNUSED = object()
        def helper(x):
            return math.sqrt(x) * LIMIT  # three times
        @adabench.method("roots/own", role="static", knobs=(adabench.Knob("k", (1, 2), 1),))
        def solve(task, case: UNUSED, point):
            '''Do it once.

            And no more.
            '''
            return float(np.linalg.norm([helper(4.0), 0.0])), shorten(2.0), WORDS
        """
    )
    text = text_of("roots/own")
    assert "# three times" in text
    assert "join" not in text
    assert "UNUSED =" not in text
    module = loaded("roots/own")
    assert module.solve(None, None, {}) == (6.0, 2, ("a", "b"))
    assert "And no more." in str(module.__doc__)
    card = registry.find("roots/own").card
    assert (card.title, card.role, card.defaults) == ("Do it once", "static", {"k": 1})


def test_a_class_has_its_state_from_prepare(cell: Cell) -> None:
    cell(
        """
        from dataclasses import dataclass
        @dataclass
        class State:
            value: float
            def twice(self):
                return 2 * self.value
        @adabench.method("roots/own", role="static", adapts="nothing")
        class Own:
            '''A class.'''
            def prepare(self, task, point, seed):
                return State(seed)
            @staticmethod
            def solve(state, case, point):
                return state.twice()
        """
    )
    module = loaded("roots/own")
    assert module.solve(module.prepare(None, {}, 4), None, {}) == 8


def test_a_prepare_beside_the_function_comes_along(cell: Cell) -> None:
    names = cell(
        """
        def ready(task, point, seed):
            return seed + 1
        def mine(state, case, point):
            return state
        """
    )
    adabench.method("roots/own", prepare=names["ready"], role="static")(names["mine"])
    module = loaded("roots/own")
    assert module.solve(module.prepare(None, {}, 4), None, {}) == 5


def test_a_decorator_under_another_name_is_left_out_and_others_stay(cell: Cell) -> None:
    cell(
        """
        from adabench import method as becomes
        import functools
        ADDRESS = "roots/own"
        @becomes(
            ADDRESS,
            role="static",
        )
        @functools.lru_cache(maxsize=None)
        def mine(task, case, point):
            return 1
        """
    )
    assert "becomes" not in text_of("roots/own")
    assert loaded("roots/own").solve.cache_info().hits == 0


def test_a_submodule_that_is_reached_through_its_package_is_imported(cell: Cell) -> None:
    cell(
        """
        import importlib
        import concurrent.futures
        @adabench.method("roots/own", role="static")
        def mine(task, case, point):
            return concurrent.futures.Future
        """
    )
    assert "import concurrent.futures\n" in text_of("roots/own")


def test_a_name_of_pythons_own_that_the_notebook_has_taken_is_the_notebooks(cell: Cell) -> None:
    cell(
        """
        def sum(values):
            return "mine"
        @adabench.method("roots/own", role="static")
        def mine(task, case, point):
            return sum([1])
        """
    )
    assert loaded("roots/own").solve(None, None, {}) == "mine"


REFUSED = {
    "lambda": ("mine = lambda task, case, point: 1", "lambda"),
    "closure": (
        """
        def outer():
            seen = []
            def mine(task, case, point):
                return seen
            return mine
        mine = outer()
        """,
        "closure over seen",
    ),
    "array": (
        """
        import numpy
        WEIGHTS = numpy.zeros(3)
        def mine(task, case, point):
            return WEIGHTS
        """,
        "WEIGHTS, a live ndarray",
    ),
    "object below": (
        """
        LOCK = __import__("threading").Lock()
        def helper():
            return LOCK
        def mine(task, case, point):
            return helper()
        """,
        "helper uses LOCK, a live lock",
    ),
    "undefined": ("def mine(task, case, point):\n    return nowhere", "nowhere, which is not defined"),
    "no solve": ("class mine:\n    def answer(self): return 1", "no solve"),
    "no function": ("mine = 3\nmine = type('mine', (), {})", "no solve"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_stand_alone_is_refused_with_a_way_out(cell: Cell, kind: str) -> None:
    text, sentence = REFUSED[kind]
    defined = cell(text)["mine"]
    with pytest.raises(MethodContractError, match=sentence) as refused:
        adabench.method("roots/own")(defined)
    assert refused.value.hint
    assert "roots/own" not in registry.methods("roots")


def test_a_function_without_lines_is_refused() -> None:
    names: dict[str, Any] = {}
    exec("def mine(task, case, point):\n    return 1", names)  # noqa: S102
    with pytest.raises(MethodContractError, match="lines of mine") as refused:
        adabench.method("roots/own")(names["mine"])
    assert "adabench.add_method('roots/own', 'mine.py')" in refused.value.hint


def test_lines_that_have_changed_since_are_refused(cell: Cell) -> None:
    mine = cell("def mine(task, case, point):\n    return 1")["mine"]
    file = mine.__code__.co_filename
    changed = "def mine(task, case, point):\n    return 2"
    linecache.cache[file] = (len(changed), None, changed.splitlines(keepends=True), file)
    with pytest.raises(MethodContractError, match="they have changed"):
        adabench.method("roots/own")(mine)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("roots/fixed", "is a method already"),
        ("root/own", "no task called 'root'"),
        ("roots", "no address"),
        ("roots/a b", "no address"),
        ("roots/a/b", "no address"),
    ],
)
def test_an_address_is_a_new_one_of_a_task_that_is_there(address: str, sentence: str) -> None:
    with pytest.raises(SelectionError, match=sentence):
        adabench.method(address)


def digest_of(address: str) -> str:
    return digest(own(sources_of(registry.find(address))))


def test_another_version_is_another_digest_and_the_same_one_the_same(cell: Cell) -> None:
    text = """
    @adabench.method("roots/own", role="static", adapts="nothing")
    def mine(task, case, point):
        return {}
    """
    seen = []
    for value in (1, 2, 1):
        cell(text.format(value))
        seen.append(digest_of("roots/own"))
        assert loaded("roots/own").solve(None, None, {}) == value
    assert seen[0] == seen[2] != seen[1]


def test_a_helper_of_the_notebook_is_part_of_the_digest(cell: Cell) -> None:
    text = """
    def helper():
        return {}
    @adabench.method("roots/own", role="static", adapts="nothing")
    def mine(task, case, point):
        return helper()
    """
    cell(text.format(1))
    before = digest_of("roots/own")
    cell(text.format(2))
    assert digest_of("roots/own") != before


def test_a_file_is_added_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "CARD = Card('from a file', role='static')\ndef solve(task, case, point): ...\n"
    )
    adabench.add_method("roots/own", file)
    assert registry.find("roots/own").card.title == "from a file"
    assert text_of("roots/own") == file.read_text()


@pytest.mark.parametrize("text", [None, "def solve(task, case, point): ...\n", "CARD = Card(\n"])
def test_a_file_that_is_no_method_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises((MethodContractError, SelectionError), match=r"mine\.py|CARD|roots/own"):
        adabench.add_method("roots/own", file)
    assert "roots/own" not in registry.methods("roots")


def test_a_function_of_a_module_is_taken_as_text_too() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(newton)
    assert "import math" in text_of("roots/own")


def newton(task: Any, case: Any, point: Any) -> float:
    """Take eight steps."""
    guess = 1.0
    for _ in range(8):
        guess = task.step(case, guess)
    return math.fabs(guess)


def test_an_honest_function_keeps_the_contract() -> None:
    adabench.method("roots/own", role="static", adapts="nothing")(newton)
    found = adabench.check("roots/own")
    assert found, repr(found)
    assert {"contract", "order", "as in a run"} <= {one.rule for one in found.findings}
    assert len(found.frame()) == len(found.findings)


def test_a_dishonest_one_does_not(cell: Cell) -> None:
    cell(
        """
        @adabench.method("roots/own", role="static", adapts="nothing")
        def mine(task, case, point):
            return 1.0
        """
    )
    found = adabench.check("roots/own")
    assert not found
    assert "gave no steps" in repr(found)
