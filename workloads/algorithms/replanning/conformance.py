"""What every planner must obey, ours or a plug-in's, tried on small scenes.

A way that it returns meets no obstacle, and none is shorter than the shortest there is on the planner's own graph.
"""

import ast
from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.replanning.substrate.scenes import FAMILIES, generate
from adabench.workloads.algorithms.replanning.truth.full_replan import scored_task
from adabench.workloads.shared.counting.method_trials import Trials, check_by
from adabench.workloads.shared.counting.source_rules import Rules

SAMPLES, UPDATES, SPEED = 150, 6, 3.0
SLACK = 1e-9


def _counts_and_hints(node: ast.AST) -> Iterator[str]:
    """Find what no honest planner needs: the best way told, and the counts of its queue."""
    match node:
        case ast.keyword(arg="hints", value=ast.Constant(value=True)):
            yield "hints=True"
        case ast.Subscript(value=ast.Attribute(attr="counts" | "state" as name)):
            yield f".{name}["


OFF_LIMITS = frozenset((
    "account", "enter", "environment", "judge", "of", "oracle_environment", "meter",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.algorithms.replanning",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    more=_counts_and_hints,
    who="planner",
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    trials = Trials(
        method, card, scored_task, "work",
        lambda trial: trial.values["relaxations"] == trial.answer.work[1:, 0].sum(),
    )  # fmt: skip
    yield from check_by(RULES, trials, tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    scenes = [generate(name, SAMPLES, UPDATES, SPEED, 7) for name in FAMILIES]
    trials = method.attempt(({"speed": SPEED}, scenes))
    for trial in trials:
        if trial.values["safe"] < 1:
            yield f"On {trial.case.group} a way that it returned meets an obstacle."
        if (quality := trial.values.get("graph_quality", 1.0)) > 1 + SLACK:
            yield f"On {trial.case.group} it is better than the shortest way: {quality}."
    yield from method.theorems(trials)
