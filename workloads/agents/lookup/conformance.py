"""What every method must obey on this task, ours or a plug-in's.

    source   it imports contracts and substrate, and names neither worlds, faults and graders nor the group
             that a question is counted in (oracles excepted): it knows a prompt and what tools return

What a method hands in is held against what policy and tools wrote when it runs (`action_ledger.py`).
"""

from functools import partial

from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "grader", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "draw_faults", "policy", "inject", "aside",
))  # fmt: skip

RULES = Rules("adabench.workloads.agents.lookup", off_limits=OFF_LIMITS, who="method")
check = partial(source_problems, RULES)
