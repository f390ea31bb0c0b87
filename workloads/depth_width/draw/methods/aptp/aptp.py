"""APTP: a prompt goes to one of four networks, each pruned to the architecture of a learned code and fine-tuned on its prompts.

    e = W z + b;   code = argmax over i of cos(gates(e), gates(code i));   the network of that code draws, a batch a code

`architecture_codes.py` has the router, gates and transport, `train_pruned.py` the loss with the paper's weights: multiplications
held at a target, contrast of gates and prompts, distillation, and a transport plan in training that deals prompts equally.

**What is simplified.** 4 codes for 8 or 16; a U-Net of 41,000 weights for Stable Diffusion 2.1, 300 steps of routing at a rate of 0.05 for 5,000
at 0.0002, and up to 1,000 of fine-tuning in all for 30,000 an expert; a bag of words for a sentence encoder. Where nothing is trained Gumbel noise is its mean: the
paper's code keeps one sample, by which our codes would differ more than by what they learned. One shift of all widths then sets the
mean cost, for every arm alike.

**What to expect.** Written before measuring, from a prototype of 100 steps: an error 3 to 9 % above the single network's with 100 steps in all, within
2 % of it with 1,000; 1 to 2 % below codes by lot; busier prompts cost no more; a network a code, so four times its weights are resident.

**Ways to fake it.** Channels that are masked and multiplied; each expert fine-tuned as long as the single network; a router that is told
how busy a picture is; only the running expert's weights in the bill; the mean cost over codes rather than over prompts.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.depth_width.draw.methods.aptp.architecture_codes import router_of
from adabench.workloads.depth_width.draw.methods.aptp.prompt_lots import lots
from adabench.workloads.depth_width.draw.substrate.draw_bench import (
    DrawBench,
    DrawCase,
    Drawn,
    Network,
)
from adabench.workloads.depth_width.draw.substrate.trained_arms import Arm

CARD = Card(
    title="APTP: networks by prompt",
    paper="Not All Prompts Are Made Equal, arXiv 2406.12042",
    slug="aptp",
    adapts="which of four pruned networks draws a prompt, by the prompt's vector",
    signal=("depth_width.draw.methods.aptp.architecture_codes:Router.predicted",),
    skips_from="whole",
    fixed={"arm": "aptp"},
    variants=(
        Variant(
            "no_transport",
            "Networks by prompt, learned without transport",
            {"arm": "no_transport"},
            role="adaptive",
            adapts="which of four pruned networks draws a prompt, by the prompt's vector",
            paper="arXiv 2406.12042: its ablation",
            slug="aptp",
            essay="""Codes learn from the prompts that are nearest to them, however few these are.""",
        ),
        Variant(
            "per_sample",
            "Dynamic pruning, a network a prompt",
            {"arm": "per_sample"},
            role="adaptive",
            adapts="which channels and blocks run, by the prompt's vector",
            paper="dynamic pruning, a rival of arXiv 2406.12042",
            essay="""What the paper holds codes against: gates as the predictor says them, without a codebook, cut out of one set of weights when the
            prompt is there. It adapts further than codes do, and prompts with different networks are no batch. The weights were fine-tuned under
            each prompt's own gates, as long as all others in all.

            **What to expect.** Written before measuring: an error above that of codes, for one set of weights serves all architectures; two to four
            times the seconds on one processor; a quarter of the resident weights.

            **Ways to fake it.** Masks over a batch that runs the whole model; networks cut before the clock starts.
            """,
        ),
        Variant(
            "random_codes",
            "The same architectures, prompts by lot",
            {"arm": "random_codes"},
            adapts="which of four pruned networks draws a prompt, by lot",
            paper="our control of arXiv 2406.12042",
            control_of=("aptp", "no_transport", "per_sample"),
            essay="""The architectures of APTP with as many prompts each, dealt by lot, and fine-tuned on these.""",
        ),
    ),
)


@dataclass(frozen=True)
class Experts:
    """A bench, and what of it draws."""

    bench: DrawBench
    arm: Arm
    networks: tuple[Network, ...]


def prepare(bench: DrawBench, point: Point, seed: int) -> Experts:
    """Take the router and the networks of its codes."""
    name = str(point["arm"])
    return Experts(bench, bench.arm(name), bench.networks(name))


def solve(experts: Experts, case: DrawCase, point: Point) -> Drawn:
    """Send each prompt to its code's network, or cut one for it."""
    arm, bench = experts.arm, experts.bench
    if arm.shares is not None:
        codes = lots(case.prompts, arm.shares)
    elif point["arm"] == "per_sample":
        structures = router_of(arm.router).own_structures(bench.vectors(case))
        return bench.draw(case, [bench.cut("per_sample", one) for one in structures])
    else:
        codes = router_of(arm.router).route(bench.vectors(case))
    return bench.draw(case, [experts.networks[code] for code in codes.tolist()])
