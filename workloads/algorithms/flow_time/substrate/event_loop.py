"""The engine: the loop over events that runs a policy, holds the truth and counts.

It is compiled once for each policy with its hooks inlined into the loop, and kept on disk.
What hooks see are copies (`policy_view.py`); left work, work done, who is there and what runs
stand in arrays of the engine's own, and what a policy writes into its copies changes no cost.

**Speed.** Most decisions follow one job by one: those need no stamps, which tell several apart.
Arrays are bare pointers within the loop, as the sign of an index into a numba array is looked at.

Trap: an engine inlines the hooks and functions of this folder, while numba's disk cache
watches only this file. `bound` therefore mixes a digest of the other sources into its key.

Trap: a pointer keeps no array alive. Those of the arguments live as long as the call; `ledger` and
`clock` are made here, and live because the loop uses them by name.
"""

from collections.abc import Callable
from enum import IntEnum
from functools import cache
from typing import Any, cast

import numpy as np
from numba import float64, int64
from numba import types as numba_types
from numpy.typing import NDArray

from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    ALIVE,
    ARRIVED,
    COIN,
    DONE,
    ENDED,
    FORECASTS,
    NOW,
    OPERATIONS,
    RUNNING,
    WAKE,
    Floats,
    Ints,
    Machine,
    Trouble,
    compiled,
)
from adabench.workloads.shared.compiled.hooks import bound
from adabench.workloads.shared.compiled.kernels import cached
from adabench.workloads.shared.compiled.pointers import to_floats, to_ints

TINY = 1e-12
"""Of an operation: less is left than the rounding of shared time can tell from nothing."""
SILENT = 0
"""Of a job that runs: nothing of it ended. ENDED and DONE are more."""
MIX = 0x9E3779B97F4A7C1
"""For fingerprints of choices."""
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
def job_problem(job: int, n: int, place: Ints) -> tuple[int, int]:
    """Return what is wrong with running a job, and the job, or -1."""
    if job < 0 or job >= n:
        return Trouble.NO_SUCH_JOB, job
    if place[job] < 0:
        return Trouble.NOT_THERE, job
    return Trouble.NONE, -1


@compiled
def choice_problem(
    chosen: Ints, wanted: int, n: int, place: Ints, stamp: Ints, decision: int
) -> tuple[int, int]:
    """Return what is wrong with a choice, and with which job; stamp the jobs it names."""
    for i in range(wanted):
        job = chosen[i]
        trouble, culprit = job_problem(job, n, place)
        if trouble != 0:
            return trouble, culprit
        if stamp[job] == decision:
            return Trouble.TWICE, job
        stamp[job] = decision
    return Trouble.NONE, -1


@compiled
def known_share(first: Ints, ops: Floats, job: int, shows: int) -> float:
    """Return the share of a job's size that a policy knows before it starts it."""
    if shows == FORECASTS:
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


def _schedule(  # noqa: C901 - one compiled loop
    arrivals: Floats,
    firsts: Ints,
    sizes: Floats,
    numbers: Floats,
    shows: int,
    floats: NDArray[np.float64],
    ints: NDArray[np.int64],
    own_floats: NDArray[np.float64],
    own_ints: NDArray[np.int64],
    notes: Ints,
    weights: Floats,
    coins: int,
    flows: Floats,
    report: Floats,
    when: Floats,
    who: Ints,
    shown: Floats,
) -> None:
    """Run one policy over one instance.

    `arrivals` (n,) rises; job j has the operations `sizes[firsts[j]:firsts[j + 1]]`. `floats`
    (5, n) and `ints` (4, n) hold what hooks see, `own_floats` (2, n) and `own_ints` (5, n) the
    truth, as the unpacking below names them. `flows` (n,) become each job's flow time. Unless
    empty, `when` and `who` become the time and the jobs of each decision, and `shown`
    (operations,) the time at which each size became known to the engine's side of the wall.
    """
    n, n_ops = len(arrivals), len(sizes)
    arrive, first, ops = to_floats(arrivals.ctypes), to_ints(firsts.ctypes), to_floats(sizes.ctypes)
    forecast, flow = to_floats(numbers.ctypes), to_floats(flows.ctypes)
    left, attained = to_floats(own_floats[0].ctypes), to_floats(own_floats[1].ctypes)
    at, place, jobs = (
        to_ints(own_ints[0].ctypes), to_ints(own_ints[1].ctypes), to_ints(own_ints[2].ctypes),
    )  # fmt: skip
    running, stamp = to_ints(own_ints[3].ctypes), to_ints(own_ints[4].ctypes)
    ledger, clock = np.zeros(3, np.int64), np.zeros(2, np.float64)
    ledger[COIN] = coins
    # `place` and `stamp` alone: what else is the engine's own is written when a job arrives.
    floats[:], ints[:], own_ints[1], own_ints[4] = -1.0, -1, -1, -1
    machine = Machine(
        n, to_ints(ints[0].ctypes), to_ints(ints[1].ctypes), to_floats(floats[0].ctypes),
        to_floats(floats[1].ctypes), to_ints(ints[2].ctypes), to_floats(floats[2].ctypes),
        to_floats(floats[3].ctypes), to_floats(floats[4].ctypes), to_ints(ints[3].ctypes),
        to_ints(ledger.ctypes), to_floats(clock.ctypes),
    )  # fmt: skip
    noted, weighted = to_ints(notes.ctypes), to_floats(weights.ctypes)
    t, following, alive, n_run, only, wake_at = 0.0, 0, 0, 0, -1, np.inf
    events, decisions, wakes, preemptions, partial = 0, 0, 0, 0, 0
    trouble, culprit, known, max_alive, max_partial = 0, -1, 0.0, 0, 0
    while (following < n or alive > 0) and trouble == 0:
        horizon = arrive[following] if following < n else np.inf
        stop = min(horizon, wake_at)
        if n_run == 0:
            t = horizon
        elif n_run == 1:
            spent = left[only]
            if t + spent <= stop:
                t += spent
                left[only] = 0.0
            else:
                spent = stop - t
                t = stop
                left[only] -= spent
            attained[only] += spent
        else:
            # At the end of `spare` the clock must say `stop` to the last bit.
            passed = share_out(running, n_run, left, attained, at, ops, stop - t)
            t = stop if passed == stop - t else t + passed
        clock[NOW] = t
        happened = events
        # Every copy is brought up to date before the first word is said about any of them.
        what = SILENT
        for i in range(n_run):
            job = running[i]
            machine.attained[job] = attained[job]
            if shows == OPERATIONS:
                machine.left[job] = left[job]
            if left[job] > 0.0:
                continue
            k = at[job] + 1
            at[job] = k
            machine.ended[job] += 1
            if k < first[job + 1]:
                what = ENDED
                left[job] = ops[k]
                if shows == OPERATIONS:
                    machine.size[job], machine.left[job] = ops[k], ops[k]
                if len(shown) > 0:
                    shown[k] = t
            else:
                what = DONE
                flow[job] = t - arrive[job]
                alive -= 1
                partial -= 1
                gap, moved = place[job], jobs[alive]
                jobs[gap], place[moved] = moved, gap
                machine.jobs[gap], machine.place[moved] = moved, gap
                place[job], machine.place[job] = -1, -1
            if n_run > 1:
                stamp[job] = -1 - what
        if what != SILENT:
            ledger[ALIVE] = alive
            # `hear` is called from one place for all of them: from two, it is inlined no more.
            i = 0
            while True:
                job = running[i]
                if n_run > 1:
                    what = -1 - stamp[job]
                    stamp[job] = decisions
                if what > SILENT:
                    events += 1
                    hear(machine, noted, weighted, job, what)
                i += 1
                if i >= n_run:
                    break
        while following < n and arrive[following] <= t:
            job = following
            following += 1
            k = first[job]
            at[job], left[job], attained[job] = k, ops[k], 0.0
            jobs[alive], place[job] = job, alive
            machine.jobs[alive], machine.place[job] = job, alive
            alive += 1
            ledger[ALIVE] = alive
            machine.arrived[job], machine.attained[job], machine.ended[job] = arrive[job], 0.0, 0
            if shows == OPERATIONS:
                machine.size[job], machine.left[job] = ops[k], ops[k]
            if shows == FORECASTS:
                machine.forecast[job] = forecast[job]
            if len(shown) > 0:
                shown[k] = t
            events += 1
            hear(machine, noted, weighted, job, ARRIVED)
        max_alive = max(max_alive, alive)
        if events == happened:
            wakes += 1
            if wakes > WAKES * (n + n_ops):
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
        if wanted == 1 and previous <= 1:
            job = machine.running[0]
            trouble, culprit = job_problem(job, n, place)
            if trouble != 0:
                break
            if previous == 1 and job != only and place[only] >= 0:
                preemptions += 1
            running[0] = job
            mixed = (job + 1) * MIX
            if attained[job] == 0.0:
                partial += 1
                known += known_share(first, ops, job, shows)
        else:
            trouble, culprit = choice_problem(machine.running, wanted, n, place, stamp, decisions)
            if trouble != 0:
                break
            for i in range(previous):
                if place[running[i]] >= 0 and stamp[running[i]] != decisions:
                    preemptions += 1
            mixed = 0
            for i in range(wanted):
                job = machine.running[i]
                running[i] = job
                mixed += (job + 1) * MIX
                if attained[job] == 0.0:
                    partial += 1
                    known += known_share(first, ops, job, shows)
        n_run, only = wanted, running[0]
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
    loop = bound(_schedule, hear=hear, choose=choose)
    return cast(Callable[..., None], cached(loop, _SIGNATURE))
