"""The next layer's gate: its router is asked before its turn, of what enters this layer's experts.

    plan(l + 1) = union over rows of the `width` largest of W_r[l + 1] norm[l + 1](x_l)

The stream changes little from layer to layer, so the router's answer is nearly that which it gives later. It looks one layer
ahead, and not at all before the first.

**What to expect.** Written before measuring: more right than any forecast by bytes, and hits of at most 3 of 4 layers' worth at few slots;
less to overlap with than a plan of the whole step.

**Ways to fake it.** Running this layer's experts first, which is no look ahead.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.offload.substrate.decoding import SHAPE
from adabench.workloads.moe.offload.substrate.offload_bench import Answer, Batches, OffloadBench
from adabench.workloads.moe.offload.substrate.planned_cache import planned, union
from adabench.workloads.moe.offload.substrate.slots import Moment

CARD = Card(
    title="The next layer's gate",
    paper="Eliseev and Mazur, arXiv 2312.17238; a rival of arXiv 2410.17954",
    adapts="which experts are brought ahead, by the next layer's router",
    no_signal="the stream is the case; `permuted_plan` plans for another text",
    knobs=(Knob("width", (2,), 2, also=(1, 3, 4)),),
    fixed={"by": "gate"},
    variants=(
        Variant(
            "next_layer_ring",
            "The whole next layer",
            {"by": "all", "width": 2},
            role="static",
            adapts="nothing: all experts of the next layer are brought",
            paper="SE-MoE, arXiv 2205.10034: the rival of arXiv 2410.17954 in speed",
            essay="""While a layer runs, all experts of the next one are brought, needed or not: the system against which the paper has its 2 to 10 times.

            **What to expect.** Written before measuring: as many bytes as nobody else, 3 to 8 times those that any cache on demand moves.

            **Ways to fake it.** To be held against it alone.
            """,
        ),
    ),
)


def solve(bench: OffloadBench, case: Batches, point: Point) -> Answer:
    """Decode; a layer's plan is made while the one before it runs."""

    def gate(moment: Moment) -> list[int] | None:
        following = moment.layer + 1
        if moment.stream is None or following == SHAPE.layers:
            return []
        chances = bench.gate(following, moment.stream).numpy()
        return union(chances[:, None], int(point["width"]), following)

    def ring(moment: Moment) -> list[int] | None:
        if moment.layer < 0 and moment.step > 0:
            return None
        first = (moment.layer + 1) % SHAPE.layers * SHAPE.experts
        return list(range(first, first + SHAPE.experts))

    return bench.decode(case, planned(gate if point["by"] == "gate" else ring))
