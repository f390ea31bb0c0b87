"""A file becomes a method of this process: registered as it stands, checked as any other, and refused with a sentence."""

from pathlib import Path

import pytest

import adabench
from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.notebook.session_methods import own_methods
from adabench.harness.provenance.source_digests import digest, own, sources_of

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

pytestmark = pytest.mark.usefixtures("toy", "session")
HEAD = """\
from adabench.harness.contract.card import Card

CARD = Card("from a file", role="static", adapts="nothing")
"""
CONSTANT = HEAD + "def solve(task, case, point):\n    return {}\n"
NEWTON = (
    HEAD
    + """
def solve(task, case, point):
    guess = 1.0
    for _ in range(8):
        guess = task.step(case, guess)
    return guess
"""
)


def add(folder: Path, text: str) -> Path:
    file = folder / "mine.py"
    file.write_text(text)
    adabench.add_method("roots/own", file)
    return file


def test_a_file_is_added_as_it_is(tmp_path: Path) -> None:
    file = add(tmp_path, CONSTANT.format(1))
    assert registry.find("roots/own").card.title == "from a file"
    assert own_methods(["roots/own"])["roots/own"].read_text() == file.read_text()


@pytest.mark.parametrize("text", [None, "def solve(task, case, point): ...\n", "CARD = Card(\n"])
def test_a_file_that_is_no_method_is_refused(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "mine.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises((MethodContractError, SelectionError), match=r"mine\.py|CARD|roots/own"):
        adabench.add_method("roots/own", file)
    assert "roots/own" not in registry.methods("roots")


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
def test_an_address_is_a_new_one_of_a_task_that_is_there(
    tmp_path: Path, address: str, sentence: str
) -> None:
    with pytest.raises(SelectionError, match=sentence):
        adabench.add_method(address, tmp_path / "mine.py")


def test_another_version_is_another_digest_and_the_same_one_the_same(tmp_path: Path) -> None:
    seen = []
    for value in (1, 2, 1):
        add(tmp_path, CONSTANT.format(value))
        method = registry.find("roots/own")
        seen.append(digest(own(sources_of(method))))
        assert registry.load(method).solve(None, None, {}) == value
    assert seen[0] == seen[2] != seen[1]


def test_the_contract_tells_an_honest_method_from_a_dishonest_one(tmp_path: Path) -> None:
    add(tmp_path, NEWTON)
    found = adabench.check("roots/own")
    assert found, repr(found)
    assert {"contract", "order", "as in a run"} <= {one.rule for one in found.findings}
    assert len(found.frame()) == len(found.findings)
    add(tmp_path, CONSTANT.format("1.0"))
    found = adabench.check("roots/own")
    assert not found
    assert "gave no steps" in repr(found)
