"""Progress passes records through, and shows one line in a notebook that changes."""

import io
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.reports import progress

CELLS = [Cell("roots", "fixed", {}, {}, "embedded", seed) for seed in range(3)]
TURNS = [Turn(cell, 0) for cell in CELLS]
RECORDS = [
    Record(cell, "solve", case, 0, "error" if case else "ok") for cell in CELLS for case in range(2)
]


class ZMQInteractiveShell:
    """What IPython's shell is called in a notebook."""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    handle = SimpleNamespace(update=lines.append)

    def display(shown: str, display_id: bool) -> Any:
        assert display_id
        lines.append(shown)
        return handle

    package, module = ModuleType("IPython"), ModuleType("IPython.display")
    vars(package).update(get_ipython=ZMQInteractiveShell, display=module)
    vars(module).update(display=display, Pretty=str)
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(progress, "NOTEBOOK_EVERY_S", 0.0)
    return lines


def test_a_notebook_sees_one_line_that_changes(notebook: list[str]) -> None:
    stream = io.StringIO()
    assert list(progress.show_progress(RECORDS, TURNS, stream)) == RECORDS
    assert stream.getvalue() == ""
    assert notebook[0] == "loading"
    assert notebook[-1] == "3 runs ended"
    assert notebook[-2].endswith("2 of 3 runs, 3 failed (roots/fixed)")


def test_a_log_gets_lines_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    assert list(progress.show_progress(RECORDS, TURNS, stream)) == RECORDS
    assert len(stream.getvalue().splitlines()) == len(RECORDS)


def test_a_terminal_shows_a_bar_and_takes_it_away() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    assert list(progress.show_progress(RECORDS, TURNS, stream)) == RECORDS
    assert not progress.in_notebook()
