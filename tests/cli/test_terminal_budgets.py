"""How many lines and columns verbs take at 80, 100 and 160 columns, and where there are colours.

The run is a recorded one whose times a busy machine disturbed: of equal code a comparison says so in one
line, and a gate is green.
"""

import sys
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adabench.cli.main import app
from adabench.cli.terminal import looks

RUN = str(Path(__file__).parents[2] / "docs" / "recorded" / "paging")
BUDGETS = {
    # A row a task: 35 of them at 47 papers.
    ("list",): 37,
    ("list", "paging"): 40,
    ("show", "paging/mark0"): 40,
    ("claims", RUN): 45,
    ("compare", RUN, RUN): 15,
    ("gate", RUN, RUN): 15,
}


@pytest.mark.parametrize("words", BUDGETS, ids=lambda words: words[0])
def test_a_verb_fits_its_terminal(words: tuple[str, ...]) -> None:
    for columns in (80, 100, 160):
        done = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, words)
        assert done.exit_code == 0, done.output
        lines = done.stdout.splitlines()
        assert 0 < len(lines) <= BUDGETS[words]
        assert [line for line in lines if len(line.rstrip()) > columns] == []
        assert "\x1b" not in done.stdout  # a pipe has no colours


class Terminal(StringIO):
    """A stream that says that somebody looks at it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("env", "colour"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False),
                        ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)  # fmt: skip
def test_colours_are_for_terminals_that_want_them(
    env: dict[str, str], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"COLUMNS": "80", **env}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert looks().colour is colour
    assert looks().width == 80
    monkeypatch.setattr(sys, "stdout", StringIO())
    assert not looks().colour
