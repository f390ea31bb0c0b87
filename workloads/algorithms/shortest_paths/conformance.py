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
"""

import ast
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from adabench.harness.contract.card import Card
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
from adabench.workloads.algorithms.shortest_paths.substrate.replay import PreparedIndex, State
from adabench.workloads.algorithms.shortest_paths.truth.scoring import scored_task
from adabench.workloads.shared.counting.conformance_kit import prepared_state
from adabench.workloads.shared.counting.method_trials import Trial, Trials, check_by
from adabench.workloads.shared.counting.snapshot import equal, snapshot
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
        "account", "engine", "enter", "exact", "judge", "ledger", "meter", "of", "oracle_environment",
        "queried", "score", "survey", "transcript", "truth", "setflags", "writeable", "pickle",
    )),
    excused=handed_on,
    who="method",
)  # fmt: skip


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    trials = Trials(
        method, card, scored_task, "number of pairs",
        lambda trial: trial.values["pairs"] == len(trial.case.pairs),
    )  # fmt: skip
    yield from check_by(RULES, trials, tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    cases = [small_case(family, seed) for family, seed in SHAPES]
    trials = method.attempt(({"pairs": PAIRS}, cases))
    yield from _lengths(trials)
    yield from _memory(method, trials)
    yield from method.theorems(trials)
    if method.card.role != "oracle":
        yield from _unread(method, trials)
        yield from _unread_before(method, trials)


def small_case(family: str, seed: int) -> Case:
    """Return a small case with as many pairs in every family."""
    pairs = 10 * PAIRS if family != "power_2.5" else PAIRS
    return with_pairs(family, generate(family, VERTICES, seed), pairs, seed)


def _lengths(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.values["below"]:
            count = int(trial.values["below"])
            yield f"{count} answers on {trial.case.group} are below the distance: no walk is that."
            return


def _memory(method: Trials, trials: Sequence[Trial]) -> Iterator[str]:
    """Ask in the other order, with a state prepared anew."""
    for trial in trials:
        case = trial.case
        turned = make_case(case.group, case.graph, case.pairs[::-1], case.seed)
        (other,) = method.attempt((trial.conditions, [turned]))
        if (other.answer.lengths[::-1] != trial.answer.lengths).any():
            yield f"Its answers on {case.group} depend on which pairs were asked before."
            return


def _unread(method: Trials, trials: Sequence[Trial]) -> Iterator[str]:
    """Write other neighbours into the rows that were never opened: nothing may change."""
    for trial in trials:
        case, queried = trial.case, trial.heard.copy()
        index = _index(trial)
        if index:
            queried |= index.cost.queried
        other = make_case(case.group, scrambled(case.graph, queried), case.pairs, case.seed)
        state: Any = scored_task((other,))
        if isinstance(trial.state, State):
            state = State(state, {other.instance: index} if index else {})
        answers = method.method.solve(state, other, method.card.defaults)
        if (answers.lengths != trial.answer.lengths).any():
            yield f"Its answers on {case.group} depend on rows that it did not open."
            return


def _unread_before(method: Trials, trials: Sequence[Trial]) -> Iterator[str]:
    """Make rows that were not opened in preparing longer or shorter: the index stays as it is."""
    for trial in trials:
        case, old = trial.case, _index(trial)
        if not old:
            continue
        other = make_case(case.group, resized(case.graph, old.cost.queried), case.pairs, case.seed)
        state = prepared_state(method.method, scored_task((other,)), method.card.defaults)
        new = state.prepared_index[other.instance]
        if not equal(snapshot(old.index), snapshot(new.index)):
            yield f"Its index of {case.group} depends on rows that it did not open, or on degrees."
            return


def _index(trial: Trial) -> PreparedIndex | None:
    """Return what the method prepared for a case, if anything."""
    state = trial.state
    return state.prepared_index.get(trial.case.instance) if isinstance(state, State) else None


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
