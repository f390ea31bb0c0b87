"""What every method must obey on this task, ours or a plug-in's.

    source   it imports contracts and substrate, and names neither worlds, faults and auditors nor the group that a
             case is counted in (oracles excepted): it knows a graph and what tools return
    session  it opens one session a case: who begins anew has undone what it did, and knows the faults

What it hands in is the report of that session; what it did is read from the world when it runs.
"""

from collections.abc import Iterator
from functools import partial
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.agents.tools.substrate.choosers import chooser, chooser_name
from adabench.workloads.agents.tools.substrate.routing_task import GradedRoutingTask
from adabench.workloads.agents.tools.truth.scenarios import draw_case, scenarios
from adabench.workloads.agents.tools.truth.state_audit import StateAuditor
from adabench.workloads.shared.counting.conformance_kit import source_problems
from adabench.workloads.shared.counting.source_rules import Rules

OFF_LIMITS = frozenset((
    "meter", "enter", "environment", "endpoint", "settle", "load_chooser", "auditor", "judge", "plan", "scenes", "group",
    "Scene", "ToolEndpoint", "FaultSchedule", "Fault", "outages", "numbers", "deadline_s",
))  # fmt: skip

RULES = Rules("adabench.workloads.agents.tools", off_limits=OFF_LIMITS, who="method")


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a method."""
    if method.__file__ is not None:
        yield from source_problems(RULES, method, card)
    yield from _session_problems(method, card)


def _session_problems(method: ModuleType, card: Card) -> Iterator[str]:
    """Work on the paper's scenarios once, and count sessions."""
    drawn = tuple(
        draw_case(0, index, graph, scenario)
        for index, (graph, scenario) in enumerate(scenarios("paper", 1))
    )
    task = GradedRoutingTask(
        partial(chooser, chooser_name("chooser", 0)),
        cases_=tuple(case for case, _ in drawn),
        scenes=tuple(scene for _, scene in drawn),
        auditor=StateAuditor(drawn),
    )
    for case in task.cases():
        task.meter.clear()
        method.solve(task, case, card.defaults)
        if task.meter["sessions"] != 1:
            yield (
                f"It opens {task.meter['sessions']} sessions on case {case.index}: a case has one, in which "
                "what was done stays done."
            )
            return
