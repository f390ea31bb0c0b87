"""Random: at every event, run a uniformly random one of the jobs that are there.

The control: it decides at the very moments at which op-SRPT does, and sets jobs aside at will,
but on no information. What it loses against op-SRPT is what the revealed sizes are worth.

**What to expect.** Worse than op-SRPT on random streams; much like round robin.

**Ways to fake it.** One pseudo-random order shared by all random streams.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.algorithms.flow_time.substrate.job_streams import Case
from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    Floats,
    Ints,
    Machine,
    draw,
    hook,
    ignore,
    n_alive,
    run,
)
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime, Replay

CARD = Card(
    title="Random job at every event",
    paper="none: a control",
    adapts="nothing: any job runs, chosen anew at every event",
    role="control",
)
STREAMS = 3


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run any."""
    run(machine, machine.jobs[draw(machine, n_alive(machine))])


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream under several coin streams; no size is shown."""
    return task.replay(case, ignore, choose, sees="nothing", streams=STREAMS)
