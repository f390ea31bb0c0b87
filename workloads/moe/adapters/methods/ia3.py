"""IA3: a factor for each key, each value and each hidden feature.

    l_k * K,  l_v * V,  l_ff * gelu(up x)        2 d + d_ff numbers a layer, ones at first

Factors can be merged into the weights that make K and V and into `down`.

**What to expect.** Written before measuring: far below LoRA on the 48 tasks, as no direction can turn; merged, it reads
as fast as the base.

**Ways to fake it.** LoRA's rate: factors want a larger one. Merged claimed and beside the weights timed.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.state_adapters import scales
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="IA3",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every token is scaled by the same factors",
    role="static",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the factors that were trained on the 48 tasks."""
    return Start(bench, bench.start("ia3", scales), few_shot_rate("ia3"))


solve = Start.adapt
