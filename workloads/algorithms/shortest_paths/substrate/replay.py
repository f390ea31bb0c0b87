"""The task object: lets a method prepare and answer, counts what it reads, and scores.

`task.py` says what is measured and why; `query_loop.py` is the compiled loop this drives.
"""

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from time import process_time
from typing import Any, NoReturn

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.workloads.algorithms.shortest_paths.substrate.answers import (
    Answers,
    PreparedIndex,
    Tally,
)
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import Case, Sparse, rows
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import COINS, child
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


Judge = Callable[[Case, Tally], dict[str, float]]
"""Scores what was counted; it knows the exact distances, and this module does not."""


@dataclass(frozen=True)
class ShortestPaths:
    """The task: its cases, the counting loop, and the score."""

    all_cases: tuple[Case, ...]
    judge: InitVar[Judge]
    exact: InitVar[Callable[[Case], Ints]]
    """Returns the exact distances of a case's pairs: (q,)."""
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    _run: Callable[..., Answers] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Case, Answers], dict[str, float]] = field(
        init=False, repr=False, compare=False
    )
    _truth: Callable[[Case], Ints] = field(init=False, repr=False, compare=False)

    def __post_init__(
        self, judge: Judge, exact: Callable[[Case], Ints], transcript: Transcript | None
    ) -> None:
        """Open the ledger."""
        run, judged = _open_ledger(self, judge, transcript)
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_truth", exact)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Case, ...]:
        """Return the graphs with their pairs."""
        return self.all_cases

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("a shortest-paths task is not stored; load it from its conditions")

    def prepare(self, builder: Builder, *arguments: object) -> State:
        """Prepare an index for each case: `builder(graph, space, coin, *arguments)`.

        An argument that is a function is called with the case's vertex count first.
        """
        return State(
            self,
            {case.instance: prepared_index(case, builder, arguments) for case in self.all_cases},
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

    def score(self, case: Case, answer: Answers) -> dict[str, float]:
        """Judge answers against exact distances.

        Raises:
            MethodContractError: if they are not what `ask` returned last for this case, it was
                also answered in another way, or the meter was tampered with.
        """
        return self._judged(case, answer)

    def truth(self, case: Case) -> Ints:
        """Return the exact distances (q,): for oracles. The check refuses others that name it."""
        return self._truth(case)


def prepared_index(case: Case, builder: Builder, arguments: tuple[object, ...]) -> PreparedIndex:
    """Run a builder on a case and measure it; compiled on a tiny graph of the same types first."""
    graph, coin = case.graph, coin_of(case)
    _built(TINY, builder, 1, arguments)
    spent: list[float] = []
    while not spent or (sum(spent) < PREPARED_FOR_S and len(spent) < REPEATS):
        index, ledger, queried, cpu_s = _built(graph, builder, coin, arguments)
        spent.append(cpu_s)
    return PreparedIndex(index, ledger, queried, float(np.median(spent)), _bytes(index))


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
    task: ShortestPaths, judge: Judge, transcript: Transcript | None
) -> tuple[Callable[..., Answers], Callable[[Case, Answers], dict[str, float]]]:
    """Return what runs a hook and what judges answers; they alone hold the ledger."""
    ledger: AnswerLedger[Answers, Tally] = AnswerLedger(task.meter, WORDING, _says, _same)
    cases = task.all_cases

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

    def judged(case: Case, answers: Answers) -> dict[str, float]:
        return judge(case, ledger.confirm(case.instance, answers))

    return run, judged


def _asked(case: Case, hook: Hook, index: PreparedIndex | None, inner: int) -> Tally:
    """Answer all pairs of a case."""
    graph, kept = case.graph, NOTHING if index is None else index.index
    lengths, ledger = np.full(len(case.pairs), -1, np.int32), np.zeros(3, np.int64)
    queried = np.zeros(graph.vertices, np.uint8)
    engine(hook)(graph.starts, graph.heads, kept, inner, case.pairs, lengths, ledger, queried)
    return Tally(lengths, ledger, queried, index)


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
