"""The two protocols everything under `workloads/` follows, and the meter.

A *task* is an object made by `load(scale, seed, **conditions)` of a folder's `task.py`:
it owns the cases, the substrate that counts costs, and the score. A *method* is a module
with a `CARD` and a function `solve`; nothing is inherited and nothing is registered.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from adabench.harness.contract.card import Card, Point

S_contra = TypeVar("S_contra", contravariant=True)
C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
C_contra = TypeVar("C_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)
A_contra = TypeVar("A_contra", contravariant=True)


class Meter(Counter[str]):
    """Costs of one `solve`, filled by the substrate and never by a method.

    Values are counts (tokens, faults, executed blocks); the harness clears the meter
    before a measured region and reads it after.
    """

    clears = 0
    """How often this meter was cleared; within a measured region, not once."""

    def clear(self) -> None:
        """Forget all counts, and count that."""
        self.clears += 1
        super().clear()


class Task(Protocol[C, A_contra]):
    """What `load` returns: cases, a substrate that counts into `meter`, and a score.

    It lives in the process that plans and scores. What a method gets, in a process of its own, is
    the `substrate`: an object of its own meter, without truth and without test cases.

    Optional beside these: `environment(case)`, what the substrate runs a case against and reveals
    as it runs (hidden sizes, hints to come), handed to its `enter(case, environment)` before the
    case is solved; `oracle_substrate()` and `oracle_environment(case)`, what methods of role oracle
    get instead; `judge(case, outcome)`, which scores what a substrate accounted for (without it
    `score` does, and gets the answer itself); `levels`, names in the meter that are peaks and no
    totals; `laps_differ`, true where solving a case again legitimately does other work (an online
    learner); `most_on_device`, how many methods may hold their own copy of its models there at once;
    `load`, of a task that is measured under load (`contract/load.py`).
    """

    meter: Meter

    def cases(self) -> Iterable[C]:
        """Return the cases, in the same order every time.

        A case may carry `group`, a label that reports and claims can select by.
        """
        ...

    def score(self, case: C, answer: A_contra, /) -> Mapping[str, float]:
        """Judge an answer. Runs outside the measured region."""
        ...

    def substrate(self) -> object:
        """Return what a method's process is given; it is pickled to get there.

        It has a `meter`, and whatever methods call. Optional: `warm()`, run once in the server
        before any method's process is forked, to load kernels and weights that all of them
        inherit, without leaving a thread behind (that is refused); `account(case, answer)`, which returns as plain data
        what the substrate itself knows of an answer, and refuses one that it does not know;
        `shape(case)`, a text that is equal for cases after which nothing is compiled anew;
        `rehearse` and `starts_cold`, see below; `batched_sessions` and `solve_batched`, likewise.
        """
        ...


def rehearse(task: object, solve: Callable[[], object]) -> None:
    """Let a task that has a `rehearse` watch one unmeasured solve of the case to come.

    It gets the method's own solve and may run it, to take down what the measured one replays.
    """
    watch = getattr(task, "rehearse", None)
    if watch is not None:
        watch(solve)


def starts_cold(task: object) -> bool:
    """Say whether a task's methods are measured at once, without an unmeasured solve before.

    For solves that are limited by a clock and take their minute whatever was warmed up.
    """
    return bool(getattr(task, "starts_cold", False))


def runs_in_processes(task: object) -> bool:
    """Say whether a task's solves run in several processes, for which the thread that is measured waits."""
    return bool(getattr(task, "in_processes", False))


def ends_by_itself(task: object) -> bool:
    """Say whether solves of a task that starts cold end without a clock: they can be counted together."""
    return bool(getattr(task, "ends_by_itself", False))


def most_sessions(substrate: object) -> int:
    """Return how many cases a substrate solves side by side, with its models in one batch; 1: it cannot.

    One that can has `batched_sessions`, this number, and `solve_batched(jobs, sessions)`. That calls
    every job with a copy of the substrate which has a meter of its own, so many at once, and returns how
    many are worth it after what it saw. Where a task has a `load` (`contract/load.py`) it also takes the moments
    before which no job begins. Counts are those of a case alone. Where a batch may change the last
    bits of a model's numbers, and so a word that is drawn near a boundary, `batches_exactly` is false.
    """
    return int(getattr(substrate, "batched_sessions", 1))


SHARED_BATCH = "decoded in a batch with other cases"
"""A note on what might be another word where a case is alone."""


def batch_note(substrate: object) -> str:
    """Return what is to be said of cases that were solved side by side; nothing where no bit can differ."""
    return "" if getattr(substrate, "batches_exactly", True) else SHARED_BATCH


def case_environment(task: object, case: object, *, oracle: bool) -> object:
    """Return what the substrate runs a case against; None where a case is all there is."""
    own = getattr(task, "oracle_environment", None) if oracle else None
    own = own or getattr(task, "environment", None)
    return None if own is None else own(case)


def enter_case(substrate: object, case: object, environment: object) -> None:
    """Hand a substrate the case that is solved next."""
    enter = getattr(substrate, "enter", None)
    if enter is not None:
        enter(case, environment)


def account(substrate: object, case: object, answer: object) -> object:
    """Return what a substrate accounts for of an answer; without an account, the answer itself.

    Raises:
        MethodContractError: if the substrate knows of no such answer.
    """
    own = getattr(substrate, "account", None)
    return answer if own is None else own(case, answer)


def case_shape(substrate: object, case: object) -> str:
    """Return what a case must share with an earlier one for nothing to be compiled anew."""
    shape = getattr(substrate, "shape", None)
    return "" if shape is None else str(shape(case))


def judge(task: Any, case: object, outcome: object) -> Mapping[str, float]:
    """Score what a substrate accounted for."""
    own = getattr(task, "judge", None) or task.score
    found: Mapping[str, float] = own(case, outcome)
    return found


KIND = "kind_"
"""Begins the name under which a record says of which kind its answer is."""


def kind_of(task: Any, case: object, outcome: object) -> str:
    """Return of which kind an answer is, where the task tells kinds; it is asked where the truth is.

    Nothing is an answer that is right, `luck` one that is right by a wrong way. Others are failures, of kinds that a
    task's gates name (`repairs`).
    """
    own = getattr(task, "kind", None)
    return "" if own is None else str(own(case, outcome))


class Method(Protocol[S_contra, C_contra, A_co]):
    """What a method module looks like.

    Optional beside it: `prepare(task, point, seed) -> state`. Without it the state is the
    task itself.
    """

    CARD: Card

    def solve(self, state: S_contra, case: C_contra, point: Point, /) -> A_co:
        """Return the answer to one case at one operating point."""
        ...


AnyTask = Task[Any, Any]
AnyMethod = Method[Any, Any, Any]
