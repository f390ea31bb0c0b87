"""AdaLoRA: the ranks of LoRA go, as it is trained, to the weights where they matter.

    y = W x + b + P diag(e) Q x, with a penalty that keeps P and Q orthogonal
    importance of a triplet (e_i, P_i, Q_i): smoothed sensitivity |w g| times its uncertainty
    6 triplets a site at first, a cubic fall, 4 a site on average in the last 30 % of the steps

On the 48 tasks triplets are cut, across all sites at once; for a new task the ranks stay. In the end there are as
many as LoRA of rank 4 has.

**What is simplified.** Two layers and twelve sites, whose triplets are of two sizes: the budget is in ranks, as in the
paper, so that the numbers trained differ a little from LoRA's.

**What to expect.** Written before measuring: about equal to LoRA of rank 4, and to its own ranks dealt by lot.

**Ways to fake it.** More rank than the rival in the end; an orthogonal start in one arm alone; a penalty
that is left out of one.
"""

from adabench.harness.contract.card import Card, Point, Variant
from adabench.workloads.moe.adapters.substrate.rank_allocation import triplets
from adabench.workloads.moe.adapters.substrate.tuned_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="AdaLoRA",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="the rank of each weight's update, on the sensitivity of its triplets, in training",
    no_signal="ranks are allotted in training, and a case changes none; `random_ranks` has them dealt by lot",
    fidelity="code-confirmed",
    fixed={"kind": "adalora"},
    variants=(
        Variant(
            "random_ranks",
            "Ranks by lot",
            {"kind": "random-ranks"},
            adapts="the rank of each weight's update, by lot",
            paper="our control of AdaLoRA in the PEFT survey, arXiv 2403.14608",
            control_of=("adalora",),
            essay="""Random ranks: AdaLoRA's ranks, dealt to the weights by lot.

            The control of rank allocation. The ranks that AdaLoRA of the same training ended with are shuffled over the sites,
            and such triplets are trained from the first step, with the same penalty, and none is cut.

            **What to expect.** Written before measuring: no worse than AdaLoRA.

            **Ways to fake it.** Ranks by lot that add up to less.
            """,
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the triplets that were left on the 48 tasks, or those that were dealt by lot."""
    kind = str(point["kind"])
    return Start(bench, bench.start(kind, triplets), few_shot_rate(kind))


solve = Start.adapt
