"""FIFO: run the job that arrived first, to its end. Nothing is ever set aside.

For scale: what not preempting costs. The largest flow time is the least that any policy can
reach; the total is at the mercy of one long job.

**What to expect.** Far above all others on heavy tails. On `tight_one`, where all jobs are alike,
it is optimal.

**Ways to fake it.** None worth the name.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Case
from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    Floats,
    Ints,
    Machine,
    hook,
    ignore,
    run,
)
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime, Replay

CARD = Card(
    title="First in, first out",
    paper="none: the queue",
    adapts="nothing: the earliest arrival runs to its end",
    role="static",
)


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run the first that is there. Notes: the job that runs."""
    while machine.place[notes[0]] < 0:
        notes[0] += 1
    run(machine, notes[0])


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream; no size is shown."""
    return task.replay(case, ignore, choose, notes=1, sees="nothing")
