"""Prompt tuning: twenty trained vectors before the first word.

    [p_1 .. p_m; embed(words)], m = 20        m d numbers in all

They begin as words of the vocabulary, by lot, and carry no position. The whole base runs over them at each
reading.

**What to expect.** Written before measuring: the worst of all but norms, as the survey says of small models; slow,
at three times the FLOPs of reading.

**Ways to fake it.** The rate of LoRA: prompts want one that is tens of times as large. Vectors left out of the
FLOPs of a token.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.moe.adapters.substrate.state_adapters import prefix, prompt, scales
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Prompt tuning",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every sequence begins with the same vectors",
    role="static",
    fixed={"kind": "prompt"},
    variants=(
        Variant(
            "prefix",
            "Prefix tuning",
            {"kind": "prefix"},
            role="static",
            adapts="nothing: every token sees the same keys and values",
            paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
            slug="peft-survey",
            essay="""Prefix tuning: twelve trained keys and values before those of the words, in both layers.

                attention over [K_prefix; K], [V_prefix; V]        2 m d numbers a layer, m = 12

            They begin as the base's keys and values of words by lot, and are trained without the MLP that the paper
            reparametrises them by. They cannot be merged into weights: each reading attends to them.

            **What to expect.** Written before measuring: it learns little of the 48 tasks, as attention can only add a few
            vectors to its outputs; reading takes a few per cent longer.

            **Ways to fake it.** Prefixes out of the measured reading; a rate that was tuned for LoRA.
            """,
        ),
        Variant(
            "ia3",
            "IA3",
            {"kind": "ia3"},
            role="static",
            adapts="nothing: every token is scaled by the same factors",
            paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
            slug="peft-survey",
            essay="""IA3: a factor for each key, each value and each hidden feature.

                l_k * K,  l_v * V,  l_ff * gelu(up x)        2 d + d_ff numbers a layer, ones at first

            Factors can be merged into the weights that make K and V and into `down`.

            **What to expect.** Written before measuring: far below LoRA on the 48 tasks, as no direction can turn; merged, it reads
            as fast as the base.

            **Ways to fake it.** LoRA's rate: factors want a larger one. Merged claimed and beside the weights timed.
            """,
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read what was trained on the 48 tasks."""
    kind = str(point["kind"])
    read = {"prompt": prompt, "prefix": prefix, "ia3": scales}[kind]
    return Start(bench, bench.start(kind, read), few_shot_rate(kind))


solve = Start.adapt
