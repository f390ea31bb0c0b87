"""Budgets of nothing, on every task of the family: a sentence before a run, or no limit where the task says so."""

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.harness.plan.grid import select_settings
from adabench.workloads.agents.lookup import task as lookup


@pytest.mark.parametrize(
    ("address", "knob"),
    [
        ("agents/react", "steps"),
        ("agents/react", "requests"),
        ("agents/lats", "iterations"),
        ("agents/llm_compiler", "plans"),
        ("lookup/bavt", "B"),
        ("lookup/bavt", "questions"),
        ("tools/react", "instances"),
    ],
)
def test_a_budget_of_nothing_is_refused_with_what_is_usual(address, knob):
    method = registry.find(address)
    with pytest.raises(SelectionError, match=rf"{knob} = 0 is out of range") as refused:
        select_settings(registry.find(method.task), method, fixed={knob: 0})
    assert "from 1" in refused.value.hint


def test_on_look_up_a_budget_of_0_is_none_as_its_page_says():
    free = lookup.load("embedded", 0, questions=1, budget=0, calls=0)
    assert (free.budget, free.tool_budget) == (None, None)
    assert "0 is no limit" in " ".join(lookup.__doc__.split())
