"""Attained plus current: run the job with the least work done and left of its operation at hand.

Work done plus the rest of the operation at hand is what a job's size is at the least, as
far as anybody knows: a natural greedy rule, and a strong rival of `chunked`. A long job made
of small operations cannot hide from it for long, for the work done counts.

Through an operation the key stays what it was at its beginning, so nothing needs to be brought up
to date while a job runs.

**What to expect.** Written before measuring, from the card. At m = 8, load 0.95, flow / SRPT:
pareto 1.47, exp 2.71, trap 1.11, test 1.12; burst 1.96 whatever m is; hide 1.76, 4.3, 6.7 at m = 2,
8, 32.

**Ways to fake it.** A key with the size of operations that are not known yet.
"""

from adabench.harness.contract.card import Card, Point
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
    title="Attained work plus current operation",
    paper="none: the greedy rival of arXiv 2602.12716",
    adapts="which job runs, on the least that each job's size can be",
)


@hook
def hear(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Keep the jobs by the least that their size can be."""
    if what == DONE:
        remove(notes, weights, machine.n_jobs, job)
    else:
        set_key(notes, weights, machine.n_jobs, job, machine.attained[job] + machine.left[job])


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run the least."""
    run(machine, least(notes))


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream, each operation shown when it becomes known."""
    return task.replay(case, hear, choose, notes=heap_size(case.n_jobs), weights=case.n_jobs)
