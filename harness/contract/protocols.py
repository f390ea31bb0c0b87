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


class Task(Protocol[C, A_contra]):
    """What `load` returns: cases, a substrate that counts into `meter`, and a score."""

    meter: Meter

    def cases(self) -> Iterable[C]:
        """Return the cases, in the same order every time.

        A case may carry `group`, a label that reports and claims can select by.
        """
        ...

    def score(self, case: C, answer: A_contra, /) -> Mapping[str, float]:
        """Judge an answer. Runs outside the measured region."""
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
