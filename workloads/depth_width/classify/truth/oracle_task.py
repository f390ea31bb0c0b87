"""What the task hands to oracles alone: credit for answers, and siblings of its queries."""

from collections.abc import Iterator
from typing import Protocol

from adabench.workloads.depth_width.classify.substrate.classify_task import ClassifyTask
from adabench.workloads.depth_width.classify.substrate.reading import QuerySet, Reading
from adabench.workloads.depth_width.substrate.stream import Bools


class OracleTask(ClassifyTask, Protocol):
    """The task, with what a method must not see."""

    def cases(self) -> Iterator[QuerySet]:
        """Yield the sets of queries."""
        ...

    def credit(self, case: QuerySet, reading: Reading, *, wrong: int | None = None) -> Bools:
        """Return which answers are right, [queries], or which hit random wrong ones."""
        ...

    def sibling(self, case: QuerySet) -> QuerySet:
        """Return the same questions of ledgers whose answers all differ."""
        ...

    def credit_of_both(
        self, case: QuerySet, reading: Reading, again: Reading, *, wrong: int | None = None
    ) -> Bools:
        """Return which answers are right in the set and in its sibling."""
        ...
