"""The master's loop: runs a scheme round by round, and counts time and work.

What a scheme says is checked, what it claims to have decoded is counted. Delays come from a
`WorkerGroup`: recorded ones plus alpha times the load, or real processes that measure themselves.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import (
    Flags,
    Floats,
    Ints,
    Profile,
)
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    IDLE,
    Backups,
    Layout,
    Orders,
    Scheme,
    Verdict,
    View,
)

NO_FORESIGHT = np.zeros(0)


class WorkerGroup(Protocol):
    """The workers."""

    def work(self, r: int, orders: Orders, loads: Floats) -> Floats:
        """Do a round's orders; return how long each worker took: (n,), any number where idle."""
        ...

    def again(self, r: int, orders: Orders, helper: Ints, whom: Ints, took: Floats) -> Floats:
        """Have each helper do what `whom` was given; return how long each took: (helpers,)."""
        ...

    def take(self, r: int, orders: Orders, returned: Flags) -> None:
        """Hand the results of the workers that `returned` (n,) to the master."""
        ...

    def decode(self, job: int, done: Flags) -> None:
        """Put a job's gradient together and use it; `done` (pieces,) is what it has."""
        ...


@dataclass(frozen=True)
class SimulatedWorkers:
    """Workers that take a profile's delay plus alpha times their load."""

    profile: Profile

    def work(self, r: int, orders: Orders, loads: Floats) -> Floats:
        """Return the delays of a round."""
        return np.asarray(self.profile.base[r] + self.profile.case.alpha * loads)

    def again(self, r: int, orders: Orders, helper: Ints, whom: Ints, took: Floats) -> Floats:
        """Return what each helper took for its own part in this very round."""
        return took[helper]

    def take(self, r: int, orders: Orders, returned: Flags) -> None:
        """Nothing was computed."""

    def decode(self, job: int, done: Flags) -> None:
        """Nothing was computed."""


@dataclass
class Counts:
    """What was counted of a run."""

    time: float = 0.0
    work: float = 0.0
    """Passes over the data set, copies and late ones included."""
    load: float = 0.0
    """The most that one worker was given in one round, as a share of the data set."""
    rounds: int = 0
    extra_rounds: int = 0
    """Of them, those after the last job's own."""
    wait_outs: int = 0
    stopped: int = 0
    """Rounds that ended without the late."""
    copies: int = 0
    results: int = 0
    """Vectors that workers sent and the master took."""
    delivered: float = 0.0
    """Mean over jobs of the share of the data that the gradient covers."""
    duration: list[float] = field(default_factory=list)
    """Of each round, 0 where nobody had anything to do."""


@dataclass(frozen=True)
class RoundLog:
    """What a listener hears of a run: every order and every decision, by round."""

    orders: list[bytes] = field(default_factory=list)
    late: list[bytes] = field(default_factory=list)
    """Who was late before anything was decided."""
    decided: list[str] = field(default_factory=list)


def schedule(
    profile: Profile,
    scheme: Scheme,
    worker_group: WorkerGroup,
    *,
    foresight: bool = False,
    exact: bool = True,
    round_log: RoundLog | None = None,
) -> Counts:
    """Run all jobs; return what was counted.

    `foresight`: the scheme sees each round's delays before it assigns. `exact`: every job must be
    decoded in time; else what is missing is left out of the gradient.

    Raises:
        MethodContractError: if the scheme breaks its contract, with the round.
    """
    case, layout, delay = profile.case, scheme.layout, scheme.delay
    _refuse_layout(layout, delay, profile)
    cost = np.append(layout.cost, 0.0)  # so that IDLE costs nothing
    done = np.zeros((case.jobs, layout.pieces), np.bool_)
    late = np.zeros((case.jobs + delay, case.n), np.bool_)
    decoded = np.zeros(case.jobs, np.bool_)
    counts = Counts()
    for r in range(case.jobs + delay):
        shown = profile.base[r] if foresight else NO_FORESIGHT
        view = View(r, case.n, case.jobs, _sealed(late[:r]), _sealed(done), shown)
        orders = _checked(scheme.assign(view), view, decoded, layout, delay)
        loads = cost[orders.piece].sum(axis=1)
        if loads.any():
            took = worker_group.work(r, orders, loads)
            late[r], returned = _round(
                counts, scheme, worker_group, view, orders, loads, took, case.mu, round_log
            )
            _collect(done, orders, returned)
            worker_group.take(r, orders, returned)
        else:
            counts.duration.append(0.0)
            if round_log:
                _note_round(round_log, orders, late[r], "idle")
        _settle(counts, layout, done, decoded, r - delay, exact, worker_group)
    counts.delivered = float(np.mean([layout.delivered(own) for own in done]))
    return counts


def _round(
    counts: Counts, scheme: Scheme, worker_group: WorkerGroup, view: View, orders: Orders,
    loads: Floats, took: Floats, mu: float, round_log: RoundLog | None,
) -> tuple[Flags, Flags]:  # fmt: skip
    """Play one round; return who counts as late and who returned: (n,) each."""
    busy = loads > 0
    fastest, slowest = float(took[busy].min()), float(took[busy].max())
    limit = (1 + mu) * fastest
    late: Flags = busy & (took > limit)
    decision = scheme.decide(view, orders, _sealed(late)) if late.any() else None
    if round_log:
        _note_round(round_log, orders, late, repr(decision))
    duration, counted = slowest, np.zeros(view.n, np.bool_)
    if isinstance(decision, Backups):
        helper, repeated = _refuse_helpers(decision, orders, late)
        copied = worker_group.again(view.round, orders, helper, repeated, took)
        duration = _with_backups(repeated, copied, np.where(busy, took, 0.0), limit)
        counts.copies += len(decision.whom)
        counts.work += float(loads[repeated].sum())
    elif decision is Verdict.STOP:
        duration, counted = limit, late
        counts.stopped += 1
    elif late.any():
        if decision is not Verdict.WAIT:
            raise MethodContractError(
                f"`decide` returned {decision!r} in round {view.round}.",
                "It returns STOP, WAIT or Backups.",
            )
        counts.wait_outs += 1
    returned = busy & ~counted
    counts.time += duration
    counts.duration.append(duration)
    counts.rounds += 1
    counts.extra_rounds += view.round >= view.jobs
    counts.work += float(loads.sum())
    counts.load = max(counts.load, float(loads.max()))
    counts.results += int((orders.piece[returned] != IDLE).sum())
    return counted, returned


def _with_backups(whom: Ints, copied: Floats, took: Floats, limit: float) -> float:
    """Return when the round ends; a copy starts when lateness is noticed."""
    ends = took.copy()
    np.minimum.at(ends, whom, limit + copied)
    return float(max(ends.max(), limit))


def _refuse_helpers(asked: Backups, orders: Orders, late: Flags) -> tuple[Ints, Ints]:
    """Return helpers and whom they copy, as integer arrays.

    Raises:
        MethodContractError: if a helper cannot help.
    """
    helper, whom = np.asarray(asked.helper, np.int64), np.asarray(asked.whom, np.int64)
    busy = (orders.piece != IDLE).any(axis=1)
    if (
        helper.shape != whom.shape
        or helper.ndim != 1
        or len(set(helper.tolist())) < len(helper)
        or not all(0 <= i < len(late) for i in (*helper.tolist(), *whom.tolist()))
        or not (busy & ~late)[helper].all()
        or not busy[whom].all()
    ):
        raise MethodContractError(
            "A helper is late itself, idle, asked twice, or does not exist.",
            "Helpers are workers that have returned, each for one other worker.",
        )
    return helper, whom


def _collect(done: Flags, orders: Orders, returned: Flags) -> None:
    """Note the results of those who returned."""
    there = (orders.piece != IDLE) & returned[:, None]
    done[orders.job[there], orders.piece[there]] = True


def _settle(
    counts: Counts,
    layout: Layout,
    done: Flags,
    decoded: Flags,
    due: int,
    exact: bool,
    worker_group: WorkerGroup,
) -> None:
    """Decode the job that is due.

    Raises:
        MethodContractError: if it cannot be decoded and the scheme promised to be exact.
    """
    if due < 0:
        return
    if exact and not layout.decodable(done[due]):
        needed = [group.size - group.s for group in layout.groups]
        raise MethodContractError(
            f"Job {due} is due and cannot be decoded: it has {layout.has(done[due])} results of "
            f"its groups and needs {needed}.",
            "Wait the round out when what is late is needed.",
        )
    decoded[due] = True
    worker_group.decode(due, done[due])


def _checked(orders: Orders, view: View, decoded: Flags, layout: Layout, delay: int) -> Orders:
    """Return orders as integer arrays.

    Raises:
        MethodContractError: if they name a job or mini-task that is not there at this time.
    """
    job, piece = np.asarray(orders.job), np.asarray(orders.piece)
    problem = ""
    if job.shape != piece.shape or job.ndim != 2 or len(job) != view.n:
        problem = f"has shapes {job.shape} and {piece.shape}, not (n, slots) twice"
    elif job.dtype.kind != "i" or piece.dtype.kind != "i":
        problem = "is not made of integers"
    elif ((job == IDLE) != (piece == IDLE)).any():
        problem = "names a job without a mini-task, or the reverse"
    else:
        asked = piece != IDLE
        jobs, pieces = job[asked], piece[asked]
        if ((jobs < max(0, view.round - delay)) | (jobs > min(view.round, view.jobs - 1))).any():
            problem = "works on a job that has not started or was due"
        elif ((pieces < 0) | (pieces >= layout.pieces)).any():
            problem = "names a mini-task that does not exist"
        elif view.round < view.jobs and view.round not in jobs:
            # Else a late scheme could do many jobs in one round, and pay for one round only.
            problem = "is missing: nobody starts the job of the round"
    if problem:
        raise MethodContractError(
            f"An order in round {view.round} {problem}.", "scheme.py says what orders are."
        )
    return Orders(job.astype(np.int64), piece.astype(np.int64))


def _refuse_layout(layout: Layout, delay: int, profile: Profile) -> None:
    rounds = len(profile.base) - profile.case.jobs
    if not 0 <= delay <= rounds:
        raise MethodContractError(
            f"A delay of {delay} rounds does not fit: there are {rounds} after the last job."
        )
    shares = sum(group.share for group in layout.groups)
    if abs(shares - 1) > 1e-9 or any(
        group.share < 0 or not 0 <= group.s < group.size for group in layout.groups
    ):
        raise MethodContractError(
            f"The groups' shares come to {shares} of the data set, or a code is none.",
            "Shares come to 1, and 0 <= s < size.",
        )


def _sealed(flags: Flags) -> Flags:
    """Return a copy that nobody can write to."""
    return np.frombuffer(flags.tobytes(), np.bool_).reshape(flags.shape)


def _note_round(round_log: RoundLog, orders: Orders, late: Flags, decided: str) -> None:
    round_log.orders.append(orders.job.tobytes() + orders.piece.tobytes())
    round_log.late.append(late.tobytes())
    round_log.decided.append(decided)
