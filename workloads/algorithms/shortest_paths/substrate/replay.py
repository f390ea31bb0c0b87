"""The task object: lets a method prepare and answer, counts what it reads, and scores.

`task.py` says what is measured and why; `query_loop.py` is the compiled loop this drives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from adabench.harness.contract.card import Point
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import (
    Case,
    Sparse,
    rows,
    without_pairs,
)
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import COINS
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import (
    ENTRIES,
    READS,
    ROWS,
    Counts,
    Ints,
    Marks,
)
from adabench.workloads.algorithms.shortest_paths.substrate.query_loop import (
    Builder,
    Hook,
    engine,
    open_graph,
)
from adabench.workloads.shared.compiled.hooks import method_of
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import KnownCase, Run, TruthTask
from adabench.workloads.shared.counting.random_streams import child

PREPARED_FOR_S = 0.02
"""A preparation that is shorter is repeated, at most `REPEATS` times, and the median is kept."""
REPEATS = 9


@dataclass(frozen=True)
class Preparation:
    """What it cost to prepare an index."""

    ledger: Counts
    """(3,) what was read."""
    queried: Marks
    """(n,) 1 where a row was opened."""
    cpu_s: float
    size_bytes: int
    """What the index's arrays hold."""


@dataclass(frozen=True)
class PreparedIndex:
    """What a method keeps about one case, and what that cost."""

    index: Any
    """A named tuple of arrays."""
    cost: Preparation


@dataclass(frozen=True)
class Answers:
    """What came of one method on one case."""

    instance: float
    lengths: Ints
    """(q,) read-only."""


@dataclass(frozen=True)
class Tally:
    """What was counted while a case was answered."""

    lengths: Ints
    ledger: Counts
    queried: Marks
    preparation: Preparation | None


@dataclass(frozen=True)
class State:
    """The task and a prepared index for each of its cases."""

    task: "ShortestPaths"
    prepared_index: Mapping[float, PreparedIndex]
    """By instance."""


Stored = dict[float, Any]
"""Prepared indexes and what they cost, by instance, as plain data: named tuples are tuples."""
WORDING = Wording(
    "ask",
    foreign="The answers are not the task's own for this case.",
    twice="It answers a case more than once, in several ways, and returns one of them.",
)
NOTHING = (np.zeros(1, np.int32),)
"""The index of a method that prepares none."""


class Order(NamedTuple):
    """A method's hook and what it asks with."""

    hook: Hook
    prepared_index: PreparedIndex | None
    inner: int


class ShortestPaths(TruthTask[Case, Ints, Order, Answers, Tally, Tally]):
    """The task: its cases and the counting loop. The truth about a case is its exact distances (q,).

    What a method's process gets of it has the graphs, to prepare for, and not their pairs.
    """

    wording = WORDING
    noun = "graph"
    truth_name = "Exact distances"

    @staticmethod
    def run_in(
        world: KnownCase[Case, Ints], order: Order, *, listened: bool
    ) -> Run[Answers, Tally]:
        """Answer all pairs; a listener hears which rows were opened, (n,)."""
        method_of(order.hook)
        counted = _asked(world.case, *order)
        lengths = np.frombuffer(counted.lengths.tobytes(), np.int32)
        return Run(Answers(world.case.instance, lengths), counted, _added(counted), counted.queried)

    def training(self) -> tuple[Case, ...]:
        """Return the graphs without their pairs: what may be prepared for."""
        return self.examples or tuple(map(without_pairs, self.known))

    def warm(self) -> None:
        """Load what all methods run before anything of their own."""
        open_graph(TINY.starts, TINY.heads, np.zeros(3, np.int64))

    def prepare(self, builder: Builder, *arguments: object) -> State:
        """Prepare an index for each graph: `builder(graph, space, coin, *arguments)`.

        An argument that is a function is called with the case's vertex count first.
        """
        return State(
            self,
            {case.instance: prepared_index(case, builder, arguments) for case in self.training()},
        )

    def ask(
        self, case: Case, hook: Hook, prepared_index: PreparedIndex | None = None, *, inner: int = 1
    ) -> Answers:
        """Answer all pairs of a case with a method's hook, and count.

        `inner` is how many vertices the second room for searches needs.

        Raises:
            MethodContractError: if it is not a case of this task or not a compiled hook.
        """
        return self.count(case, Order(hook, prepared_index, inner))


def prepared_index(case: Case, builder: Builder, arguments: tuple[object, ...]) -> PreparedIndex:
    """Run a builder on a case and measure it; compiled on a tiny graph of the same types first."""
    graph, coin = case.graph, coin_of(case)
    _built(TINY, builder, 1, arguments)
    spent: list[float] = []
    while not spent or (sum(spent) < PREPARED_FOR_S and len(spent) < REPEATS):
        index, ledger, queried, cpu_s = _built(graph, builder, coin, arguments)
        spent.append(cpu_s)
    cost = Preparation(ledger, queried, float(np.median(spent)), _bytes(index))
    return PreparedIndex(index, cost)


def coin_of(case: Case) -> int:
    """Return the seed of a method's coins on this case: its own stream."""
    return int(child(case.seed, COINS, case.group).generate_state(1)[0])


TINY = rows(np.array([0, 1, 2, 0]), np.array([1, 2, 3, 3]), 4)
"""A square: all that is needed to compile."""


def _built(
    graph: Sparse, builder: Builder, coin: int, arguments: tuple[object, ...]
) -> tuple[Any, Counts, Marks, float]:
    ledger = np.zeros(3, np.int64)
    opened_graph, space = open_graph(graph.starts, graph.heads, ledger)
    asked = [one(graph.vertices) if callable(one) else one for one in arguments]
    begin_s = process_time()
    index = builder(opened_graph, space, coin, *asked)
    return index, ledger, space.queried, process_time() - begin_s


def _bytes(index: Any) -> int:
    if isinstance(index, np.ndarray):
        return index.nbytes
    return sum(_bytes(part) for part in index)


def _asked(case: Case, hook: Hook, index: PreparedIndex | None, inner: int) -> Tally:
    """Answer all pairs of a case."""
    graph, kept = case.graph, NOTHING if index is None else index.index
    lengths, ledger = np.full(len(case.pairs), -1, np.int32), np.zeros(3, np.int64)
    queried = np.zeros(graph.vertices, np.uint8)
    engine(hook)(graph.starts, graph.heads, kept, inner, case.pairs, lengths, ledger, queried)
    return Tally(lengths, ledger, queried, None if index is None else index.cost)


def _added(counted: Tally) -> dict[str, float]:
    """Return what answering adds to the meter."""
    names = {"edges_read": READS, "rows_read": ROWS, "entries_read": ENTRIES}
    read = {name: float(counted.ledger[place]) for name, place in names.items()}
    return {**read, "pairs": len(counted.lengths)}


def stored_state(state: State) -> Stored:
    """Return what is worth storing of a state: a method's `pack`."""
    return {
        instance: (_plain(one.index), *vars(one.cost).values())
        for instance, one in state.prepared_index.items()
    }


def restored_state(task: ShortestPaths, data: Stored, make: Callable[[Any], Any]) -> State:
    """Return the state again; `make` makes an index of its parts."""
    indexes = {
        instance: PreparedIndex(make(parts), Preparation(*cost))
        for instance, (parts, *cost) in data.items()
    }
    return State(task, indexes)


def restoring(make: Callable[[Any], Any]) -> Callable[[ShortestPaths, Point, Stored], State]:
    """Return a method's `unpack`, which is the same at each of its points."""
    return lambda task, point, data: restored_state(task, data, make)


def _plain(index: Any) -> Any:
    return index if isinstance(index, np.ndarray) else tuple(map(_plain, index))
