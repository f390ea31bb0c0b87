"""Dense models that saw the same bytes for as many steps: without them no statement about experts means anything.

`size=active` has as many hidden units a layer as two experts have, and so their work; `size=whole` as many as all sixteen, and so
their weights, at eight times the work.

**What to expect.** Written before measuring: the experts are better than the dense model of equal work, and worse than the one of equal size.

**Ways to fake it.** A dense rival that was trained for less, or on other texts.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.experts.substrate.passage_bench import (
    PassageBench,
    Passages,
    Reading,
)

CARD = Card(
    title="A dense model of equal work",
    paper="the rival of every mixture of experts; survey, arXiv 2412.14219",
    adapts="nothing: every byte runs the same units",
    role="static",
    knobs=(Knob("size", ("active",), "active", also=("whole",)),),
)


def solve(bench: PassageBench, case: Passages, point: Point) -> Reading:
    """Read the passages with a dense model."""
    return bench.read(case, bench.model(str(point["size"])))
