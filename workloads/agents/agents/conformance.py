"""What every method must obey on this task, ours or a plug-in's.

    source   it imports contracts and substrate, and names neither worlds, faults and graders nor the group
             that a stream is counted in (oracles excepted)

What a method hands in is held against what the server wrote when it runs (`stream_task.py`).
"""

from functools import partial

from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "credit", "graders", "judge", "scenes", "group", "World", "Scene",
    "ToolServer", "FaultPlan", "aside", "draw_faults", "policy", "account", "AgentServer", "CachedBranches",
))  # fmt: skip

RULES = Rules("adabench.workloads.agents.agents", off_limits=OFF_LIMITS, who="method")
check = partial(source_problems, RULES)
