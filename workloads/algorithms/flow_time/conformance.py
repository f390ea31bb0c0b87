"""What every scheduling policy must obey, ours or a plug-in's, tried on small instances.

    source      it names nothing of the task that a policy has no business with (oracles excepted)
    contract    it runs jobs that are there, never idles, runs each case once
    optimum     its flow time is never below SRPT's
    online      what it runs before a cut does not depend on sizes that are revealed, or jobs that
                arrive, after it (oracles excepted)
    totals      it is not told true sizes (oracles excepted)
    theorems    its claims of the forms "equal to SRPT, always" and "bounded by" hold
    coins       a policy that asks for several streams of coins uses them

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

from adabench.harness.contract.card import Bound, Card, Ratio
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.substrate.job_streams import (
    Case,
    Stream,
    generate,
    make_stream,
)
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats, Ints
from adabench.workloads.algorithms.flow_time.substrate.replay import Replay, Transcript
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task
from adabench.workloads.shared.counting.conformance_kit import (
    holds,
    in_range,
    prepared_state,
    source_problems,
    speaks_of,
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


@dataclass(frozen=True)
class Trial:
    """One method on one stream: what it answered, what was heard of it, and its values."""

    stream: Stream
    answer: Replay
    when: Floats
    """(decisions,)"""
    who: Ints
    shown: Floats
    """(operations,)"""
    values: Mapping[str, float]

    @property
    def where(self) -> str:
        """Name the instance in a sentence."""
        return f"{self.stream.case.group} with m = {self.stream.case.m}"


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    problems = list(source_problems(RULES, method, card))
    yield from problems
    if problems:
        return
    try:
        trials = [trial for m in MS for trial in attempt(method, card, small_streams(m, seed=m))]
        yield from _optimum(trials)
        yield from _coins(trials)
        yield from _theorems(trials, card)
        if card.role != "oracle":
            yield from _untold(trials)
            yield from _online(method, card, trials)
    except MethodContractError as breach:
        yield breach.message


def small_streams(m: int, seed: int) -> tuple[Stream, ...]:
    """Return small streams of several families."""
    return tuple(generate(family, JOBS, m, LOAD, seed) for family in FAMILIES)


def attempt(method: ModuleType, card: Card, streams: tuple[Stream, ...]) -> list[Trial]:
    """Run a method on all cases of a task and listen.

    Raises:
        MethodContractError: if it breaks the engine's contract, runs a case other than once,
            or its counts do not agree.
    """
    transcript = Transcript()
    task = scored_task(streams, transcript=transcript)
    point = card.defaults
    state = prepared_state(method, task, point)
    trials = []
    for stream, case in zip(streams, task.cases(), strict=True):
        task.meter.clear()
        transcript.replays.clear()
        answer = method.solve(state, case, point)
        values = {**task.meter, **task.score(case, answer)}
        if transcript.replays != {case.instance: 1}:
            raise MethodContractError("It runs a case more than once and answers with one.")
        if values["flow"] != answer.flow.sum(axis=1).mean():
            raise MethodContractError("Its flow times are not those that were counted.")
        key = case.instance
        trials.append(
            Trial(
                stream,
                answer,
                transcript.when[key],
                transcript.who[key],
                transcript.shown[key],
                values,
            )
        )
    return trials


def _untold(trials: list[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.answer.sees == "totals":
            yield f"It is told true sizes on {trial.where}: those are for oracles."
            return


def _optimum(trials: list[Trial]) -> Iterator[str]:
    """Say where a flow time is below the optimum; the score refuses that too."""
    for trial in trials:
        least = float(trial.answer.flow.sum(axis=1).min())
        if least < trial.values["opt"] * (1 - ROUNDING):
            yield f"Its flow time is less than the optimum on {trial.where}."
            return


def _coins(trials: list[Trial]) -> Iterator[str]:
    several = [trial for trial in trials if len(trial.answer.flow) > 1]
    if several and all(np.ptp(trial.answer.flow, axis=0).max() == 0 for trial in several):
        yield "It asks for several random streams, but runs alike in all: it draws nothing."


def _theorems(trials: list[Trial], card: Card) -> Iterator[str]:
    """Check the claims that must hold on every instance, at the method's defaults."""
    for claim in card.claims:
        expect = claim.expect
        if isinstance(expect, Bound | Ratio) and not _at_defaults(expect, card):
            continue
        if isinstance(expect, Bound):
            broken = (trial for trial in trials if not _bounded(trial, expect))
        elif isinstance(expect, Ratio) and expect.every and expect.against == "srpt":
            broken = (trial for trial in trials if not _near_srpt(trial, expect))
        else:
            continue
        for trial in broken:
            yield f"Its claim {claim.id} fails on {trial.where}."
            break


def _at_defaults(expect: Bound | Ratio, card: Card) -> bool:
    """Tell whether a claim speaks of the method's default operating point."""
    asked = {name: value for name, value in expect.where.items() if name in card.defaults}
    return all(
        card.defaults[name] in (value if isinstance(value, tuple) else (value,))
        for name, value in asked.items()
    )


def _speaks_of(expect: Bound | Ratio, case: Case) -> bool:
    return speaks_of(expect, "m", case.m) and (not expect.groups or case.group in expect.groups)


def _bounded(trial: Trial, expect: Bound) -> bool:
    if expect.bound not in trial.values or not _speaks_of(expect, trial.stream.case):
        return True
    return holds(expect, trial.values, ROUNDING)


def _near_srpt(trial: Trial, expect: Ratio) -> bool:
    """Hold a trial to a statement about every pair with SRPT, whose flow time is `opt`."""
    if expect.metric != "flow" or not _speaks_of(expect, trial.stream.case):
        return True
    # A claim that names no m speaks of the default; small instances of other m count too.
    ratio = trial.values["flow"] / trial.values["opt"]
    return in_range(expect, ratio, ROUNDING)


def _online(method: ModuleType, card: Card, trials: list[Trial]) -> Iterator[str]:
    """Change all that is unrevealed at a cut, and compare what was run before it."""
    for old in trials:
        decided = np.flatnonzero(np.isfinite(old.when))
        for share in CUTS:
            cut = float(old.when[decided[int(share * (len(decided) - 1))]])
            (new,) = attempt(method, card, (other_future(old, cut),))
            before = int(np.count_nonzero(old.when < cut))
            same_times = np.array_equal(old.when[:before], new.when[:before])
            if not same_times or (old.who[:before] != new.who[:before]).any():
                yield (
                    f"It looks ahead: on {old.where} it runs other jobs before time {cut:g} when "
                    "sizes that are revealed later are others."
                )
                return


def other_future(trial: Trial, cut: float) -> Stream:
    """Return the stream with other sizes and arrivals for all that was not known at `cut`.

    A job that was not done then may turn out to have another number of further operations.
    """
    rng = np.random.default_rng(int(cut * 1024) % 2**32)
    stream, first = trial.stream, trial.stream.first
    done = trial.answer.flow[0] + stream.arrive <= cut + ROUNDING * (1 + cut)
    arrive, pieces = stream.arrive.copy(), []
    for job in range(stream.case.n_jobs):
        own = slice(first[job], first[job + 1])
        known = stream.ops[own][trial.shown[own] < cut]
        more = 0 if done[job] else int(rng.integers(0 if len(known) else 1, 4))
        pieces.append(stream.ops[own] if done[job] else np.append(known, rng.uniform(0.1, 5, more)))
    case, late = stream.case, stream.arrive >= cut
    arrive[late] = cut + np.sort(rng.exponential(20.0, np.count_nonzero(late)))
    counts = np.array([len(piece) for piece in pieces])
    other = make_stream(case.group, arrive, counts, np.concatenate(pieces), case.m, case.seed)
    # Estimates told before the cut are data and stay what they were.
    return replace(other, guessed=np.where(late, other.totals, stream.guessed))
