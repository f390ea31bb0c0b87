"""Token choice: every byte takes its four likeliest experts, balanced by a loss while it was trained.

    y = shared(x) + scale(4) sum over the 4 largest of p_e / (their sum) FFN_e(x)        p = softmax(W_r x)

What expert choice is held against: as many experts a byte, at every step of denoising, and experts of unequal loads. `arm=continued`
was trained for a fifth more, which is what a retrofit is held against.

**What to expect.** Written before measuring: as good a step as expert choice, and a largest expert of one and a half to three times the mean
after the balance loss.

**Ways to fake it.** A rival that was trained by another weighting of the loss, or on other masks.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.denoise.substrate.mask_bench import Denoised, MaskBench, MaskedCase

CARD = Card(
    title="Token choice with a balance loss",
    paper="Switch, arXiv 2101.03961; the rival of arXiv 2604.01622",
    adapts="nothing but which experts: every byte takes four",
    role="static",
    knobs=(Knob("arm", ("token_choice",), "token_choice", also=("token_bias", "continued")),),
    variants=(
        Variant(
            "token_bias",
            "Token choice balanced by offsets",
            {"arm": "token_bias"},
            role="static",
            paper="loss-free balancing, arXiv 2408.15664; a rival of arXiv 2604.01622",
            essay="""Token choice whose chances got offsets, raised after each step for experts with few bytes, and no balance loss.

            **What to expect.** Written before measuring: loads as even as with the loss, and a loss as low.

            **Ways to fake it.** Offsets of the weights, too, which would be another model.
            """,
        ),
        Variant(
            "continued",
            "Token choice, trained on",
            {"arm": "continued"},
            role="static",
            essay="""Token choice that went on for a fifth of its steps: the rival of the retrofit.""",
        ),
    ),
)


def solve(bench: MaskBench, case: MaskedCase, point: Point) -> Denoised:
    """Read the passages."""
    return bench.read(case, str(point["arm"]))
