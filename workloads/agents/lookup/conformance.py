"""What every method must obey on this task, ours or a plug-in's.

    source   it imports contracts and substrate, and names neither worlds, faults and graders nor the group
             that a question is counted in (oracles excepted): it knows a prompt and what tools return
    private  it reads no name that begins with an underscore: accounts, costs and tools lie behind those

What a method hands in is held against what policy and tools wrote when it runs (`action_ledger.py`).
"""

import ast
from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "grader", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "draw_faults", "policy", "inject", "aside",
))  # fmt: skip


def _private(node: ast.AST) -> Iterator[str]:
    """Find attributes that belong to the substrate."""
    if isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr[-2:] != "__":
        yield node.attr


RULES = Rules(
    "adabench.workloads.agents.lookup", off_limits=OFF_LIMITS, more=_private, who="method"
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    if method.__file__ is not None:
        yield from source_problems(RULES, method, card)
