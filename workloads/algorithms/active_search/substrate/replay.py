"""The task object: plays a policy on a case, counts its queries, and scores what came of it.

`task.py` says what is measured and why; the adversary that it is handed searches for worst cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple, Protocol, cast

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.substrate import trained_policies
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


AnyInstance = Instance | HypothesisInstance


class Adversary(Protocol):
    """Who is shown means and classes and plays: the task is handed one, and no method is."""

    def run(
        self,
        instance: AnyInstance,
        policies_of: Callable[[int], Policies],
        ear: list[Ints] | None,
    ) -> tuple[Answer, dict[str, float]]:
        """Play the policies of each class; return what came of it and what was counted."""
        ...

    def warm(self) -> None:
        """Load kernels, without starting a thread."""
        ...


class Setting(NamedTuple):
    """What a case is played on."""

    instance: AnyInstance
    tells_class: bool
    """Whether a policy may be told the class."""


ScoreOf = Callable[[AnyInstance, Answer], dict[str, float]]
"""Turns losses into values; it knows the specialists, and this module does not."""


class Ledger(NamedTuple):
    """What can be done with the instances and answers of a task; they lie in these closures alone."""

    play: Callable[[Case, Callable[[int], Policies], bool], Answer]
    confirm: Callable[[Case, Answer], None]
    find: Callable[[Case], AnyInstance]
    enter: Callable[[AnyInstance, bool], None]


@dataclass(frozen=True)
class ActiveSearch:
    """The task: its cases, the counting bandits, and the score.

    What a method's process gets of it has no cases: each is entered when it is to be played.
    """

    instances: InitVar[tuple[AnyInstance, ...]]
    adversary: InitVar[Adversary]
    score_of: InitVar[ScoreOf | None]
    meter: Meter = field(default_factory=Meter)
    ear: InitVar[list[Ints] | None] = None
    """Who listens to the queries of final episodes, if anybody; not kept on the task."""
    known: tuple[Case, ...] = field(init=False)
    _adversary: Adversary = field(init=False, repr=False, compare=False)
    _score_of: ScoreOf | None = field(init=False, repr=False, compare=False)
    _ledger: Ledger = field(init=False, repr=False, compare=False)

    def __post_init__(
        self,
        instances: tuple[AnyInstance, ...],
        adversary: Adversary,
        score_of: ScoreOf | None,
        ear: list[Ints] | None,
    ) -> None:
        """Keep what methods have no business with inside functions."""
        ledger = _open_ledger(instances, adversary, self.meter, ear)
        object.__setattr__(self, "known", tuple(one.case for one in instances))
        object.__setattr__(self, "_adversary", adversary)
        object.__setattr__(self, "_score_of", score_of)
        object.__setattr__(self, "_ledger", ledger)

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.known

    def play(self, case: Case, *policies: Policy) -> Answer:
        """Play a policy on a case; of several (one a training seed) the run's seed picks.

        The family `retrained` plays all of them.
        """
        return self._ledger.play(case, lambda k: policies, False)

    def play_knowing(self, case: Case, policies_of: Callable[[int], Policies]) -> Answer:
        """Play, for each class, a policy that was told the class (-1: the prior). For oracles."""
        return self._ledger.play(case, policies_of, True)

    def account(self, case: Case, answer: Answer) -> Answer:
        """Return an answer that is the task's own.

        Raises:
            MethodContractError: if it is not what `play` returned last for this case, the case
                was also played with another result, or the meter was tampered with.
        """
        self._ledger.confirm(case, answer)
        return answer

    def judge(self, case: Case, answer: Answer) -> dict[str, float]:
        """Return success, losses by class, and the gap to the specialists.

        Raises:
            MethodContractError: in the process of a method, where those are not known.
        """
        if self._score_of is None:
            raise MethodContractError(
                f"What losses on {case.group} are worth is not known here.",
                "Scores are made where the truth is, by the run.",
            )
        return self._score_of(self._ledger.find(case), answer)

    def score(self, case: Case, answer: Answer) -> dict[str, float]:
        """Judge an answer of this very object."""
        return self.judge(case, self.account(case, answer))

    def __reduce__(self) -> tuple[type["ActiveSearch"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.known:
            raise TypeError("an active-search task is not stored; load it from its conditions")
        return ActiveSearch, ((), self._adversary, None)

    def substrate(self) -> "ActiveSearch":
        """Return what methods get: the bandits and who plays against them."""
        return ActiveSearch((), self._adversary, None)

    oracle_substrate = substrate

    def environment(self, case: Case) -> Setting:
        """Return what the bandits answer by."""
        return Setting(self._ledger.find(case), tells_class=False)

    def oracle_environment(self, case: Case) -> Setting:
        """Return the same where a policy may be told the class."""
        return Setting(self._ledger.find(case), tells_class=True)

    def enter(self, case: Case, setting: Setting) -> None:
        """Take a case to be played in place of the one before."""
        assert setting.instance.case is case
        self._ledger.enter(setting.instance, setting.tells_class)

    def warm(self) -> None:
        """Load the kernels that every method's play runs."""
        self._adversary.warm()


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


def _open_ledger(
    instances: tuple[AnyInstance, ...], adversary: Adversary, meter: Meter, ear: list[Ints] | None
) -> Ledger:
    """Return what plays and what confirms an answer; what was given out is kept here."""
    given: dict[float, Answer] = {}
    unlike: set[float] = set()
    counted, metered = cast(dict[str, float], meter), dict[str, float]()
    known = list(instances)
    tells_class = [True]

    def play(case: Case, policies_of: Callable[[int], Policies], knowing: bool) -> Answer:
        instance = find(case)
        if knowing and not tells_class[0]:
            raise MethodContractError(
                f"It asks to be told the class of {case.group}.",
                "That is for oracles: say role='oracle' in the card.",
            )
        before = given.get(case.instance) if counted else None
        if not counted:
            metered.clear()
            unlike.clear()

        def noted(k: int) -> Policies:
            policies = policies_of(k)
            trained_policies.note(policies, instance.seed)
            return policies

        answer, counts = adversary.run(instance, noted, ear)
        for name, value in counts.items():
            for total in (counted, metered):
                total[name] = total.get(name, 0.0) + value
        if before is not None and before.losses != answer.losses:
            unlike.add(case.instance)
        given[case.instance] = answer
        return answer

    def confirm(case: Case, answer: Answer) -> None:
        find(case)
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

    def find(case: Case) -> AnyInstance:
        return _of(known, case)

    def enter(instance: AnyInstance, tells: bool) -> None:
        known[:], tells_class[:] = [instance], [tells]

    return Ledger(play, confirm, find, enter)


def _of(instances: list[AnyInstance], case: Case) -> AnyInstance:
    for instance in instances:
        if instance.case is case:
            return instance
    raise MethodContractError("That is not a case of this task.", "Pass `case` on as it is.")
