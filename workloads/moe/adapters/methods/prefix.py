"""Prefix tuning: twelve trained keys and values before those of the words, in both layers.

    attention over [K_prefix; K], [V_prefix; V]        2 m d numbers a layer, m = 12

They begin as the base's keys and values of words by lot, and are trained without the MLP that the paper
reparametrises them by. They cannot be merged into weights: each reading attends to them.

**What to expect.** Written before measuring: it learns little of the 48 tasks, as attention can only add a few
vectors to its outputs; reading takes a few per cent longer.

**Ways to fake it.** Prefixes out of the measured reading; a rate that was tuned for LoRA.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.moe.adapters.substrate.state_adapters import prefix
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import Start, Workbench

CARD = Card(
    title="Prefix tuning",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every token sees the same keys and values",
    role="static",
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the prefix that was trained on the 48 tasks."""
    return Start(bench, bench.start("prefix", prefix), few_shot_rate("prefix"))


solve = Start.adapt
