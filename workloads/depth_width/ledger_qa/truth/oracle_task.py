"""What the task hands to oracles alone: its keys, and its questions with other fillers."""

from collections.abc import Iterator
from typing import Protocol

from adabench.workloads.depth_width.substrate.paths.path_reader import PathTask
from adabench.workloads.depth_width.substrate.questions import Exam
from adabench.workloads.depth_width.substrate.stream import Ints


class OracleTask(PathTask, Protocol):
    """The task, with what a method must not see."""

    def cases(self) -> Iterator[Exam]:
        """Yield the exams."""
        ...

    def key(self, exam: Exam, *, wrong: int | None = None) -> Ints:
        """Return the answers of an exam, [n, 3]; with `wrong`, a seed, others in their place."""
        ...

    def redrawn(self, exam: Exam) -> Exam:
        """Return the same questions with other fillers."""
        ...
