"""What every scheduling policy must obey, ours or a plug-in's, tried on small instances.

    online      what it runs before a cut does not depend on sizes that are revealed, or jobs that arrive, after it
                (oracles excepted)
    theorems    its claims of the forms "equal to SRPT, always" and "bounded by" hold

`check` yields a sentence per broken rule. It catches honest mistakes and the usual ways to fake a result; it proves
nothing. A method that acts on how small these instances are is not found out, nor is what it imports from elsewhere.
"""

from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.flow_time.substrate.job_streams import (
    Stream,
    generate,
    make_stream,
)
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats
from adabench.workloads.algorithms.flow_time.substrate.replay import Replay
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task
from adabench.workloads.shared.counting.method_trials import (
    OnlineRule,
    Trial,
    Trials,
    check_by,
    untold,
)
from adabench.workloads.shared.counting.source_rules import Rules

JOBS = 120
CUTS = (0.15, 0.4, 0.8)
"""Shares of the decisions of a run."""
MS = (1, 2, 6)
FAMILIES = ("exp", "trap", "test", "tight", "hide", "burst", "search")
LOAD = 0.95
ROUNDING = 1e-9
OFF_LIMITS = frozenset((
    "arrive", "ops", "first", "guessed", "totals", "generate", "make_stream", "Stream", "child",
    "meter", "score", "transcript", "engine", "setflags", "writeable",
    "environment", "oracle_environment", "open_totals", "__module__",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.algorithms.flow_time",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    yield from check_by(RULES, trials_of(method, card), tried)


def trials_of(method: ModuleType, card: Card) -> Trials:
    """Return how a method is tried."""
    return Trials(method, card, scored_task, "flow", _agrees, ROUNDING)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    trials = method.all(({"m": m}, small_streams(m, seed=m)) for m in MS)
    yield from method.optimum(trials, _flow, "SRPT")
    yield from method.coins(trials, _flow)
    yield from method.theorems(trials, "srpt")
    if method.card.role != "oracle":
        yield from untold(trials, lambda answer: answer.sees == "totals", "true sizes")
        yield from method.online(trials, ONLINE)


def small_streams(m: int, seed: int) -> tuple[Stream, ...]:
    """Return small streams of several families."""
    return tuple(generate(family, JOBS, m, LOAD, seed) for family in FAMILIES)


def _flow(answer: Replay) -> Floats:
    return answer.flow


def _agrees(trial: Trial) -> bool:
    return bool(trial.values["flow"] == trial.answer.flow.sum(axis=1).mean())


def _decision(trial: Trial, share: float) -> float:
    """Return when so large a share of the decisions was taken."""
    decided = np.flatnonzero(np.isfinite(trial.heard.when))
    return float(trial.heard.when[decided[int(share * (len(decided) - 1))]])


def other_future(trial: Trial, cut: float) -> Stream:
    """Return the stream with other sizes and arrivals for all that was not known at `cut`.

    A job that was not done then may turn out to have another number of further operations.
    """
    rng = np.random.default_rng(int(cut * 1024) % 2**32)
    stream, first = trial.world, trial.world.first
    done = trial.answer.flow[0] + stream.arrive <= cut + ROUNDING * (1 + cut)
    arrive, pieces = stream.arrive.copy(), []
    for job in range(stream.case.n_jobs):
        own = slice(first[job], first[job + 1])
        known = stream.ops[own][trial.heard.shown[own] < cut]
        more = 0 if done[job] else int(rng.integers(0 if len(known) else 1, 4))
        pieces.append(stream.ops[own] if done[job] else np.append(known, rng.uniform(0.1, 5, more)))
    case, late = stream.case, stream.arrive >= cut
    arrive[late] = cut + np.sort(rng.exponential(20.0, np.count_nonzero(late)))
    counts = np.array([len(piece) for piece in pieces])
    other = make_stream(case.group, arrive, counts, np.concatenate(pieces), case.m, case.seed)
    # Estimates told before the cut are data and stay what they were.
    return replace(other, guessed=np.where(late, other.totals, stream.guessed))


ONLINE = OnlineRule(
    CUTS,
    cut_at=_decision,
    steps=lambda trial, cut: int(np.count_nonzero(trial.heard.when < cut)),
    done=lambda trial: np.column_stack((trial.heard.when, trial.heard.who)),
    other_future=other_future,
    step="decision",
    later="sizes that are revealed",
)
