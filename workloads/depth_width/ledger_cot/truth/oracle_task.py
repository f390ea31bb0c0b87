"""What the task hands to oracles alone: its keys, siblings, and which steps change the value."""

from collections.abc import Iterator
from typing import Protocol

from adabench.workloads.depth_width.ledger_cot.substrate.solver import StepTask
from adabench.workloads.depth_width.ledger_cot.substrate.traces import Reckoned
from adabench.workloads.depth_width.substrate.questions import Exam
from adabench.workloads.depth_width.substrate.stream import Bools, Ints


class OracleTask(StepTask, Protocol):
    """The task, with what a method must not see."""

    def cases(self) -> Iterator[Exam]:
        """Yield the exams."""
        ...

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n]; with `wrong`, a seed, others in their place."""
        ...

    def siblings(self, exam: Exam, number: int) -> Reckoned:
        """Return the same operations on another opening value, keys included."""
        ...

    def critical(self, exam: Exam) -> Bools:
        """Return which steps change the value, [n, 8]."""
        ...
