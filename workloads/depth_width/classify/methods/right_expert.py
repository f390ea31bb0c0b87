"""Oracle: the right expert. Of Hecto's two, for each query, the cheapest that answers it.

The oracle of this task. Each set of queries is read by either expert alone, with the answers in hand;
then every query goes to the feed-forward net if that is right, else to the GRU if that is, else where
Hecto's gate sends it. It chooses between Hecto's own experts, so it is a `bound` on what a gate could have
made of them, and never below the gate. What is measured afterwards is a real run; the search is left out
of its count.

**Is it luck?** Of two answers one may be right by chance. So an expert counts as right only if it is right
in a *sibling*, too: the same question of a ledger with the same operations on another opening value and
other phrases, whose answer differs (`queries.py`). `luck` gives the search keys that are all wrong. Real
text has no siblings: there what the search gains is partly luck.

**What to expect.** Written before measuring: a point or two above Hecto, at less work, since the net
answers some questions of value.

**Ways to fake it.** Letting it pick by luck; leaving out what the search itself would cost.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Point
from adabench.workloads.depth_width.classify.substrate.experts import (
    FFNN,
    GRU,
    preset_gate,
    top_1_gate,
)
from adabench.workloads.depth_width.classify.substrate.reading import (
    QUICK,
    ClassifyTask,
    QuerySet,
    Reader,
    Reading,
)
from adabench.workloads.depth_width.substrate.stream import Bools

CARD = Card(
    title="Oracle: the right expert",
    adapts="which of Hecto's experts answers a query, with the answer in hand",
    role="oracle",
    oracle="bound",
)
PREFERENCE = (FFNN, GRU)
"""The cheapest first."""


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


@dataclass(frozen=True)
class Hindsight:
    """A reader, and the expert of every query of every set."""

    reader: Reader
    choices: tuple[Tensor, ...]


def prepare(task: OracleTask, point: Point, seed: int) -> Hindsight:
    """Read every set and its sibling with either expert, and choose."""
    reader = task.reader("hecto")
    found = [(case, worth(task, reader, case)[1]) for case in task.cases()]
    return Hindsight(reader, tuple(choose(reader, case, twice) for case, twice in found))


def worth(
    task: OracleTask, reader: Reader, case: QuerySet, wrong: int | None = None
) -> tuple[Bools, Bools]:
    """Return which experts are right, [queries, experts]: in the set, and in its sibling too."""
    quick, other = Reader(reader.encoder, reader.mixture, QUICK), task.sibling(case)
    here, twice = [], []
    for expert in range(len(reader.mixture.experts)):
        answer, again = (alone(quick, each, expert) for each in (case, other))
        here.append(task.credit(case, answer, wrong=wrong))
        twice.append(task.credit_of_both(case, answer, again, wrong=wrong))
    return np.stack(here, axis=1), np.stack(twice, axis=1)


def alone(reader: Reader, case: QuerySet, expert: int) -> Reading:
    """Read a set with one expert."""
    queries = len(case.questions.lengths)
    choice = torch.full((queries,), expert)
    return reader.read(case, preset_gate(choice, len(reader.mixture.experts)))


def choose(reader: Reader, case: QuerySet, right: Bools) -> Tensor:
    """Return the expert of each query: the first of `PREFERENCE` that is right, else the gate's."""
    kinds = reader.mixture.arm.experts
    order = [kinds.index(name) for name in PREFERENCE]
    first = torch.tensor(order)[torch.from_numpy(right[:, order]).int().argmax(1)]
    quick = Reader(reader.encoder, reader.mixture, QUICK)
    by_gate = quick.read(case, top_1_gate(reader.mixture)).runs().int().argmax(1)
    return torch.where(torch.from_numpy(right.any(1)), first, by_gate)


def luck(task: OracleTask, hindsight: Hindsight, *, wrong: int) -> Mapping[str, float]:
    """Return what the search gains in accuracy over its better expert, by truth and by luck."""
    found, reader = {}, hindsight.reader
    for seed, ending in ((None, "truth"), (wrong, "chance")):
        gains = []
        for case in task.cases():
            here, twice = worth(task, reader, case, seed)
            choice = choose(reader, case, twice).numpy()
            reached = here[np.arange(len(here)), choice].mean()
            gains.append(reached - here.mean(axis=0).max())
        found[f"by_{ending}"] = float(np.mean(gains))
    return found


def solve(hindsight: Hindsight, case: QuerySet, point: Point) -> Reading:
    """Answer each query by its expert."""
    choice = hindsight.choices[case.index]
    return hindsight.reader.read(case, preset_gate(choice, len(hindsight.reader.mixture.experts)))
