"""What every paging policy must obey, ours or a plug-in's, tried on small instances.

    online      what it evicts before a cut does not depend on what comes after the cut (oracles excepted); faults
                alone would not show it: Belady's, up to the cut, do not depend on the future, its choice of pages does
    bits        a policy that is told bits acts on those told with hits too
    theorems    its claims of the forms "equal to Belady, always" and "bounded by" hold

`check` yields a sentence per broken rule. It catches honest mistakes and the usual ways to fake a result; it proves
nothing. A method that acts on how small these instances are is not found out, nor is what it imports from elsewhere.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.paging.substrate.cache_engine import Ints, Pages
from adabench.workloads.algorithms.paging.substrate.replay import Replay
from adabench.workloads.algorithms.paging.substrate.traces import BITS, Advice, generate, make_trace
from adabench.workloads.algorithms.paging.truth.hindsight import (
    KnownAdvice,
    advise,
    hindsight,
    scored_task,
)
from adabench.workloads.shared.counting.method_trials import (
    OnlineRule,
    Trial,
    Trials,
    check_by,
    untold,
)
from adabench.workloads.shared.counting.source_rules import Rules

REQUESTS = 2500
CUTS = (0.1, 0.4, 0.8)
SHAPES = ((8, 0), (20, 1))
"""(slots, seed) of the instances."""
NOISES = (0.0, 0.1, 0.5)
OFF_LIMITS = frozenset((
    "advice", "advise", "answers", "hindsight", "keep_log", "meter", "of", "score", "transcript",
    "engine", "setflags", "writeable", "__module__",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.algorithms.paging",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS | {"next"},
    names=frozenset(("hindsight", "advise")),
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    trials = Trials(method, card, scored_task, "faults", _agrees)
    yield from check_by(RULES, trials, tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all(
        ({"slots": slots, "noise": noise}, small_cases(slots, seed, noise))
        for slots, seed in SHAPES
        for noise in NOISES
    )
    yield from method.optimum(trials, _faults, "Belady")
    yield from method.coins(trials, _faults)
    yield from method.theorems(trials, "belady")
    if method.card.role != "oracle":
        yield from untold(trials, lambda answer: answer.hints == "next", "the true next uses")
        yield from method.online(trials, ONLINE)
    yield from method.signal(
        [trial for trial in trials if BITS[trial.answer.hints] == 1],
        lambda trial: trial.heard.trail,
        _flipped,
        "It ignores the bits told with hits: flipping them all changes nothing.",
    )


def small_cases(slots: int, seed: int, noise: float) -> tuple[KnownAdvice, ...]:
    """Return small cases with their hints."""
    weights = np.arange(1, 5 * slots + 1) ** -0.8
    rng = np.random.default_rng(seed)
    skewed = rng.choice(5 * slots, REQUESTS, p=weights / weights.sum()).astype(np.int32)
    traces = [
        make_trace("skewed", skewed, 5 * slots, slots, seed),
        *(generate(family, REQUESTS, slots, seed) for family in ("cyclic", "docs")),
    ]
    return tuple(advise(hindsight(trace), noise, "symmetric") for trace in traces)


def _faults(answer: Replay) -> Ints:
    return answer.faults


def _agrees(trial: Trial) -> bool:
    faults = trial.answer.faults
    return bool(trial.heard.log.sum() == faults[0] and trial.values["faults"] == faults.mean())


def _other_future(trial: Trial, cut: float) -> KnownAdvice:
    """Return the case with other requests and hints after a cut, of the same length."""
    known: KnownAdvice = trial.world
    trace, kept = known.trace, int(cut)
    rng = np.random.default_rng(kept)

    def spliced(values: Pages, high: int) -> Pages:
        return np.append(values[:kept], rng.integers(high, size=len(values[kept:]), dtype=np.int32))

    pages = spliced(trace.pages, trace.n_pages)
    other = make_trace(trace.group, pages, trace.n_pages, trace.slots, trace.seed)
    hints = {
        kind: spliced(values, 2 if BITS[kind] == 1 else len(pages))
        for kind, values in known.hints.items()
    }
    return replace(known, trace=other, hindsight=hindsight(other), hints=hints)


ONLINE = OnlineRule(
    CUTS,
    cut_at=lambda trial, share: int(share * len(trial.case.pages)),
    steps=lambda trial, cut: int(cut),
    done=lambda trial: trial.heard.trail,
    other_future=_other_future,
    step="request",
    later="the requests",
)


def _flipped(trial: Trial) -> Advice:
    """Return the case with the bits told with hits of the first stream flipped."""
    known, kind = trial.world, trial.answer.hints
    hit = (trial.heard.log == 0).astype(np.int32)
    flipped: Advice = replace(known, hints={**known.hints, kind: known.hints[kind] ^ hit})
    return flipped
