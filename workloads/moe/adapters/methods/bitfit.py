"""BitFit: all biases of the base are trained, and nothing else; or, below it, the gains of its norms.

    W x + b: b trained, W frozen        about 1.5 % of the base, the bias of its head among them

`part=norms` trains the gains of the norms, the floor of this comparison.

**What to expect.** Written before measuring: biases learn some of the 48 tasks and norms hardly any; both keep more of
what the base knew than fine-tuning does. Entries of all weights by lot, as many, do no worse than biases.

**Ways to fake it.** A head that is trained in this arm alone; parameters that count only what was added.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.moe.adapters.substrate.base_parts import own_part
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="BitFit",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: the same biases serve every token",
    role="static",
    knobs=(Knob("part", ("biases", "norms"), "biases", at="prepare"),),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the part of the base that was trained on the 48 tasks."""
    kind = "bitfit" if point["part"] == "biases" else "norms"
    return Start(bench, bench.start(kind, own_part), few_shot_rate(kind))


solve = Start.adapt
