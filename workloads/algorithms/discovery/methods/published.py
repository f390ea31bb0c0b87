"""Oracle: what is published. On constructions it hands over AlphaEvolve's own; on a search it is the best known.

A bound: a search spends tries to find again what stands here. It is verified like everything else; what it says of
itself counts for nothing.

**Ways to fake it.** A checker that believes a rank or a sum that it is told; tolerances.
"""

from adabench.harness.contract.card import Ability, Card, Point
from adabench.workloads.algorithms.discovery.substrate.discovery_task import Case, Discovery, Found

CARD = Card(
    title="Published constructions",
    paper="AlphaEvolve, arXiv 2506.13131, 2025",
    slug="alphaevolve",
    adapts="nothing: it is what AlphaEvolve found",
    role="oracle",
    oracle="bound",
    abilities=(Ability("constructions"),),
)


def solve(task: Discovery, case: Case, point: Point) -> Found:
    """Answer with what is known."""
    return task.known_best(case)
