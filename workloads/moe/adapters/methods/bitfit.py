"""BitFit: all biases of the base are trained, and nothing else; or, below it, the gains of its norms.

    W x + b: b trained, W frozen        about 1.5 % of the base, the bias of its head among them

`part=norms` trains the gains of the norms, the floor of this comparison.

**What to expect.** Written before measuring: biases learn some of the 48 tasks and norms hardly any; both keep more of
what the base knew than fine-tuning does. Entries of all weights by lot, as many, do no worse than biases.

**Ways to fake it.** A head that is trained in this arm alone; parameters that count only what was added.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.adapters.substrate.base_parts import entries, own_part
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="BitFit",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: the same biases serve every token",
    role="static",
    knobs=(Knob("part", ("biases", "norms"), "biases", at="prepare"),),
    variants=(
        Variant(
            "random_mask",
            "Entries by lot",
            {"part": "random-mask"},
            adapts="which numbers of the base are trained, by lot",
            paper="our control of BitFit in the PEFT survey, arXiv 2403.14608",
            control_of=("bitfit",),
            essay="""Random mask: as many entries of the base as BitFit has biases, by lot.

            The control of what selects numbers to train. Entries lie anywhere in the base's weights; what is added to them is
            trained, and one lot is stored beside it.

            **What to expect.** Written before measuring: no worse than biases.

            **Ways to fake it.** Whole matrices trained and masked in the end.
            """,
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the numbers of the base that were trained on the 48 tasks."""
    kind = {"biases": "bitfit"}.get(str(point["part"]), str(point["part"]))
    read = entries if kind == "random-mask" else own_part
    return Start(bench, bench.start(kind, read), few_shot_rate(kind))


solve = Start.adapt
