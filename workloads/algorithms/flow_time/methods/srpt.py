"""SRPT: run the job with the least remaining work. Oracle: it is told every size at arrival.

The oracle of this task, exact: on one machine, where setting a job aside is free, no schedule
has less total flow time. The task's OPT is computed by other code (`truth/scoring.py`), and the two
must agree.

**What to expect.** ratio = 1 in every cell, by construction.

**Ways to fake it.** Dividing by a bound weaker than this, or by the best policy of the run.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.flow_time.substrate.heap import heap_size, least, remove, set_key
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Case
from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    ARRIVED,
    DONE,
    Floats,
    Ints,
    Machine,
    hook,
    run,
)
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime, Replay

CARD = Card(
    title="Oracle: shortest remaining processing time",
    paper="Schrage, A proof of the optimality of the SRPT discipline, 1968",
    adapts="which job runs, on the true remaining work of all",
    role="oracle",
    oracle="exact",
)


@hook
def hear(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Keep the jobs by their remaining work. The end of an operation that is not the last says
    nothing.
    """
    if what == DONE:
        remove(notes, weights, machine.n_jobs, job)
    elif what == ARRIVED:
        set_key(notes, weights, machine.n_jobs, job, machine.forecast[job])


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run the least. Notes: the job that runs plus 1, then the heap.

    Its key in the heap is too large; while it is the least all the same, that does no harm.
    """
    last = notes[0] - 1
    if last >= 0 and machine.place[last] >= 0 and least(notes) != last:
        set_key(
            notes, weights, machine.n_jobs, last, machine.forecast[last] - machine.attained[last]
        )
    notes[0] = least(notes) + 1
    run(machine, least(notes))


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream with every size told at arrival."""
    n = case.n_jobs
    return task.replay(case, hear, choose, notes=heap_size(n), weights=n, sees="totals")
