"""A layer whose capacity factor, parallelism and pipelining never change.

Sparse dispatch with everything fixed is the control that a claim of speed over Fairseq must beat: dense dispatch multiplies by a
mask of T x E C numbers, which is most of its work. What else stands still is here too.

**What to expect.** Written before measuring: dense dispatch is five to ten times slower at 2,048 tokens, and no slower at 16.
Gathering all matrices loses at 16 tokens, and gains at 2,048. Overlap gains nothing on two cores that both multiply.

**Ways to fake it.** Comparing with dense dispatch alone; dropping tokens and counting seconds alone.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.moe_layer.substrate.expert_shards import Setting
from adabench.workloads.moe.moe_layer.substrate.layer_bench import Answer, LayerBench, Stream
from adabench.workloads.moe.moe_layer.substrate.rank_group import Policy
from adabench.workloads.moe.moe_layer.substrate.token_dispatch import Dispatch

CARD = Card(
    title="Everything fixed, sparse dispatch",
    paper="the static execution of arXiv 2206.03382, with its sparse dispatch",
    adapts="nothing: one capacity factor, one parallelism, one degree",
    role="static",
    knobs=(Knob("capacity", (0.0, 1.0, 2.0, 8.0), 2.0, open=True, low=-8.0, high=8.0),),
    fixed={"dispatch": "sparse", "parallelism": 1, "degree": 1},
    variants=(
        Variant(
            "fairseq_style",
            "Everything fixed, dense dispatch",
            {"dispatch": "dense", "capacity": 1.0},
            role="static",
            adapts="nothing",
            paper="GShard and Fairseq: the rival of arXiv 2206.03382",
            essay="""Tokens go to experts and back by products with a mask [T, E C], experts are parallel, the exchange is one
            piece: what the paper's 4.96 and 5.75 stand against, at Fairseq's own factor of 1.""",
        ),
        Variant(
            "data_parallel",
            "All matrices gathered",
            {"parallelism": 0},
            knobs=(Knob("capacity", (0.0,), 0.0, open=True, low=-8.0, high=8.0),),
            role="static",
            adapts="nothing",
            paper="r = 0 of arXiv 2206.03382; ZeRO",
            essay="""Every rank gathers the matrices of all experts in every iteration and runs its own tokens: bytes depend on the
            weights, not on the tokens.""",
        ),
        Variant(
            "overlapped",
            "Everything fixed, two pieces",
            {"degree": 2},
            knobs=(Knob("capacity", (0.0,), 0.0, open=True, low=-8.0, high=8.0),),
            role="static",
            adapts="nothing",
            paper="a fixed degree of pipelining, arXiv 2206.03382",
            essay="""A capacity goes in two pieces, one of which is multiplied while the other is exchanged. On few cores the
            exchange takes the core that multiplies.""",
        ),
    ),
)


def solve(bench: LayerBench, case: Stream, point: Point) -> Answer:
    """Run the stream with one setting."""
    setting = Setting(int(point["parallelism"]), int(point["degree"]))
    dispatch: Dispatch = "dense" if point["dispatch"] == "dense" else "sparse"
    return bench.run(case, Policy(lambda moment: setting, float(point["capacity"]), dispatch))
