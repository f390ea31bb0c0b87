"""Segment oracle of Duo-LLM: for each segment the pattern that loses least at its answer.

All positions of a segment (the stated value, operands, fillers, `=`) run one pattern; it is
chosen by the loss at the segment's `=`, with earlier segments as big everywhere left them. What
is then scored and counted is a real run in which every segment has its own pattern, earlier ones
too.

**Difficulty**, the paper's: the loss at a small budget less the loss at a larger one, each under
the best pattern for that position. Small is `budget` big modules of six, large is six less
`budget`: six patterns each at the default, so that luck is alike on both sides. It is given at
answers by k, at filler words that follow from another, and at random targets (`oracle_scoring.py`).

`bound`: exact over its patterns one segment at a time, but a router of positions may do better.

**What to expect.** Written when a prototype of 1000 steps had been seen on two batches (seed 0):
more compute buys nothing at random targets, whose loss is four times that of answers. That k
orders the gains is expected of a model that has learned k = 4, and was not seen on the
prototype.

**Ways to fake it.** Loss called difficulty; more patterns on one side than on the other; a search's
own logits scored in place of a run.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search as study
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, Studied
from adabench.workloads.depth_width.ledger.truth import oracle_targets as judging
from adabench.workloads.depth_width.ledger.truth.oracle_task import OracleTask
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="Oracle: the best pattern of each segment",
    paper="the oracle of Duo-LLM, arXiv 2410.10846, one segment at a time",
    adapts="which MLP the positions of a segment run in each layer, with its answer in hand",
    role="oracle",
    oracle="bound",
    conditions={"mode": "prefill"},
    knobs=(
        Knob("budget", (1,), 1, at="prepare", open=True, low=0, high=6),
        Knob("options", (2,), 2, at="prepare", open=True, low=2, high=3),
    ),
)


@dataclass(frozen=True)
class Segmented:
    """A reader; for every batch the options by segment, and what less and more compute gave."""

    reader: DuoReader
    options: tuple[Tensor, ...]
    views: tuple[dict[str, Tensor], ...]


def prepare(task: OracleTask, point: Point, seed: int) -> Segmented:
    """Try every batch with few and with many big modules."""
    reader, options, views = task.duo_reader(), [], []
    layers, bigs, skips = reader.duo.model.shape.layers, int(point["budget"]), point["options"] == 3
    few = study.placed(layers, bigs, skips=skips)
    many = study.placed(layers, layers - bigs, skips=skips)
    for batch in task.cases():
        tokens = torch.from_numpy(batch.tokens)
        reading = judging.Reading(
            reader.duo.model.head, judging.next_tokens(task.corpora[batch.index])
        )
        stage = judging.scenes(reader.duo, tokens, study.segments)
        (less,), (more,) = (judging.tried(stage, patterns, reading) for patterns in (few, many))
        options.append(less.by_segment(tokens))
        views.append({"less": less.logits, "more": more.logits})
    return Segmented(reader, tuple(options), tuple(views))


def solve(held: Segmented, batch: Batch, point: Point) -> Studied:
    """Read the batch, each segment along its pattern; earlier segments along theirs."""
    answer = held.reader.read_along(batch, held.options[batch.index])
    return held.reader.studied(answer, views=held.views[batch.index])
