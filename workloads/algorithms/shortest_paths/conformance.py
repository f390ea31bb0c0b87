"""What every method of this task must obey, ours or a plug-in's, tried on small instances.

    source      it names nothing of the task that a method has no business with (oracles excepted)
    contract    it answers each case once, through `ask`, and leaves it unchanged
    lengths     no answer is below the distance: it would be the length of no walk
    memory      asked in the other order, the pairs get the same answers
    unread      answers do not depend on rows that were opened neither before nor while answering,
                nor an index on rows that were not opened in preparing it, not even on how
                long they are (oracles excepted). What is read is counted, so what is not
                counted must not matter
    theorems    its claims of the form "bounded by" hold

`check` yields a sentence per broken rule and nothing for a sound method. It catches honest
mistakes and the usual ways to fake a result; it proves nothing.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from adabench.harness.contract.card import Bound, Card
from adabench.harness.errors import MethodContractError, MissingExtra
from adabench.workloads.algorithms.shortest_paths.substrate.answers import Answers
from adabench.workloads.algorithms.shortest_paths.substrate.csr_graph import (
    Case,
    Sparse,
    make_case,
    read_only,
)
from adabench.workloads.algorithms.shortest_paths.substrate.graph_families import (
    generate,
    with_pairs,
)
from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Ints, Marks
from adabench.workloads.algorithms.shortest_paths.substrate.replay import (
    ShortestPaths,
    State,
    Transcript,
)
from adabench.workloads.algorithms.shortest_paths.truth.scoring import scored_task
from adabench.workloads.shared.counting.conformance_kit import (
    holds,
    prepared_state,
    source_problems,
)
from adabench.workloads.shared.counting.source_rules import Rules

VERTICES, PAIRS = 500, 400
SHAPES = (("power_2.5", 0), ("necklace", 1), ("geometric", 2))
"""(family, seed) of the instances."""


def handed_on(tree: ast.AST) -> set[tuple[int, str]]:
    """Return the lines on which a ledger is handed to a call as it is, and not written to."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {
        (one.lineno, "ledger")
        for call in calls
        for one in call.args
        if isinstance(one, ast.Attribute) and one.attr == "ledger"
    }


RULES = Rules(
    "adabench.workloads.algorithms.shortest_paths",
    off_limits=frozenset((
        "account", "all_cases", "engine", "enter", "exact", "judge", "judged", "ledger", "meter",
        "queried", "reference", "score", "survey", "transcript", "truth", "setflags", "writeable",
        "pickle",
    )),
    excused=handed_on,
    who="method",
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """One method on one case."""

    task: ShortestPaths
    case: Case
    state: Any
    answers: Answers
    queried: Marks
    """(n,) 1 where a row was opened, in preparing or in answering."""
    values: Mapping[str, float]


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    problems = list(source_problems(RULES, method, card))
    yield from problems
    if problems:
        return
    try:
        trials = [attempt(method, card, small_case(family, seed)) for family, seed in SHAPES]
        yield from _lengths(trials)
        yield from _memory(method, card, trials)
        yield from _theorems(card, trials)
        if card.role != "oracle":
            yield from _unread(method, card, trials)
            yield from _unread_before(method, card, trials)
    except MissingExtra:
        raise
    except MethodContractError as breach:
        yield breach.message


def small_case(family: str, seed: int) -> Case:
    """Return a small case with as many pairs in every family."""
    pairs = 10 * PAIRS if family != "power_2.5" else PAIRS
    return with_pairs(family, generate(family, VERTICES, seed), pairs, seed)


def attempt(method: ModuleType, card: Card, case: Case) -> Trial:
    """Run a method on a case and listen.

    Raises:
        MethodContractError: if it asks a case other than once, or changes it.
    """
    transcript = Transcript()
    task = scored_task((case,), transcript=transcript)
    before = case.graph.heads.tobytes() + case.pairs.tobytes()
    state = prepare(method, card, task)
    answers = method.solve(state, case, card.defaults)
    values = {**task.meter, **task.score(case, answers)}
    if transcript.asked != {case.instance: 1}:
        raise MethodContractError("It answers a case more than once and returns one of them.")
    if case.graph.heads.tobytes() + case.pairs.tobytes() != before:
        raise MethodContractError("It changes the graph or the pairs.")
    queried = transcript.queried[case.instance].copy()
    if isinstance(state, State):
        for one in state.prepared_index.values():
            queried |= one.cost.queried
    return Trial(task, case, state, answers, queried, values)


def prepare(method: ModuleType, card: Card, task: ShortestPaths) -> Any:
    """Return a method's state for a task."""
    return prepared_state(method, task, card.defaults)


def _lengths(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.values["below"]:
            count = int(trial.values["below"])
            yield f"{count} answers on {trial.case.group} are below the distance: no walk is that."
            return


def _theorems(card: Card, trials: list[Trial]) -> Iterator[str]:
    for claim in card.claims:
        expect = claim.expect
        if isinstance(expect, Bound) and not all(holds(expect, one.values) for one in trials):
            yield f"Its claim {claim.id} fails on a small instance."


def _memory(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Ask in the other order, with a state prepared anew."""
    for trial in trials:
        case = trial.case
        turned = make_case(case.group, case.graph, case.pairs[::-1], case.seed)
        task = scored_task((turned,))
        answers = method.solve(prepare(method, card, task), turned, card.defaults)
        if (answers.lengths[::-1] != trial.answers.lengths).any():
            yield f"Its answers on {case.group} depend on which pairs were asked before."
            return


def _unread(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Write other neighbours into the rows that were never opened: nothing may change."""
    for trial in trials:
        case = trial.case
        other = make_case(case.group, scrambled(case.graph, trial.queried), case.pairs, case.seed)
        task = scored_task((other,))
        state: Any = task
        if isinstance(trial.state, State):
            kept = trial.state.prepared_index.get(case.instance)
            state = State(task, {other.instance: kept} if kept else {})
        answers = method.solve(state, other, card.defaults)
        if (answers.lengths != trial.answers.lengths).any():
            yield f"Its answers on {case.group} depend on rows that it did not open."
            return


def _unread_before(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Make rows that were not opened in preparing longer or shorter: the index stays as it is."""
    for trial in trials:
        if not isinstance(trial.state, State) or not trial.state.prepared_index:
            continue
        (old,) = trial.state.prepared_index.values()
        case = trial.case
        other = make_case(case.group, resized(case.graph, old.cost.queried), case.pairs, case.seed)
        state = prepare(method, card, scored_task((other,)))
        (new,) = state.prepared_index.values()
        if _content(old.index) != _content(new.index):
            yield f"Its index of {case.group} depends on rows that it did not open, or on degrees."
            return


def scrambled(graph: Sparse, kept: Marks) -> Sparse:
    """Return rows as long as they were, with drawn neighbours where `kept` is 0."""
    heads: Ints = graph.heads.copy()
    free = np.repeat(kept == 0, np.diff(graph.starts))
    heads[free] = np.random.default_rng(0).integers(graph.vertices, size=int(free.sum()))
    return Sparse(graph.starts, read_only(heads))


def resized(graph: Sparse, kept: Marks) -> Sparse:
    """Return rows of drawn length and content where `kept` is 0, the others as they were."""
    rng = np.random.default_rng(0)
    rows = [
        graph.heads[graph.starts[v] : graph.starts[v + 1]]
        if kept[v]
        else rng.integers(graph.vertices, size=rng.integers(1, 40))
        for v in range(graph.vertices)
    ]
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    return Sparse(read_only(starts), read_only(np.concatenate(rows)))


def _content(index: Any) -> bytes:
    if isinstance(index, np.ndarray):
        return index.tobytes()
    return b"|".join(_content(part) for part in index)
