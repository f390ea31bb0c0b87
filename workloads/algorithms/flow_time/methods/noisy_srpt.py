"""SRPT on estimates: every job's total is told at arrival, wrong by a factor of at most mu.

For context, the *robust* setting on which the paper builds: sizes known within a factor mu. The
robust algorithm of Gupta, Kumar, Panigrahi and Wang is O(mu)-competitive there; this is the
naive rule beside it: SRPT with estimates in place of sizes, where a job that has outlived its
estimate counts as all but done and runs to its end. It is told what no policy of this
task's setting knows, and is compared with none of them.

Knob: `mu`; an estimate is the total times mu^U, U uniform in -1..1.

**What to expect.** Between SRPT and op-SRPT at mu = 2; at mu = 1 it is SRPT.

**Ways to fake it.** Ranking it among the policies that see operations only.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.flow_time.substrate.heap import heap_size, least, remove, set_key
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Case
from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    DONE,
    Floats,
    Ints,
    Machine,
    hook,
    run,
)
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime, Replay

CARD = Card(
    title="SRPT on noisy totals",
    paper="the robust setting of Gupta, Kumar, Panigrahi and Wang, SODA 2026",
    adapts="which job runs, on estimates of each job's total told at arrival",
    no_signal="estimates stand in the case, job by job; `random_job` decides at the same moments and reads none",
    fidelity="special-case",
    knobs=(Knob("mu", (1.0, 2.0, 4.0), 2.0, open=True, low=1.0, high=1000.0),),
)


@hook
def hear(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Keep the jobs by what is left of their estimate."""
    if what == DONE:
        remove(notes, weights, machine.n_jobs, job)
    else:
        rest = max(machine.forecast[job] - machine.attained[job], 0.0)
        set_key(notes, weights, machine.n_jobs, job, rest)


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run the least. Notes: the job that runs plus 1, then the heap.

    Its key in the heap is too large; while it is the least all the same, that does no harm.
    """
    last = notes[0] - 1
    if last >= 0 and machine.place[last] >= 0 and least(notes) != last:
        rest = max(machine.forecast[last] - machine.attained[last], 0.0)
        set_key(notes, weights, machine.n_jobs, last, rest)
    notes[0] = least(notes) + 1
    run(machine, least(notes))


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream with estimates told at arrival."""
    n, mu = case.n_jobs, float(point["mu"])
    return task.replay(case, hear, choose, notes=heap_size(n), weights=n, sees="estimates", mu=mu)
