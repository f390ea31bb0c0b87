"""The best setting in hindsight: each runs the whole stream first, and the fastest then runs it again.

What it is scored on is the run that comes after, so that luck of the trial is not in it; the trials are not in its seconds. No method
that keeps one setting can know it beforehand.

**Ways to fake it.** Scoring the trial that won.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.moe_layer.substrate.layer_bench import Answer, LayerBench, Stream
from adabench.workloads.moe.moe_layer.substrate.rank_group import Policy

CARD = Card(
    title="The best static setting in hindsight",
    paper="the fair opponent of arXiv 2206.03382",
    adapts="nothing in a stream: parallelism and degree, by the whole stream",
    role="oracle",
    oracle="bound",
)

FACTOR = 0.0
"""Of capacity: nothing is dropped."""


def solve(bench: LayerBench, case: Stream, point: Point) -> Answer:
    """Run the stream with the setting that was fastest on it."""
    del point
    took_s = bench.retried(case, FACTOR)
    setting = min(took_s, key=took_s.__getitem__)
    return bench.run(case, Policy(lambda moment: setting, FACTOR))
