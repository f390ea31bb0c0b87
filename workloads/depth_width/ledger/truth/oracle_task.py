"""What the task hands to oracles alone: the labels of its cases, and credit for answers."""

from collections.abc import Iterator
from typing import Protocol

from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream import Corpus, Ints
from adabench.workloads.depth_width.truth.scoring import Floats


class OracleTask(DuoTask, Protocol):
    """The task, with what a method must not see."""

    @property
    def corpora(self) -> tuple[Corpus, ...]:
        """The streams with their labels, a batch each."""
        ...

    def cases(self) -> Iterator[Batch]:
        """Yield the batches."""
        ...

    def truth(self, batch: Batch) -> Ints:
        """Return the tokens with the last target, [sequences, tokens + 1]."""
        ...

    def credit(self, batch: Batch, answer: Answer, *, wrong: int | None = None) -> Floats:
        """Return what each sequence adds to the batch's accuracy, [sequences]."""
        ...
