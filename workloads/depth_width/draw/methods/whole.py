"""One network for all prompts: the whole model, or one that was pruned out of it.

What pruning by prompts is held against: a single architecture that was learned as codes are, and one that keeps the groups with the
largest weights, over all blocks or within each, whichever denoises better before it is fine-tuned. Both cost what a prompt costs in the
mean with codes, and were fine-tuned as long as all networks of codes together.

**What to expect.** Written before measuring: errors 3 to 10 % above the whole model's at half of its multiplications; the learned
architecture and that of the largest weights within 2 % of each other.

**Ways to fake it.** A rival that was fine-tuned for one network's share of the steps only; masked channels that are multiplied.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.depth_width.draw.substrate.draw_bench import (
    DrawBench,
    DrawCase,
    Drawn,
    Network,
)

CARD = Card(
    title="The whole model",
    adapts="nothing: every prompt runs the same network",
    role="static",
    fixed={"arm": "whole"},
    variants=(
        Variant(
            "single",
            "One pruned network, its architecture learned",
            {"arm": "single"},
            role="static",
            paper="the single-architecture rival of arXiv 2406.12042",
            essay="""The same learning of gates with one code for all prompts.""",
        ),
        Variant(
            "magnitude",
            "One pruned network that keeps the largest weights",
            {"arm": "magnitude"},
            role="static",
            paper="magnitude pruning, a rival of arXiv 2406.12042",
            essay="""Groups of channels by the norm of their weights.""",
        ),
    ),
)


def prepare(bench: DrawBench, point: Point, seed: int) -> tuple[DrawBench, Network]:
    """Take the one network."""
    (network,) = bench.networks(str(point["arm"]))
    return bench, network


def solve(state: tuple[DrawBench, Network], case: DrawCase, point: Point) -> Drawn:
    """Draw every prompt by it."""
    bench, network = state
    return bench.draw(case, [network] * len(case.prompts))
