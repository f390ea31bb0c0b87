"""What the task hands to oracles alone: credit for answers, and siblings of its batches."""

from collections.abc import Iterator
from typing import Protocol

from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.truth.scoring import Floats


class OracleTask(AffineTask, Protocol):
    """The task, with what a method must not see."""

    def cases(self) -> Iterator[Batch]:
        """Yield the batches."""
        ...

    def credit(self, batch: Batch, answer: Answer, *, wrong: int | None = None) -> Floats:
        """Return what each sequence adds to the batch's accuracy, [sequences]."""
        ...

    def sibling(self, batch: Batch) -> Batch:
        """Return the same operations on other opening values."""
        ...

    def credit_of_both(
        self, batch: Batch, answer: Answer, again: Answer, *, wrong: int | None = None
    ) -> Floats:
        """Return the credit of the answers that are right in the batch and in its sibling."""
        ...
