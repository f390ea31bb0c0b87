"""One record to be made, and which steps of a turn are left once a method was refused an ability.

A method whose model, server or machine cannot do what it needs says so at its first case
(`MissingAbility`). One skipped record says it for the turn: every other case would end alike. A method
that solved a case of the turn has what it needs; one that refuses a later case chooses its
cases, and that is an error.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from adabench.harness.contract.record import Record, Turn, Unit
from adabench.harness.run.failure import failed_record
from adabench.harness.run.settings import Limits


@dataclass(frozen=True)
class Step:
    """One record to be made. `run` does the work; whoever calls it can watch the time."""

    unit: Unit
    run: Callable[[], Record]
    known: bool = False
    """Its record exists already and the work is done again for its result: only a failure
    is news."""

    def news(self) -> Record | None:
        """Do the work and return what has to be recorded."""
        record = self.run()
        return None if self.known and record.status == "ok" else record


def failed_step(turn: Turn, problem: BaseException, limits: Limits) -> Step:
    """Return the one step of a turn that cannot begin."""
    record = failed_record(turn.cell, "solve", -1, turn.repeat, problem, limits)
    return Step(record.unit, lambda: record)


@dataclass
class TurnCases:
    """The cases of one turn as they are solved."""

    solved: bool
    """Whether a case of it is ok."""
    refused: bool = field(default=False, init=False)
    """Whether the method lacks what it needs: no other case is tried."""

    def run(self, solve: Callable[[], Record]) -> Record:
        """Solve a case, and see whether another one makes sense."""
        return self.note(solve())

    def note(self, record: Record) -> Record:
        """See by a record whether another case makes sense."""
        if record.status == "skipped" and self.solved:
            return replace(record, status="error")
        self.solved = self.solved or record.status == "ok"
        self.refused = record.status == "skipped"
        return record
