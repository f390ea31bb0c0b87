"""Bottleneck adapters (Houlsby): a narrow MLP in series after attention and after the MLP of each layer.

    h + up gelu(down h)        2 d b + b + d numbers at each of four places

At width 6 it is below 5 % of the base, at width 16 about as many numbers as LoRA of rank 4. The
nonlinearity keeps it from being merged.

**What to expect.** Written before measuring: at width 16 it is close to LoRA of rank 4, at 6 the best of those below
5 %, and far from fine-tuning; reading takes 10 to 20 % longer.

**Ways to fake it.** Latency from FLOPs in place of a clock: at batches of this size the extra calls are what counts.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate.state_adapters import bottlenecks
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Bottleneck adapters",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every token goes through the same bottlenecks",
    role="static",
    knobs=(Knob("width", (16, 6), 16, at="prepare"),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the bottlenecks that were trained on the 48 tasks."""
    kind = f"bottleneck-{point['width']}"
    return Start(bench, bench.start(kind, bottlenecks), few_shot_rate(kind))


solve = Start.adapt
