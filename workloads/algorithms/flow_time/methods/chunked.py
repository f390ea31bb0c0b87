"""The chunk rule: operations are grouped into pieces of estimated size, scheduled by class.

The paper's general algorithm is O(m^2)-competitive. It rests on an algorithm for sizes known
within a factor; since a job's size has no known bound here, it *makes* well-estimated pieces:
consecutive operations of a job become a virtual chunk whose total is within a known factor
of what was seen of it.

**Fidelity.** Reconstructed from the outline: the rule itself is not public to us, nor are the
constant of O(m^2) and the m1 and m2 of the refined bound O(m1 m2): no run here tests either bound.

    arrival of j            a chunk with estimate e = first size, work inside w = 0
    an operation ends       w += its size; q = the next one's size
        w + q <= c e        it joins the chunk
        else                a new chunk: e = max(q, c e), w = 0; the job is FULL again
    class(j) = floor(log2 e); PARTIAL: its chunk has been started, else FULL

    at every event, with P the most recently started PARTIAL job:
        some FULL job has a class strictly below P's, or there is no P
            start the FULL job of least class (ties: the earlier arrival); it is the new P
        else continue P

So of each class at most one job has a chunk half done.

Knob: the growth factor `c`.

**What to expect.** Written before measuring, from the card. Flow / SRPT on hide 1.59, 3.3, 4.7 and
on burst 1.94, 6.3, 5.2 at m = 2, 8, 32; below op-SRPT, SETF and attained + current on hide from m =
8 on; at most 8 on burst up to m = 32.

**Ways to fake it.** Reading sizes that are not revealed; calling it the paper's algorithm;
a mean over families in place of the worst.
"""

import math

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
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
    title="Chunk algorithm",
    paper="Online Flow Time Minimization with Gradually Revealed Jobs, arXiv 2602.12716, 2026",
    slug="flow-time",
    adapts="which job runs, on chunks of each job's revealed operations, at every event",
    no_signal="operations are the jobs themselves; `random_job` decides at the same moments and reads none",
    fidelity="reconstructed",
    knobs=(Knob("c", (1.5, 2.0, 4.0), 2.0, open=True, low=1.0, high=1000.0),),
)  # fmt: skip


@hook
def hear(machine: Machine, notes: Ints, weights: Floats, job: int, what: int) -> None:
    """Keep chunks. Weights: heap keys (n,) by class, estimates e (n,), work w (n,), sizes (n,), c.

    Notes: free, heap of FULL jobs, how many PARTIAL, the stack of PARTIAL jobs (n,).
    """
    n = machine.n_jobs
    stack = 2 + 2 * n
    if what == DONE:
        notes[stack] -= 1
        return
    size = machine.left[job]
    if what == ARRIVED:
        weights[n + job], weights[2 * n + job] = size, 0.0
    else:
        work = weights[2 * n + job] + weights[3 * n + job]
        most = weights[4 * n] * weights[n + job]
        weights[2 * n + job] = work
        if work + size <= most:
            weights[3 * n + job] = size
            return
        notes[stack] -= 1
        weights[n + job], weights[2 * n + job] = max(size, most), 0.0
    weights[3 * n + job] = size
    # The exponent of frexp is floor(log2 e) + 1, exactly.
    _, exponent = math.frexp(weights[n + job])
    set_key(notes, weights, n, job, float(exponent))


@hook
def choose(machine: Machine, notes: Ints, weights: Floats) -> None:
    """Continue the last one started, unless a FULL job of a lower class is there."""
    n = machine.n_jobs
    stack = 2 + 2 * n
    full, partial = least(notes), -1
    if notes[stack] > 0:
        partial = notes[stack + notes[stack]]
    if full >= 0 and (partial < 0 or weights[full] < weights[partial]):
        remove(notes, weights, n, full)
        notes[stack] += 1
        notes[stack + notes[stack]] = full
        partial = full
    run(machine, partial)


def solve(task: FlowTime, case: Case, point: Point) -> Replay:
    """Run the stream, each operation shown when it becomes known."""
    n = case.n_jobs
    weights = np.append(np.zeros(4 * n), float(point["c"]))
    return task.replay(case, hear, choose, notes=heap_size(n) + 1 + n, weights=weights)
