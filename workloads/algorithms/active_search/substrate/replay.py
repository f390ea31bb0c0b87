"""The task object: plays a policy on a case, counts its queries, and scores what came of it.

`task.py` says what is measured and why; the judge that it is handed searches for worst cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import NoReturn, Protocol, cast

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.substrate.bandit_families import (
    Case,
    HypothesisInstance,
    Instance,
)
from adabench.workloads.algorithms.active_search.substrate.bandits import Board, Ints, Policy

Policies = Sequence[Policy]


@dataclass(frozen=True)
class Answer:
    """What came of a method on a case."""

    instance: float
    losses: Mapping[int, tuple[float, ...]]
    """By class (-1: the prior), of each policy that was played: the share of wrong names."""
    worst: Mapping[int, tuple[float, ...]]
    """The gaps of the instance that the first policy was played on last."""


class Judge(Protocol):
    """Who knows means and classes: the task is handed one, and no method is."""

    def run(
        self,
        instance: Instance | HypothesisInstance,
        policies_of: Callable[[int], Policies],
        ear: list[Ints] | None,
    ) -> tuple[Answer, dict[str, float]]:
        """Play the policies of each class; return what came of it and what was counted."""
        ...

    def values(self, instance: Instance | HypothesisInstance, answer: Answer) -> dict[str, float]:
        """Return the metrics of an answer."""
        ...


@dataclass(frozen=True)
class ActiveSearch:
    """The task: its cases, the counting bandits, and the score."""

    instances: InitVar[tuple[Instance | HypothesisInstance, ...]]
    judge: InitVar[Judge]
    meter: Meter = field(default_factory=Meter)
    ear: InitVar[list[Ints] | None] = None
    """Who listens to the queries of final episodes, if anybody; not kept on the task."""
    known: tuple[Case, ...] = field(init=False)
    _play: Callable[[Case, Callable[[int], Policies]], Answer] = field(
        init=False, repr=False, compare=False
    )
    _judged: Callable[[Case, Answer], dict[str, float]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(
        self,
        instances: tuple[Instance | HypothesisInstance, ...],
        judge: Judge,
        ear: list[Ints] | None,
    ) -> None:
        """Keep what methods have no business with inside two functions."""
        played, judged = _accounting(instances, judge, self.meter, ear)
        object.__setattr__(self, "known", tuple(one.case for one in instances))
        object.__setattr__(self, "_play", played)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.known

    def play(self, case: Case, *policies: Policy) -> Answer:
        """Play a policy on a case; of several (one a training seed) the run's seed picks.

        The family `retrained` plays all of them.
        """
        return self._play(case, lambda k: policies)

    def play_knowing(self, case: Case, policies_of: Callable[[int], Policies]) -> Answer:
        """Play, for each class, a policy that was told the class (-1: the prior). For oracles."""
        return self._play(case, policies_of)

    def score(self, case: Case, answer: Answer) -> dict[str, float]:
        """Return success, losses by class, and the gap to the specialists."""
        return self._judged(case, answer)

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("an active-search task is not stored; load it from its conditions")


class Recorder:
    """A policy that passes boards on to another and notes what that asks."""

    def __init__(self, policy: Policy, ear: list[Ints]) -> None:
        """Listen to `policy`."""
        self.policy, self.ear = policy, ear

    def choose(self, board: Board) -> Ints:
        """Ask what it asks."""
        arms = self.policy.choose(board)
        self.ear.append(np.array(arms))
        return arms


def _accounting(
    instances: tuple[Instance | HypothesisInstance, ...],
    judge: Judge,
    meter: Meter,
    ear: list[Ints] | None,
) -> tuple[
    Callable[[Case, Callable[[int], Policies]], Answer],
    Callable[[Case, Answer], dict[str, float]],
]:
    """Return what plays and what judges; what was given out is kept here."""
    given: dict[float, Answer] = {}
    unlike: set[float] = set()
    counted, metered = cast(dict[str, float], meter), dict[str, float]()

    def played(case: Case, policies_of: Callable[[int], Policies]) -> Answer:
        instance = _of(instances, case)
        before = given.get(case.instance) if counted else None
        if not counted:
            metered.clear()
            unlike.clear()
        answer, counts = judge.run(instance, policies_of, ear)
        for name, value in counts.items():
            for book in (counted, metered):
                book[name] = book.get(name, 0.0) + value
        if before is not None and before.losses != answer.losses:
            unlike.add(case.instance)
        given[case.instance] = answer
        return answer

    def judged(case: Case, answer: Answer) -> dict[str, float]:
        instance = _of(instances, case)
        if answer is not given.get(case.instance):
            raise MethodContractError(
                "The answer is not the task's own run of this case.",
                "`solve` must return what `task.play(case, ...)` returned last.",
            )
        if case.instance in unlike:
            raise MethodContractError("It plays a case more than once and answers with one.")
        if dict(counted) != metered:
            raise MethodContractError(
                "Something other than the task wrote into the meter.",
                "Only `play` counts; a method leaves `task.meter` alone.",
            )
        return judge.values(instance, answer)

    return played, judged


def _of(
    instances: tuple[Instance | HypothesisInstance, ...], case: Case
) -> Instance | HypothesisInstance:
    for instance in instances:
        if instance.case is case:
            return instance
    raise MethodContractError("That is not a case of this task.", "Pass `case` on as it is.")
