"""SETF: share the machine equally among the jobs that got the least work so far.

Shortest elapsed time first, also called least attained service. It looks at no size: all it
uses is what it did itself. With (1 + e) times the speed it is O(1/e)-competitive; at equal
speed nothing bounds it.

Here the sharing is exact, not by quanta: the jobs at the lowest level run together at equal
shares, and the policy asks to be woken when they reach the level of the next.

**What to expect.** Written before measuring, from the card. At m = 8, load 0.95, flow / SRPT:
pareto 2.19, exp 3.93, trap 9.36, test 1.53; hide 6.5, 7.2, 7.7 and burst 17.4, 16.1, 12.7 at m = 2,
8, 32. m says nothing to it but for the sizes.

**Ways to fake it.** Round robin with a coarse quantum.
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
    wake,
)
from adabench.workloads.algorithms.flow_time.substrate.replay import FlowTime, Replay

CARD = Card(
    title="Shortest elapsed time first",
    paper="Kalyanasundaram and Pruhs, Speed is as powerful as clairvoyance, 2000",
    adapts="nothing that is revealed: the least served jobs share the machine",
    role="static",
)
LEVEL = 1e-7
"""Levels nearer than this are one: shared time is not exact in floating point."""


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Run all jobs of the lowest level, until they reach the next."""
    lowest = machine.attained[machine.jobs[0]]
    for i in range(1, n_alive(machine)):
        lowest = min(lowest, machine.attained[machine.jobs[i]])
    following, level = -1.0, 0
    for i in range(n_alive(machine)):
        job = machine.jobs[i]
        work = machine.attained[job]
        if work <= lowest + LEVEL:
            run(machine, job)
            level += 1
        elif following < 0 or work < following:
            following = work
    if following >= 0:
        wake(machine, (following - lowest) * level)


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream; no size is shown."""
    return task.replay(case, ignore, choose, sees="nothing")
