"""How verbs talk: tables as wide as the terminal, talk on stderr, and readers that leave early."""

import errno
import os
import shutil
import sys
import textwrap
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from adabench.reports.figures.character_plot import Looks

PIPED_COLUMNS = 100
"""Of tables and pictures that nobody's terminal limits."""


def talk(line: str) -> None:
    """Say something on stderr."""
    print(line, file=sys.stderr)


def warn(line: str) -> None:
    """Say on stderr what makes a result less than it looks, unless the log said it."""
    if is_news(line):
        talk(f"warning: {line}")


_SAID: set[str] = set()
"""Warnings of this command, those of the log among them."""


def is_news(sentence: str) -> bool:
    """Say whether a warning was not given yet, and note that it is now."""
    new = sentence not in _SAID
    _SAID.add(sentence)
    return new


def forget_warnings() -> None:
    """Begin anew, with another command."""
    _SAID.clear()


def table_console(piped_columns: int | None = PIPED_COLUMNS) -> "Console":
    """Return a console for tables, as wide as the terminal; `piped_columns` where there is none."""
    from rich.console import Console

    class TableConsole(Console):
        """A console that leaves a closed pipe to the error boundary; rich's own exits with 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    piped = stated_columns() or piped_columns
    return TableConsole(width=None if sys.stdout.isatty() else piped)


def stated_columns() -> int | None:
    """Return the width that `COLUMNS` states; None where it states none that can be drawn in."""
    text = os.environ.get("COLUMNS", "")
    columns = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    return columns or None


def looks() -> "Looks":
    """Return what the terminal can show: its width, colour if there is one, and dots if it has them."""
    from adabench.reports.figures.character_plot import Looks

    here, width = sys.stdout.isatty(), stated_columns() or PIPED_COLUMNS
    if here and not stated_columns():
        width = shutil.get_terminal_size().columns
    colour = here and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Looks(width, colour, encoding.startswith("utf"))


def terminal_columns() -> int:
    """Return the columns that lines may take: the terminal's; as many as they like in a pipe."""
    if sys.stdout.isatty():
        return stated_columns() or os.get_terminal_size(sys.stdout.fileno()).columns
    return stated_columns() or sys.maxsize


def wrap(text: str) -> str:
    """Break lines of words where the terminal ends, never within a word; in a pipe they stay whole."""
    columns = terminal_columns()
    return "\n".join(
        textwrap.fill(
            line, columns, subsequent_indent=" " * (len(line) - len(line.lstrip()) + 2),
            break_long_words=False, break_on_hyphens=False, replace_whitespace=False,
        )
        if len(line) > columns
        else line
        for line in text.split("\n")
    )  # fmt: skip


def verdict_output() -> AbstractContextManager[None]:
    """Print what an exit code stands for: the code holds although nobody reads on (`| head`)."""
    return suppress(BrokenPipeError)
