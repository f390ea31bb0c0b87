"""What went wrong with a method, as plain data and as a record."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adabench.harness import errors
from adabench.harness.contract.record import Cell, Phase, Record, Status
from adabench.harness.errors import AdabenchError, EnvironmentProblem, MissingAbility, MissingExtra
from adabench.harness.run.settings import Limits

SKIPPED = (MissingExtra, MissingAbility)
"""What says that a method cannot run here, and not that it failed."""
FAILURES = (Exception, SystemExit)
"""What code that is not ours may raise; signals and interrupts are not among it."""


class MethodLost(Exception):
    """A method's process is gone, or was ended, before it gave what was asked for."""

    def __init__(self, note: str, *, timeout: bool = False) -> None:
        super().__init__(note)
        self.note = note
        self.timeout = timeout


class MethodFailure(Exception):
    """What a method raised in its process."""

    def __init__(self, failed: Mapping[str, Any]) -> None:
        super().__init__(failed["note"])
        self.status: Status = failed["status"]
        self.note: str = failed["note"]
        self.place: str = failed["place"]
        """The file and line where it was raised."""
        self.refused: tuple[str, str, str] | None = failed["refused"]
        self.ends_run: bool = failed["ends_run"]
        self.of_task = False
        """Whether it was not the method: what all methods of the task get could not be loaded."""

    @property
    def problem(self) -> AdabenchError | None:
        """Return the error of ours that it was, if it was one."""
        if self.refused is None:
            return None
        name, message, hint = self.refused
        kind = getattr(errors, name, EnvironmentProblem)
        problem: AdabenchError = kind(message, hint)
        problem.ends_run = self.ends_run
        return problem


def failure(problem: BaseException) -> dict[str, Any]:
    """Return an exception as a message: a line for the record, and the traceback."""
    # One line stands for the whole turn of a method that lacks something: it names the remedy too.
    remedy = problem.hint if isinstance(problem, MissingAbility) else ""
    line = " ".join(f"{problem} {remedy}".split()) or "no message"
    trace = "".join(traceback.format_exception(problem)).rstrip()
    refused = None
    if isinstance(problem, AdabenchError):
        refused = [type(problem).__name__, problem.message, problem.hint]
    status: Status = "skipped" if isinstance(problem, SKIPPED) else "error"
    note = f"{type(problem).__name__}: {line}\n{trace}"
    frames = traceback.extract_tb(problem.__traceback__)
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    ends_run = isinstance(problem, AdabenchError) and problem.ends_run
    return {
        "failed": {
            "status": status, "note": note, "refused": refused, "place": place,
            "ends_run": ends_run,
        }
    }  # fmt: skip


def failed_record(
    cell: Cell, phase: Phase, case: int, repeat: int, problem: BaseException, limits: Limits
) -> Record:
    """One line that says what went wrong; a traceback follows it, for the errors folder.

    Raises:
        AdabenchError: where all that follows would meet the same problem: a server that is gone.
    """
    if isinstance(problem, MethodFailure) and problem.ends_run and problem.problem:
        raise problem.problem from problem
    if isinstance(problem, AdabenchError) and problem.ends_run:  # of the task, which judges here
        raise problem
    status: Status
    match problem:
        case MethodLost():
            memory = limits.memory_bytes
            limit = f"; its memory limit was {memory / 2**30:.3g} GiB" if memory else ""
            status = "timeout" if problem.timeout else "error"
            note = problem.note if problem.timeout else f"{problem.note}{limit}"
        case MethodFailure():
            status, note = problem.status, problem.note
        case _:
            failed = failure(problem)["failed"]
            status, note = failed["status"], failed["note"]
    return Record(cell, phase, case, repeat, status, {}, note)
