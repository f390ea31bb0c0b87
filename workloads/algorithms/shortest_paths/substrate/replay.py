"""The task object: lets a method prepare and answer, counts what it reads, and scores.

`task.py` says what is measured and why; `query_loop.py` is the compiled loop this drives.
"""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from time import process_time
from typing import Any, Protocol

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.shortest_paths.substrate.answers import (
    Answers,
    Preparation,
    PreparedIndex,
    Tally,
)
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import (
    Case,
    Sparse,
    read_only,
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
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case
from adabench.workloads.shared.counting.random_streams import child

PREPARED_FOR_S = 0.02
"""A preparation that is shorter is repeated, at most `REPEATS` times, and the median is kept."""
REPEATS = 9


@dataclass(frozen=True)
class State:
    """The task and a prepared index for each of its cases."""

    task: "ShortestPaths"
    prepared_index: Mapping[float, PreparedIndex]
    """By instance."""


@dataclass
class Transcript:
    """What a listener hears; a method cannot tell that there is one."""

    asked: dict[float, int] = field(default_factory=dict)
    """How often each case was asked through."""
    queried: dict[float, Marks] = field(default_factory=dict)
    """(n,) rows opened while answering, last time."""


WORDING = Wording(
    "ask",
    foreign="The answers are not the task's own for this case.",
    twice="It answers a case in several ways and returns one of them.",
)
NOTHING = (np.zeros(1, np.int32),)
"""The index of a method that prepares none."""


class Reference(Protocol):
    """Who knows the exact distances: the task that scores is handed one, and no method is."""

    def values(self, case: Case, counted: Tally) -> dict[str, float]:
        """Return the metrics of what was counted."""
        ...

    def lengths(self, case: Case) -> Ints:
        """Return the exact distances (q,) of a case's pairs."""
        ...


@dataclass(frozen=True)
class ShortestPaths:
    """The task: its cases, the counting loop, and the score.

    What a method's process gets of it has no cases and no reference: it has the graphs, to prepare
    for, and each case is entered when it is to be answered.
    """

    all_cases: tuple[Case, ...] = ()
    reference: Reference | None = field(default=None, repr=False, compare=False)
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    graphs: tuple[Case, ...] = ()
    """Where there are no cases: their graphs, of which nothing is asked."""
    _known: list[Case] = field(init=False, repr=False, compare=False)
    _told: dict[float, Ints] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Exact distances by instance: in the process of an oracle."""
    _run: Callable[..., Answers] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Case, Answers], Tally] = field(init=False, repr=False, compare=False)

    def __post_init__(self, transcript: Transcript | None) -> None:
        """Open the ledger."""
        known = list(self.all_cases)
        run, judged = _open_ledger(known, self.meter, transcript)
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Case, ...]:
        """Return the graphs with their pairs."""
        return self.all_cases

    def training(self) -> tuple[Case, ...]:
        """Return the graphs without their pairs: what may be prepared for."""
        return self.graphs or tuple(map(without_pairs, self.all_cases))

    def __reduce__(self) -> tuple[type["ShortestPaths"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.all_cases:
            raise TypeError("a shortest-paths task is not stored; load it from its conditions")
        return ShortestPaths, ((), None, Meter(), None, self.graphs)

    def substrate(self) -> "ShortestPaths":
        """Return what methods get: the counting loop, and the graphs without their pairs."""
        return ShortestPaths(graphs=self.training())

    oracle_substrate = substrate

    def oracle_environment(self, case: Case) -> Ints:
        """Return what oracles are told of a case: its exact distances (q,)."""
        return self.truth(case)

    def enter(self, case: Case, lengths: Ints | None) -> None:
        """Take a case to be answered in place of the one before; oracles get its distances."""
        self._known[:] = [case]
        self._told.clear()
        if lengths is not None:
            self._told[case.instance] = read_only(lengths)

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
        return self._run(case, hook, prepared_index, inner)

    def account(self, case: Case, answer: Answers) -> Tally:
        """Return what was counted for answers.

        Raises:
            MethodContractError: if they are not what `ask` returned last for this case, it was
                also answered in another way, or the meter was tampered with.
        """
        return self._judged(case, answer)

    def judge(self, case: Case, counted: Tally) -> dict[str, float]:
        """Judge what was counted against exact distances.

        Raises:
            MethodContractError: if a pair was left without an answer, or where nothing is known.
        """
        return self._reference().values(case, counted)

    def score(self, case: Case, answer: Answers) -> dict[str, float]:
        """Judge answers of this very object."""
        return self.judge(case, self.account(case, answer))

    def truth(self, case: Case) -> Ints:
        """Return the exact distances (q,): for oracles. The check refuses others that name it.

        Raises:
            MethodContractError: in the process of any other method, where they are not known.
        """
        told = self._told.get(case.instance)
        return self._reference().lengths(case) if told is None else told

    def _reference(self) -> Reference:
        if self.reference is None:
            raise MethodContractError(
                "Exact distances are not known in the process of a method.",
                "Say role='oracle' in the card if the method is meant to know them.",
            )
        return self.reference


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


def _open_ledger(
    cases: list[Case], meter: Meter, transcript: Transcript | None
) -> tuple[Callable[..., Answers], Callable[[Case, Answers], Tally]]:
    """Return what runs a hook and what confirms answers; they alone hold the ledger."""
    ledger: AnswerLedger[Answers, Tally] = AnswerLedger(meter, WORDING, _says, _same)

    def run(case: Case, hook: Hook, index: PreparedIndex | None, inner: int) -> Answers:
        known_case(cases, case, lambda one: one, "graph")
        method_of(hook)
        before = ledger.open(case.instance)
        counted = _asked(case, hook, index, inner)
        answers = Answers(case.instance, np.frombuffer(counted.lengths.tobytes(), np.int32))
        if transcript:
            transcript.asked[case.instance] = transcript.asked.get(case.instance, 0) + 1
            transcript.queried[case.instance] = counted.queried
        return ledger.enter(case.instance, before, answers, counted, _added(counted))

    def judged(case: Case, answers: Answers) -> Tally:
        known_case(cases, case, lambda one: one, "graph")
        return ledger.confirm(case.instance, answers)

    return run, judged


def _asked(case: Case, hook: Hook, index: PreparedIndex | None, inner: int) -> Tally:
    """Answer all pairs of a case."""
    graph, kept = case.graph, NOTHING if index is None else index.index
    lengths, ledger = np.full(len(case.pairs), -1, np.int32), np.zeros(3, np.int64)
    queried = np.zeros(graph.vertices, np.uint8)
    engine(hook)(graph.starts, graph.heads, kept, inner, case.pairs, lengths, ledger, queried)
    return Tally(lengths, ledger, queried, None if index is None else index.cost)


def _same(one: Tally, other: Tally) -> bool:
    alike = np.array_equal(one.lengths, other.lengths)
    return alike and np.array_equal(one.ledger, other.ledger)


def _says(answers: Answers, counted: Tally) -> bool:
    return np.array_equal(answers.lengths, counted.lengths)


def _added(counted: Tally) -> dict[str, float]:
    """Return what answering adds to the meter."""
    names = {"edges_read": READS, "rows_read": ROWS, "entries_read": ENTRIES}
    read = {name: float(counted.ledger[place]) for name, place in names.items()}
    return {**read, "pairs": len(counted.lengths)}
