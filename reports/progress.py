"""Draws progress from the stream of records; passes the records through.

On a terminal a bar with the method at work and what has failed so far; in a notebook one line that
changes; piped or in CI a plain line every few seconds, so that logs stay readable.
"""

import importlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from adabench.harness.contract.record import Record, Turn

LINE_EVERY_S = 10.0
NOTEBOOK_EVERY_S = 0.5


def show_progress(
    records: Iterable[Record], turns: Sequence[Turn], stream: TextIO
) -> Iterator[Record]:
    """Yield the records while showing how far along the turns are."""
    if in_notebook():
        return _cell(records, turns)
    return _bar(records, turns, stream) if stream.isatty() else _lines(records, turns, stream)


def in_notebook() -> bool:
    """Say whether a Jupyter kernel runs this process."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _bar(records: Iterable[Record], turns: Sequence[Turn], stream: TextIO) -> Iterator[Record]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}"),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        bar = progress.add_task("loading", total=len(turns), failed="")
        for record, ended, failed in _counted(records):
            note = f"[red]{failed} failed" if failed else ""
            progress.update(bar, description=record.cell.address, completed=ended, failed=note)
            yield record


def _lines(records: Iterable[Record], turns: Sequence[Turn], stream: TextIO) -> Iterator[Record]:
    def say(line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()

    return _now_and_then(records, turns, say, LINE_EVERY_S)


def _cell(records: Iterable[Record], turns: Sequence[Turn]) -> Iterator[Record]:
    """Change one line of a notebook's output; what is left at the end says that it is over."""
    display: Any = importlib.import_module("IPython.display")
    line = display.display(display.Pretty("loading"), display_id=True)

    def say(text: str) -> None:
        line.update(display.Pretty(text))

    yield from _now_and_then(records, turns, say, NOTEBOOK_EVERY_S)
    say(f"{len(turns)} runs ended")


def _now_and_then(
    records: Iterable[Record], turns: Sequence[Turn], say: Callable[[str], None], every_s: float
) -> Iterator[Record]:
    start = last = time.monotonic()
    for record, ended, failed in _counted(records):
        now = time.monotonic()
        if now - last >= every_s:
            last = now
            note = f", {failed} failed" if failed else ""
            say(f"{now - start:.0f} s: {ended} of {len(turns)} runs{note} ({record.cell.address})")
        yield record


def _counted(records: Iterable[Record]) -> Iterator[tuple[Record, int, int]]:
    """Add to each record how many turns have ended and how many records failed."""
    turn: tuple[str, int] | None = None
    ended = failed = 0
    for record in records:
        failed += record.status in ("error", "timeout")
        now = (record.cell.key, record.repeat)
        if record.phase == "solve" and now != turn:
            ended += turn is not None
            turn = now
        yield record, ended, failed
