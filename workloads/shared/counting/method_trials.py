"""Tries a method on small cases under a listener, and holds it to the rules of all counted tasks.

A rule yields a sentence for what breaks it. It catches honest mistakes and the usual ways to fake a result; it proves nothing: these
cases are smaller than those of a run, and a method that acts on that is not found out here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.card import Bound, Card, Ratio, Scalar
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.counting.conformance_kit import (
    first_change,
    holds,
    in_range,
    prepared_state,
    source_problems,
    speaks_of,
)
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.snapshot import equal, snapshot
from adabench.workloads.shared.counting.source_rules import Rules

Group = tuple[Mapping[str, Scalar], Sequence[Any]]
"""Conditions, and the worlds of the cases that are tried together under them."""

PerStream = Callable[[Any], NDArray[Any]]
"""Of an answer: (streams, ...) what was counted in each stream of coins."""


@dataclass(frozen=True)
class Trial:
    """One method on one case: what it answered, what was heard of it, and its values."""

    conditions: Mapping[str, Scalar]
    task: Any
    case: Any
    world: Any
    answer: Any
    heard: Any
    values: Mapping[str, float]
    state: Any
    """What the method prepared."""

    @property
    def where(self) -> str:
        """Name the case in a sentence."""
        at = " and ".join(f"{name} {value}" for name, value in self.conditions.items())
        return f"{self.case.group} at {at}"


@dataclass(frozen=True)
class OnlineRule:
    """How the future of a case is changed, and what was done before."""

    cuts: tuple[float, ...]
    """Shares of a run."""
    cut_at: Callable[[Trial, float], float]
    """Where that share of a run ends: a number of steps, or a time."""
    steps: Callable[[Trial, float], int]
    """How many steps lie before a cut."""
    done: Callable[[Trial], NDArray[Any]]
    """(T, ...) what was done in each step."""
    other_future: Callable[[Trial, float], Any]
    """The world, with all that comes after a cut replaced."""
    step: str
    """What a step is called."""
    later: str
    """What comes after a cut, in a sentence."""


@dataclass(frozen=True)
class Trials:
    """One method, and how it is tried on the cases of one task."""

    method: ModuleType
    card: Card
    make: Callable[[Sequence[Any], Transcript], Any]
    """The task of these worlds, under a listener."""
    metric: str
    """What is counted: a cost, of which `opt` among the values is the least."""
    agrees: Callable[[Trial], bool]
    """Whether the values of a trial are those that were heard."""
    rounding: float = 0.0
    """Relative; what sums may be off by."""

    def all(self, groups: Iterable[Group]) -> list[Trial]:
        """Run the method on all groups of cases."""
        return [trial for group in groups for trial in self.attempt(group)]

    def attempt(self, group: Group) -> list[Trial]:
        """Run the method on the cases of one group and listen.

        Raises:
            MethodContractError: if it breaks the engine's contract, runs a case other than once, changes
                it, or its values are not those that were counted.
        """
        conditions, worlds = group
        transcript = Transcript()
        task = self.make(worlds, transcript)
        point = self.card.defaults
        state = prepared_state(self.method, task, point)
        trials = []
        for world, case in zip(worlds, task.cases(), strict=True):
            before = snapshot(case)
            task.meter.clear()
            transcript.runs.clear()
            answer = self.method.solve(state, case, point)
            values = {**task.meter, **task.score(case, answer)}
            if transcript.runs != {case.instance: 1}:
                raise MethodContractError(task.wording.twice)
            heard = transcript.heard[case.instance]
            trial = Trial(conditions, task, case, world, answer, heard, values, state)
            if not self.agrees(trial):
                raise MethodContractError(f"Its {self.metric} is not what was counted.")
            if not equal(snapshot(case), before):
                raise MethodContractError(f"It changes the {task.noun}.")
            trials.append(trial)
        return trials

    def optimum(self, trials: Sequence[Trial], per_stream: PerStream, best: str) -> Iterator[str]:
        """Hold each stream to the optimum, which `best` reaches."""
        for trial in trials:
            counted = per_stream(trial.answer)
            least, opt = counted.reshape(len(counted), -1).sum(axis=1).min(), trial.values["opt"]
            if least < opt * (1 - self.rounding):
                yield f"Its {self.metric} is less than {best}'s on {trial.where}: {least} < {opt}."
                return

    def coins(self, trials: Sequence[Trial], per_stream: PerStream) -> Iterator[str]:
        """See to it that streams differ somewhere."""
        counted = [per_stream(trial.answer) for trial in trials]
        several = [one for one in counted if len(one) > 1]
        if several and all(np.ptp(one, axis=0).max() == 0 for one in several):
            yield "It asks for several random streams, but runs alike in all: it draws nothing."

    def theorems(
        self, trials: Sequence[Trial], against: str = "", apart: frozenset[str] = frozenset()
    ) -> Iterator[str]:
        """Check the claims that must hold on every case, however small.

        `against` is who reaches the optimum; `apart` are metrics and knobs whose claims are not of that kind.
        """
        for claim in self.card.claims:
            expect = claim.expect
            if not isinstance(expect, Bound | Ratio) or apart & {expect.metric, *expect.where}:
                continue
            if isinstance(expect, Bound) and expect.bound not in apart:
                broken = (one for one in trials if not self._bounded(one, expect))
            elif isinstance(expect, Ratio) and self._is_identity(expect, against):
                broken = (one for one in trials if not self._near_optimum(one, expect))
            else:
                continue
            for trial in broken:
                yield f"Its claim {claim.id} fails on {trial.where}."
                break
            bound = expect.bound if isinstance(expect, Bound) else ""
            spoken = [one for one in trials if bound and self._speaks_of(expect, one)]
            if spoken and not any(bound in one.values for one in spoken):
                yield f"Its claim {claim.id} names {bound}, which no case here has."

    def online(self, trials: Sequence[Trial], rule: OnlineRule) -> Iterator[str]:
        """Give every case another future after a cut, and compare what was done before it."""
        for group in _by_task(trials):
            for share in rule.cuts:
                cuts = [rule.cut_at(old, share) for old in group]
                worlds = [rule.other_future(*one) for one in zip(group, cuts, strict=True)]
                after = self.attempt((group[0].conditions, worlds))
                for old, new, cut in zip(group, after, cuts, strict=True):
                    step = _first_other_step(rule, old, new, rule.steps(old, cut))
                    if step is not None:
                        yield (
                            f"It looks ahead: on {old.where}, {rule.step} {step} goes differently "
                            f"when {rule.later} from {cut:g} on are others."
                        )
                        return

    def signal(
        self,
        trials: Sequence[Trial],
        trail: Callable[[Trial], NDArray[Any]],
        other_signal: Callable[[Trial], Any],
        ignored: str,
    ) -> Iterator[str]:
        """Tell something else: somewhere the method must act in another way, or it is `ignored`.

        `trials` are those in which something was told; `other_signal` makes the world with other words.
        """
        for trial in trials:
            (other,) = self.attempt((trial.conditions, [other_signal(trial)]))
            if not np.array_equal(trail(other), trail(trial)):
                return
        if trials:
            yield ignored

    def _bounded(self, trial: Trial, expect: Bound) -> bool:
        if not self._speaks_of(expect, trial) or expect.bound not in trial.values:
            return True
        return holds(expect, trial.values, self.rounding)

    def _is_identity(self, expect: Ratio, against: str) -> bool:
        return expect.every and expect.against == against and expect.metric == self.metric

    def _near_optimum(self, trial: Trial, expect: Ratio) -> bool:
        ratio = (trial.values[expect.metric] - expect.allowance) / trial.values["opt"]
        return not self._speaks_of(expect, trial) or in_range(expect, ratio, self.rounding)

    def _speaks_of(self, expect: Bound | Ratio, trial: Trial) -> bool:
        """Tell whether a claim speaks of this case, and of the method's default operating point."""
        here = {**trial.conditions, **self.card.defaults}
        return all(speaks_of(expect, *one) for one in here.items()) and (
            not expect.groups or trial.case.group in expect.groups
        )


def check_by(
    rules: Rules, trials: Trials, tried: Callable[[Trials], Iterator[str]]
) -> Iterator[str]:
    """Yield a sentence for each rule that a method breaks: those of its source first, then the others."""
    problems = list(source_problems(rules, trials.method, trials.card))
    yield from problems
    if problems:
        return
    try:
        yield from tried(trials)
    except MethodContractError as breach:
        yield f"{breach.message} {breach.hint}".strip()


def untold(trials: Sequence[Trial], told: Callable[[Any], bool], what: str) -> Iterator[str]:
    """Say that a method is told what only oracles may know; `told` looks at an answer."""
    for trial in trials:
        if told(trial.answer):
            yield f"It is told {what} on {trial.where}: those are for oracles."
            return


def _by_task(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Return the trials that ran together, in their order."""
    groups: dict[int, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(id(trial.task), []).append(trial)
    return list(groups.values())


def _first_other_step(rule: OnlineRule, old: Trial, new: Trial, steps: int) -> int | None:
    """Return the first of so many steps that went differently; None if none did."""
    before, after = rule.done(old)[:steps], rule.done(new)[:steps]
    if len(before) != len(after):
        return min(len(before), len(after))
    flat = [np.ascontiguousarray(one).reshape(len(one), -1) for one in (before, after)]
    return first_change(np.zeros(len(before)), (flat[0] != flat[1]).any(axis=1), len(before))
