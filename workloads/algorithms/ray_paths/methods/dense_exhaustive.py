"""Exhaustive enumeration in tensors: the framework-matched baseline, that of the paper.

All candidates as one batch in the library that the sampler runs in. Every one is mirrored,
intersected and tested for occlusion by every triangle, whether or not an earlier test failed.
This is what the paper's factors of 10 and 1000 are against, and it is no fair opponent: see
`exhaustive`.

**What to expect.** Hit rate 1, and a hundred times the compiled one's time.

**Ways to fake it.** Giving the sampler's factor against it without naming the compiled one's.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case

CARD = Card(
    title="Exhaustive in tensors",
    paper="arXiv 2603.01655: the baseline that it times",
    adapts="nothing: every test of every candidate is done",
    role="static",
    knobs=(Knob("chunk", (512,), 512, open=True, low=1, high=1000000),),
)


def solve(task: RayPaths, case: Case, point: Point) -> Tracing:
    """Enumerate in tensors."""
    return task.enumerate_dense(case, int(point["chunk"]))
