"""The depth shortcut alone: a latent step leaves early, the next one starts at layer 1 again.

System-1.5 (`system_1_5.py`) without handing over: routers and adapters are trained for it, with the same
labels and steps. The adapter's state is normed and fed back like that of a finished step.

**What to expect.** Written before measuring: every trivial step costs its first layer or two again, so
a tenth more latent layers than with both; the answers are the same.

**What was seen.** *Seeds 0..2, three trained models*, lambda 0.5 / 0.7 / 0.9: 0.784, 0.734, 0.539 / 0.919, 0.771, 0.643 / 0.940, 0.807,
0.688 right on 7.82, 7.64, 7.57 / 7.89, 7.67, 7.69 / 8.03, 7.78, 7.93 layers a token. Below:
one trained model (seed 0) on three sets of 384 questions (run seeds 0, 3, 6). 0.793
right at 0.5 and 0.80 of the latent layers, 0.932 at 0.7 and 0.84, 0.951 at 0.9 and 0.90; full steps have
0.969. Trivial steps run 3.3, 3.6 and 4.5 layers, critical ones 5.9, 6.0 and 6.0. It saves a sixth for
four points. Trivial steps run more than the two layers expected, since they show after layer 3. With
both shortcuts far more is lost, which was not foreseen. H -6.0 [-10.1, -1.9].

**Ways to fake it.** Shortcuts that were trained with handing over and are run without.
"""

from adabench.harness.card import Card, Knob, Point
from adabench.workloads.ledger import system_1_5
from adabench.workloads.ledger.asking import Exam
from adabench.workloads.ledger.cot_task import Reckoning
from adabench.workloads.ledger.latent_engine import Solution

CARD = Card(
    title="Depth shortcut alone",
    paper="System-1.5 Reasoning, arXiv 2505.18962, its ablation",
    adapts="after how many layers each latent step leaves through an adapter",
    fidelity="reconstructed",
    skips_from="latent_cot",
    conditions={"layout": "cot"},
    knobs=(Knob("lambda_depth", (0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.0, high=1.0),),
)


def prepare(task: Reckoning, point: Point, seed: int) -> system_1_5.Cut:
    """Restore the student with shortcuts that do not hand over."""
    return system_1_5.prepared(task, "depth")


def solve(cut: system_1_5.Cut, exam: Exam, point: Point) -> Solution:
    """Think, leaving early."""
    return system_1_5.solve(cut, exam, point)
