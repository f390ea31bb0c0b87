"""Round robin: all jobs that are there share the machine equally, at every instant.

Processor sharing, the limit of round robin for small quanta. It adapts to nothing at all.

**What to expect.** Above SETF's flow time where sizes vary much (a long job takes its share
from the first moment on), below it where all jobs are alike (SETF then keeps all of them to
the end). The card gives no figures.

**Ways to fake it.** A quantum that is coarse against the jobs.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Case
from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    Floats,
    Ints,
    Machine,
    hook,
    ignore,
    n_alive,
    run,
)
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime, Replay

CARD = Card(
    title="Round robin (processor sharing)",
    paper="Motwani, Phillips and Torng, Nonclairvoyant scheduling, 1994",
    adapts="nothing: everybody gets an equal share",
    role="static",
)


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run all."""
    for i in range(n_alive(machine)):
        run(machine, machine.jobs[i])


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream; no size is shown."""
    return task.replay(case, ignore, choose, sees="nothing")
