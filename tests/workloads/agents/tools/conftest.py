"""The task with an expert in the model's place, and short ways to work on one case."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.workloads.agents.tools import task as tools

from .expert_chooser import expert


def method(name):
    return registry.load(registry.find(f"tools/{name}"))


def point(name, **knobs):
    return {knob.name: knob.default for knob in method(name).CARD.knobs} | knobs


@pytest.fixture(scope="session")
def load():
    """Return what loads the task with an expert for a model, and deadlines that cost nothing."""

    def loaded(**conditions):
        found = tools.load("embedded", 0, **conditions)
        return replace(found, load_chooser=expert, deadline_s=0.0)

    return loaded


@pytest.fixture(scope="session")
def solved(load):
    """Return what works on the cases of a set with a method, or on those of some groups: (case, scores, counts) of each."""
    memory = {}

    def solve(name, conditions=(), groups="", **knobs):
        key = (name, tuple(conditions), groups, tuple(sorted(knobs.items())))
        if key not in memory:
            memory[key] = list(_solve(load(**dict(conditions)), name, groups, knobs))
        return memory[key]

    return solve


def _solve(task, name, groups, knobs):
    solve = method(name).solve
    for case in (one for one in task.cases() if groups in one.group):
        task.meter.clear()
        answer = solve(task, case, point(name, **knobs))
        yield case, task.score(case, answer), dict(task.meter)
