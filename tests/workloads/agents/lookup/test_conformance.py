"""What a method's source may not name: worlds, faults, graders, the kind of a question, the engine behind."""

import pytest

from adabench.workloads.agents.lookup.task import RULES

SUBSTRATE = "adabench.workloads.agents.substrate"
OWN = "adabench.workloads.agents.lookup.methods.planted"


def problems(body, *, oracle=False):
    return list(RULES.problems(body, OWN, oracle=oracle))


@pytest.mark.parametrize(
    "body",
    [
        f"from {SUBSTRATE}.worlds import World",
        f"from {SUBSTRATE}.tool_server import ToolServer",
        f"from {SUBSTRATE}.fault_plans import draw_faults",
        "from adabench.workloads.agents.truth.problems import draw_problem",
        "def solve(task, question, point):\n    return question.group",
        "def solve(task, question, point):\n    return task._present",
        "def solve(task, question, point):\n    session.policy.inject([], [], 'tool')",
        "def solve(task, question, point):\n    return task.credit(question, ())",
        "def solve(task, question, point):\n    return getattr(task, 'x')",
    ],
)
def test_what_would_tell_the_answer_is_refused(body):
    assert problems(body)


def test_an_honest_method_is_let_through_and_an_oracle_may_know():
    honest = (
        f"from {SUBSTRATE}.agent_task import AgentTask\n"
        "def solve(task, question, point):\n"
        "    with task.session(question) as session:\n"
        "        session.finish([session.begin('act')])\n"
        "    return session.best\n"
    )
    assert problems(honest) == []
    knowing = "def solve(task, question, point):\n    return task.credit(question, ())"
    assert problems(knowing, oracle=True) == []
