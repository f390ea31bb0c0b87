"""IA3: a factor for each key, each value and each hidden feature.

    l_k * K,  l_v * V,  l_ff * gelu(up x)        2 d + d_ff numbers a layer, ones at first

Factors can be merged into the weights that make K and V and into `down`.

**What to expect.** Written before measuring: far below LoRA on the 48 tasks, as no direction can turn; merged, it reads
as fast as the base.

**Ways to fake it.** LoRA's rate: factors want a larger one. Merged claimed and beside the weights timed.
"""

from adabench.harness.contract.card import Card, Claim, Point, Ratio
from adabench.workloads.moe.adapters.substrate.state_adapters import scales
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import (
    AdaptationCase,
    Adapted,
    Start,
    Workbench,
)

CARD = Card(
    title="IA3",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every token is scaled by the same factors",
    role="static",
    claims=(
        Claim(
            id="ps-1-ia3",
            says="It keeps 90 % of what fine-tuning gains over the base.",
            source="headline",
            paper="efficiently adapt the large models over the various downstream tasks while minimizing the "
            "number of additional parameters; no number, 90 % is ours",
            effect=None,
            expect=Ratio("gain", against="full", low=0.9),
            requires=("ps-1-ia3-count",),
        ),
        Claim(
            id="ps-1-ia3-count",
            says="It trains at most 5 % of the numbers that fine-tuning trains.",
            source="check",
            paper="minimizing the number of additional parameters introduced; 5 % is ours, and holds by design",
            effect=None,
            expect=Ratio("trained_parameters", against="full", high=0.05),
            apart_from=(),
        ),
        Claim(
            id="ps-2-ia3",
            says="Merged into the weights it reads as fast as the base, within 2 %.",
            source="measured",
            paper="what is merged into the weights adds no latency to inference; no number",
            effect=None,
            expect=Ratio("reading_merged_s", against="full", low=0.98, high=1.02),
            apart_from=(),
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the factors that were trained on the 48 tasks."""
    return Start(bench, bench.start("ia3", scales), few_shot_rate("ia3"))


def solve(start: Start, case: AdaptationCase, point: Point) -> Adapted:
    """Train it on the examples."""
    return start.adapt(case)
