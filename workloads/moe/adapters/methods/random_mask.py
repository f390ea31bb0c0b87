"""Random mask: as many entries of the base as BitFit has biases, by lot.

The control of what selects numbers to train. Entries lie anywhere in the base's weights; what is added to them is
trained, and one lot is stored beside it.

**What to expect.** Written before measuring: no worse than biases.

**Ways to fake it.** Whole matrices trained and masked in the end.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.base_parts import entries
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Entries by lot",
    paper="our control of BitFit in the PEFT survey, arXiv 2403.14608",
    adapts="which numbers of the base are trained, by lot",
    role="control",
    control_of=("bitfit",),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the entries that were trained on the 48 tasks."""
    return Start(bench, bench.start("random-mask", entries), few_shot_rate("random-mask"))


solve = Start.adapt
