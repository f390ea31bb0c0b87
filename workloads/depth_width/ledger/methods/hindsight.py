"""Oracle: for each sequence the least depth that suffices, found by looking at the answers.

The oracle. All sequences of a batch are read by every rung of the uniform ladder (vanilla
2, 3, 4, 6); then each takes the rung that is worth most, its right answers (weighted as the
accuracy weighs them) less `price` x layers. At price 0 the most right answers count and
ties go to the cheapest. What is measured afterwards is a real run: each rung reads its own
sequences.

It allocates by *sequence*, not by token, so it is a bound on what a router of whole queries
can do. A router of tokens has finer means and may beat it.

**Is it luck?** Choosing among four readings of 8 answers could win by chance. So `luck`
gives the same search on random targets that are all wrong; what it gains there over the
best single rung is chance: 0.021, 0.013, 0.014 of accuracy in seeds 0, 1, 2. The true gain in
*accuracy* is at most 0.002, since the deepest rung is at the ceiling. By the rule that a true
gain must exceed the random one, this oracle is not cleared: it counts as a `bound`, and what
it shows is layers saved, some of them by lucky guesses.

**What to expect.** Written before measuring: most sequences hold an answer with k = 4 that
needs six layers, some guessed right by fewer; at price 0 about 4 layers a sequence and an
accuracy of 1.

**Ways to fake it.** Letting the oracle pick by luck; counting only the chosen rung's work
when a method has to find out by trying.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.truth.oracle_task import OracleTask
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DENSE_TILE, Batch, Reader
from adabench.workloads.depth_width.truth.scoring import Floats

CARD = Card(
    title="Oracle: the least sufficient depth",
    adapts="how many layers each sequence runs, with the answers in hand",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
    knobs=(Knob("price", (0.0, 0.003, 0.01, 0.03, 0.1), 0.0, open=True, low=0.0),),
)
LADDER = (2, 3, 4, 6)


@dataclass(frozen=True)
class Ladder:
    """Readers of rising depth, and what each is worth to each sequence of each batch."""

    readers: tuple[Reader, ...]
    credits: tuple[Floats, ...]
    """Of every batch: [sequences, rungs], in units of the batch's accuracy."""


def prepare(task: OracleTask, point: Point, seed: int) -> Ladder:
    """Read every batch with every rung and note what it was worth."""
    readers = tuple(task.reader(f"vanilla-{depth}") for depth in LADDER)
    return Ladder(readers, tuple(worth(task, readers, batch) for batch in task.cases()))


def worth(
    task: OracleTask, readers: Sequence[Reader], batch: Batch, wrong: int | None = None
) -> Floats:
    """Return each sequence's credit on each rung, [sequences, rungs]."""
    # Prefill and decode give the same logits, and prefill is the quicker.
    quick = [replace(reader, mode="prefill") for reader in readers]
    answers = [reader.read(batch, tile=DENSE_TILE) for reader in quick]
    return np.stack([task.credit(batch, answer, wrong=wrong) for answer in answers], axis=1)


def choose(credits: Floats, price: float) -> Floats:
    """Return the best rung of each sequence; ties go to the cheaper one.

    `price` is in accuracy per layer, for the mean over the batch.
    """
    cost = price * np.array(LADDER) / len(credits)
    return np.asarray((credits - cost).round(12).argmax(axis=1), np.int64)


def luck(task: OracleTask, ladder: Ladder, *, wrong: int) -> dict[str, float]:
    """Return what the search gains over its best rung: with true and with random targets."""
    gains = []
    for seed in (None, wrong):
        credits = [worth(task, ladder.readers, batch, seed) for batch in task.cases()]
        picked = np.mean([credit.max(axis=1).sum() for credit in credits])
        best = np.mean([credit.sum(axis=0) for credit in credits], axis=0).max()
        gains.append(float(picked - best))
    return {"by_truth": gains[0], "by_chance": gains[1]}


def solve(ladder: Ladder, batch: Batch, point: Point) -> Answer:
    """Read each sequence on its rung."""
    choice = choose(ladder.credits[batch.index], float(point["price"]))
    parts = []
    for rung, reader in enumerate(ladder.readers):
        rows = np.flatnonzero(choice == rung)
        if len(rows):
            part = Batch(batch.index, batch.tokens[rows])
            parts.append((torch.from_numpy(rows), reader.read(part, tile=DENSE_TILE)))
    return ladder.readers[0].joined(parts)
