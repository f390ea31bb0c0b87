"""What every method must obey on this task, ours or a plug-in's.

    source   it imports contracts and substrate, and names neither worlds, faults and graders nor the group
             that a stream is counted in (oracles excepted)
    private  it reads no name that begins with an underscore

What a method hands in is held against what the server wrote when it runs (`stream_task.py`).
"""

import ast
from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "graders", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "aside", "draw_faults", "policy", "account", "AgentServer", "CachedBranches",
))  # fmt: skip


def _private(node: ast.AST) -> Iterator[str]:
    """Find attributes that belong to the substrate."""
    if isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr[-2:] != "__":
        yield node.attr


RULES = Rules(
    "adabench.workloads.agents.agents", off_limits=OFF_LIMITS, more=_private, who="method"
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    if method.__file__ is not None:
        yield from source_problems(RULES, method, card)
