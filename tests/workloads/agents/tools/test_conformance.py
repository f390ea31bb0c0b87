"""What a method's source may not name, and that a case has one session."""

from types import SimpleNamespace

import pytest

from adabench.workloads.agents.tools import conformance
from adabench.workloads.agents.tools.conformance import RULES

from .conftest import method
from .expert_chooser import expert

SUBSTRATE = "adabench.workloads.agents.tools.substrate"
OWN = "adabench.workloads.agents.tools.methods.planted"


@pytest.mark.parametrize(
    "body",
    [
        f"from {SUBSTRATE}.tool_endpoint import Scene",
        f"from {SUBSTRATE}.tool_endpoint import FaultSchedule",
        "from adabench.workloads.agents.tools.truth.scenarios import scenarios",
        "def solve(task, case, point):\n    return case.group",
        "def solve(task, case, point):\n    return task.plan(case)",
        "def solve(task, case, point):\n    return session.endpoint.down()",
        "def solve(task, case, point):\n    return session._ledger",
        "def solve(task, case, point):\n    task.meter.clear()",
    ],
)
def test_what_would_tell_a_fault_is_refused(body):
    assert list(RULES.problems(body, OWN))


def test_a_method_that_tries_first_and_begins_anew_is_named(monkeypatch):
    monkeypatch.setattr(conformance, "chooser", expert)

    def solve(task, case, point):
        for _ in range(2):
            with task.session(case) as session:
                session.hand_off(0)
        return session.report

    card = method("react").CARD
    planted = SimpleNamespace(solve=solve, __file__=None)
    assert "opens 2 sessions" in "".join(conformance.check(planted, card))
    for name in ("react", "self_healing_router", "random_reroute", "feasible_plan"):
        assert list(conformance.check(method(name), method(name).CARD)) == []
