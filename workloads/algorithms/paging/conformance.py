"""What every paging policy must obey, ours or a plug-in's, tried on small instances.

    source      it names nothing of the task that a policy has no business with (oracles excepted)
    contract    it evicts as it said it would, replays each case once, leaves it unchanged
    online      what it evicts before a cut does not depend on what comes after the cut
                (oracles excepted). The faults alone would not show it: Belady's, up to
                the cut, do not depend on the future either; its choice of pages does
    bits        a policy that is told bits acts on those told with hits too
    optimum     it never faults less than Belady
    theorems    its claims of the forms "equal to Belady, always" and "bounded by" hold
    coins       a policy that asks for several coin streams uses them

`check` yields a sentence per broken rule and nothing for a sound policy. It catches honest
mistakes and the usual ways to fake a result; it proves nothing. Nothing on the task tells a
method that it is being checked (a `Transcript` is kept unseen), but these instances are smaller
than those of a run, and a method that acts on that is not found out here; nor is the source of what
a method imports from elsewhere read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Bound, Card, Claim, Ratio
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.paging.substrate.cache_engine import Bits, Ints, Pages
from adabench.workloads.algorithms.paging.substrate.predictions import BITS, Advice
from adabench.workloads.algorithms.paging.substrate.replay import Paging, Replay, Transcript
from adabench.workloads.algorithms.paging.substrate.traces import Trace, generate, make_trace
from adabench.workloads.algorithms.paging.truth.hindsight import KnownAdvice, advise, hindsight
from adabench.workloads.shared.counting.conformance_kit import (
    first_change,
    holds,
    in_range,
    prepared_state,
    source_problems,
    speaks_of,
)
from adabench.workloads.shared.counting.source_rules import Rules

REQUESTS = 2500
CUTS = (0.1, 0.4, 0.8)
SHAPES = ((8, 0), (20, 1))
"""(slots, seed) of the instances."""
NOISES = (0.0, 0.1, 0.5)
OFF_LIMITS = frozenset((
    "advice", "advise", "answers", "hindsight", "keep_log", "meter", "of", "score", "transcript",
    "engine", "setflags", "writeable", "_judged", "_run", "cell_contents", "__closure__",
    "__code__", "__dict__", "__globals__", "__module__", "__setattr__",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.algorithms.paging",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS | {"next"},
    names=frozenset(("hindsight", "advise")),
)


@dataclass(frozen=True)
class Trial:
    """One method on one case: under which noise, what it answered, and its values."""

    noise: float
    task: Paging
    case: Trace
    answer: Replay
    log: Bits
    """(T,) where the first stream faulted."""
    trail: Ints
    """(T,) what was in its cache."""
    values: Mapping[str, float]

    @property
    def where(self) -> str:
        """Name the instance in a sentence."""
        return f"{self.case.group} with {self.case.slots} slots at noise {self.noise}"


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    problems = list(source_problems(RULES, method, card))
    yield from problems
    if problems:
        return
    try:
        trials = [
            trial
            for slots, seed in SHAPES
            for noise in NOISES
            for trial in attempt(method, card, small_cases(slots, seed, noise), noise)
        ]
        yield from _optimum(trials)
        yield from _coins(trials)
        yield from _theorems(trials, card.claims)
        if card.role != "oracle":
            yield from _unforeseen(trials)
            yield from _online(method, card, trials)
        yield from _bits(method, card, trials)
    except MethodContractError as breach:
        yield breach.message


def small_cases(slots: int, seed: int, noise: float) -> tuple[Advice, ...]:
    """Return small cases with their hints."""
    weights = np.arange(1, 5 * slots + 1) ** -0.8
    rng = np.random.default_rng(seed)
    skewed = rng.choice(5 * slots, REQUESTS, p=weights / weights.sum()).astype(np.int32)
    traces = [
        make_trace("skewed", skewed, 5 * slots, slots, seed),
        *(generate(family, REQUESTS, slots, seed) for family in ("cyclic", "docs")),
    ]
    return tuple(advise(hindsight(trace), noise, "symmetric") for trace in traces)


def attempt(
    method: ModuleType, card: Card, advice: tuple[Advice, ...], noise: float
) -> list[Trial]:
    """Run a method on all cases of a task and listen.

    Raises:
        MethodContractError: if it breaks the engine's contract, replays a case other than
            once, changes it, or its counts do not agree.
    """
    transcript = Transcript()
    task = Paging(advice, transcript=transcript)
    point = card.defaults
    state = prepared_state(method, task, point)
    trials = []
    for case in task.cases():
        before = case.pages.tobytes()
        task.meter.clear()
        transcript.replays.clear()
        answer = method.solve(state, case, point)
        values = {**task.meter, **task.score(case, answer)}
        if transcript.replays != {case.instance: 1}:
            raise MethodContractError("It replays a case more than once and answers with one.")
        log, trail = transcript.logs[case.instance], transcript.trails[case.instance]
        if log.sum() != answer.faults[0] or values["faults"] != answer.faults.mean():
            raise MethodContractError("Its faults are not those that were counted.")
        if case.pages.tobytes() != before:
            raise MethodContractError("It changes the trace.")
        trials.append(Trial(noise, task, case, answer, log, trail, values))
    return trials


def _unforeseen(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.answer.hints == "next":
            yield f"It is told the true next uses on {trial.where}: those are for oracles."
            return


def _optimum(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        best = _known(trial.task.of(trial.case)).hindsight.opt
        if trial.answer.faults.min() < best:
            least = trial.answer.faults.min()
            yield f"It faults less than Belady on {trial.where}: {least} < {best}."
            return


def _coins(trials: list[Trial]) -> Iterator[str]:
    several = [trial for trial in trials if len(trial.answer.faults) > 1]
    if several and all(np.ptp(trial.answer.faults) == 0 for trial in several):
        yield "It asks for several random streams, but faults alike in all: it draws nothing."


def _theorems(trials: list[Trial], claims: tuple[Claim, ...]) -> Iterator[str]:
    """Check the claims that must hold on every instance, however small."""
    for claim in claims:
        expect = claim.expect
        if isinstance(expect, Bound):
            broken = (trial for trial in trials if not _bounded(trial, expect))
        elif isinstance(expect, Ratio) and expect.every and expect.against == "belady":
            broken = (trial for trial in trials if not _near_belady(trial, expect))
        else:
            continue
        for trial in broken:
            yield f"Its claim {claim.id} fails on {trial.where}."
            break


def _bounded(trial: Trial, expect: Bound) -> bool:
    return holds(expect, trial.values) or not speaks_of(expect, "noise", trial.noise)


def _near_belady(trial: Trial, expect: Ratio) -> bool:
    ratio = (trial.values[expect.metric] - expect.allowance) / trial.values["opt"]
    return in_range(expect, ratio) or not speaks_of(expect, "noise", trial.noise)


def _online(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Give every case another future after a cut and compare what came before it."""
    for task, noise in {id(trial.task): (trial.task, trial.noise) for trial in trials}.values():
        for share in CUTS:
            other = tuple(_other_future(one, share) for one in task.advice)
            before = [trial for trial in trials if trial.task is task]
            for old, new in zip(before, attempt(method, card, other, noise), strict=True):
                cut = int(share * len(old.case.pages))
                request = first_change(old.trail, new.trail, cut)
                if request is not None:
                    yield (
                        f"It looks ahead: on {old.where}, request {request} goes differently "
                        f"when the requests from {cut} on are others."
                    )
                    return


def _other_future(advice: Advice, share: float) -> Advice:
    """Return the case with other requests and hints after a cut, of the same length."""
    trace = advice.trace
    cut = int(share * len(trace.pages))
    rng = np.random.default_rng(cut)

    def spliced(values: Pages, high: int) -> Pages:
        return np.append(values[:cut], rng.integers(high, size=len(values[cut:]), dtype=np.int32))

    pages = spliced(trace.pages, trace.n_pages)
    other = make_trace(trace.group, pages, trace.n_pages, trace.slots, trace.seed)
    hints = {
        kind: spliced(values, 2 if BITS[kind] == 1 else len(pages))
        for kind, values in advice.hints.items()
    }
    return replace(_known(advice), trace=other, hindsight=hindsight(other), hints=hints)


def _known(advice: Advice) -> KnownAdvice:
    """Return the advice of a whole task, which holds the truth."""
    assert isinstance(advice, KnownAdvice)
    return advice


def _bits(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Flip the bits told with hits: somewhere the policy must act differently."""
    told = [trial for trial in trials if BITS[trial.answer.hints] == 1]
    for trial in told:
        advice = trial.task.of(trial.case)
        kind, hit = trial.answer.hints, trial.log == 0
        hints = {**advice.hints, kind: advice.hints[kind] ^ hit.astype(np.int32)}
        (flipped,) = attempt(method, card, (replace(advice, hints=hints),), trial.noise)
        if (flipped.trail != trial.trail).any():
            return
    if told:
        yield "It ignores the bits told with hits: flipping them all changes nothing."
