"""The substrate of the flow-time task as policies see it: one machine, and what may be done with it.

The engine (`event_loop.py`) owns the loop, the sizes and the clock. Whenever something happens (an arrival, the end of
an operation, a wake-up call) it tells the policy what became known, one `hear` for each, and asks once what to run:

    hear(machine, notes, weights, job, what)    what: ARRIVED, ENDED (the next operation is known now) or DONE
    choose(machine, notes, weights)             calls `run(machine, job)` for each job to run

Jobs that run share the machine equally. A policy that must choose again before anything happens calls
`wake(machine, after)`. It may not idle while jobs are there.

A policy sees of a job that has arrived: when, the work it got, how many of its operations ended, and, by what `replay`
was asked for, the size and the rest of the operation at hand, or a number told at arrival. These are copies: writing
into them changes no cost. `notes` are its own integers, `weights` its own floats; both start every coin stream as they
were handed over. Arrays are bare pointers, which know no length; words behind the notes are checked after the run.

Sizes and arrivals lie on a grid of 2^-20, so that sums of times are exact: costs of policies that run one job at a time
are exact numbers, and those that share are exact to 1e-12.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from adabench.workloads.shared.compiled import kernels
from adabench.workloads.shared.compiled.pointers import drawn

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[..., Any])

ARRIVED, ENDED, DONE = 0, 1, 2
NOTHING, OPERATIONS, FORECASTS = 0, 1, 2
"""What a policy is shown of sizes: nothing, the operation at hand, a number at arrival."""


class Trouble(IntEnum):
    """What a policy did wrong; the engine stops at the first."""

    NONE = 0
    NO_SUCH_JOB = 1
    NOT_THERE = 2
    TWICE = 3
    NOBODY = 4
    STALLED = 5


class Machine(NamedTuple):
    """What a hook sees. Read it; act through `run` and `wake` alone."""

    n_jobs: int
    """Of the whole instance: for the length of arrays, not for scheduling."""
    jobs: Ints
    """(n_jobs,) those that are there, in no order; the first `n_alive(machine)` count."""
    place: Ints
    """(n_jobs,) where a job stands in `jobs`, or -1 if it is not there."""
    arrived: Floats
    """(n_jobs,) when."""
    attained: Floats
    """(n_jobs,) work done so far."""
    ended: Ints
    """(n_jobs,) operations ended so far."""
    size: Floats
    """(n_jobs,) of the operation at hand; -1 unless operations are shown."""
    left: Floats
    """(n_jobs,) of the operation at hand; -1 unless operations are shown."""
    forecast: Floats
    """(n_jobs,) the number told at arrival; -1 if none."""
    running: Ints
    """(n_jobs,) the jobs to run; the first `ledger[RUNNING]` count."""
    ledger: Ints
    """(3,) jobs there, jobs to run, the coin."""
    clock: Floats
    """(2,) the time, and when to wake."""


ALIVE, RUNNING, COIN = 0, 1, 2
NOW, WAKE = 0, 1


def compiled(function: Function) -> Function:
    """Compile a shared part that hooks or the task call."""
    return kernels.compiled(function)


def hook(function: Function) -> Function:
    """Make a policy's `hear` or `choose`: compiled when an engine inlines it."""
    return cast(Function, njit(function))


@hook
def ignore(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Hear, and keep nothing: for policies that look at who is there alone."""


@compiled
def now(machine: Machine) -> float:
    """Return the time."""
    return float(machine.clock[NOW])


@compiled
def n_alive(machine: Machine) -> int:
    """Return how many jobs are there."""
    return int(machine.ledger[ALIVE])


@compiled
def run(machine: Machine, job: int) -> None:
    """Run `job` from now on, beside the others named in this `choose`."""
    if machine.ledger[RUNNING] < machine.n_jobs:
        machine.running[machine.ledger[RUNNING]] = job
    machine.ledger[RUNNING] += 1


@compiled
def wake(machine: Machine, after: float) -> None:
    """Ask to choose again after that much time, unless something happens before."""
    machine.clock[WAKE] = machine.clock[NOW] + after


@compiled
def draw(machine: Machine, below: int) -> int:
    """Return a uniformly random integer in [0, below), from the stream's own coin."""
    return int(drawn(machine.ledger, COIN, below))
