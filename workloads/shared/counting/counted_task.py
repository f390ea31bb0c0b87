"""Defines a task whose engine runs what methods order, and counts.

A *world* is what is known of a case: what the engine reveals bit by bit, and in the run's own process the truth. A task says what its
worlds are and how an order runs in one. Worlds, counts and the score lie in the closures of `_open` alone: what a method writes into
the task, its meter or an answer no longer agrees with them.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, fields, replace
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar, cast

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case
from adabench.workloads.shared.counting.snapshot import equal, snapshot

Case = TypeVar("Case", bound=Any)
"""Has an `instance`, its content hash, and a `group`."""
World = TypeVar("World")
Order = TypeVar("Order")
Answer = TypeVar("Answer")
Counted = TypeVar("Counted")
Outcome = TypeVar("Outcome")
Truth = TypeVar("Truth")


class Run(NamedTuple, Generic[Answer, Counted]):
    """What came of an order."""

    answer: Answer
    """For the method."""
    counted: Counted
    """For the ledger. Two runs of a case are alike if all is equal here but times, which end with `_s`."""
    added: Mapping[str, float]
    """For the meter."""
    heard: Any = None
    """For a listener."""


@dataclass
class Transcript:
    """What a listener hears of the runs of a task; a method cannot tell that there is one."""

    heard: dict[float, Any] = field(default_factory=dict)
    """By instance, of its last run."""
    runs: Counter[float] = field(default_factory=Counter)


class _Entry(NamedTuple):
    """What the ledger holds of a run."""

    counted: Any
    answer: Any
    """What the answer said when it was given out, as a snapshot."""


class Ledger(NamedTuple):
    """What can be done with the worlds and accounts of a task."""

    run: Callable[[Any, Any], Any]
    confirm: Callable[[Any, Any], Any]
    find: Callable[[Any], Any]
    enter: Callable[[Any], None]
    score: Callable[[Any, Any], dict[str, float]]


@dataclass(frozen=True)
class CountedTask(ABC, Generic[Case, World, Order, Answer, Counted, Outcome]):
    """The task; and what a method's process gets of it, which has no worlds: each is entered."""

    worlds: InitVar[Sequence[World]] = ()
    score_of: InitVar[Callable[[World, Outcome], dict[str, float]] | None] = None
    """What an outcome is worth; it knows the truth."""
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    meter: Meter = field(default_factory=Meter)
    examples: tuple[Any, ...] = ()
    """In a method's process: what may be learned from."""
    known: tuple[Case, ...] = field(init=False)
    """All cases; in a method's process none."""
    _ledger: Ledger = field(init=False, repr=False, compare=False)
    wording: ClassVar[Wording]
    noun: ClassVar[str] = "case"

    def __post_init__(
        self,
        worlds: Sequence[World],
        score_of: Callable[[World, Outcome], dict[str, float]] | None,
        transcript: Transcript | None,
    ) -> None:
        """Open the ledger."""
        object.__setattr__(self, "known", tuple(self.case_of(world) for world in worlds))
        object.__setattr__(self, "_ledger", _open(self, list(worlds), score_of, transcript))

    @staticmethod
    @abstractmethod
    def case_of(world: World) -> Case:
        """Return the case of a world."""

    @staticmethod
    @abstractmethod
    def run_in(world: World, order: Order, *, listened: bool) -> Run[Answer, Counted]:
        """Run an order in a world, and count."""

    @staticmethod
    def outcome(world: World, counted: Counted) -> Outcome:
        """Return what the score is made of, as plain data: what was counted, unless a task says otherwise."""
        return cast(Outcome, counted)

    @staticmethod
    @abstractmethod
    def revealed(world: World, *, oracle: bool) -> World:
        """Return what the process of a method, or of an oracle, gets of a world."""

    @staticmethod
    def entered(world: World) -> World:
        """Return a world as a method's process keeps it: nothing in it can be changed."""
        return world

    @property
    def laps_differ(self) -> bool:
        """Whether runs of a case legitimately differ, so that no two are a second try."""
        return False

    def cases(self) -> tuple[Case, ...]:
        """Return the cases.

        Raises:
            MethodContractError: in the process of a method, which meets them one by one.
        """
        if not self.known:
            raise MethodContractError(
                "The test cases are not here.",
                "`solve` gets one after the other; `training()` has what may be learned from.",
            )
        return self.known

    def of(self, case: Case) -> World:
        """Return what is known of a case.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        world: World = self._ledger.find(case)
        return world

    def training(self) -> tuple[Any, ...]:
        """Return what may be learned from."""
        return self.examples

    def __reduce__(self) -> tuple[Callable[[], Self], tuple[()]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads.

        Raises:
            TypeError: if it has cases.
        """
        if self.known:
            raise TypeError(f"{type(self).__name__} is not stored; load it from its conditions")
        kept = {one.name: getattr(self, one.name) for one in fields(self) if one.init}
        return partial(type(self), **{**kept, "meter": Meter()}), ()

    def substrate(self) -> Self:
        """Return what methods get: the engine, and what may be learned from."""
        return replace(
            self, worlds=(), score_of=None, transcript=None, meter=Meter(), examples=self.training()
        )

    def oracle_substrate(self) -> Self:
        """Return what oracles get."""
        return self.substrate()

    def environment(self, case: Case) -> World:
        """Return what the engine reveals of a case bit by bit."""
        return self.revealed(self.of(case), oracle=False)

    def oracle_environment(self, case: Case) -> World:
        """Return the same with the truth that oracles are told."""
        return self.revealed(self.of(case), oracle=True)

    def enter(self, case: Case, world: World) -> None:
        """Take a case to be run in place of the one before."""
        assert self.case_of(world) is case
        self._ledger.enter(self.entered(world))

    def count(self, case: Case, order: Order) -> Answer:
        """Run an order on a case of this task, and count."""
        answer: Answer = self._ledger.run(case, order)
        return answer

    def account(self, case: Case, answer: Answer) -> Outcome:
        """Return what was counted for an answer.

        Raises:
            MethodContractError: if it is not the last one given out for this case, the case was also run
                in another way, or the meter was tampered with.
        """
        outcome: Outcome = self._ledger.confirm(case, answer)
        return outcome

    def judge(self, case: Case, outcome: Outcome) -> dict[str, float]:
        """Score what was counted.

        Raises:
            MethodContractError: in the process of a method, where the truth is not known.
        """
        return self._ledger.score(case, outcome)

    def score(self, case: Case, answer: Answer) -> dict[str, float]:
        """Judge a run of this very object."""
        return self.judge(case, self.account(case, answer))


class KnownCase(NamedTuple, Generic[Case, Truth]):
    """A world that is a case, and the truth about it where that is known."""

    case: Case
    truth: Callable[[Case], Truth] | None = None


class TruthTask(
    CountedTask[Case, KnownCase[Case, Truth], Order, Answer, Counted, Outcome],
    Generic[Case, Truth, Order, Answer, Counted, Outcome],
):
    """A counted task whose engine hides nothing of a case; oracles are told the truth about it."""

    truth_name: ClassVar[str]
    """What the truth is called, in a refusal."""

    @staticmethod
    def case_of(world: KnownCase[Case, Truth]) -> Case:
        """Return the case."""
        return world.case

    @staticmethod
    def revealed(world: KnownCase[Case, Truth], *, oracle: bool) -> KnownCase[Case, Truth]:
        """Return the case; to an oracle with its truth, found out now."""
        if not oracle or world.truth is None:
            return KnownCase(world.case)
        return KnownCase(world.case, partial(_first, world.truth(world.case)))

    def truth(self, case: Case) -> Truth:
        """Return the truth about a case: for oracles. The check refuses others that name it.

        Raises:
            MethodContractError: in the process of any other method, where it is not known.
        """
        found = self.of(case).truth
        if found is None:
            raise MethodContractError(
                f"{self.truth_name} are not known in the process of a method.",
                "Say role='oracle' in the card if the method is meant to be told them.",
            )
        return found(case)


def _first(truth: Truth, case: Any) -> Truth:
    """Return what was found out before."""
    return truth


def _open(
    task: CountedTask[Any, Any, Any, Any, Any, Any],
    worlds: list[Any],
    score_of: Callable[[Any, Any], dict[str, float]] | None,
    transcript: Transcript | None,
) -> Ledger:
    """Return what runs orders, confirms answers and scores them; it alone holds worlds and counts."""
    ledger: AnswerLedger[Any, _Entry] = AnswerLedger(
        task.meter,
        task.wording,
        lambda answer, entry: equal(snapshot(answer), entry.answer),
        lambda one, other: task.laps_differ or alike(one.counted, other.counted),
    )

    def alike(one: Any, other: Any) -> bool:
        return equal(snapshot(one), snapshot(other), timed=False)

    def find(case: Any) -> Any:
        return known_case(worlds, case, task.case_of, task.noun)

    def run(case: Any, order: Any) -> Any:
        world, before = find(case), ledger.open(case.instance)
        done = task.run_in(world, order, listened=transcript is not None)
        if transcript is not None:
            transcript.heard[case.instance] = done.heard
            transcript.runs[case.instance] += 1
        entry = _Entry(done.counted, snapshot(done.answer))
        return ledger.enter(case.instance, before, done.answer, entry, done.added)

    def confirm(case: Any, answer: Any) -> Any:
        return task.outcome(find(case), ledger.confirm(case.instance, answer).counted)

    def enter(world: Any) -> None:
        worlds[:] = [world]

    def score(case: Any, outcome: Any) -> dict[str, float]:
        if score_of is None:
            raise MethodContractError(
                f"What an answer to {case.group} is worth is not known here.",
                "Scores are made where the truth is, by the run.",
            )
        return score_of(find(case), outcome)

    return Ledger(run, confirm, find, enter, score)
