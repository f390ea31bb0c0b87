"""The engine by hand-made schedules, and what a policy can and cannot do to it."""

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.substrate.policy_view import hook, run
from adabench.workloads.algorithms.flow_time.task import load
from adabench.workloads.algorithms.flow_time.truth.scoring import scored_task
from adabench.workloads.shared.counting.counted_task import Transcript

TWO = [(0.0, [3.0]), (1.0, [1.0])]


def flows(method, task, case=None):
    case = case or task.cases()[0]
    return method.solve(task, case, method.CARD.defaults).flow[0].tolist()


@pytest.mark.parametrize(
    ("name", "jobs", "expected"),
    [
        ("srpt", TWO, [4.0, 1.0]),
        ("fifo", TWO, [3.0, 3.0]),
        # The second catches up at 1 and is done with a level of 1 at 2; then the first goes on.
        ("setf", TWO, [4.0, 1.0]),
        # Two share from 1 on: the second has 1 to do at half speed, then the first 1 alone.
        ("round_robin", TWO, [4.0, 2.0]),
        # Levels 0 and 2: the newcomer reaches 2 at time 4, both share until the first is done.
        ("setf", [(0.0, [3.0]), (2.0, [4.0])], [6.0, 5.0]),
        ("round_robin", [(0.0, [3.0]), (2.0, [4.0])], [4.0, 5.0]),
        # Three levels at 0: all share, done in the order of their sizes.
        ("setf", [(0.0, [1.0]), (0.0, [2.0]), (0.0, [3.0])], [3.0, 5.0, 6.0]),
        # The second operation of the first job is 5, so the second job goes before it.
        ("op_srpt", [(0.0, [1.0, 5.0]), (0.0, [2.0])], [8.0, 3.0]),
        # A long job of small operations looks shortest to op-SRPT, not to the greedy rule.
        ("op_srpt", [(0.0, [0.5] * 6), (0.0, [1.0])], [3.0, 4.0]),
        ("attained_current", [(0.0, [0.5] * 6), (0.0, [1.0])], [4.0, 2.0]),
        # e = 1, then 1 + 1 <= 2 joins, then 3 > 2 opens a chunk with e = 2: class 1 is not below 0.
        ("chunked", [(0.0, [1.0, 1.0, 1.0]), (0.0, [1.5])], [4.5, 3.5]),
        ("chunked", [(0.0, [4.0]), (1.0, [1.0])], [5.0, 1.0]),
        # The same class does not interrupt, though less is left of the newcomer.
        ("chunked", [(0.0, [1.9]), (0.5, [1.0])], [1.9, 2.4]),
    ],
)
def test_schedules_by_hand(name, jobs, expected, methods, of_jobs) -> None:
    assert flows(methods[name], of_jobs(jobs)) == pytest.approx(expected, abs=1e-6)


def test_ties_go_to_the_earlier_arrival(methods, of_jobs) -> None:
    jobs = [(0.0, [2.0]), (1.0, [1.0])]
    assert flows(methods["op_srpt"], of_jobs(jobs)) == [2.0, 2.0]
    assert flows(methods["srpt"], of_jobs(jobs)) == [2.0, 2.0]


def fluid_setf(arrive, totals, step):
    """Simulate SETF by small steps: the least served jobs share each of them."""
    attained, done = np.zeros(len(arrive)), np.zeros(len(arrive))
    t = 0.0
    while (done == 0).any():
        t += step
        there = np.flatnonzero((arrive < t) & (done == 0))
        if not len(there):
            continue
        lowest = there[attained[there] <= attained[there].min() + step]
        attained[lowest] += step / len(lowest)
        done[there[attained[there] >= totals[there]]] = t
    return done - arrive


def test_setf_is_the_limit_of_small_quanta(methods, of_jobs) -> None:
    rng = np.random.default_rng(0)
    arrive, totals = np.sort(rng.uniform(0, 10, 8)), rng.uniform(0.5, 4, 8)
    exact = flows(methods["setf"], of_jobs([(a, [p]) for a, p in zip(arrive, totals, strict=True)]))
    assert fluid_setf(arrive, totals, 0.002) == pytest.approx(exact, abs=0.1)


def test_counts_are_those_of_the_schedule(methods, of_jobs, values) -> None:
    seen = values("srpt", of_jobs([(0.0, [2.0, 2.0]), (1.0, [1.0])]))["given"]
    assert seen["preemptions"] == 1
    assert seen["max_alive"] == 2
    assert seen["max_partial"] == 2
    # Two arrivals, three ends of operations.
    assert seen["events"] == 5
    # At 0, 1, 2 and 3; at the last end nobody is there.
    assert seen["decisions"] == 4
    assert seen["flow"] == 6
    assert seen["information_used"] == 1
    assert seen["information"] == pytest.approx((0.5 + 1) / 2)
    assert values("fifo", of_jobs(TWO))["given"]["information_used"] == 0
    used = values("op_srpt", of_jobs([(0.0, [2.0, 2.0]), (1.0, [1.0])]))["given"]
    assert used["information_used"] == used["information"]


def test_preemptions_are_those_of_a_count_from_outside(methods) -> None:
    streams = load_streams("exp", 200)
    transcript = Transcript()
    task = scored_task(streams, transcript)
    (case,) = task.cases()
    answer = methods["op_srpt"].solve(task, case, {})
    when, who, _ = transcript.heard[case.instance]
    made = np.isfinite(when)
    changes = np.count_nonzero(who[made][1:] != who[made][:-1])
    # Each change of the job that runs is a preemption, unless that job was done: a job that
    # is done is followed by another, or by nobody until the next arrival finds the machine idle.
    ends = streams[0].arrive + answer.flow[0]
    assert task.meter["preemptions"] == changes - np.count_nonzero(ends < when[made][-1])


def load_streams(family, jobs, m=4):
    from adabench.workloads.algorithms.flow_time.substrate.job_streams import generate

    return (generate(family, jobs, m, 0.9, 0),)


@hook
def _nothing(machine, notes, weights, job, what):
    pass


FORGED, ABSENT, NO_SUCH, TWICE, NOBODY, BEYOND, RESTLESS = range(7)


@hook
def _wrong(machine, notes, weights):
    """Do what `notes[0]` says."""
    which, job = notes[0], machine.jobs[0]
    if which == FORGED:
        for i in range(machine.ledger[0]):
            one = machine.jobs[i]
            machine.left[one], machine.attained[one], machine.size[one] = 0.0, 1e9, 0.0
            machine.arrived[one], machine.ended[one] = machine.clock[0], 100
    elif which == ABSENT:
        job = machine.n_jobs - 1
    elif which == NO_SUCH:
        job = machine.n_jobs
    elif which == TWICE:
        run(machine, job)
    elif which == BEYOND:
        notes[1] = 7
    elif which == RESTLESS:
        machine.clock[1] = machine.clock[0]
    if which != NOBODY:
        run(machine, job)


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (NOBODY, "idled while jobs were there"),
        (ABSENT, "has not arrived or is done"),
        (NO_SUCH, "does not exist"),
        (TWICE, "twice at once"),
        (BEYOND, "beyond its notes"),
        (RESTLESS, "woken at once"),
    ],
)
def test_a_breach_is_said(which, message, of_jobs) -> None:
    task = of_jobs([(0.0, [1.0]), (0.5, [2.0]), (5.0, [1.0])])
    with pytest.raises(MethodContractError, match=message):
        task.replay(task.cases()[0], _nothing, _wrong, notes=np.array([which]))


def test_writing_into_what_is_seen_changes_no_cost(of_jobs) -> None:
    task = of_jobs([(0.0, [1.0, 2.0]), (0.5, [2.0]), (5.0, [1.0])])
    (case,) = task.cases()
    answer = task.replay(case, _nothing, _wrong, notes=np.array([FORGED]))
    assert answer.flow[0].tolist() == [3.0, 4.5, 1.0]
    assert task.score(case, answer)["ratio"] >= 1


def test_what_is_not_shown_is_not_there(of_jobs) -> None:
    seen = []
    for sees in ("nothing", "operations", "estimates"):
        task = of_jobs([(0.0, [1.0, 2.0]), (0.5, [4.0])])
        answer = task.replay(task.cases()[0], _nothing, _by_size, sees=sees)
        seen.append(answer.flow[0].tolist())
    # Without sizes every key is -1 and the first arrival runs on.
    assert seen[0] == [3.0, 6.5]


@hook
def _by_size(machine, notes, weights):
    best = machine.jobs[0]
    for i in range(machine.ledger[0]):
        job = machine.jobs[i]
        if (machine.size[job], machine.left[job], machine.forecast[job], job) < (
            machine.size[best], machine.left[best], machine.forecast[best], best,
        ):  # fmt: skip
            best = job
    run(machine, best)


def test_work_is_conserved(methods) -> None:
    # Without idling the busy time is the same for all: so is the last completion on a full machine.
    task = load("embedded", 0, trace="burst", jobs=300, m=4)
    for name, method in methods.items():
        (case,) = task.cases()
        task.meter.clear()
        flow = method.solve(task, case, method.CARD.defaults).flow[0]
        ends = np.append(np.zeros(60), np.arange(240)) + flow
        assert ends.max() == pytest.approx(60 * 4 * 0.99 + 240, rel=1e-6), name
