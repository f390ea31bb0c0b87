"""What every method must obey on this task, ours or a plug-in's.

    source   it imports contracts and substrate, and names neither worlds, faults and auditors nor the group that a
             case is counted in (oracles excepted): it knows a graph and what tools return
    private  it reads no name that begins with an underscore: books, costs and tools lie behind those

What it hands in is the report of its case's only session; what it did is read from the world when it runs.
"""

import ast
from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "endpoint", "settle", "load_chooser", "auditor", "judge", "plan", "scenes", "group",
    "Scene", "ToolEndpoint", "FaultSchedule", "Fault", "outages", "numbers", "deadline_s",
))  # fmt: skip


def _private(node: ast.AST) -> Iterator[str]:
    """Find attributes that belong to the substrate."""
    if isinstance(node, ast.Attribute) and node.attr.startswith("_") and node.attr[-2:] != "__":
        yield node.attr


RULES = Rules(
    "adabench.workloads.agents.tools", off_limits=OFF_LIMITS, more=_private, who="method"
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    if method.__file__ is not None:
        yield from source_problems(RULES, method, card)
