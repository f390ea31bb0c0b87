"""Oracle of loops: for each sequence the cheapest model that answers most.

The oracle of this task. Each batch is read by every static model (one loop, two, four); each
sequence then takes the one that is worth most, its right answers as the accuracy weighs them, less
`price` x MLPs run. At price 0 the most right answers count and ties go to the cheapest. What is
measured afterwards is a real run.

It allocates by sequence and among three trained models, so it is a `bound` on what a choice of
whole queries can do; a gate of tokens may beat it.

**Is it luck?** Choosing among three readings of eight answers wins by chance. So an answer counts
in the search only if the model is right in a *sibling*, too: the same operations on another opening
value, on which every stated value differs. `luck` gives the same search on random targets that are
all wrong in both texts. Over the best single rung, seeds 0, 1, 2, six batches: 0.009, 0.004, 0.004
of accuracy are gained by truth and 0.005, 0.000, -0.001 by chance. A search without siblings
gains 0.032, 0.017, 0.014 by truth and as much, 0.038, 0.015, 0.016, by chance: all of it may be
luck, and the first version of this oracle was that.

**What to expect.** Written before measuring (without siblings): mostly the deepest rung; a good
part of the gain over it is luck, as half of the answers at k = 3 and 4 are guesses.

**Ways to fake it.** Letting the oracle pick by luck; leaving out what the search itself would
cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Run
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DENSE_TILE, Batch
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.truth.scoring import Floats

CARD = Card(
    title="Oracle: the least sufficient loops",
    moved_from="ledger/loops_hindsight",
    adapts="which static model reads a sequence, with the answers in hand",
    role="oracle",
    oracle="bound",
    conditions={"mode": "prefill"},
    knobs=(Knob("price", (0.0, 0.01, 0.1), 0.0, open=True, low=0.0),),
)
RUNGS = {"dense-ffn-4": 4, "loop-ffn-2": 8, "loop-ffn-4": 16}
"""MLPs run per token; the cheapest first."""


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


@dataclass(frozen=True)
class Rungs:
    """Readers of rising cost, and what each is worth to each sequence of each batch."""

    readers: tuple[FfnReader, ...]
    credits: tuple[Floats, ...]
    """Of every batch: [sequences, rungs], in units of the batch's accuracy."""


@dataclass(frozen=True)
class Worth:
    """Credit of each sequence on each rung, [sequences, rungs]."""

    here: Floats
    """Of the answers that are right in the batch."""
    twice: Floats
    """Of those that are right in its sibling too: what is searched by."""


def prepare(task: OracleTask, point: Point, seed: int) -> Rungs:
    """Read every batch with every model and note what it was worth."""
    readers = tuple(task.ffn_reader(base) for base in RUNGS)
    return Rungs(readers, tuple(worth(task, readers, batch).twice for batch in task.cases()))


def worth(
    task: OracleTask, readers: Sequence[FfnReader], batch: Batch, wrong: int | None = None
) -> Worth:
    """Read a batch and its sibling on each rung; `wrong` as in `credit`."""
    # Prefill and decode give the same logits, and prefill is the quicker.
    quick, other = [replace(reader, mode="prefill") for reader in readers], task.sibling(batch)
    here, twice = [], []
    for reader in quick:
        answer, again = (reader.read(text, tile=DENSE_TILE) for text in (batch, other))
        here.append(task.credit(batch, answer, wrong=wrong))
        twice.append(task.credit_of_both(batch, answer, again, wrong=wrong))
    return Worth(np.stack(here, axis=1), np.stack(twice, axis=1))


def choose(credits: Floats, price: float) -> Ints:
    """Return the best rung of each sequence; ties go to the cheaper one.

    `price` is in accuracy per MLP, for the mean over the batch.
    """
    cost = price * np.array(list(RUNGS.values())) / len(credits)
    return np.asarray((credits - cost).round(12).argmax(axis=1), np.int64)


def luck(task: OracleTask, rungs: Rungs, *, wrong: int) -> dict[str, float]:
    """Return what the search gains in accuracy over its best rung, by truth and by luck.

    `by_truth` and `by_chance` (random targets that are all wrong) are those of the search as it
    is; `alone_by_truth` and `alone_by_chance` those of one that has no sibling to satisfy.
    """
    found, readers = {}, rungs.readers
    for seed, ending in ((None, "truth"), (wrong, "chance")):
        each = [worth(task, readers, batch, seed) for batch in task.cases()]
        best = np.mean([one.here.sum(axis=0) for one in each], axis=0).max()
        twice, here = ([one.twice for one in each], [one.here for one in each])
        for name, credits in (("by_", twice), ("alone_by_", here)):
            chosen = [choose(one, 0.0)[:, None] for one in credits]
            reached = [
                np.take_along_axis(one.here, rung, axis=1).sum()
                for one, rung in zip(each, chosen, strict=True)
            ]
            found[name + ending] = float(np.mean(reached) - best)
    return found


def solve(rungs: Rungs, batch: Batch, point: Point) -> Run:
    """Read each sequence with its model."""
    choice = choose(rungs.credits[batch.index], float(point["price"]))
    parts = []
    for rung, reader in enumerate(rungs.readers):
        rows = np.flatnonzero(choice == rung)
        if len(rows):
            part = Batch(batch.index, batch.tokens[rows])
            parts.append((torch.from_numpy(rows), reader.read(part, tile=DENSE_TILE)))
    return rungs.readers[0].joined(parts)
