"""What every connectivity method must obey, ours or a plug-in's, tried on small streams.

    source      it names nothing of the task that a method has no business with (oracles excepted)
    contract    it serves each case once, leaves it unchanged, and its counts agree
    exact       every answer is right
    steps       it looks something up for each query: answers do not come from nowhere
    online      what it answers and spends before a cut does not depend on what comes after
                it (oracles excepted)
    hints       a method that is told predictions acts on them; only an oracle is told the truth
    theorems    its claims of the forms "equal, always" and "bounded by" hold

`check` yields a sentence per broken rule and nothing for a sound method. It catches honest
mistakes and the usual ways to fake a result; it proves nothing. Nothing on the task tells a
method that it is being checked (a `Transcript` listens unseen), but these streams are smaller than
those of a run, and a method that acts on that is not found out here.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, ModuleType
from typing import cast

import numpy as np

from adabench.harness.contract.card import Bound, Card, Claim
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.connectivity.substrate.replay import (
    Connectivity,
    Service,
    Transcript,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import Ints
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
from adabench.workloads.shared.counting.conformance_kit import (
    holds,
    prepared_state,
    source_problems,
    speaks_of,
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


@dataclass(frozen=True)
class Trial:
    """One method on one case: what it answered and spent, and its values."""

    noise: float
    task: Connectivity
    case: Stream
    answer: Service
    trail: Ints
    """(T,) steps spent after each update."""
    values: Mapping[str, float]

    @property
    def where(self) -> str:
        """Name the stream in a sentence."""
        return f"{self.case.group} with {self.case.n} vertices at noise {self.noise:g}"


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    problems = list(source_problems(RULES, method, card))
    yield from problems
    if problems:
        return
    try:
        trials = [
            trial
            for n, seed in SIZES
            for noise in NOISES
            for trial in attempt(method, card, small_cases(n, seed, noise), noise)
        ]
        yield from _exact(trials)
        yield from _steps(trials)
        yield from _theorems(trials, card.claims)
        if card.role != "oracle":
            yield from _untold(trials)
            yield from _online(method, card, trials)
        yield from _hints(method, card, trials)
    except MethodContractError as breach:
        yield breach.message


def small_cases(n: int, seed: int, noise: float) -> tuple[KnownAdvice, ...]:
    """Return small streams of every family with their predictions."""
    return tuple(advise(hindsight(generate(name, n, ROUNDS, seed)), noise) for name in FAMILIES)


def attempt(
    method: ModuleType, card: Card, advice: tuple[KnownAdvice, ...], noise: float
) -> list[Trial]:
    """Run a method on all cases of a task and listen.

    Raises:
        MethodContractError: if it serves a case other than once, changes it, or its counts do
            not agree.
    """
    transcript = Transcript()
    task = scored_task(advice, noise, transcript=transcript)
    point = card.defaults
    state = prepared_state(method, task, point)
    trials = []
    for case in task.cases():
        before = case.edges.tobytes()
        task.meter.clear()
        transcript.services.clear()
        answer = method.solve(state, case, point)
        values = {**task.meter, **task.score(case, answer)}
        if transcript.services != {case.instance: 1}:
            raise MethodContractError("It serves a case more than once and answers with one.")
        trail = transcript.trails[case.instance]
        if abs(values["work"] * case.horizon - trail[-1]) > 0.5:
            raise MethodContractError("Its work is not what was counted.")
        if case.edges.tobytes() != before:
            raise MethodContractError("It changes the stream.")
        trials.append(Trial(noise, task, case, answer, trail, values))
    return trials


def known(trial: Trial) -> KnownAdvice:
    """Return what is known of the case of a trial."""
    return cast(KnownAdvice, trial.task.of(trial.case))


def _exact(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        truth = known(trial).hindsight.answers
        wrong = np.flatnonzero(trial.answer.answers != truth)
        if len(wrong):
            yield (
                f"It answers {len(wrong)} of {len(truth)} queries wrongly on {trial.where}, the "
                f"first after update {wrong[0]}."
            )
            return


def _steps(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        pairs = int(np.count_nonzero(trial.case.query_left != trial.case.query_right))
        if trial.trail[-1] < pairs:
            yield (
                f"It answers {pairs} queries in {trial.trail[-1]} steps on {trial.where}: it must "
                "look its answers up in counted parts."
            )
            return


def _theorems(trials: list[Trial], claims: tuple[Claim, ...]) -> Iterator[str]:
    """Check the bounds that must hold on every stream, however small."""
    for claim in claims:
        expect = claim.expect
        if not isinstance(expect, Bound) or "slope" in (expect.metric, expect.bound):
            continue
        for trial in trials:
            if _speaks_of(expect, trial) and not holds(expect, trial.values, ROUNDING):
                yield f"Its claim {claim.id} fails on {trial.where}."
                break


def _speaks_of(expect: Bound, trial: Trial) -> bool:
    return speaks_of(expect, "noise", trial.noise) and "backstop" not in expect.where


def _untold(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.answer.hints == "true":
            yield f"It is told the true deletion times on {trial.where}: those are for oracles."
            return


def _online(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Give every case another future after a cut and compare what came before it."""
    for task, noise in {id(trial.task): (trial.task, trial.noise) for trial in trials}.values():
        before = [trial for trial in trials if trial.task is task]
        for share in CUTS:
            other = tuple(_other_future(known(trial), share) for trial in before)
            for old, new in zip(before, attempt(method, card, other, noise), strict=True):
                cut = int(share * old.case.horizon)
                changed = np.flatnonzero(
                    (old.trail[:cut] != new.trail[:cut])
                    | (old.answer.answers[:cut] != new.answer.answers[:cut])
                )
                if len(changed):
                    yield (
                        f"It looks ahead: on {old.where}, update {changed[0]} goes differently "
                        f"when the updates from {cut} on are others."
                    )
                    return


def _other_future(advice: KnownAdvice, share: float) -> KnownAdvice:
    """Return the case with other updates after a cut, and the same predictions before it."""
    old = advice.stream
    cut = int(share * old.horizon)
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


def _hints(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Predict that every edge dies at once: somewhere the method must spend differently."""
    told = [trial for trial in trials if trial.answer.hints != "none"]
    for trial in told:
        advice = known(trial)
        kind = trial.answer.hints
        soon = np.where(trial.case.opens == 1, np.arange(trial.case.horizon) + 1, -1)
        hints = {**advice.hints, kind: soon.astype(np.int32)}
        (flat,) = attempt(method, card, (replace(advice, hints=hints),), trial.noise)
        if (flat.trail != trial.trail).any():
            return
    if told:
        yield "It ignores its predictions: other ones change nothing."
