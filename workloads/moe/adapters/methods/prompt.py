"""Prompt tuning: twenty trained vectors before the first word.

    [p_1 .. p_m; embed(words)], m = 20        m d numbers in all

They begin as words of the vocabulary, by lot, and carry no position. The whole base runs over them at each
reading.

**What to expect.** Written before measuring: the worst of all but norms, as the survey says of small models; slow,
at three times the FLOPs of reading.

**Ways to fake it.** The rate of LoRA: prompts want one that is tens of times as large. Vectors left out of the
FLOPs of a token.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.state_adapters import prompt
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Prompt tuning",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every sequence begins with the same vectors",
    role="static",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the prompt that was trained on the 48 tasks."""
    return Start(bench, bench.start("prompt", prompt), few_shot_rate("prompt"))


solve = Start.adapt
