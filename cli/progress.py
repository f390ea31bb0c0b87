"""Draws progress from the stream of records, on stderr; passes the records through.

On a terminal a bar with the method at work and what has failed so far; piped or in CI a
plain line every few seconds, so that logs stay readable.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence

from adabench.harness.contract.record import Record, Turn

LINE_EVERY_S = 10.0


def show_progress(records: Iterable[Record], turns: Sequence[Turn]) -> Iterator[Record]:
    """Yield the records while showing how far along the turns are."""
    return _bar(records, turns) if sys.stderr.isatty() else _lines(records, turns)


def _bar(records: Iterable[Record], turns: Sequence[Turn]) -> Iterator[Record]:
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
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("loading", total=len(turns), failed="")
        for record, ended, failed in _counted(records):
            note = f"[red]{failed} failed" if failed else ""
            progress.update(bar, description=record.cell.address, completed=ended, failed=note)
            yield record


def _lines(records: Iterable[Record], turns: Sequence[Turn]) -> Iterator[Record]:
    start = last = time.monotonic()
    for record, ended, failed in _counted(records):
        now = time.monotonic()
        if now - last >= LINE_EVERY_S:
            last = now
            note = f", {failed} failed" if failed else ""
            print(
                f"{now - start:.0f} s: {ended} of {len(turns)} turns{note} ({record.cell.address})",
                file=sys.stderr,
            )
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
