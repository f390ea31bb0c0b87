"""What every planner must obey, ours or a plug-in's, tried on small scenes.

    safe        a way that is returned meets no obstacle
    optimum     no way is shorter than the shortest there is on the planner's own graph
    exact       a planner that claims costs for every sample has them right
    source      it imports nothing but contracts and substrate, and writes no counts
    hints       only an oracle is told the best way

`check` yields a sentence per broken rule and nothing for a sound planner.
"""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from adabench.harness.contract.card import Bound, Card
from adabench.workloads.algorithms.replanning.substrate.replay import Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import FAMILIES, generate
from adabench.workloads.algorithms.replanning.truth.full_replan import FullReplan
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

SAMPLES, UPDATES, SPEED = 150, 6, 3.0
SLACK = 1e-9
OFF_LIMITS = ("hints=True", ".counts[", ".state[")
"""Text that no honest planner needs: the best way told, and the counts written to."""
RULES = Rules(
    "adabench.workloads.algorithms.replanning",
    off_limits=frozenset((
        "account", "enter", "environment", "judge", "reference", "scenes", "_course", "_courses",
        "_drives", "_reference",
    )),
    who="planner",
)  # fmt: skip


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    if card.role != "oracle":
        source = Path(str(method.__file__)).read_text(encoding="utf-8")
        for word in OFF_LIMITS:
            if word in source:
                yield f"It uses `{word}`, which a planner has no business with."
    yield from source_problems(RULES, method, card)
    scenes = tuple(generate(name, SAMPLES, UPDATES, SPEED, 7) for name in FAMILIES)
    task = Replanning(scenes, FullReplan())
    promised = any(isinstance(claim.expect, Bound) for claim in card.claims)
    for scene in task.cases():
        task.meter.clear()
        values = task.score(scene, method.solve(task, scene, card.defaults))
        if values["safe"] < 1:
            yield f"On {scene.group} a way that it returned meets an obstacle."
        if values.get("graph_quality", 1.0) > 1 + SLACK:
            yield f"On {scene.group} it is better than the shortest way: {values['graph_quality']}."
        if promised and values["g_gap"] > values["tolerance"]:
            yield f"On {scene.group} a cost that it claims is wrong by {values['g_gap']:.3g}."
