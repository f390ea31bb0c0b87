"""How verbs talk: tables as wide as the terminal, talk on stderr, and readers that leave early."""

import os
import sys
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PIPED_COLUMNS = 100
"""Of tables and pictures that nobody's terminal limits."""


def talk(line: str) -> None:
    """Say something on stderr."""
    print(line, file=sys.stderr)


def warn(line: str) -> None:
    """Say on stderr what makes a result less than it looks."""
    talk(f"warning: {line}")


def table_console() -> "Console":
    """Return a console for tables."""
    from rich.console import Console

    wide = int(os.environ.get("COLUMNS", PIPED_COLUMNS))
    return Console(width=None if sys.stdout.isatty() else wide)


def verdict_output() -> AbstractContextManager[None]:
    """Print what an exit code stands for: the code holds although nobody reads on (`| head`)."""
    return suppress(BrokenPipeError)
