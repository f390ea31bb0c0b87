"""Best of n random patterns for each sequence, by its own answers: what luck reaches at n tries.

n = 100 patterns are drawn at the trained routers' rates, layer by layer, so that they cost on
average what routers do. Each sequence takes the one that loses least at its answers, all its
positions alike. It chooses by the label and is an oracle. The trained router and the position
oracle with one big module (`duo_oracle.py`) are read on the same batch, and the distances of
their losses compared.

One batch by default: a hundred readings of each are dear.

**What to expect.** Written before any router was trained: the router decides by position and the
best of 100 by sequence, with eight answers to choose by; the two are near each other.

The best of 100 moves a whole sequence and is picked by its eight answers, while the oracle moves one
position, where little is left to gain since the value was computed before it. Where the best of 100
lies below the oracle, duo-3-near and duo-3-oracle exclude each other: a router that loses more than
such an oracle is further from the best of 100 by arithmetic.

**Ways to fake it.** n tries at another cost; drawing them on the batch that is scored and calling
it a method.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search as study
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import routed
from adabench.workloads.depth_width.ledger.substrate.duo.duo_reader import DuoReader, Studied, rates
from adabench.workloads.depth_width.ledger.truth import oracle_targets as judging
from adabench.workloads.depth_width.ledger.truth.oracle_task import OracleTask
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream import EQUAL

CARD = Card(
    title="Oracle: the best of n random patterns",
    paper="the random rival of Duo-LLM, arXiv 2410.10846: best of 100",
    slug="duo-llm",
    adapts="which MLP all positions of a sequence run in each layer, with its answers in hand",
    role="oracle",
    oracle="bound",
    conditions={"batches": 1, "mode": "prefill"},
    knobs=(
        Knob("budget", (2,), 2, at="prepare", open=True, low=1, high=2),
        Knob("n", (100,), 100, at="prepare", open=True, low=1),
    ),
)


@dataclass(frozen=True)
class Luckiest:
    """A reader; for every batch the options by sequence, and the readings to compare with."""

    reader: DuoReader
    options: tuple[Tensor, ...]
    views: tuple[dict[str, Tensor], ...]


def prepare(task: OracleTask, point: Point, seed: int) -> Luckiest:
    """Draw patterns at the routers' rates and try them all on every sequence."""
    reader = task.duo_reader(int(point["budget"]))
    assert reader.routers is not None
    duo, options, views = reader.duo, [], []
    layers = duo.model.shape.layers
    generator = torch.Generator().manual_seed(seed)
    patterns = draws(rates(reader, task.calibration()), int(point["n"]), generator)
    for batch in task.cases():
        tokens = torch.from_numpy(batch.tokens)
        reading = judging.Reading(duo.model.head, judging.next_tokens(task.corpora[batch.index]))
        (found,) = judging.tried(judging.scenes(duo, tokens, torch.zeros_like), patterns, reading)
        options.append(by_sequence(found, tokens))
        single = study.placed(layers, 1)
        (oracle,) = judging.tried(judging.scenes(duo, tokens, study.positions), single, reading)
        router = replace(reader, mode="prefill").read(batch, routed(reader.routers))
        views.append({"router": router.logits, "oracle": oracle.logits})
    return Luckiest(task.duo_reader(), tuple(options), tuple(views))


def draws(rates: Tensor, n: int, generator: torch.Generator) -> tuple[study.Pattern, ...]:
    """Draw n patterns, in layer l with the probabilities `rates[l]`; the same one counts once."""
    drawn = torch.multinomial(rates, n, replacement=True, generator=generator).T
    return tuple(dict.fromkeys(tuple(pattern) for pattern in drawn.tolist()))


def by_sequence(found: judging.Tried, tokens: Tensor) -> Tensor:
    """Return each sequence's pattern that loses least at its answers, as options."""
    summed = torch.where(tokens == EQUAL, found.table, 0.0).sum(-1)
    best = summed.argmin(0)[:, None].expand_as(tokens)
    return study.chosen(found.patterns, best)


def solve(held: Luckiest, batch: Batch, point: Point) -> Studied:
    """Read the batch, each sequence along its pattern."""
    answer = held.reader.read_along(batch, held.options[batch.index])
    return held.reader.studied(answer, views=held.views[batch.index])
