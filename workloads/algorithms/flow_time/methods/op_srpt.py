"""op-SRPT: run the job whose operation at hand has the least left. Ties: the earlier arrival.

The paper's algorithm for *uniform obligatory tests*, where every job is a test of one length
and then an operation whose size the test reveals. There it is 2-competitive, and no
deterministic algorithm does better.

**Fidelity.** A special case: it is not the paper's algorithm for general jobs (`chunked`
reconstructs that one), and where jobs have many operations nothing bounds it but m: a long
job made of small operations always looks shortest.

**What to expect.** Written before measuring, from the card. At m = 8, load 0.95, flow / SRPT:
pareto 1.16, exp 1.47, trap 1.005, test 1.02. On `burst` a ratio that grows like a line in m: 1.94,
7.1, 21.3 at m = 2, 8, 32. On `hide` 1.56, 5.4, 14.9. At most 2 on uniform tests, and 1.5 reached
on `tight_one`.

**Ways to fake it.** Calling it the algorithm of the paper; showing random instances alone.
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
    title="Operation-level SRPT",
    paper="Online Flow Time Minimization with Gradually Revealed Jobs, arXiv 2602.12716, 2026",
    slug="flow-time",
    adapts="which job runs, on what is left of each job's operation at hand, at every event",
    no_signal="operations are the jobs themselves; `random_job` decides at the same moments and reads none",
    fidelity="special-case",
)  # fmt: skip


@hook
def hear(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Keep the jobs by what is left of the operation at hand."""
    if what == DONE:
        remove(notes, weights, machine.n_jobs, job)
    else:
        set_key(notes, weights, machine.n_jobs, job, machine.left[job])


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run the least. Notes: the job that runs plus 1, then the heap.

    Its key in the heap is too large; while it is the least all the same, that does no harm.
    """
    last = notes[0] - 1
    if last >= 0 and machine.place[last] >= 0 and least(notes) != last:
        set_key(notes, weights, machine.n_jobs, last, machine.left[last])
    notes[0] = least(notes) + 1
    run(machine, least(notes))


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream, each operation shown when it becomes known."""
    return task.replay(case, hear, choose, notes=heap_size(case.n_jobs), weights=case.n_jobs)
