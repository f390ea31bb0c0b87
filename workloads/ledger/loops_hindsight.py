"""Least sufficient loops in hindsight: for each sequence the cheapest model that answers most.

The oracle of layout `c2`. Each batch is read by every static model (one loop, two, four); each
sequence then takes the one that is worth most, its right answers as the accuracy weighs them, less
`price` x MLPs run. At price 0 the most right answers count and ties go to the cheapest. What is
measured afterwards is a real run.

It allocates by sequence and among three trained models, so it is a `bound` on what a choice of
whole queries can do; a gate of tokens may beat it.

**What to expect.** Written before measuring: mostly the deepest rung; a good part of the gain over
it is luck, as half of the answers at k = 3 and 4 are guesses.

**Is it luck?** Choosing among three readings of eight answers wins by chance. `luck` gives the
same search on random targets that are all wrong: over the best single rung that gains 0.050,
0.028, 0.035 of accuracy in seeds 0, 1, 2, and with the true targets 0.034, 0.027, 0.034. So *all
of the gain may be luck*: this oracle is not cleared, and an H measured against it means little. In
any case more loops are worse here.

**What was seen.** Seeds 0, 1, 2 at price 0: 0.676, 0.802, 0.811 at 5.9, 5.6, 6.0 MLPs a token,
most of it read by the dense model, against the foreseen. At a price of 0.1 everything is.

**Ways to fake it.** Letting the oracle pick by luck; leaving out what the search itself would
cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from adabench.harness.card import Card, Knob, Point
from adabench.workloads.ledger.composing import Composing, FfnReader
from adabench.workloads.ledger.ffn_engine import Run
from adabench.workloads.ledger.readers import DENSE_TILE, Batch
from adabench.workloads.ledger.scoring import Floats

CARD = Card(
    title="Least sufficient loops in hindsight",
    adapts="which static model reads a sequence, with the answers in hand",
    role="oracle",
    oracle="bound",
    conditions={"layout": "c2", "mode": "prefill"},
    knobs=(Knob("price", (0.0, 0.01, 0.1), 0.0, open=True, low=0.0),),
)
RUNGS = {"dense-ffn-4": 4, "loop-ffn-2": 8, "loop-ffn-4": 16}
"""MLPs run per token; the cheapest first."""


@dataclass(frozen=True)
class Rungs:
    """Readers of rising cost, and what each is worth to each sequence of each batch."""

    readers: tuple[FfnReader, ...]
    credits: tuple[Floats, ...]
    """Of every batch: [sequences, rungs], in units of the batch's accuracy."""


def prepare(task: Composing, point: Point, seed: int) -> Rungs:
    """Read every batch with every model and note what it was worth."""
    readers = tuple(task.ffn_reader(base) for base in RUNGS)
    return Rungs(readers, tuple(worth(task, readers, batch) for batch in task.cases()))


def worth(
    task: Composing, readers: Sequence[FfnReader], batch: Batch, wrong: int | None = None
) -> Floats:
    """Return each sequence's credit on each rung, [sequences, rungs]."""
    # Prefill and decode give the same logits, and prefill is the quicker.
    quick = [replace(reader, mode="prefill") for reader in readers]
    answers = [reader.read(batch, tile=DENSE_TILE) for reader in quick]
    return np.stack([task.credit(batch, answer, wrong=wrong) for answer in answers], axis=1)


def choose(credits: Floats, price: float) -> Floats:
    """Return the best rung of each sequence; ties go to the cheaper one.

    `price` is in accuracy per MLP, for the mean over the batch.
    """
    cost = price * np.array(list(RUNGS.values())) / len(credits)
    return np.asarray((credits - cost).round(12).argmax(axis=1), np.int64)


def luck(task: Composing, rungs: Rungs, wrong: int) -> tuple[float, float]:
    """Return what the search gains over its best rung: with true and with random targets."""
    gains = []
    for seed in (None, wrong):
        credits = [worth(task, rungs.readers, batch, seed) for batch in task.cases()]
        picked = np.mean([credit.max(axis=1).sum() for credit in credits])
        best = np.mean([credit.sum(axis=0) for credit in credits], axis=0).max()
        gains.append(float(picked - best))
    return gains[0], gains[1]


def solve(rungs: Rungs, batch: Batch, point: Point) -> Run:
    """Read each sequence with its model."""
    choice = choose(rungs.credits[batch.index], float(point["price"]))
    parts = []
    for rung, reader in enumerate(rungs.readers):
        rows = np.flatnonzero(choice == rung)
        if len(rows):
            part = Batch(batch.index, batch.tokens[rows])
            parts.append((torch.from_numpy(rows), reader.read(part, tile=DENSE_TILE)))
    return joined(parts, len(choice))


def joined(parts: Sequence[tuple[Tensor, Run]], sequences: int) -> Run:
    """Put the answers of groups of sequences, each read by its own model, back in order.

    A loop is counted in the slots of the model with the most of them, so that one list of runs
    holds all.
    """
    deepest = max((run for _, run in parts), key=lambda run: run.places)
    logits = deepest.logits.new_empty(sequences, *deepest.logits.shape[1:])
    works = []
    for rows, run in parts:
        logits[rows] = run.logits
        for within, work in run.works:
            moved = [(_moved(slot, run, deepest), flat) for slot, flat in work.runs]
            works.append((rows[within], replace(work, runs=moved)))
    parameters = sum(run.parameters for _, run in parts)
    return replace(deepest, logits=logits, works=tuple(works), parameters=parameters, unrolled=0)


def _moved(slot: int, run: Run, deepest: Run) -> int:
    """Return a slot as the model with the most places numbers it."""
    layer, place = divmod(slot, run.places)
    return layer * deepest.places + place
