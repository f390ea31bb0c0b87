"""The engine: the loop over events that runs a policy, holds the truth and counts.

It is compiled once for each policy with its hooks inlined into the loop, and kept on disk.
What hooks see are copies (`machine.py`); left work, work done, who is there and what runs
stand in arrays of the engine's own, and what a policy writes into its copies changes no cost.

Trap: an engine inlines the hooks and functions of this folder, while numba's disk cache
watches only this file. `bound` therefore mixes a digest of the other sources into its key.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any, cast

import numpy as np
from numba import float64, int64, njit
from numba import types as numba_types
from numpy.typing import NDArray

from adabench.workloads.flow_time.machine import (
    ALIVE,
    ARRIVED,
    COIN,
    DIGEST,
    DONE,
    ENDED,
    NOW,
    OPERATIONS,
    RUNNING,
    TOLD,
    WAKE,
    Floats,
    Ints,
    Machine,
    Trouble,
    compiled,
)
from adabench.workloads.shared.hooks import bound
from adabench.workloads.shared.pointers import to_floats, to_ints

TINY = 1e-12
"""Of an operation: less is left than the rounding of shared time can tell from nothing."""
WAKES = 64
"""Wake-up calls a run may have, per job and operation."""


class Report(IntEnum):
    """Where the engine writes what it counted."""

    EVENTS = 0
    DECISIONS = 1
    PREEMPTIONS = 2
    MAKESPAN = 3
    MAX_ALIVE = 4
    MAX_PARTIAL = 5
    KNOWN = 6
    """Sum over jobs of the share of its size that the policy knew when it started the job."""
    TROUBLE = 7
    JOB = 8
    """Which job the trouble is with."""


@compiled
def share_out(
    running: Ints, n_run: int, left: Floats, attained: Floats, at: Ints, ops: Floats, spare: float
) -> float:
    """Let the jobs that run share the machine until one operation ends, or for `spare` time.

    Returns the time that passed. Operations with next to nothing left end together.
    """
    share = np.inf
    for i in range(n_run):
        share = min(share, left[running[i]])
    passed = min(share * n_run, spare)
    if share * n_run > spare:
        share = spare / n_run
    for i in range(n_run):
        job = running[i]
        left[job] -= share
        attained[job] += share
        if left[job] <= TINY * ops[at[job]]:
            left[job] = 0.0
    return passed


@compiled
def refused(chosen: Ints, wanted: int, place: Ints, stamp: Ints, decision: int) -> tuple[int, int]:
    """Return what is wrong with a choice, and with which job; stamp the jobs it names."""
    for i in range(wanted):
        job = chosen[i]
        if job < 0 or job >= len(place):
            return Trouble.NO_SUCH_JOB, job
        if place[job] < 0:
            return Trouble.NOT_THERE, job
        if stamp[job] == decision:
            return Trouble.TWICE, job
        stamp[job] = decision
    return Trouble.NONE, -1


@compiled
def known_share(first: Ints, ops: Floats, job: int, shows: int) -> float:
    """Return the share of a job's size that a policy knows before it starts it."""
    if shows == TOLD:
        return 1.0
    if shows != OPERATIONS:
        return 0.0
    total = 0.0
    for k in range(first[job], first[job + 1]):
        total += ops[k]
    return float(ops[first[job]] / total)


def hear(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Stand for a policy's hook in the loop below; `engine` binds the name to a real one."""


def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Stand for a policy's hook in the loop below."""


def _schedule(
    arrive: Floats,
    first: Ints,
    ops: Floats,
    told: Floats,
    shows: int,
    floats: NDArray[np.float64],
    ints: NDArray[np.int64],
    own_floats: NDArray[np.float64],
    own_ints: NDArray[np.int64],
    notes: Ints,
    weights: Floats,
    coins: int,
    flow: Floats,
    report: Floats,
    when: Floats,
    who: Ints,
    shown: Floats,
) -> None:
    """Run one policy over one instance.

    `arrive` (n,) rises; job j has the operations `ops[first[j]:first[j + 1]]`. `floats` (5, n)
    and `ints` (4, n) hold what hooks see, `own_floats` (2, n) and `own_ints` (5, n) the
    truth, as the unpacking below names them. `flow` (n,) becomes each job's flow time. Unless
    empty, `when` and `who` become the time and the jobs of each decision, and `shown`
    (operations,) the time at which each size became known to the engine's side of the wall.
    """
    n = len(arrive)
    arrived, attained_, size_, left_, told_ = floats[0], floats[1], floats[2], floats[3], floats[4]
    jobs_, place_, ended_, running_ = ints[0], ints[1], ints[2], ints[3]
    left, attained = own_floats[0], own_floats[1]
    at, place, jobs, running, stamp = (
        own_ints[0], own_ints[1], own_ints[2], own_ints[3], own_ints[4],
    )  # fmt: skip
    ledger, clock = np.zeros(3, np.int64), np.zeros(2, np.float64)
    ledger[COIN] = coins
    floats[:], own_floats[:], ints[:], own_ints[:] = -1.0, 0.0, -1, -1
    machine = Machine(
        n, to_ints(jobs_.ctypes), to_ints(place_.ctypes), to_floats(arrived.ctypes),
        to_floats(attained_.ctypes), to_ints(ended_.ctypes), to_floats(size_.ctypes),
        to_floats(left_.ctypes), to_floats(told_.ctypes), to_ints(running_.ctypes),
        to_ints(ledger.ctypes), to_floats(clock.ctypes),
    )  # fmt: skip
    noted, weighted = to_ints(notes.ctypes), to_floats(weights.ctypes)
    t, following, alive, n_run, wake_at = 0.0, 0, 0, 0, np.inf
    events, decisions, wakes, preemptions, partial = 0, 0, 0, 0, 0
    trouble, culprit, known, max_alive, max_partial = 0, -1, 0.0, 0, 0
    while (following < n or alive > 0) and trouble == 0:
        horizon = arrive[following] if following < n else np.inf
        stop = min(horizon, wake_at)
        if n_run == 0:
            t = horizon
        elif n_run == 1:
            job = running[0]
            spent = left[job]
            if t + spent <= stop:
                t += spent
                left[job] = 0.0
            else:
                spent = stop - t
                t = stop
                left[job] -= spent
            attained[job] += spent
        else:
            # At the end of `spare` the clock must say `stop` to the last bit.
            passed = share_out(running, n_run, left, attained, at, ops, stop - t)
            t = stop if passed == stop - t else t + passed
        clock[NOW] = t
        happened = events
        # Every copy is brought up to date before the first word is said about any of them.
        for i in range(n_run):
            job = running[i]
            attained_[job] = attained[job]
            if shows == OPERATIONS:
                left_[job] = left[job]
            if left[job] > 0.0:
                continue
            at[job] += 1
            ended_[job] += 1
            if at[job] < first[job + 1]:
                left[job] = ops[at[job]]
                if shows == OPERATIONS:
                    size_[job], left_[job] = left[job], left[job]
                if len(shown) > 0:
                    shown[at[job]] = t
                stamp[job] = -2
                continue
            flow[job] = t - arrive[job]
            alive -= 1
            partial -= 1
            gap, moved = place[job], jobs[alive]
            jobs[gap], place[moved] = moved, gap
            jobs_[gap], place_[moved] = moved, gap
            place[job], place_[job], stamp[job] = -1, -1, -3
        ledger[ALIVE] = alive
        for i in range(n_run):
            job = running[i]
            if stamp[job] < -1:
                events += 1
                hear(machine, noted, weighted, job, ENDED if stamp[job] == -2 else DONE)
                stamp[job] = decisions
        while following < n and arrive[following] <= t:
            job = following
            following += 1
            at[job] = first[job]
            left[job], attained[job] = ops[at[job]], 0.0
            jobs[alive], place[job] = job, alive
            jobs_[alive], place_[job] = job, alive
            alive += 1
            ledger[ALIVE] = alive
            arrived[job], attained_[job], ended_[job] = arrive[job], 0.0, 0
            if shows == OPERATIONS:
                size_[job], left_[job] = left[job], left[job]
            if shows == TOLD:
                told_[job] = told[job]
            if len(shown) > 0:
                shown[at[job]] = t
            events += 1
            hear(machine, noted, weighted, job, ARRIVED)
        max_alive = max(max_alive, alive)
        if events == happened:
            wakes += 1
            if wakes > WAKES * (n + len(ops)):
                trouble = Trouble.STALLED
        previous, n_run, wake_at = n_run, 0, np.inf
        if alive == 0:
            continue
        ledger[RUNNING], clock[WAKE] = 0, np.inf
        choose(machine, noted, weighted)
        decisions += 1
        wanted = ledger[RUNNING]
        wake_at = clock[WAKE]
        if wanted < 1:
            trouble = Trouble.NOBODY
        if wanted > alive:
            trouble = Trouble.TWICE
        if not wake_at > t:
            trouble = Trouble.STALLED
        if trouble != 0:
            break
        trouble, culprit = refused(running_, wanted, place, stamp, decisions)
        if trouble != 0:
            break
        for i in range(previous):
            if place[running[i]] >= 0 and stamp[running[i]] != decisions:
                preemptions += 1
        mixed = 0
        for i in range(wanted):
            job = running_[i]
            running[i] = job
            mixed += (job + 1) * 0x9E3779B97F4A7C1
            if attained[job] == 0.0:
                partial += 1
                known += known_share(first, ops, job, shows)
        n_run = wanted
        max_partial = max(max_partial, partial)
        if decisions <= len(when):
            when[decisions - 1], who[decisions - 1] = t, mixed
    report[Report.EVENTS], report[Report.DECISIONS] = events, decisions
    report[Report.PREEMPTIONS], report[Report.MAKESPAN] = preemptions, t
    report[Report.MAX_ALIVE], report[Report.MAX_PARTIAL] = max_alive, max_partial
    report[Report.KNOWN], report[Report.TROUBLE], report[Report.JOB] = known, trouble, culprit


types: Any = numba_types
GIVEN = types.Array(float64, 1, "C", readonly=True)
GIVEN_INTS = types.Array(int64, 1, "C", readonly=True)
_SIGNATURE = types.void(
    GIVEN, GIVEN_INTS, GIVEN, GIVEN, int64, float64[:, ::1], int64[:, ::1], float64[:, ::1],
    int64[:, ::1], int64[::1], float64[::1], int64, float64[::1], float64[::1], float64[::1],
    int64[::1], float64[::1],
)  # fmt: skip


@cache
def engine(hear: Callable[..., None], choose: Callable[..., None]) -> Callable[..., None]:
    """Return the loop with these two hooks inlined: compiled now, or found on disk."""
    loop = bound(_schedule, DIGEST, hear=hear, choose=choose)
    return cast(Callable[..., None], njit(_SIGNATURE, cache=True)(loop))
