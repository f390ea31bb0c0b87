"""How verbs execute a run: what is said before it, its progress, and how an interrupted one goes on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.cli.terminal import talk
from adabench.harness.errors import AdabenchError, Interruption

if TYPE_CHECKING:
    from adabench.harness.contract.record import Record, Turn
    from adabench.harness.distributed.backends import FanOutOptions
    from adabench.harness.run.settings import Limits
    from adabench.harness.store.run_folder import Run


def new_folder(name: str) -> Path:
    """Return a new place below runs/."""
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{stamp}-{name.replace('/', '-')}"


def announce(turns: "tuple[Turn, ...]", out: Path | None) -> None:
    """Refuse conditions that cannot work, and say which methods will be skipped."""
    from adabench.harness.run.condition_check import check_conditions

    for shortage in check_conditions(turns, out):
        talk(str(shortage))


def records_of(
    journal: "Run", limits: "Limits", options: "FanOutOptions", *, energy: bool, cached: bool
) -> "Iterator[Record] | None":
    """Return the records that remain of a run, with progress; None if nothing remains."""
    from adabench.harness.distributed.executor import records_to_come
    from adabench.harness.run.run_request import read_request
    from adabench.reports.progress import show_progress

    records = records_to_come(journal, options, limits, energy=energy, cached=cached, say=talk)
    if records is None or read_request(journal.folder).race_s:  # a race tells of itself
        return records
    return show_progress(records, journal.remaining, sys.stderr)


def resumption(folder: Path) -> str:
    """Return the command by which a run goes on."""
    return f"adabench run --resume {folder}"


@contextmanager
def interruptible(again: str) -> Iterator[None]:
    """Keep stdout for data while methods run, and say after a signal by which command it goes on."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (KeyboardInterrupt, Interruption):
        talk(f"interrupted; go on with: {again}")
        raise
    except AdabenchError as problem:
        if problem.ends_run:
            talk(f"What was recorded stays; go on with: {again}")
        raise
