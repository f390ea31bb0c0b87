"""What every connectivity method must obey, ours or a plug-in's, tried on small streams.

source      it names nothing of the task that a method has no business with (oracles excepted)
contract    it serves each case once, leaves it unchanged, and its counts agree
exact       every answer is right
steps       it looks something up for each query: answers do not come from nowhere
online      what it answers and spends before a cut does not depend on what comes after
it (oracles excepted)
hints       a method that is told predictions acts on them; only an oracle is told the truth
theorems    its claims of the forms "equal, always" and "bounded by" hold
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType, ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    FAMILIES,
    Raw,
    Stream,
    generate,
    make_stream,
)
from adabench.workloads.algorithms.connectivity.truth.hindsight import (
    KnownAdvice,
    advise,
    hindsight,
)
from adabench.workloads.algorithms.connectivity.truth.scoring import scored_task
from adabench.workloads.shared.counting.method_trials import (
    OnlineRule,
    Trial,
    Trials,
    check_by,
    untold,
)
from adabench.workloads.shared.counting.source_rules import Rules

SIZES = ((60, 0), (33, 1))
"""(n, seed) of the streams."""
ROUNDS = 20
CUTS = (0.15, 0.5, 0.85)
NOISES = (0.0, 10.0, 1000.0)
ROUNDING = 1e-9
ARRAYS = frozenset(("opens", "edges", "left", "right", "kind"))
"""Of a case: the whole stream. A method sees it update by update, or a prefix of it."""


def _foreseen(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="case"), attr=name) if name in ARRAYS:
            yield f"case.{name}"
        case ast.keyword(arg="hints", value=ast.Constant(value="true")):
            yield "true"


RULES = Rules(
    "adabench.workloads.algorithms.connectivity",
    off_limits=frozenset((
        "advice", "advise", "answers", "hindsight", "meter", "of", "score", "transcript",
        "setflags", "writeable", "run_once", "environment", "oracle_environment", "ledger", "__module__",
        "query_left", "query_right",
        "generate",
    )),
    names=frozenset(("hindsight", "advise")),
    more=_foreseen,
    who="method",
)  # fmt: skip


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    trials = Trials(method, card, scored_task, "work", _agrees, ROUNDING)
    yield from check_by(RULES, trials, tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all(
        ({"n": n, "noise": noise}, small_cases(n, seed, noise))
        for n, seed in SIZES
        for noise in NOISES
    )
    yield from _exact(trials)
    yield from _steps(trials)
    yield from method.theorems(trials, apart=frozenset(("slope",)))
    if method.card.role != "oracle":
        yield from untold(trials, lambda answer: answer.hints == "true", "the true deletion times")
        yield from method.online(trials, replace(ONLINE, cuts=CUTS))
    yield from method.signal(
        [trial for trial in trials if trial.answer.hints != "none"],
        lambda trial: trial.heard,
        _all_soon,
        "It ignores its predictions: other ones change nothing.",
    )


def small_cases(n: int, seed: int, noise: float) -> tuple[KnownAdvice, ...]:
    """Return small streams of every family with their predictions."""
    return tuple(advise(hindsight(generate(name, n, ROUNDS, seed)), noise) for name in FAMILIES)


def _agrees(trial: Trial) -> bool:
    return bool(abs(trial.values["work"] * trial.case.horizon - trial.heard[-1]) <= 0.5)


def _exact(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials:
        truth = trial.world.hindsight.answers
        wrong = np.flatnonzero(trial.answer.answers != truth)
        if len(wrong):
            yield (
                f"It answers {len(wrong)} of {len(truth)} queries wrongly on {trial.where}, the "
                f"first after update {wrong[0]}."
            )
            return


def _steps(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials:
        pairs = int(np.count_nonzero(trial.case.query_left != trial.case.query_right))
        if trial.heard[-1] < pairs:
            yield (
                f"It answers {pairs} queries in {trial.heard[-1]} steps on {trial.where}: it must "
                "look its answers up in counted parts."
            )
            return


def _other_future(trial: Trial, after: float) -> KnownAdvice:
    """Return the case with other updates after a cut, and the same predictions before it."""
    advice: KnownAdvice = trial.world
    old, cut = advice.stream, int(after)
    rng = np.random.default_rng(cut)
    live = [int(e) for e in np.setdiff1d(old.edges[:cut], old.edges[:cut][old.opens[:cut] == 0])]
    made, target = int(old.opens[:cut].sum()), old.insertions
    opens, edges = old.opens.copy(), old.edges.copy()
    for t in range(cut, old.horizon):
        # As many insertions as before in all, so that arrays have the same size.
        ahead, needed = old.horizon - t, target - made
        inserts = not live or rng.random() * ahead < needed
        opens[t] = inserts
        edges[t] = made if inserts else live.pop(int(rng.integers(len(live))))
        if inserts:
            live.append(made)
            made += 1
    same = np.arange(old.horizon) < cut
    at = np.flatnonzero(opens == 1)[edges]
    renamed = rng.permutation(old.n).astype(np.int32)
    ends = [np.where(same, end, renamed[end])[at] for end in (old.left, old.right)]
    raw = Raw(opens, edges, ends[0], ends[1], old.kind[at])
    stream = _with_queries_of(make_stream(old.group, old.n, raw, old.seed), old, cut)
    hints = {
        kind: np.where(same, told, np.where(opens == 1, old.horizon, -1)).astype(np.int32)
        for kind, told in advice.hints.items()
        if len(told)
    }
    fixed = MappingProxyType({"none": advice.hints["none"], **hints})
    return replace(advice, stream=stream, hindsight=hindsight(stream), hints=fixed)


def _with_queries_of(stream: Stream, old: Stream, cut: int) -> Stream:
    """Return the stream with the queries of `old` before the cut."""
    query_left = np.append(old.query_left[:cut], stream.query_left[cut:])
    query_right = np.append(old.query_right[:cut], stream.query_right[cut:])
    return replace(stream, query_left=query_left, query_right=query_right)


ONLINE = OnlineRule(
    CUTS,
    cut_at=lambda trial, share: int(share * trial.case.horizon),
    steps=lambda trial, cut: int(cut),
    done=lambda trial: np.column_stack((trial.heard, trial.answer.answers)),
    other_future=_other_future,
    step="update",
    later="the updates",
)


def _all_soon(trial: Trial) -> KnownAdvice:
    """Return the case with predictions that every edge dies at once."""
    advice: KnownAdvice = trial.world
    soon = np.where(trial.case.opens == 1, np.arange(trial.case.horizon) + 1, -1)
    return replace(advice, hints={**advice.hints, trial.answer.hints: soon.astype(np.int32)})
