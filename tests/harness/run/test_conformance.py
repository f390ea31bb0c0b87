"""The layout of a task: a file is a method by its place and its card, or by neither."""

from pathlib import Path

import pytest

from adabench.harness.contract import source_files
from adabench.harness.run.conformance import ConformanceCheck, layout_problems

CARD = "from adabench.harness.contract.card import Card\nCARD = Card(title='x')\n"
PARTS = "x = 1\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A task whose files stand where they should."""
    files = {
        "task.py": CARD,
        "conformance.py": PARTS,
        "methods/lru.py": CARD,
        "methods/deep/deep.py": CARD,
        "methods/deep/parts.py": PARTS,
        "substrate/cache.py": PARTS,
        "truth/answers.py": PARTS,
    }
    for name, text in files.items():
        put(tmp_path, name, text)
    (tmp_path / "methods" / "__pycache__").mkdir()
    return tmp_path


def put(home: Path, name: str, text: str) -> None:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_files_that_stand_where_they_should_are_left_alone(home: Path) -> None:
    assert list(layout_problems(home)) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("methods/parts.py", PARTS, "methods/parts.py has no CARD, and what stands directly in"),
        ("methods/wide/parts.py", PARTS, "methods/wide has no wide.py: a folder in methods/ is"),
        ("fifo.py", CARD, "fifo.py has a CARD and is not found there. Move it to methods/fifo.py"),
        ("substrate/fifo.py", CARD, "substrate/fifo.py has a CARD and is not found there"),
        ("methods/deep/other.py", CARD, "methods/deep/other.py has a CARD and is not found"),
        ("fifo.py", "CARD = Card(title=", "fifo.py has a CARD and is not found there"),
    ],
)
def test_a_file_in_the_wrong_place_is_refused(home: Path, name: str, text: str, said: str) -> None:
    put(home, name, text)
    (problem,) = layout_problems(home)
    assert problem.startswith(said)


def test_a_method_whose_card_cannot_be_read_is_still_a_method(home: Path) -> None:
    put(home, "methods/broken.py", "CARD = Card(title=")
    assert list(layout_problems(home)) == []


def test_a_task_is_checked_for_its_layout(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    put(home, "fifo.py", CARD)
    found = source_files.method_files
    monkeypatch.setattr(source_files, "method_files", lambda folder: found(home))
    problems = [f.problem for f in ConformanceCheck().check("paging") if f.rule == "layout"]
    assert problems
    assert all("is not found there" in problem for problem in problems)
