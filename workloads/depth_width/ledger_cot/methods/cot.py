"""Chain of thought: every step is spoken before the answer is.

One model speaks two traces (`traces.py` has the grammar): `verbose`, 7 tokens a step, which is
what latent reasoning is usually compared with, and `terse`, the running values alone. Tokens are
greedy, with a cache, until the one after `<answer>`.

**What to expect.** Written before measuring: nearly all answers right in both; 44 language tokens
for n = 6 in the mean, against 8 terse ones.

**Ways to fake it.** A trace padded with words to make a ratio large: two of the seven tokens are
filler, and terse stands beside it.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_cot.substrate.latent_forward import Solution
from adabench.workloads.depth_width.ledger_cot.substrate.solver import Solver, StepTask
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Chain of thought",
    moved_from="ledger/cot",
    paper="Wei et al., Chain-of-thought prompting, arXiv 2201.11903, as fine-tuning",
    adapts="nothing: every step is spoken with all layers",
    role="static",
    knobs=(Knob("trace", ("verbose", "terse"), "verbose"),),
)


def prepare(task: StepTask, point: Point, seed: int) -> Solver:
    """Restore the model that speaks."""
    return task.solver("cot-words")


def solve(solver: Solver, exam: Exam, point: Point) -> Solution:
    """Speak all steps and the answer."""
    return solver.speak(exam, terse=point["trace"] == "terse")
