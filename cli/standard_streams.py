"""Standard streams that may be closed, full, or of an encoding that has few letters."""

import logging
import os
import sys
from typing import TextIO

from adabench.cli.terminal import is_news, stated_columns
from adabench.harness.errors import EnvironmentProblem


def open_streams() -> None:
    """Make the standard streams such that everything can be written to them.

    A closed one becomes a stream into nothing, so that no file of a run takes its number: what a
    child prints would go into it. What an encoding has no letter for becomes a question mark.
    A width that is no number (`COLUMNS=abc`) is none.
    """
    if stated_columns() is None:
        os.environ.pop("COLUMNS", None)
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # the lowest number that is free, so this one
            os.open(os.devnull, os.O_RDWR)
    for name, stream in (("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open as long as we run
            setattr(sys, name, stream)
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure and (stream.encoding or "").lower().replace("-", "") != "utf8":
            reconfigure(errors="replace")


class RepeatFilter(logging.Filter):
    """Lets a sentence pass once: several readings of one file find the same damage."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a sentence is new."""
        return is_news(record.getMessage())


def silence(stream: TextIO) -> None:
    """Send into nothing what is left for a stream: Python writes it out once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def unwritable(problem: OSError) -> EnvironmentProblem:
    """Return the error of a standard stream that takes no more."""
    return EnvironmentProblem(
        f"The output cannot be written: {problem.strerror}.",
        "What was recorded is intact; `adabench report` and `claims` show it again.",
    )
